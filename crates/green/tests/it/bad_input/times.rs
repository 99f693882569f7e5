//! Durations of nothing and of centuries.

use std::future::{IntoFuture, pending};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use evlet_green::{
    BackOffLoopingCall, ConnectionPool, DynamicLoopingCall, Event, FixedIntervalLoopingCall,
    FixedIntervalWithTimeoutLoopingCall, FutureExt, LightQueue, LoopError, NoConnection, on_cancel,
    retry, tpool, with_timeout, with_timeout_or,
};
use evlet_hub::{now, remaining, sleep, spawn, within, yield_now};

use super::LONG;
use crate::stage::{SECOND, builder, reports_of, settle, virtually};
use crate::threads::alone;

#[test]
fn durations_of_zero_give_others_a_turn_and_end() {
    virtually(async {
        let never = Event::<()>::new();
        assert!(with_timeout(Duration::ZERO, never.wait()).await.is_err());
        assert_eq!(with_timeout_or(Duration::ZERO, 3, async { 4 }).await, 4);
        let queue = LightQueue::<u8>::unbounded();
        assert!(queue.get_timeout(Duration::ZERO).await.is_err());
        let timed = FixedIntervalWithTimeoutLoopingCall::new(|| async {});
        let timed = timed.timeout(Duration::from_nanos(1)).start(Duration::ZERO);
        yield_now().await;
        timed.stop(); // in virtual time no time passes: it would go on for ever
        timed.wait().await.unwrap();
        let dynamic = DynamicLoopingCall::new(|| async { Duration::ZERO }).start();
        settle().await;
        assert!(dynamic.is_running(), "it has let us go on");
        dynamic.stop();
        dynamic.wait().await.unwrap();
    });
}

#[test]
fn a_back_off_of_zero_goes_on_and_is_stopped() {
    virtually(async {
        let looping = BackOffLoopingCall::new(|| async { false })
            .starting_interval(Duration::ZERO)
            .min_interval(Duration::ZERO)
            .max_interval(Duration::ZERO)
            .start();
        settle().await;
        assert!(looping.is_running());
        looping.stop();
        looping.wait().await.unwrap();
    });
}

#[test]
fn limits_of_centuries_do_not_disturb_what_they_limit() {
    virtually(async {
        for long in LONG {
            let start = now();
            assert!(with_timeout(long, sleep(SECOND)).await.is_ok());
            assert_eq!(with_timeout_or(long, 1, async { 2 }).await, 2);
            let queue = LightQueue::bounded(1);
            queue.put_timeout(1, long).await.unwrap();
            assert_eq!(queue.get_timeout(long).await, Ok(1));
            assert_eq!(now() - start, SECOND);
        }
    });
}

#[test]
fn loops_with_intervals_of_centuries_are_stopped_like_any_other() {
    virtually(async {
        for long in LONG {
            let fixed = FixedIntervalLoopingCall::new(|| async {}).start(long);
            let delayed = FixedIntervalLoopingCall::new(|| async {}).initial_delay(long);
            let delayed = delayed.start(long);
            let timed = FixedIntervalWithTimeoutLoopingCall::new(|| async {});
            let timed = timed.timeout(long).start(long);
            let dynamic = DynamicLoopingCall::new(move || async move { long }).start();
            let back_off = BackOffLoopingCall::new(|| async { false });
            let back_off = back_off.starting_interval(long).max_interval(long);
            let back_off = back_off.timeout(Duration::ZERO).start();
            sleep(SECOND).await;
            for looping in [fixed, delayed, timed, dynamic, back_off] {
                assert!(looping.is_running());
                looping.stop();
                looping.wait().await.unwrap();
            }
        }
    });
}

#[test]
fn a_retry_with_pauses_of_centuries_can_be_given_up() {
    virtually(async {
        for long in LONG {
            let trying = retry(async || Err::<(), _>("never"))
                .inc_sleep_time(long)
                .max_sleep_time(long);
            assert!(with_timeout(SECOND, trying.into_future()).await.is_err());
        }
    });
}

