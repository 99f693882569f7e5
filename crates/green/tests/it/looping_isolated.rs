//! Looping calls on a thread of their own. Real time, and no sleeping for a result: each test waits
//! for what it wants to see.

use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread, ThreadId};
use std::time::{Duration, Instant};

use evlet_green::testing::cancel_at_every_await_in;
use evlet_green::{
    BackOffLoopingCall, DynamicLoopingCall, FixedIntervalLoopingCall,
    FixedIntervalWithTimeoutLoopingCall, IsolatedLoopingCall, LoopError,
};
use evlet_hub::{run, spawn, spawn_n, yield_now};

use crate::stage::{MS, SECOND};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The smallest executor: no hub at all.
fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread::park();
    }
}

const LONG: Duration = Duration::from_secs(3600);

/// Holds the thread, and so its hub, until it is so.
#[track_caller]
fn hold_until(is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < 60 * SECOND, "it never came to be so");
        thread::yield_now();
    }
}

/// A loop that counts its calls, and the count.
fn counting(interval: Duration) -> (IsolatedLoopingCall<()>, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    let count = calls.clone();
    let looping = FixedIntervalLoopingCall::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
        async {}
    });
    (looping.isolated().start(interval), calls)
}

#[test]
fn it_beats_while_the_hub_that_started_it_is_held() {
    run(async {
        let (looping, calls) = counting(MS);
        hold_until(|| calls.load(Ordering::SeqCst) >= 5);
        looping.stop();
        looping.wait().await.unwrap();
        assert!(!looping.is_running());
    });
}

#[test]
fn a_stop_ends_a_pause_at_once_and_every_waiter_hears_of_it() {
    run(async {
        let (looping, calls) = counting(LONG);
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let looping = looping.clone();
                spawn(async move { looping.wait().await })
            })
            .collect();
        hold_until(|| calls.load(Ordering::SeqCst) == 1);
        yield_now().await;
        looping.stop();
        looping.stop();
        for waiter in waiters {
            waiter.await.unwrap().unwrap();
        }
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    });
}

// looping case 9
#[test]
fn a_stop_ends_the_initial_delay_and_the_function_never_runs() {
    let looping = FixedIntervalLoopingCall::new(|| async { ControlFlow::Break(1) });
    let looping = looping.initial_delay(LONG).isolated().start(MS);
    assert!(looping.is_running());
    looping.stop();
    let end = block_on(looping.wait());
    assert!(matches!(end, Err(LoopError::Stopped)), "{end:?}");
}

#[test]
fn the_value_reaches_every_thread_that_waits() {
    let looping = FixedIntervalLoopingCall::new(|| async { ControlFlow::Break("up") });
    let looping = looping.isolated().start(MS);
    let elsewhere = looping.clone();
    let other = thread::spawn(move || run(async move { elsewhere.wait().await.unwrap() }));
    assert_eq!(block_on(looping.wait()).unwrap(), "up");
    assert_eq!(other.join().unwrap(), "up");
    run(async { assert_eq!(looping.wait().await.unwrap(), "up") });
}

// What a call makes stays on the loop's thread, and need not be `Send`.
#[test]
fn all_calls_are_made_on_one_thread_of_their_own() {
    let seen: Arc<Mutex<Vec<ThreadId>>> = Arc::default();
    let log = seen.clone();
    let looping = FixedIntervalLoopingCall::new(move || {
        log.lock().unwrap().push(thread::current().id());
        let is_last = log.lock().unwrap().len() == 3;
        let local = std::rc::Rc::new(is_last);
        async move {
            yield_now().await;
            match *local {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }
    });
    block_on(looping.isolated().start(MS).wait()).unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen.iter().all(|id| *id == seen[0]));
    assert_ne!(seen[0], thread::current().id());
}

fn fails(message: &str) {
    panic!("{message}");
}

#[test]
fn errors_and_panics_reach_who_waits() {
    run(async {
        let failing = FixedIntervalLoopingCall::new(|| async { Err::<(), _>("no power") });
        let end = failing.isolated().start(LONG).wait().await;
        assert!(matches!(&end, Err(LoopError::Failed(error)) if error.to_string() == "no power"));
        let panicking = FixedIntervalLoopingCall::new(|| async { fails("no water") });
        let end = panicking.isolated().start(LONG).wait().await;
        assert!(matches!(&end, Err(LoopError::Panicked(message)) if message == "no water"));
    });
}

