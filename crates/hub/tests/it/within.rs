//! `within`: a limit that everything below sees.

#![expect(
    clippy::async_yields_async,
    reason = "what is spawned under a limit is awaited outside of it"
)]

use std::future::pending;
use std::time::Duration;

use evlet_hub::{
    carry_deadline, now, remaining, sleep, spawn, stats, timeout, within, without_deadline,
    yield_now,
};
use futures::join;

use crate::stage::virtually;
use crate::trace::Trace;

const SECOND: Duration = Duration::from_secs(1);

// conformance 17
#[test]
fn it_limits_what_is_done_in_it() {
    virtually(async {
        assert_eq!(within(SECOND, async { 7 }).await.unwrap(), 7);
        let start = now();
        let elapsed = within(SECOND, sleep(SECOND * 10)).await.unwrap_err();
        assert_eq!(now() - start, SECOND);
        assert_eq!(elapsed.limit(), SECOND);
        assert_eq!(elapsed.set_at().file(), file!());
        assert!(within(SECOND * 11, sleep(SECOND * 10)).await.is_ok());
        assert_eq!(stats().timers, 0);
    });
}

#[test]
fn what_remains_shrinks_and_is_no_more_afterwards() {
    virtually(async {
        assert_eq!(remaining(), None);
        let done = within(SECOND * 5, async {
            assert_eq!(remaining(), Some(SECOND * 5));
            sleep(SECOND * 2).await;
            assert_eq!(remaining(), Some(SECOND * 3));
        });
        done.await.unwrap();
        assert_eq!(remaining(), None);
    });
}

// proves B-7; conformance 18, 26
#[test]
fn each_of_two_nested_limits_ends_its_own_future() {
    virtually(async {
        // The outer one is the tighter: the inner one does not take its part.
        let trace = Trace::new();
        let outer = within(SECOND, async {
            let inner = within(SECOND * 5, async {
                assert_eq!(remaining(), Some(SECOND));
                pending::<()>().await;
            });
            let _ = inner.await;
            trace.add("the inner one ended");
        });
        assert_eq!(outer.await.unwrap_err().limit(), SECOND);
        assert_eq!(trace.text(), "");
        // The inner one is the tighter: the outer one goes on.
        let outer = within(SECOND * 5, async {
            let inner = within(SECOND, pending::<()>());
            assert_eq!(inner.await.unwrap_err().limit(), SECOND);
            assert_eq!(remaining(), Some(SECOND * 4));
            within(SECOND * 60, async { remaining() }).await.unwrap()
        });
        assert_eq!(outer.await.unwrap(), Some(SECOND * 4));
    });
}

#[test]
fn two_beside_each_other_see_each_their_own() {
    virtually(async {
        let look = || async {
            let first = remaining();
            yield_now().await;
            assert_eq!(remaining(), first);
            first
        };
        let (one, none, two) = join!(within(SECOND, look()), look(), within(SECOND * 2, look()));
        assert_eq!(one.unwrap(), Some(SECOND));
        assert_eq!(none, None);
        assert_eq!(two.unwrap(), Some(SECOND * 2));
    });
}

#[test]
fn spawned_green_threads_know_the_deadline_and_go_on_after_it() {
    virtually(async {
        let limited = within(SECOND, async {
            let child = spawn(async {
                let first = remaining();
                sleep(SECOND * 3).await;
                // It is over, and nobody ended it.
                (
                    first,
                    remaining(),
                    spawn(async { remaining() }).await.unwrap(),
                )
            });
            yield_now().await;
            child
        });
        let child = limited.await.unwrap();
        let zero = Some(Duration::ZERO);
        assert_eq!(child.await.unwrap(), (Some(SECOND), zero, zero));
        assert_eq!(spawn(async { remaining() }).await.unwrap(), None);
    });
}

#[test]
fn a_limit_in_a_spawned_green_thread_is_bounded_by_what_it_inherited() {
    virtually(async {
        let limited = within(SECOND, async {
            spawn(async {
                let own = within(SECOND / 2, pending::<()>()).await.unwrap_err();
                let inherited = within(Duration::MAX, pending::<()>()).await.unwrap_err();
                (own.limit(), inherited.limit(), inherited.set_at().line())
            })
        });
        let line = line!() - 7;
        let start = now();
        let child = limited.await.unwrap();
        assert_eq!(child.await.unwrap(), (SECOND / 2, SECOND, line));
        assert_eq!(now() - start, SECOND);
    });
}

#[test]
fn work_that_outlives_the_request_leaves_its_deadline_behind() {
    virtually(async {
        let limited = within(SECOND, async {
            let keeper = spawn(without_deadline(async {
                sleep(SECOND * 2).await;
                let left = remaining();
                (left, within(SECOND, async { remaining() }).await.unwrap())
            }));
            assert_eq!(without_deadline(async { remaining() }).await, None);
            assert_eq!(remaining(), Some(SECOND));
            keeper
        });
        let keeper = limited.await.unwrap();
        assert_eq!(keeper.await.unwrap(), (None, Some(SECOND)));
    });
}

#[test]
fn a_future_that_is_polled_elsewhere_can_take_its_deadline_along() {
    virtually(async {
        let look = async || (remaining(), within(SECOND * 9, pending::<()>()).await);
        let carried = within(SECOND * 2, async { carry_deadline(look()) });
        let carried = carried.await.unwrap();
        let free = carry_deadline(async { remaining() });
        let (left, ended) = carried.await;
        assert_eq!(left, Some(SECOND * 2));
        assert_eq!(ended.unwrap_err().limit(), SECOND * 2);
        assert_eq!(
            within(SECOND, free).await.unwrap(),
            Some(SECOND),
            "the tighter one"
        );
    });
}

// proves B-7: the result of the turn in which the limit is reached is kept
#[test]
fn a_result_of_the_same_turn_is_kept() {
    virtually(async {
        assert!(within(SECOND, sleep(SECOND)).await.is_ok());
    });
}

// proves B-3
#[test]
fn limits_of_zero_and_of_centuries_are_limits() {
    virtually(async {
        assert!(within(Duration::ZERO, pending::<()>()).await.is_err());
        assert!(within(Duration::ZERO, yield_now()).await.is_ok());
        let endless = within(Duration::MAX, async {
            assert!(remaining().unwrap() > SECOND * 1_000_000_000);
            sleep(SECOND * 86_400).await;
        });
        endless.await.unwrap();
        assert!(
            timeout(SECOND, within(Duration::MAX, pending::<()>()))
                .await
                .is_err()
        );
    });
}

// proves D-1, class S
#[test]
fn one_that_is_given_up_leaves_nothing_behind() {
    virtually(async {
        let mut limited = Box::pin(within(SECOND, pending::<()>()));
        assert!(futures::poll!(limited.as_mut()).is_pending());
        assert_eq!(stats().timers, 1);
        drop(limited);
        assert_eq!(stats().timers, 0);
        assert_eq!(remaining(), None);
    });
}

#[cfg(panic = "unwind")]
#[test]
fn a_panic_in_it_puts_the_outer_deadline_back() {
    use futures::FutureExt;
    virtually(async {
        let bad = within(SECOND, async { panic!("no") });
        assert!(
            std::panic::AssertUnwindSafe(bad)
                .catch_unwind()
                .await
                .is_err()
        );
        assert_eq!(remaining(), None);
    });
}
