//! Timeouts: the result wins, each limit knows itself, and leaving always disarms.

use std::cell::Cell;
use std::error::Error;
use std::future::{pending, poll_fn};
use std::io;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use evlet_hub::{Elapsed, now, sleep, spawn, stats, timeout, yield_now};

use crate::bell::Bell;
use crate::stage::virtually;
use crate::trace::Trace;

const MS: Duration = Duration::from_millis(1);

// conformance 17
#[test]
fn a_limit_ends_what_takes_longer() {
    virtually(async {
        let start = now();
        let elapsed = timeout(MS * 10, sleep(MS * 100)).await.unwrap_err();
        assert_eq!(now() - start, MS * 10);
        assert_eq!(elapsed.limit(), MS * 10);
        let generous = timeout(MS * 1_000, async {
            sleep(MS).await;
            "result"
        });
        assert_eq!(generous.await.unwrap(), "result");
        assert_eq!(timeout(MS, pending::<u8>()).await.unwrap_or(7), 7);
    });
}

// proves B-7: what is ready costs no timer, no clock, no turn
#[test]
fn a_ready_future_reads_nothing() {
    virtually(async {
        let before = stats();
        for _ in 0..50 {
            assert_eq!(timeout(MS, async { 1 }).await.unwrap(), 1);
            assert_eq!(timeout(Duration::ZERO, async { 1 }).await.unwrap(), 1);
        }
        let after = stats();
        assert_eq!(after.timers, before.timers);
        assert_eq!(after.polls, before.polls, "it did not yield");
        assert_eq!(after.turns, before.turns);
    });
}

// eventlet: zero fires at the next yield, never without one
#[test]
fn a_limit_of_zero_gives_one_turn() {
    let trace = Trace::new();
    virtually(async {
        let other = trace.clone();
        evlet_hub::spawn_n(async move { other.add("other") });
        assert!(timeout(Duration::ZERO, pending::<()>()).await.is_err());
        trace.add("elapsed");
    });
    assert_eq!(trace.text(), "other elapsed");
}

// conformance 23
#[test]
fn an_endless_limit_never_ends() {
    virtually(async {
        let year = MS * 1_000 * 60 * 60 * 24 * 365;
        assert!(timeout(Duration::MAX, sleep(year)).await.is_ok());
    });
}

// proves B-7; conformance 19, 26: in either order the shorter one fires, and says that it was itself
#[test]
fn nested_limits_are_told_apart() {
    virtually(async {
        let inner_fires = timeout(MS * 20, timeout(MS * 10, pending::<()>())).await;
        let inner: Elapsed = inner_fires.expect("the outer is not over").unwrap_err();
        assert_eq!(inner.limit(), MS * 10);
        let outer_fires = timeout(MS * 10, timeout(MS * 20, pending::<()>())).await;
        assert_eq!(outer_fires.unwrap_err().limit(), MS * 10);
        let three = timeout(MS * 30, timeout(MS * 10, timeout(MS * 20, pending::<()>()))).await;
        let middle = three.expect("the outer is not over").unwrap_err();
        assert_eq!(middle.limit(), MS * 10);
    });
}

// conformance 18: the inner one's fallback is not used when the outer fires
#[test]
fn an_inner_fallback_does_not_hide_the_outer() {
    virtually(async {
        let inner = async { timeout(MS * 20, pending::<u8>()).await.unwrap_or(1) };
        assert!(timeout(MS * 10, inner).await.is_err());
    });
}

// conformance 26: the outer goes on counting after the inner has fired
#[test]
fn the_outer_stays_armed_after_the_inner() {
    virtually(async {
        let start = now();
        let both = timeout(MS * 25, async {
            assert!(timeout(MS * 10, pending::<()>()).await.is_err());
            assert_eq!(stats().timers, 1, "the outer's");
            assert!(timeout(MS * 10, pending::<()>()).await.is_err());
            assert!(timeout(MS * 10, pending::<()>()).await.is_err());
            unreachable!("the third one is past the outer limit");
        });
        assert_eq!(both.await.unwrap_err().limit(), MS * 25);
        assert_eq!(now() - start, MS * 25);
    });
}