#[test]
fn deadlines_of_nothing_and_of_centuries_are_deadlines() {
    virtually(async {
        assert!(within(Duration::ZERO, pending::<()>()).await.is_err());
        assert!(pending::<()>().timeout(Duration::ZERO).await.is_err());
        for long in LONG {
            let inside = within(long, async { remaining() }).await.unwrap();
            let century = super::CENTURIES / 3;
            assert!(inside.is_none_or(|left| left >= century), "{inside:?}");
            assert!(within(long, sleep(SECOND)).await.is_ok());
        }
    });
}

#[test]
fn connections_that_may_live_for_nothing_or_for_centuries() {
    virtually(async {
        let made = std::rc::Rc::new(std::cell::Cell::new(0));
        for (limit, expected) in [(Duration::ZERO, 2)]
            .into_iter()
            .chain(LONG.map(|l| (l, 1)))
        {
            made.set(0);
            let count = made.clone();
            let options = ConnectionPool::builder().max_idle(limit).max_age(limit);
            let pool = options.connect_timeout(SECOND).connect(async move || {
                count.set(count.get() + 1);
                Ok::<_, ()>(count.get())
            });
            for _ in 0..2 {
                drop(pool.get().await.unwrap());
                sleep(SECOND).await;
            }
            assert_eq!(made.get(), expected, "with a limit of {limit:?}");
            pool.clear();
        }
    });
}

#[test]
fn connecting_may_take_nothing_or_centuries() {
    virtually(async {
        let at_once = ConnectionPool::builder().connect_timeout(Duration::ZERO);
        let pool = at_once.connect(async || (sleep(SECOND).await, Ok::<_, ()>(1)).1);
        let failed = pool.get().await;
        assert!(
            matches!(failed, Err(NoConnection::TimedOut { .. })),
            "{failed:?}"
        );
        for long in LONG {
            let patient = ConnectionPool::builder().connect_timeout(long);
            let pool = patient.connect(async || (sleep(SECOND).await, Ok::<_, ()>(1)).1);
            assert_eq!(*pool.get().await.unwrap(), 1);
        }
    });
}

#[test]
fn a_clean_up_with_no_time_is_dropped_and_told_and_one_with_centuries_is_done() {
    for long in LONG {
        let done = Event::new();
        let told = done.clone();
        let reports = reports_of(async move {
            drop(on_cancel(async move { told.send(()).unwrap() }).budget(long));
            done.wait().await;
        });
        assert_eq!(reports, [""; 0]);
    }
    let reports = reports_of(async {
        drop(on_cancel(pending()).budget(Duration::ZERO));
        settle().await;
    });
    assert_eq!(reports.len(), 1, "{reports:?}");
}

#[test]
fn waiting_for_the_thread_pool_for_nothing_and_for_centuries() {
    let _turn = alone();
    for limit in [Duration::ZERO].into_iter().chain(LONG) {
        virtually(async { assert_eq!(tpool::execute(|| 1).await, 1) });
        let begin = Instant::now();
        let left = tpool::shutdown(limit);
        if !limit.is_zero() {
            left.unwrap();
        }
        assert!(begin.elapsed() < Duration::from_secs(60));
    }
}

// On a clock of their own, which is real.
#[test]
fn isolated_loops_with_intervals_of_nothing_and_of_centuries() {
    let hub = builder().build().unwrap();
    hub.run(async {
        let mut calls = 0;
        let spinning = FixedIntervalLoopingCall::new(move || {
            calls += 1;
            async move {
                match calls {
                    100 => ControlFlow::Break(calls),
                    _ => ControlFlow::Continue(()),
                }
            }
        });
        let spinning = spinning.isolated().start(Duration::ZERO);
        assert_eq!(spinning.wait().await.unwrap(), 100);
        for long in LONG {
            let slow = FixedIntervalLoopingCall::new(async || ControlFlow::<u8>::Continue(()));
            let slow = slow.initial_delay(long).isolated().start(long);
            slow.stop();
            assert!(matches!(slow.wait().await, Err(LoopError::Stopped)));
        }
    });
}

#[test]
fn a_green_thread_spawned_for_after_centuries_can_be_cancelled() {
    virtually(async {
        for long in LONG {
            let late = evlet_hub::spawn_after(long, async {});
            let waiting = spawn(sleep(long));
            yield_now().await;
            assert!(late.cancel());
            waiting.kill().await;
        }
    });
}
