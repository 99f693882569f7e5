//! `DynamicLoopingCall`: oslo.service's cases 14 to 18, and what ours adds.

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use evlet_green::looping_call::{DynamicStep, IntoDynamicStep};
use evlet_green::{DynamicLoopingCall, LoopError};
use evlet_hub::{now, sleep, yield_now};

use crate::stage::{MS, SECOND, reports_of, virtually};

/// A loop whose calls return these one after the other, and then that they are done. Gives the
/// seconds between starts of calls, the initial delay first.
async fn gaps<S: IntoDynamicStep<Value = ()> + 'static>(
    looping: impl FnOnce(Box<dyn FnMut() -> std::future::Ready<DynamicStep<()>>>) -> Looping,
    returned: Vec<S>,
) -> Vec<u64> {
    let last = RefCell::new(now());
    let gaps: Rc<RefCell<Vec<u64>>> = Rc::default();
    let (log, mut returned) = (gaps.clone(), returned.into_iter());
    let calls = Box::new(move || {
        let gap = now() - last.replace(now());
        log.borrow_mut().push(gap.as_secs());
        let step = returned.next().map(S::into_dynamic_step);
        std::future::ready(step.unwrap_or(DynamicStep::Done(())))
    });
    looping(calls).start().wait().await.unwrap();
    gaps.take()
}

type Looping = DynamicLoopingCall<Box<dyn FnMut() -> std::future::Ready<DynamicStep<()>>>>;

// looping case 14
#[test]
fn no_pause_and_no_maximum_is_an_error() {
    virtually(async {
        for looping in [
            DynamicLoopingCall::new(|| async {}).start(),
            DynamicLoopingCall::new(|| async {})
                .stop_on_error(false)
                .start(),
        ] {
            for _ in 0..2 {
                let end = looping.wait().await;
                assert!(matches!(end, Err(LoopError::NoInterval)), "{end:?}");
            }
        }
    });
}

// looping case 15
#[test]
fn no_pause_means_the_maximum() {
    virtually(async {
        let max = |f| DynamicLoopingCall::new(f).periodic_interval_max(5 * SECOND);
        assert_eq!(gaps(max, vec![(), ()]).await, [0, 5, 5]);
        assert_eq!(
            gaps(max, vec![None, Some(SECOND), None]).await,
            [0, 5, 1, 5]
        );
        assert_eq!(gaps(max, vec![DynamicStep::AfterMax]).await, [0, 5]);
    });
}

// looping case 16
#[test]
fn a_pause_over_the_maximum_is_the_maximum() {
    virtually(async {
        let max = |f| DynamicLoopingCall::new(f).periodic_interval_max(5 * SECOND);
        let pauses = vec![11 * SECOND, SECOND];
        assert_eq!(gaps(max, pauses.clone()).await, [0, 5, 1]);
        assert_eq!(gaps(DynamicLoopingCall::new, pauses).await, [0, 11, 1]);
    });
}

// looping case 17
#[test]
fn the_initial_delay_comes_before_the_first_call() {
    virtually(async {
        let delayed = |f| DynamicLoopingCall::new(f).initial_delay(3 * SECOND);
        assert_eq!(gaps(delayed, vec![SECOND]).await, [3, 1]);
    });
}

// looping case 18: the original calls again at once, 70,000 times a second
#[test]
fn after_an_error_the_pause_is_the_maximum_and_never_nothing() {
    let reports = reports_of(async {
        for (max, pause) in [(Some(5 * SECOND), 5), (None, 60)] {
            let calls: Rc<RefCell<Vec<_>>> = Rc::default();
            let log = calls.clone();
            let looping = DynamicLoopingCall::new(move || {
                log.borrow_mut().push(now());
                let call = log.borrow().len();
                async move {
                    match call {
                        1 | 2 => Err("no power"),
                        _ => Ok(ControlFlow::<_, Duration>::Break("done")),
                    }
                }
            })
            .stop_on_error(false)
            .name("patient");
            let looping = match max {
                Some(max) => looping.periodic_interval_max(max),
                None => looping,
            };
            assert_eq!(looping.start().wait().await.unwrap(), "done");
            let calls = calls.take();
            let gaps: Vec<_> = calls.windows(2).map(|w| (w[1] - w[0]).as_secs()).collect();
            assert_eq!(gaps, [pause, pause]);
        }
    });
    assert_eq!(reports.len(), 4, "{reports:?}");
    assert!(reports[0].contains("patient") && reports[0].contains("no power"));
}