// proves B-7: a limit in the same turn as the result keeps the result, whichever was set first
#[test]
fn a_result_of_the_same_turn_wins() {
    virtually(async {
        assert!(timeout(MS * 10, sleep(MS * 10)).await.is_ok());
        // The limit is the older timer here: it fires first, and still does not win.
        let bell = Bell::new();
        let ringer = bell.clone();
        let limited = spawn(async move { timeout(MS * 10, bell.wait()).await });
        yield_now().await;
        let rings = spawn(async move {
            sleep(MS * 10).await;
            ringer.ring();
        });
        rings.await.unwrap();
        // The limited one was first in the line, so by then it had looked, and seen nothing.
        assert!(limited.await.unwrap().is_err());
        // Rung before it looks: the result.
        let bell = Bell::new();
        let ringer = bell.clone();
        let rings = spawn(async move {
            sleep(MS * 10).await;
            ringer.ring();
        });
        yield_now().await;
        let limited = spawn(async move { timeout(MS * 10, bell.wait()).await });
        assert!(limited.await.unwrap().is_ok());
        rings.await.unwrap();
    });
}

// proves B-7; conformance 24, 25: leaving the scope disarms, by whichever way
#[test]
fn every_way_out_disarms() {
    virtually(async {
        let armed = || stats().timers;
        assert!(timeout(MS * 10, yield_now()).await.is_ok());
        assert_eq!(armed(), 0, "after the result");
        assert!(timeout(MS * 10, pending::<()>()).await.is_err());
        assert_eq!(armed(), 0, "after the limit");
        let mut given_up = Box::pin(timeout(MS * 10, pending::<()>()));
        assert!(futures::poll!(&mut given_up).is_pending());
        assert_eq!(armed(), 1);
        drop(given_up);
        assert_eq!(armed(), 0, "after the drop");
        let killed = spawn(timeout(MS * 10, pending::<()>()));
        yield_now().await;
        killed.kill().await;
        assert_eq!(armed(), 0, "after the kill");
        drop(killed);
    });
}

// proves A-4, B-7
#[test]
#[cfg(panic = "unwind")]
fn a_panic_inside_disarms() {
    virtually(async {
        let task = spawn(timeout(MS * 10, async {
            yield_now().await;
            panic!("inside");
        }));
        assert!(task.await.map(|_: Result<(), _>| ()).is_err());
        assert_eq!(stats().timers, 0);
    });
}

// A limit that has passed ends nothing later: eventlet's forgotten timeout does not exist.
#[test]
fn a_limit_that_was_left_ends_nothing_later() {
    virtually(async {
        for _ in 0..100 {
            assert!(timeout(MS * 10, sleep(MS)).await.is_ok());
        }
        sleep(MS * 1_000).await;
    });
}

// conformance 27: what the inner future holds is freed with the timeout
#[test]
fn what_the_inner_future_held_is_freed() {
    let trace = Trace::new();
    virtually(async {
        let mark = trace.on_drop("freed");
        let limited = timeout(MS, async move {
            let _mark = mark;
            pending::<()>().await;
        });
        assert!(limited.await.is_err());
        trace.add("after");
    });
    assert_eq!(trace.text(), "freed after");
}

#[test]
fn the_error_says_the_limit_and_becomes_an_io_error() {
    virtually(async {
        let elapsed = timeout(MS * 250, pending::<()>()).await.unwrap_err();
        assert!(elapsed.to_string().contains("250ms"), "{elapsed}");
        let error = io::Error::from(elapsed);
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.to_string().contains("250ms"), "{error}");
        let source: &dyn Error = error.get_ref().expect("the elapsed limit itself");
        assert!(source.is::<Elapsed>());
    });
}

// The inner future is asked first, and not again once it has given its result.
#[test]
fn the_inner_future_is_polled_once_a_wake() {
    virtually(async {
        let polls = Rc::new(Cell::new(0));
        let count = polls.clone();
        let inner = poll_fn(move |_| {
            count.set(count.get() + 1);
            Poll::<()>::Pending
        });
        assert!(timeout(MS, inner).await.is_err());
        assert_eq!(
            polls.get(),
            2,
            "when it began, and when the limit was reached"
        );
    });
}
