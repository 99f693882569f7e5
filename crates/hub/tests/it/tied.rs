//! `spawn_after_local`: a delayed spawn that is given up when its maker ends.

#![expect(
    clippy::async_yields_async,
    reason = "a maker's result is the handle of what it made"
)]

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use evlet_hub::{
    Exit, GreenThread, now, sleep, spawn, spawn_after, spawn_after_local, stats, yield_now,
};

use crate::stage::{virtual_hub, virtually};
use crate::trace::Trace;

const SECOND: Duration = Duration::from_secs(1);

// conformance 12
#[test]
fn it_runs_while_its_maker_lives() {
    virtually(async {
        let start = now();
        let maker = spawn(async {
            let task = spawn_after_local(SECOND, async { now() });
            sleep(2 * SECOND).await;
            task.await.unwrap()
        });
        assert_eq!(maker.await.unwrap() - start, SECOND);
    });
}

// conformance 13, 114; in eventlet who waits for it waits for ever
#[test]
fn it_never_runs_when_its_maker_has_ended_and_who_waits_is_told_at_once() {
    let trace = Trace::new();
    virtually(async {
        let start = now();
        let (ran, mark) = (trace.clone(), trace.on_drop("dropped"));
        let maker = spawn(async move {
            spawn_after_local(SECOND, async move {
                ran.add("ran");
                drop(mark);
            })
        });
        let task = maker.await.unwrap();
        assert!(matches!(task.wait().await, Err(Exit::Killed)));
        assert_eq!((now(), stats().timers), (start, 0));
        sleep(2 * SECOND).await;
    });
    assert_eq!(trace.text(), "dropped");
}

#[test]
fn it_does_not_matter_how_its_maker_ends() {
    virtually(async {
        let tied: Rc<RefCell<Vec<GreenThread<()>>>> = Rc::default();
        let make = |tied: &Rc<RefCell<Vec<_>>>| {
            tied.borrow_mut()
                .push(spawn_after_local(SECOND, async { panic!("it ran") }));
        };
        let own = tied.clone();
        let killed = spawn(async move {
            make(&own);
            sleep(9 * SECOND).await;
        });
        let own = tied.clone();
        let panicking = spawn(async move {
            make(&own);
            panic!("on purpose")
        });
        let panicked: Result<(), _> = panicking.await;
        assert!(panicked.is_err());
        killed.kill().await;
        yield_now().await;
        for task in tied.take() {
            assert!(task.is_finished());
            assert!(matches!(task.await, Err(Exit::Killed)));
        }
    });
}

#[test]
fn one_that_has_begun_goes_on_after_its_maker() {
    virtually(async {
        let maker = spawn(async {
            let task = spawn_after_local(SECOND, async {
                sleep(2 * SECOND).await;
                7
            });
            sleep(2 * SECOND).await;
            task
        });
        let task = maker.await.unwrap();
        assert!(!task.is_finished());
        assert_eq!(task.await.unwrap(), 7);
    });
}

// conformance 114: another timer of the same maker fires all the same
#[test]
fn only_what_is_tied_ends_with_its_maker() {
    let trace = Trace::new();
    virtually(async {
        let (tied, loose) = (trace.clone(), trace.clone());
        let maker = spawn(async move {
            drop(spawn_after_local(SECOND, async move { tied.add("tied") }));
            drop(spawn_after(SECOND, async move { loose.add("loose") }));
        });
        maker.await.unwrap();
        sleep(2 * SECOND).await;
    });
    assert_eq!(trace.text(), "loose");
}

#[test]
fn it_can_be_cancelled_until_it_is_due() {
    virtually(async {
        let task = spawn_after_local(SECOND, async {});
        assert!(task.cancel());
        assert!(matches!(task.await, Err(Exit::Killed)));
        let task = spawn_after_local(Duration::ZERO, async { 1 });
        assert_eq!(task.await.unwrap(), 1);
    });
}

#[test]
fn the_end_of_a_run_is_the_end_of_what_its_root_made() {
    let hub = virtual_hub();
    let task = hub.run(async { spawn_after_local(SECOND, async { panic!("it ran") }) });
    let exit: Result<(), _> = hub.run(async {
        sleep(2 * SECOND).await;
        task.await
    });
    assert!(matches!(exit, Err(Exit::Killed)));
}

#[test]
fn without_a_maker_it_is_tied_to_nothing() {
    let trace = Trace::new();
    virtually(async {
        let ours = trace.clone();
        let ended = spawn(async {});
        ended.link(move |_| drop(spawn_after_local(SECOND, async move { ours.add("ran") })));
        ended.await.unwrap();
        sleep(2 * SECOND).await;
    });
    assert_eq!(trace.text(), "ran");
}

#[test]
fn a_maker_may_be_told_of_its_own_end_between_the_ties() {
    let trace = Trace::new();
    virtually(async {
        let ours = trace.clone();
        let maker = spawn(async {
            for _ in 0..1000 {
                spawn_after_local(SECOND, async {}).await.unwrap();
            }
            spawn_after_local(SECOND, async {})
        });
        maker.link(move |_| ours.add("told"));
        let last = maker.await.unwrap();
        assert!(last.await.is_err());
    });
    assert_eq!(trace.text(), "told");
}
