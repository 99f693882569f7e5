//! The looping calls against arithmetic: random calls on a virtual clock, and when each must start.

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use evlet_green::looping_call::{BackOffStep, DynamicStep, Step};
use evlet_green::{
    BackOffLoopingCall, DynamicLoopingCall, FixedIntervalLoopingCall,
    FixedIntervalWithTimeoutLoopingCall, LoopError, LoopingCall,
};
use evlet_hub::{now, sleep, spawn};
use proptest::prelude::*;

use crate::stage::builder;

/// One call: how many milliseconds it takes, and what it says (each loop reads that in its way).
type Call = (u64, u64);

fn calls() -> impl Strategy<Value = Vec<Call>> {
    proptest::collection::vec((0_u64..300, 0_u64..300), 1..30)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// When calls started, in milliseconds, and how the loop ended: `Ok(true)` by its own decision,
/// `Ok(false)` by the stop.
type Played = (Vec<u64>, Result<bool, LoopError>);

/// Plays a loop and stops it after a while. `make` starts it over a function that makes a call and
/// gives what it says, or `None` when the calls are used up.
fn play(
    calls: &[Call],
    stop_after: u64,
    make: impl FnOnce(Says) -> LoopingCall<bool>,
) -> (Played, usize) {
    let reports = Rc::new(RefCell::new(0));
    let count = reports.clone();
    let hub = builder().on_report(move |_| *count.borrow_mut() += 1);
    let played = hub.build().unwrap().run(async {
        let begin = now();
        let starts: Rc<RefCell<Vec<u64>>> = Rc::default();
        let (log, mut calls) = (starts.clone(), Vec::from(calls).into_iter());
        let looping = make(Box::new(move || {
            log.borrow_mut().push((now() - begin).as_millis() as u64);
            let call = calls.next();
            Box::pin(async move {
                let (takes, says) = call?;
                sleep(ms(takes)).await;
                Some(says)
            })
        }));
        let handle = looping.clone();
        let stopper = spawn(async move {
            // Half a millisecond keeps the stop apart from everything else.
            sleep(ms(stop_after) + Duration::from_micros(500)).await;
            handle.stop();
        });
        let end = match looping.wait().await {
            Err(LoopError::Stopped) => Ok(false),
            other => other,
        };
        stopper.kill().await;
        (starts.take(), end)
    });
    let reports = *reports.borrow();
    (played, reports)
}

type Says = Box<dyn FnMut() -> futures::future::LocalBoxFuture<'static, Option<u64>>>;

/// What the loop must have done, from the pauses that `pause` gives: it is told the start, the end
/// and the words of each call.
fn model(
    calls: &[Call],
    stop_after: u64,
    first: u64,
    mut pause: impl FnMut(u64, u64, u64) -> Option<u64>,
) -> Played {
    let (mut starts, mut at) = (Vec::new(), first);
    for (takes, says) in calls.iter().copied() {
        if at > stop_after {
            return (starts, Ok(false));
        }
        starts.push(at);
        let end = at + takes;
        if end > stop_after {
            return (starts, Ok(false));
        }
        match pause(at, end, says) {
            Some(next) => at = next,
            // Whichever error: they are compared by being errors.
            None => return (starts, Err(LoopError::NoInterval)),
        }
    }
    if at > stop_after {
        return (starts, Ok(false));
    }
    starts.push(at);
    (starts, Ok(true))
}

fn same(one: &Played, other: &Played) -> bool {
    let ends = match (&one.1, &other.1) {
        (Ok(a), Ok(b)) => a == b,
        (Err(_), Err(_)) => true,
        _ => false,
    };
    one.0 == other.0 && ends
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Start to start, no catching up; an overrun is told once, and so is an error.
    #[test]
    fn a_fixed_interval(
        calls in calls(), interval in 0_u64..300, delay in 0_u64..300, stop in 0_u64..9000,
    ) {
        let (played, reports) = play(&calls, stop, |mut says| {
            let call = move || {
                let call = says();
                async move {
                    match call.await {
                        None => Step::Done(true),
                        Some(says) if says % 5 == 0 => {
                            Step::Failed(std::sync::Arc::new(std::io::Error::other("a fifth")))
                        }
                        Some(_) => Step::Again,
                    }
                }
            };
            let looping = FixedIntervalLoopingCall::new(call).stop_on_error(false);
            looping.initial_delay(ms(delay)).start(ms(interval))
        });
        let mut told = 0;
        let expected = model(&calls, stop, delay, |start, end, says| {
            told += usize::from(end - start > interval && interval > 0);
            told += usize::from(says % 5 == 0);
            Some((start + interval).max(end))
        });
        prop_assert!(same(&played, &expected), "{:?} is not {:?}", played, expected);
        prop_assert_eq!(reports, told);
    }

    /// The same, over when the time is up at the end of a call.
    #[test]
    fn a_fixed_interval_with_a_timeout(
        calls in calls(), interval in 1_u64..300, timeout in 0_u64..3000, delay in 0_u64..300,
    ) {
        let (played, _) = play(&calls, 1_000_000, |mut says| {
            let call = move || {
                let call = says();
                async move {
                    match call.await {
                        None => ControlFlow::Break(true),
                        Some(_) => ControlFlow::Continue(()),
                    }
                }
            };
            let looping = FixedIntervalWithTimeoutLoopingCall::new(call).timeout(ms(timeout));
            looping.initial_delay(ms(delay)).start(ms(interval))
        });
        let expected = model(&calls, 1_000_000, delay, |start, end, _| {
            let in_time = timeout == 0 || end <= timeout;
            in_time.then_some((start + interval).max(end))
        });
        prop_assert!(same(&played, &expected), "{:?} is not {:?}", played, expected);
    }

    /// End to start, at most the maximum.
    #[test]
    fn a_dynamic_interval(calls in calls(), max in 0_u64..300, stop in 0_u64..9000) {
        let (played, _) = play(&calls, stop, |mut says| {
            let call = move || {
                let call = says();
                async move {
                    match call.await {
                        None => DynamicStep::Done(true),
                        Some(says) if says % 3 == 0 => DynamicStep::AfterMax,
                        Some(says) => DynamicStep::After(ms(says)),
                    }
                }
            };
            DynamicLoopingCall::new(call).periodic_interval_max(ms(max)).start()
        });
        let expected = model(&calls, stop, 0, |_, end, says| {
            Some(end + if says % 3 == 0 { max } else { says.min(max) })
        });
        prop_assert!(same(&played, &expected), "{:?} is not {:?}", played, expected);
    }

    /// Powers of two in whole milliseconds, so that the model needs no fractions.
    #[test]
    fn a_back_off(calls in calls(), max in 1_u64..5000, timeout in 0_u64..9000) {
        let (played, _) = play(&calls, 1_000_000_000, |mut says| {
            let call = move || {
                let call = says();
                async move {
                    match call.await {
                        None => BackOffStep::Done(true),
                        Some(says) if says % 4 == 0 => BackOffStep::Progress,
                        Some(_) => BackOffStep::BackOff,
                    }
                }
            };
            let looping = BackOffLoopingCall::new(call).jitter(1.0).jitter_from(|| 1.0);
            let looping = looping.starting_interval(ms(1)).max_interval(ms(max));
            looping.timeout(ms(timeout)).start()
        });
        let (mut interval, mut paused) = (1, 0);
        let expected = model(&calls, 1_000_000_000, 0, |_, end, says| {
            if says % 4 == 0 {
                (interval, paused) = (1, 0);
                return Some(end + 1);
            }
            interval *= 2;
            let pause = max.min(interval);
            paused += pause;
            (timeout == 0 || paused <= timeout).then_some(end + pause)
        });
        prop_assert!(same(&played, &expected), "{:?} is not {:?}", played, expected);
    }
}
