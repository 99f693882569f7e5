//! Whoever waits for a green thread hears its result, by whatever means, exactly once.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use evlet_hub::{Exit, GreenThread, Outcome, sleep, spawn, spawn_after, stats, timeout, yield_now};
use futures::FutureExt;

use crate::bell::Bell;
use crate::stage::{virtual_hub, virtually};
use crate::trace::Trace;

const SECOND: Duration = Duration::from_secs(1);

// conformance 1
#[test]
fn the_result_comes_through_the_handle_and_through_wait() {
    virtually(async {
        assert_eq!(spawn(async { 1 + 2 }).await.unwrap(), 3);
        let task = spawn(async { String::from("text") });
        assert_eq!(task.wait().await.unwrap(), "text");
        let mut task = spawn(async { 7 });
        assert_eq!((&mut task).await.unwrap(), 7);
    });
}

// conformance 1: also when it has ended long before
#[test]
fn the_result_waits_for_whoever_comes_late() {
    virtually(async {
        let task = spawn(async { 9 });
        assert!(!task.is_finished());
        sleep(SECOND).await;
        assert!(task.is_finished());
        assert_eq!(task.await.unwrap(), 9);
    });
}

// proves A-5: the second time is an error value, not a panic
#[test]
fn awaiting_twice_gives_an_error_value() {
    virtually(async {
        let mut task = spawn(async { 5 });
        assert_eq!((&mut task).await.unwrap(), 5);
        let second = (&mut task).await;
        assert!(second.is_err());
        let third = task.wait().await;
        assert!(!format!("{}", third.unwrap_err()).is_empty());
    });
}

// proves A-5: many waiters; one takes the value, all go on
#[test]
fn many_waiters_all_resume_and_one_takes_the_value() {
    virtually(async {
        let bell = Bell::new();
        let task = {
            let bell = bell.clone();
            Rc::new(spawn(async move {
                bell.wait().await;
                5
            }))
        };
        let mut waiters = Vec::new();
        for _ in 0..10 {
            let task = task.clone();
            waiters.push(spawn(async move { task.wait().await.ok() }));
        }
        yield_now().await;
        bell.ring();
        let mut taken = Vec::new();
        for waiter in waiters {
            taken.extend(waiter.await.unwrap());
        }
        assert_eq!(taken, [5]);
    });
}

// proves D-2: the one that waited first takes it
#[test]
fn the_first_waiter_is_told_first() {
    let trace = Trace::new();
    virtually(async {
        let task = Rc::new(spawn(sleep(SECOND)));
        let mut waiters = Vec::new();
        for n in 0..5 {
            let (task, trace) = (task.clone(), trace.clone());
            waiters.push(spawn(async move {
                let _ = task.wait().await;
                trace.add(n.to_string());
            }));
        }
        for waiter in waiters {
            waiter.await.unwrap();
        }
    });
    assert_eq!(trace.text(), "0 1 2 3 4");
}

// conformance 14; dropping a handle detaches
#[test]
fn a_dropped_handle_detaches_and_the_task_goes_on() {
    let trace = Trace::new();
    virtually(async {
        let ours = trace.clone();
        let parent = spawn(async move {
            let inner = ours.clone();
            drop(spawn(async move {
                sleep(SECOND).await;
                inner.add("child");
            }));
            ours.add("parent");
        });
        let before = stats().green_threads;
        parent.await.unwrap();
        assert_eq!(
            stats().green_threads,
            before,
            "the child in place of its parent"
        );
        sleep(SECOND * 2).await;
        assert_eq!(stats().green_threads, before - 1);
    });
    assert_eq!(trace.text(), "parent child");
}

// proves A-5: the handle may outlive the hub
#[test]
fn a_handle_outlives_its_hub() {
    let hub = virtual_hub();
    let (finished, killed) = hub.run(async {
        let finished = spawn(async { 3 });
        let killed = spawn(std::future::pending::<u8>());
        yield_now().await;
        (finished, killed)
    });
    drop(hub);
    assert!(finished.is_finished() && killed.is_finished());
    assert_eq!(finished.now_or_never().unwrap().unwrap(), 3);
    killed.kill();
    assert!(!killed.cancel());
    assert!(matches!(killed.now_or_never(), Some(Err(Exit::Killed))));
}

// proves D-1, `spawn(..).wait` is class S: a waiter that gives up takes nothing with it
#[test]
fn a_wait_that_is_dropped_loses_no_result() {
    virtually(async {
        let task = spawn(async {
            sleep(SECOND).await;
            4
        });
        assert!(timeout(SECOND / 2, task.wait()).await.is_err());
        // Told, but dropped before it could look: ends and is given up in the same turn.
        let mut wait = Box::pin(task.wait());
        assert!(futures::poll!(&mut wait).is_pending());
        sleep(SECOND).await;
        drop(wait);
        assert_eq!(task.await.unwrap(), 4);
    });
}

// proves D-5: waiters that gave up leave nothing behind, and no stale wake-up
#[test]
fn a_thousand_given_up_waits_wake_nobody() {
    virtually(async {
        let bell = Bell::new();
        let task = {
            let bell = bell.clone();
            spawn(async move { bell.wait().await })
        };
        for _ in 0..1_000 {
            assert!(task.wait().now_or_never().is_none());
        }
        bell.ring();
        let before = stats().polls;
        task.await.unwrap();
        assert!(stats().polls - before <= 3);
    });
}

#[test]
fn a_ready_handle_has_returned() {
    virtually(async {
        let task = GreenThread::ready(8);
        assert!(task.is_finished());
        assert!(!task.cancel());
        task.kill();
        let heard = Rc::new(Cell::new(false));
        let told = heard.clone();
        task.link(move |ended| told.set(matches!(ended.outcome, Outcome::Returned)));
        assert!(heard.get());
        assert_eq!(task.await.unwrap(), 8);
    });
}

// conformance 8
#[test]
fn spawn_after_gives_its_value() {
    virtually(async {
        let start = evlet_hub::now();
        let task = spawn_after(Duration::from_millis(100), async { 20 });
        assert_eq!(task.await.unwrap(), 20);
        assert_eq!(evlet_hub::now() - start, Duration::from_millis(100));
    });
}

#[test]
#[cfg(panic = "unwind")]
fn an_exit_becomes_an_io_error_with_its_text() {
    virtually(async {
        let panicked: GreenThread<()> = spawn(async { panic!("no fuel") });
        let error = io::Error::from(panicked.await.unwrap_err());
        assert_eq!(error.kind(), io::ErrorKind::Other);
        assert_eq!(error.to_string(), "the green thread panicked: no fuel");
        let killed = spawn(std::future::pending::<()>());
        killed.kill();
        let error = io::Error::from(killed.await.unwrap_err());
        assert!(error.to_string().contains("killed"), "{error}");
    });
}
