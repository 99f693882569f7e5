//! Clean-up that may await: when it runs, for how long, and when not.

use std::future::pending;
use std::time::Duration;

use evlet_green::{CLEAN_UP_BUDGET, on_cancel};
use evlet_hub::{
    green_local, green_threads, now, remaining, sleep, spawn, timeout, within, yield_now,
};

use crate::stage::{SECOND, builder, reports_of, virtually};
use crate::trace::Trace;

/// One that takes two seconds, and tells.
async fn cleaning(trace: Trace) {
    trace.add("begun");
    sleep(SECOND * 2).await;
    trace.add("clean");
}

// conformance 15: it has begun before who killed goes on, and what is left of it runs later
#[test]
fn it_runs_when_its_green_thread_is_killed_and_may_await() {
    let trace = Trace::default();
    virtually(async {
        let ours = trace.clone();
        let task = spawn(async move {
            let _guard = on_cancel(cleaning(ours));
            pending::<()>().await;
        });
        yield_now().await;
        let start = now();
        task.kill().await;
        trace.add("gone");
        yield_now().await;
        let named = green_threads().into_iter().find_map(|info| {
            let is_it = info.name.as_deref() == Some("clean-up");
            is_it.then_some(info.spawned_at.file())
        });
        assert_eq!(named, Some(file!()));
        sleep(SECOND * 2).await;
        yield_now().await;
        assert_eq!(now() - start, SECOND * 2);
    });
    assert_eq!(trace.text(), "begun gone clean");
}

#[test]
fn it_runs_when_a_limit_drops_the_code_around_it() {
    let trace = Trace::default();
    virtually(async {
        let limited = timeout(SECOND, async {
            let _guard = on_cancel(cleaning(trace.clone()));
            pending::<()>().await;
        });
        assert!(limited.await.is_err());
        sleep(SECOND * 3).await;
    });
    assert_eq!(trace.text(), "begun clean");
}

#[test]
fn one_that_is_disarmed_never_runs() {
    let trace = Trace::default();
    virtually(async {
        let task = spawn({
            let trace = trace.clone();
            async move {
                let guard = on_cancel(cleaning(trace));
                sleep(SECOND).await;
                guard.disarm();
            }
        });
        task.await.unwrap();
        sleep(SECOND * 3).await;
    });
    assert_eq!(trace.text(), "");
}

#[test]
fn one_that_takes_too_long_is_given_up_and_told() {
    let trace = Trace::default();
    let reports = reports_of(async {
        for budget in [SECOND, CLEAN_UP_BUDGET] {
            let trace = trace.clone();
            drop(
                on_cancel(async move {
                    let _mark = trace.on_drop(format!("{}", budget.as_secs()));
                    pending::<()>().await;
                })
                .budget(budget),
            );
        }
        sleep(CLEAN_UP_BUDGET * 2).await;
    });
    assert_eq!(trace.text(), "1 5");
    assert_eq!(reports.len(), 2);
    assert!(reports[0].contains("budget of 1s"), "{}", reports[0]);
}

#[test]
fn a_budget_of_zero_is_one_turn() {
    let trace = Trace::default();
    virtually(async {
        let ours = trace.clone();
        let brief = async move { ours.add("ran") };
        drop(on_cancel(brief).budget(Duration::ZERO));
        sleep(SECOND).await;
    });
    assert_eq!(trace.text(), "ran");
}

#[test]
fn the_deadline_that_ended_the_work_is_not_the_clean_ups() {
    green_local! {
        #[inherit]
        static USER: std::cell::Cell<u32> = std::cell::Cell::new(0);
    }
    let trace = Trace::default();
    virtually(async {
        let ours = trace.clone();
        let limited = within(SECOND, async move {
            USER.set(7);
            let _guard = on_cancel(async move {
                assert_eq!(remaining(), None);
                ours.add(USER.get());
            });
            pending::<()>().await;
        });
        assert!(limited.await.is_err());
        sleep(SECOND).await;
    });
    assert_eq!(trace.text(), "7");
}

// proves A-7: the end of the hub waits for nothing, and says so
#[test]
fn at_the_end_of_the_hub_it_is_dropped_and_told() {
    let trace = Trace::default();
    let ours = trace.clone();
    let reports = reports_of(async move {
        let task = spawn(async move {
            let _guard = on_cancel(cleaning(ours));
            pending::<()>().await;
        });
        yield_now().await;
        drop(task);
    });
    assert_eq!(trace.text(), "");
    assert_eq!(reports.len(), 1);
    assert!(reports[0].contains("could not be done"), "{}", reports[0]);
}

#[test]
fn outside_of_a_hub_it_is_dropped() {
    let trace = Trace::default();
    let hub = builder().build().unwrap();
    let guard = hub.run(async { on_cancel(cleaning(trace.clone())) });
    drop(hub);
    drop(guard);
    assert_eq!(trace.text(), "");
}