#[test]
fn an_error_ends_the_loop_unless_told_otherwise() {
    virtually(async {
        let failing = || async { Err::<Duration, _>("no power") };
        let end = DynamicLoopingCall::new(failing).start().wait().await;
        let Err(LoopError::Failed(error)) = end else {
            panic!("{end:?}")
        };
        assert_eq!(error.to_string(), "no power");
    });
}

#[test]
fn the_time_a_call_takes_is_not_part_of_the_pause() {
    virtually(async {
        let starts: Rc<RefCell<Vec<_>>> = Rc::default();
        let log = starts.clone();
        let looping = DynamicLoopingCall::new(move || {
            log.borrow_mut().push(now());
            let is_last = log.borrow().len() == 3;
            async move {
                sleep(700 * MS).await;
                match is_last {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(SECOND),
                }
            }
        });
        looping.start().wait().await.unwrap();
        let starts = starts.take();
        let gaps: Vec<_> = starts.windows(2).map(|w| w[1] - w[0]).collect();
        assert_eq!(gaps, [1700 * MS, 1700 * MS]);
    });
}

#[test]
fn a_function_may_return_whatever_fits() {
    fn check(step: impl IntoDynamicStep, is: &str) {
        let is_it = match step.into_dynamic_step() {
            DynamicStep::After(pause) => format!("after {}", pause.as_secs()),
            DynamicStep::AfterMax => "after the maximum".to_owned(),
            DynamicStep::Done(_) => "done".to_owned(),
            DynamicStep::Failed(error) => error.to_string(),
        };
        assert_eq!(is_it, is);
    }
    type Flow<N> = ControlFlow<u8, N>;
    check((), "after the maximum");
    check(SECOND, "after 1");
    check(Some(SECOND), "after 1");
    check(None, "after the maximum");
    check(Flow::Continue(()), "after the maximum");
    check(Flow::Continue(SECOND), "after 1");
    check(Flow::Continue(None), "after the maximum");
    check(Flow::<()>::Break(1), "done");
    check(Flow::<Duration>::Break(1), "done");
    check(Flow::<Option<Duration>>::Break(1), "done");
    check(Ok::<_, String>(SECOND), "after 1");
    check(Err::<Flow<Duration>, _>("no power"), "no power");
    let failed: DynamicStep<u8> = DynamicStep::Failed(Arc::new(std::io::Error::other("no ink")));
    check(failed, "no ink");
}

// proves B-3
#[test]
fn pauses_of_nothing_and_of_ages() {
    virtually(async {
        let calls: Rc<RefCell<u32>> = Rc::default();
        let log = calls.clone();
        let spinning = DynamicLoopingCall::new(move || {
            *log.borrow_mut() += 1;
            async { Duration::ZERO }
        });
        let spinning = spinning.start();
        for _ in 0..10 {
            yield_now().await;
        }
        spinning.stop();
        assert!((8..=10).contains(&*calls.borrow()), "{calls:?}");

        let calls: Rc<RefCell<u32>> = Rc::default();
        let log = calls.clone();
        let rare = DynamicLoopingCall::new(move || {
            *log.borrow_mut() += 1;
            async { Duration::MAX }
        });
        let rare = rare.periodic_interval_max(Duration::MAX).start();
        sleep(Duration::from_secs(1_000_000_000)).await;
        assert_eq!(*calls.borrow(), 1);
        rare.stop();
        rare.wait().await.unwrap();
    });
}

#[test]
fn a_stop_interrupts_the_pause() {
    virtually(async {
        let looping = DynamicLoopingCall::new(|| async { Duration::from_secs(1000) }).start();
        sleep(SECOND).await;
        let start = now();
        looping.stop();
        looping.wait().await.unwrap();
        assert_eq!(now(), start);
    });
}
