//! Giving up: a task that has not started, and any wait of the hub at any of its polls.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::io::Read;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use evlet_hub::{
    Exit, GreenThread, Interest, Io, Outcome, Stats, checkpoint, now, sleep, sleep_until, spawn,
    spawn_after, stats, timeout, trampoline, yield_now,
};

use crate::stage::{really, virtually};
use crate::trace::Trace;

const SECOND: Duration = Duration::from_secs(1);

// conformance 3, 9
#[test]
fn an_unstarted_task_can_be_cancelled() {
    let trace = Trace::new();
    virtually(async {
        let (ran, mark) = (trace.clone(), trace.on_drop("dropped"));
        let task = spawn(async move {
            ran.add("ran");
            drop(mark);
        });
        assert!(task.cancel());
        assert!(matches!(task.wait().await, Err(Exit::Killed)));
        assert!(task.is_finished());
        assert!(!task.cancel(), "it has ended");
    });
    assert_eq!(trace.text(), "dropped");
}

// conformance 10
#[test]
fn a_started_task_is_not_touched() {
    virtually(async {
        let task = spawn(async {
            sleep(SECOND).await;
            22
        });
        yield_now().await;
        assert!(!task.cancel());
        assert_eq!(task.wait().await.unwrap(), 22);
        assert!(!task.cancel());
    });
}

#[test]
fn a_task_cannot_cancel_itself() {
    virtually(async {
        let me: Rc<RefCell<Option<GreenThread<bool>>>> = Rc::default();
        let own = me.clone();
        let task = spawn(async move {
            let cancelled = own.borrow().as_ref().unwrap().cancel();
            yield_now().await;
            cancelled
        });
        *me.borrow_mut() = Some(task);
        sleep(SECOND).await;
        let task = me.borrow_mut().take().unwrap();
        assert!(!task.await.unwrap());
    });
}

// conformance 9: before it is due
#[test]
fn a_delayed_spawn_can_be_cancelled_until_it_is_due() {
    let trace = Trace::new();
    virtually(async {
        let start = now();
        let (ran, mark) = (trace.clone(), trace.on_drop("dropped"));
        let task = spawn_after(SECOND, async move {
            ran.add("ran");
            drop(mark);
        });
        yield_now().await;
        assert_eq!(stats().timers, 1);
        sleep(SECOND / 2).await;
        assert!(!task.is_finished());
        assert!(task.cancel());
        let heard = Rc::new(Cell::new(false));
        let hear = heard.clone();
        task.link(move |ended| hear.set(matches!(ended.outcome, Outcome::Killed)));
        assert!(matches!(task.await, Err(Exit::Killed)));
        assert!(heard.get());
        assert_eq!(now() - start, SECOND / 2, "nobody waits for the delay");
        assert_eq!(stats().timers, 0);
    });
    assert_eq!(trace.text(), "dropped");
}

// conformance 10, for a delayed spawn
#[test]
fn a_delayed_spawn_that_has_started_is_not_touched() {
    virtually(async {
        let task = spawn_after(SECOND, async {
            sleep(SECOND).await;
            22
        });
        sleep(SECOND + SECOND / 2).await;
        assert!(!task.cancel());
        assert_eq!(task.await.unwrap(), 22);
    });
}

// proves B-6: one that is due in the same turn can still be cancelled by the one before it
#[test]
fn one_due_in_the_same_turn_can_still_be_cancelled() {
    let trace = Trace::new();
    virtually(async {
        let second: Rc<RefCell<Option<GreenThread<()>>>> = Rc::default();
        let (target, ours) = (second.clone(), trace.clone());
        let first = spawn_after(SECOND, async move {
            ours.add("first");
            assert!(target.borrow().as_ref().unwrap().cancel());
        });
        let ours = trace.clone();
        *second.borrow_mut() = Some(spawn_after(SECOND, async move { ours.add("second") }));
        first.await.unwrap();
        let second = second.borrow_mut().take().unwrap();
        assert!(matches!(second.await, Err(Exit::Killed)));
    });
    assert_eq!(trace.text(), "first");
}

// conformance 14, 114: it belongs to the hub, not to its creator
#[test]
fn a_delayed_spawn_outlives_its_creator_and_its_handle() {
    let trace = Trace::new();
    virtually(async {
        let ours = trace.clone();
        let creator = spawn(async move {
            let inner = ours.clone();
            drop(spawn_after(SECOND, async move { inner.add("late") }));
            ours.add("creator");
        });
        creator.await.unwrap();
        sleep(SECOND * 2).await;
    });
    assert_eq!(trace.text(), "creator late");
}

// proves B-3
#[test]
fn a_spawn_after_the_end_of_time_can_be_cancelled() {
    virtually(async {
        let never = spawn_after(Duration::MAX, async {});
        let soon = spawn_after(Duration::ZERO, async { 1 });
        assert_eq!(soon.await.unwrap(), 1);
        sleep(SECOND * 1_000_000_000).await;
        assert!(!never.is_finished());
        assert!(never.cancel());
        assert!(matches!(never.await, Err(Exit::Killed)));
    });
}