#[test]
fn what_nobody_waits_for_and_what_is_late_is_reported_by_name() {
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = told.clone();
    let calls = AtomicU32::new(0);
    let looping = FixedIntervalLoopingCall::new(move || {
        let is_first = calls.fetch_add(1, Ordering::SeqCst) == 0;
        if is_first {
            thread::sleep(20 * MS); // it holds its own hub, and so itself
        }
        async move {
            match is_first {
                true => Ok(()),
                false => Err("no pulse"),
            }
        }
    })
    .name("heart")
    .isolated()
    .on_report(move |report| log.lock().unwrap().push(report.to_string()))
    .start(MS);
    assert_eq!(looping.name(), "heart");
    hold_until(|| !looping.is_running());
    let told = told.lock().unwrap();
    assert!(
        told.iter().all(|report| report.contains("heart")),
        "{told:?}"
    );
    assert!(told[0].contains("longer than its interval"), "{told:?}");
    assert!(told.last().unwrap().contains("no pulse"), "{told:?}");
}

#[test]
fn what_the_function_held_is_dropped_before_waiters_go_on() {
    struct Held(Arc<AtomicBool>);
    impl Drop for Held {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let is_gone = Arc::new(AtomicBool::new(false));
    let held = Held(is_gone.clone());
    let looping = FixedIntervalLoopingCall::new(move || {
        let _ = &held;
        async { ControlFlow::Break(()) }
    });
    block_on(looping.isolated().start(MS).wait()).unwrap();
    assert!(is_gone.load(Ordering::SeqCst));
}

#[test]
fn a_call_that_waits_for_its_own_loop_is_told_so() {
    let own: Arc<Mutex<Option<IsolatedLoopingCall<bool>>>> = Arc::default();
    let inside = own.clone();
    let looping = FixedIntervalLoopingCall::new(move || {
        let inside = inside.lock().unwrap().clone();
        async move {
            let Some(inside) = inside else {
                return ControlFlow::Continue(());
            };
            let end = inside.wait().await;
            ControlFlow::Break(matches!(end, Err(LoopError::WaitsForItself)))
        }
    })
    .isolated()
    .start(MS);
    *own.lock().unwrap() = Some(looping.clone());
    assert!(block_on(looping.wait()).unwrap());
    own.lock().unwrap().take();
}

#[test]
fn a_function_that_stops_its_own_hub_has_stopped_the_loop() {
    let looping = FixedIntervalLoopingCall::new(|| async {
        evlet_hub::handle().stop();
        ControlFlow::<u8>::Continue(())
    });
    let end = block_on(looping.isolated().start(LONG).wait());
    assert!(matches!(end, Err(LoopError::Stopped)), "{end:?}");
}

#[test]
fn every_kind_of_loop_can_be_isolated() {
    let never = || async { ControlFlow::<u8>::Continue(()) };
    let timed = FixedIntervalWithTimeoutLoopingCall::new(never).timeout(5 * MS);
    let end = block_on(timed.isolated().start(MS).wait());
    assert!(matches!(end, Err(LoopError::TimedOut { .. })), "{end:?}");

    let calls = AtomicU32::new(0);
    let dynamic = DynamicLoopingCall::new(move || {
        let n = calls.fetch_add(1, Ordering::SeqCst);
        async move {
            match n {
                3 => ControlFlow::Break(n),
                _ => ControlFlow::Continue(MS),
            }
        }
    });
    assert_eq!(block_on(dynamic.isolated().start().wait()).unwrap(), 3);

    let back_off = BackOffLoopingCall::new(|| async { ControlFlow::<u8, bool>::Continue(false) });
    let back_off = back_off.starting_interval(MS).timeout(10 * MS);
    let end = block_on(back_off.isolated().start().wait());
    assert!(matches!(end, Err(LoopError::TimedOut { .. })), "{end:?}");
}

// proves D-5: waits that were given up leave nothing in the line
#[test]
fn a_wait_that_is_given_up_changes_nothing() {
    run(async {
        let (looping, _) = counting(LONG);
        for _ in 0..10 {
            let waiting = looping.clone();
            let doomed = spawn(async move { waiting.wait().await });
            yield_now().await;
            doomed.kill().await;
        }
        looping.stop();
        looping.wait().await.unwrap();
    });
}

// proves D-1
#[test]
fn a_wait_may_be_given_up_at_its_await() {
    let awaits = run(async {
        cancel_at_every_await_in(
            async || {
                let (looping, _) = counting(LONG);
                let own = looping.clone();
                spawn_n(async move {
                    yield_now().await;
                    own.stop();
                });
                looping
            },
            async |looping| looping.wait().await.is_ok(),
            async |looping, _| assert!(looping.wait().await.is_ok()),
        )
        .await
    });
    assert_eq!(awaits.len(), 1);
}

#[test]
fn a_handle_may_go_anywhere() {
    fn anywhere<T: Send + Sync + Clone>() {}
    anywhere::<IsolatedLoopingCall<String>>();
}
