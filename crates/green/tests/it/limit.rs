//! `with_timeout`, `with_timeout_or` and `.timeout(..)`: eventlet's cases.

use std::cell::Cell;
use std::future::pending;
use std::time::Duration;

use evlet_green::{Event, FutureExt, LightQueue, with_timeout, with_timeout_or};
use evlet_hub::{Elapsed, now, sleep, stats};

use crate::stage::{MS, SECOND, virtually};
use crate::trace::Trace;

// conformance 17
#[test]
fn a_limit_ends_what_takes_too_long() {
    virtually(async {
        let slow = || async {
            sleep(100 * MS).await;
            "slow"
        };
        let start = now();
        assert_eq!(
            with_timeout(10 * MS, slow()).await.unwrap_err().limit(),
            10 * MS
        );
        assert_eq!(now() - start, 10 * MS);
        assert_eq!(with_timeout_or(10 * MS, "instead", slow()).await, "instead");
        assert_eq!(with_timeout(SECOND, slow()).await.unwrap(), "slow");
        assert_eq!(with_timeout_or(SECOND, "instead", slow()).await, "slow");
        assert_eq!(slow().timeout(SECOND).await.unwrap(), "slow");
        assert!(slow().timeout(10 * MS).await.is_err());
    });
}

// conformance 18; proves B-7
#[test]
fn an_outer_limit_does_not_give_the_inner_fallback() {
    virtually(async {
        let inner = with_timeout_or(SECOND, "inner", pending());
        let outer = with_timeout(100 * MS, inner).await;
        assert_eq!(outer.unwrap_err().limit(), 100 * MS);
    });
}

// conformance 19, 26; proves B-7
#[test]
fn of_nested_limits_the_shorter_fires_and_says_which_it_is() {
    virtually(async {
        for (outer, inner) in [(MS, SECOND), (SECOND, MS)] {
            let start = now();
            let result = with_timeout(outer, with_timeout(inner, pending::<()>())).await;
            assert_eq!(now() - start, MS);
            match result {
                Ok(inner_result) => assert_eq!(inner_result.unwrap_err().limit(), inner),
                Err(elapsed) => assert_eq!(elapsed.limit(), outer),
            }
        }
        // Of two that are alike each says where it was set.
        let (line, inner) = (line!(), with_timeout(SECOND, pending::<()>()));
        let result = with_timeout(SECOND, inner).await;
        assert_eq!(result.unwrap().unwrap_err().set_at().line(), line);
    });
}

// conformance 20, 21: an error of one's own, given beforehand or made only when it is needed
#[test]
fn a_limit_gives_an_error_of_the_users_choice() {
    virtually(async {
        let made = Cell::new(0);
        let make = |elapsed: Elapsed| {
            made.set(made.get() + 1);
            format!("no answer after {:?}", elapsed.limit())
        };
        let given = with_timeout_or(MS, Err("no answer"), pending::<Result<(), _>>());
        assert_eq!(given.await, Err("no answer"));
        let in_time = with_timeout(SECOND, async { 1 }).await.map_err(make);
        assert_eq!((in_time, made.get()), (Ok(1), 0));
        let late = with_timeout(MS, pending::<u8>()).await.map_err(make);
        assert_eq!(late.unwrap_err(), "no answer after 1ms");
        assert_eq!(made.get(), 1);
    });
}

// conformance 22
#[test]
fn a_limit_may_end_a_block_without_an_error() {
    let trace = Trace::default();
    virtually(async {
        let start = now();
        let block = async {
            trace.add("begun");
            sleep(200 * MS).await;
            trace.add("done");
        };
        assert_eq!(with_timeout(100 * MS, block).await.ok(), None);
        assert_eq!(now() - start, 100 * MS);
    });
    assert_eq!(trace.text(), "begun");
}

// conformance 27
#[test]
fn what_is_given_instead_is_dropped_when_it_is_not_needed() {
    let trace = Trace::default();
    virtually(async {
        let instead = Err(trace.on_drop("instead"));
        assert!(
            with_timeout_or(SECOND, instead, async { Ok(()) })
                .await
                .is_ok()
        );
        assert_eq!(trace.text(), "instead");
    });
}

// conformance 23
#[test]
fn the_longest_limit_is_none() {
    virtually(async {
        let slow = sleep(Duration::from_secs(1_000_000));
        assert!(with_timeout(Duration::MAX, slow).await.is_ok());
    });
}

// conformance 24, 25: `virtually` checks that no timer is left
#[test]
fn a_limit_that_is_not_needed_leaves_no_timer() {
    virtually(async {
        let queue = LightQueue::unbounded();
        queue.put(1).await;
        assert_eq!(queue.get().timeout(SECOND).await.unwrap(), 1);
        let waited = with_timeout(SECOND, with_timeout(MS, queue.get())).await;
        assert!(waited.unwrap().is_err());
        assert_eq!(stats().timers, 0);
    });
}

// proves B-7
#[test]
fn a_result_in_the_turn_of_the_limit_is_kept() {
    virtually(async {
        let event = Event::new();
        let sender = event.clone();
        let sending = evlet_hub::spawn(async move {
            sleep(SECOND).await;
            sender.send("just in time").unwrap();
        });
        // The sender's timer was set first and is due at the same instant.
        evlet_hub::yield_now().await;
        let got = with_timeout(SECOND, event.wait()).await;
        assert_eq!(got.unwrap(), "just in time");
        sending.await.unwrap();
    });
}