// conformance 3: kill of a delayed one is the same as its cancel
#[test]
fn a_delayed_spawn_can_be_killed() {
    virtually(async {
        let start = now();
        let task = spawn_after(SECOND, async {});
        task.kill().await;
        assert_eq!(stats().timers, 0);
        assert!(matches!(task.await, Err(Exit::Killed)));
        assert_eq!(now(), start);
    });
}

/// Polls the future so many times, then drops it: ready or not.
async fn dropped_after<F: Future>(polls: u32, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            // The last poll was the one after which it is dropped.
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// What must not differ before and after.
fn leftovers(stats: Stats) -> [usize; 4] {
    [
        stats.green_threads,
        stats.ready,
        stats.timers,
        stats.sources,
    ]
}

/// Drops the operation after 0, 1, 2, ... polls until it comes to its end.
async fn cancel_everywhere<F: Future>(name: &str, mut make: impl FnMut() -> F) {
    for polls in 0.. {
        yield_now().await;
        let before = leftovers(stats());
        let done = dropped_after(polls, make()).await.is_some();
        yield_now().await;
        assert_eq!(
            leftovers(stats()),
            before,
            "{name}, dropped after {polls} polls"
        );
        if done {
            return;
        }
        assert!(polls < 100, "{name} does not end");
    }
}

// proves D-1 for the hub's own rows: sleep, Timeout scope, wait, kill
#[test]
fn every_wait_can_be_dropped_at_every_poll() {
    virtually(async {
        cancel_everywhere("sleep", || sleep(SECOND)).await;
        cancel_everywhere("sleep(0)", || sleep(Duration::ZERO)).await;
        cancel_everywhere("sleep_until", || sleep_until(now() + SECOND)).await;
        cancel_everywhere("yield_now", yield_now).await;
        cancel_everywhere("checkpoint", checkpoint).await;
        cancel_everywhere("timeout that ends", || timeout(SECOND, pending::<()>())).await;
        cancel_everywhere("timeout in time", || timeout(SECOND * 2, sleep(SECOND))).await;
        cancel_everywhere("nested timeouts", || {
            timeout(
                SECOND * 3,
                timeout(SECOND * 2, timeout(SECOND, pending::<()>())),
            )
        })
        .await;
        cancel_everywhere("spawn_after, cancelled", || async {
            let task = spawn_after(SECOND, async {});
            assert!(task.cancel());
            assert!(task.await.is_err());
        })
        .await;
        let task = spawn(pending::<()>());
        for polls in 0..10 {
            assert!(dropped_after(polls.min(1), task.wait()).await.is_none());
        }
        // The kill stands, whenever its future is dropped.
        for polls in 0..3 {
            let task = spawn(pending::<()>());
            yield_now().await;
            let _ = dropped_after(polls, task.kill()).await;
            assert!(matches!(task.await, Err(Exit::Killed)));
        }
        task.kill().await;
        assert!(matches!(task.await, Err(Exit::Killed)));
    });
}

// proves D-1 for waiting on descriptors: nothing stays registered, no byte is lost
#[test]
fn every_wait_on_a_descriptor_can_be_dropped_at_every_poll() {
    really(async {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let limit = Duration::from_millis(2);
        cancel_everywhere("trampoline", || {
            trampoline(&reader, Interest::Readable, Some(limit))
        })
        .await;
        let io = Io::new(reader).unwrap();
        cancel_everywhere("readable", || timeout(limit, io.readable())).await;
        cancel_everywhere("read_with", || {
            timeout(limit, io.read_with(|mut pipe| pipe.read(&mut [0])))
        })
        .await;
        std::io::Write::write_all(&mut writer, b"abc").unwrap();
        let mut seen = Vec::new();
        for polls in (0..4).cycle().take(20) {
            let mut byte = [0];
            let read = dropped_after(polls, io.read_with(|mut pipe| pipe.read(&mut byte))).await;
            if read.is_some() {
                seen.extend(byte);
            }
            if seen.len() == 3 {
                break;
            }
            sleep(limit).await;
        }
        assert_eq!(seen, b"abc");
    });
}

// proves D-1: dropped in the same turn in which it was woken
#[test]
fn a_wait_dropped_in_the_turn_of_its_wake_passes_nothing_on() {
    virtually(async {
        let task = Rc::new(spawn(sleep(SECOND)));
        let mut loser = Box::pin(task.wait());
        assert!(futures::poll!(&mut loser).is_pending());
        let winner = {
            let task = task.clone();
            spawn(async move { task.wait().await.is_ok() })
        };
        // Both deadlines are one instant: the task ends, and we give up, in one turn.
        sleep(SECOND).await;
        drop(loser);
        assert!(
            winner.await.unwrap(),
            "the result went to the one that stayed"
        );
    });
}
