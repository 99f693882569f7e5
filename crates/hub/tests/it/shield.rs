//! `shield`: what is finished before a kill takes effect.

use std::future::pending;
use std::time::Duration;

use evlet_hub::{Exit, Hub, run, shield, sleep, spawn, timeout, yield_now};
use futures::join;

use crate::stage::{run_and_drop, virtually};
use crate::trace::Trace;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_kill_waits_for_it_and_takes_effect_right_there() {
    let trace = Trace::new();
    virtually(async {
        let (ours, mark) = (trace.clone(), trace.on_drop("gone"));
        let task = spawn(async move {
            let _mark = mark;
            shield(async {
                ours.add("begun");
                sleep(SECOND).await;
                sleep(SECOND).await;
                ours.add("finished");
            })
            .await;
            ours.add("never");
        });
        yield_now().await;
        task.kill();
        yield_now().await;
        assert!(!task.is_finished());
        task.kill().await;
        trace.add("told");
        assert!(matches!(task.wait().await, Err(Exit::Killed)));
    });
    assert_eq!(trace.text(), "begun finished gone told");
}

#[test]
fn without_a_kill_it_changes_nothing() {
    virtually(async {
        let task = spawn(async {
            let value = shield(async {
                sleep(SECOND).await;
                7
            });
            let value = value.await;
            sleep(SECOND).await;
            value
        });
        assert_eq!(task.await.unwrap(), 7);
        assert_eq!(shield(async { 8 }).await, 8);
    });
    assert_eq!(run(shield(async { 9 })), 9);
}

#[test]
fn after_it_a_kill_takes_effect_as_ever() {
    let trace = Trace::new();
    virtually(async {
        let ours = trace.clone();
        let task = spawn(async move {
            shield(yield_now()).await;
            ours.add("after");
            pending::<()>().await;
        });
        sleep(SECOND).await;
        task.kill().await;
    });
    assert_eq!(trace.text(), "after");
}

#[test]
fn several_at_once_are_all_finished() {
    let trace = Trace::new();
    virtually(async {
        let ours = trace.clone();
        let step = |n: u32| {
            let trace = ours.clone();
            shield(async move {
                sleep(SECOND * n).await;
                trace.add(n.to_string());
            })
        };
        let (first, second) = (step(1), step(2));
        let nested = shield(step(3));
        let task = spawn(async move {
            join!(first, second, nested);
        });
        yield_now().await;
        task.kill().await;
    });
    assert_eq!(trace.text(), "1 2 3");
}

#[test]
fn one_that_is_dropped_shields_no_longer() {
    let trace = Trace::new();
    virtually(async {
        let ours = trace.clone();
        let task = spawn(async move {
            let limited = timeout(SECOND, shield(pending::<()>())).await;
            assert!(limited.is_err());
            ours.add("dropped");
            sleep(SECOND).await;
            ours.add("never");
        });
        yield_now().await;
        task.kill();
        assert!(matches!(task.await, Err(Exit::Killed)));
    });
    assert_eq!(trace.text(), "dropped");
}

#[test]
fn one_that_kills_itself_in_it_finishes_it_first() {
    let trace = Trace::new();
    virtually(async {
        let (give, take) = futures::channel::oneshot::channel::<evlet_hub::GreenThread<()>>();
        let ours = trace.clone();
        let task = spawn(async move {
            shield(async {
                let own = take.await.unwrap();
                own.kill();
                yield_now().await;
                ours.add("finished");
            })
            .await;
            ours.add("never");
        });
        assert!(give.send(task).is_ok());
        sleep(SECOND).await;
    });
    assert_eq!(trace.text(), "finished");
}

// proves A-7: the end of the hub does not wait for it
#[test]
fn the_end_of_the_hub_does_not_wait() {
    let trace = Trace::new();
    let mark = trace.on_drop("dropped");
    run_and_drop(async move {
        let task = spawn(shield(async move {
            let _mark = mark;
            pending::<()>().await;
        }));
        yield_now().await;
        task.kill();
        yield_now().await;
    });
    assert_eq!(trace.text(), "dropped");
}

#[test]
fn a_kill_from_another_thread_waits_too() {
    let hub = Hub::new().unwrap();
    let (told, finished) = std::sync::mpsc::channel();
    let task = hub.handle().spawn(async move {
        shield(sleep(Duration::from_millis(30))).await;
        told.send("never").unwrap();
    });
    let result = hub.run(async move {
        sleep(Duration::from_millis(1)).await;
        task.kill();
        let start = std::time::Instant::now();
        let result = task.await;
        assert!(start.elapsed() > Duration::from_millis(15));
        result
    });
    assert!(matches!(result, Err(Exit::Killed)));
    assert!(finished.recv().is_err());
}
