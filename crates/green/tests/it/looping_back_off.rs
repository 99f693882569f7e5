//! `BackOffLoopingCall`: oslo.service's cases 19 to 22, and what ours adds.

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use evlet_green::looping_call::{BackOffStep, IntoBackOffStep};
use evlet_green::{BackOffLoopingCall, LoopError};
use evlet_hub::{now, sleep, yield_now};

use crate::stage::{MS, SECOND, builder, reports_of, virtually};

type Calls = Box<dyn FnMut() -> std::future::Ready<BackOffStep<()>>>;

/// The pauses of a loop, in seconds, and how it ended. Its calls return these one after the other,
/// and the last of them for ever.
async fn pauses(
    looping: impl FnOnce(BackOffLoopingCall<Calls>) -> BackOffLoopingCall<Calls>,
    returned: &[fn() -> BackOffStep<()>],
) -> (Vec<f64>, Result<(), LoopError>) {
    let starts: Rc<RefCell<Vec<_>>> = Rc::default();
    let (log, returned) = (starts.clone(), returned.to_vec());
    let calls: Calls = Box::new(move || {
        log.borrow_mut().push(now());
        let call = log.borrow().len().min(returned.len());
        std::future::ready(returned[call - 1]())
    });
    let end = looping(BackOffLoopingCall::new(calls)).start().wait().await;
    let starts = starts.take();
    let pauses = starts.windows(2).map(|w| (w[1] - w[0]).as_secs_f64());
    (pauses.collect(), end)
}

fn nothing() -> BackOffStep<()> {
    BackOffStep::BackOff
}

fn progress() -> BackOffStep<()> {
    BackOffStep::Progress
}

fn done() -> BackOffStep<()> {
    BackOffStep::Done(())
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64]) {
    let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-6;
    let all = found.len() == expected.len() && found.iter().zip(expected).all(close);
    assert!(all, "{found:?} are not {expected:?}");
}

#[track_caller]
fn assert_timed_out(end: Result<(), LoopError>, sum: f64) {
    let Err(error @ LoopError::TimedOut { after, .. }) = end else {
        panic!("{end:?}")
    };
    assert_close(&[after.as_secs_f64()], &[sum]);
    assert!(error.to_string().contains(&format!("{sum:.2}s")), "{error}");
}

/// The pauses at J = 0.8, growing by a half.
const GROWING: [f64; 11] = [
    1.6, 2.4, 3.6, 5.4, 8.1, 12.15, 18.225, 27.3375, 41.00625, 61.509375, 92.2640625,
];

// looping case 19
#[test]
fn pauses_grow_by_a_half_until_their_sum_is_over_the_limit() {
    virtually(async {
        let (found, end) = pauses(|looping| looping.jitter_from(|| 0.8), &[nothing]).await;
        assert_close(&found, &GROWING);
        assert_timed_out(end, 273.5921875 + 138.39609375);
    });
}

// looping case 20
#[test]
fn a_draw_below_nothing_counts_without_its_sign() {
    virtually(async {
        let (found, _) = pauses(|looping| looping.jitter_from(|| -0.8), &[nothing]).await;
        assert_close(&found, &GROWING);
    });
}

// looping case 21
#[test]
fn no_pause_is_longer_than_the_maximum() {
    virtually(async {
        let max = |looping: BackOffLoopingCall<Calls>| {
            looping.jitter_from(|| 0.8).max_interval(60 * SECOND)
        };
        let (found, end) = pauses(max, &[nothing]).await;
        let expected: Vec<f64> = GROWING[..9].iter().copied().chain([60.0; 3]).collect();
        assert_close(&found, &expected);
        let sum: f64 = expected.iter().sum();
        assert_timed_out(end, sum + 60.0);
    });
}

// looping case 22
#[test]
fn successes_do_not_back_off() {
    virtually(async {
        let even = |looping: BackOffLoopingCall<Calls>| looping.jitter_from(|| 1.0);
        let (found, end) = pauses(even, &[progress, progress, progress, done]).await;
        assert_close(&found, &[1.0, 1.0, 1.0]);
        end.unwrap();
    });
}

#[test]
fn a_success_makes_the_pauses_and_the_limit_begin_anew() {
    virtually(async {
        let even = |looping: BackOffLoopingCall<Calls>| {
            let looping = looping.jitter_from(|| 1.0).jitter(1.0);
            looping.timeout(6 * SECOND).starting_interval(SECOND)
        };
        let calls = [nothing, nothing, progress, nothing, nothing, nothing];
        let (found, end) = pauses(even, &calls).await;
        assert_close(&found, &[2.0, 4.0, 1.0, 2.0, 4.0]);
        assert_timed_out(end, 14.0);
    });
}

#[test]
fn done_at_once_needs_no_pause() {
    virtually(async {
        let (found, end) = pauses(|looping| looping, &[done]).await;
        assert_close(&found, &[]);
        end.unwrap();
    });
}

#[test]
fn without_a_limit_it_goes_on_at_the_maximum() {
    virtually(async {
        let mut calls = [nothing as fn() -> _; 3000];
        calls[2999] = done;
        for timeout in [Duration::ZERO, Duration::MAX] {
            let patient = |looping: BackOffLoopingCall<Calls>| looping.timeout(timeout);
            let (found, end) = pauses(patient, &calls).await;
            end.unwrap();
            assert_eq!(found.len(), 2999);
            assert_close(&found[100..], &[300.0; 2899]);
        }
    });
}

#[test]
fn the_draws_are_around_the_mean_and_a_seed_repeats_them() {
    let played = |seed| {
        builder().seed(seed).build().unwrap().run(async {
            let calls = [progress as fn() -> _; 1000];
            let calls = [&calls[..], &[done]].concat();
            pauses(|looping| looping, &calls).await.0
        })
    };
    let (found, again, other) = (played(1), played(1), played(2));
    assert_eq!(found, again);
    assert_ne!(found, other);
    let mean = found.iter().sum::<f64>() / 1000.0;
    let variance = found.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 1000.0;
    assert!((mean - 0.75).abs() < 0.02, "{mean}");
    assert!((variance.sqrt() - 0.1).abs() < 0.01, "{variance}");
}

#[test]
fn an_error_ends_the_loop_or_is_a_call_that_achieved_nothing() {
    let reports = reports_of(async {
        let calls = Rc::new(Cell::new(0));
        let count = calls.clone();
        let failing = move || {
            count.set(count.get() + 1);
            let call = count.get();
            async move {
                match call {
                    4 => Ok(ControlFlow::<_, bool>::Break("done")),
                    _ => Err("no power"),
                }
            }
        };
        let looping = BackOffLoopingCall::new(failing.clone()).start();
        let end = looping.wait().await;
        assert!(matches!(end, Err(LoopError::Failed(_))), "{end:?}");
        let start = now();
        let looping = BackOffLoopingCall::new(failing)
            .stop_on_error(false)
            .jitter_from(|| 1.0)
            .start();
        assert_eq!(looping.wait().await.unwrap(), "done");
        assert_eq!(now() - start, 2 * SECOND + 3 * SECOND);
    });
    assert_eq!(reports.len(), 2, "those it went on after: {reports:?}");
}

// proves B-3
#[test]
fn numbers_that_are_none_and_times_without_end() {
    virtually(async {
        for wild in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1e300] {
            for interval in [Duration::ZERO, SECOND, Duration::MAX] {
                let odd = |looping: BackOffLoopingCall<Calls>| {
                    let looping = looping.jitter(wild).starting_interval(interval);
                    looping.timeout(Duration::ZERO).max_interval(SECOND)
                };
                let (found, end) = pauses(odd, &[nothing, nothing, nothing, done]).await;
                end.unwrap();
                assert!(found.iter().all(|pause| (0.001..=1.0).contains(pause)));
                let drawn = |looping| odd(looping).jitter_from(move || wild);
                let (found, end) = pauses(drawn, &[nothing, nothing, nothing, done]).await;
                end.unwrap();
                assert!(found.iter().all(|pause| (0.001..=1.0).contains(pause)));
            }
        }
        let endless = |looping: BackOffLoopingCall<Calls>| {
            let max = Duration::MAX;
            let looping = looping.starting_interval(max).min_interval(max);
            looping.max_interval(max).timeout(max)
        };
        let calls: Calls = Box::new(|| std::future::ready(nothing()));
        let looping = endless(BackOffLoopingCall::new(calls)).start();
        sleep(Duration::from_secs(1_000_000_000)).await;
        assert!(looping.is_running());
        looping.stop();
        looping.wait().await.unwrap();
    });
}

#[test]
fn a_maximum_under_the_minimum_wins_and_even_nothing_gives_others_a_turn() {
    virtually(async {
        let contrary = |looping: BackOffLoopingCall<Calls>| {
            let looping = looping.min_interval(10 * SECOND).max_interval(SECOND);
            looping.jitter_from(|| 1.0)
        };
        let (found, _) = pauses(contrary, &[nothing, nothing, done]).await;
        assert_close(&found, &[1.0, 1.0]);

        let calls = Rc::new(Cell::new(0));
        let count = calls.clone();
        let spinning = BackOffLoopingCall::new(move || {
            count.set(count.get() + 1);
            async { false }
        });
        let spinning = spinning.max_interval(Duration::ZERO).start();
        for _ in 0..10 {
            yield_now().await;
        }
        spinning.stop();
        assert!((8..=10).contains(&calls.get()), "{}", calls.get());
    });
}

#[test]
fn the_initial_delay_and_a_stop_in_it() {
    virtually(async {
        let start = now();
        let looping = BackOffLoopingCall::new(|| async { ControlFlow::<_, bool>::Break(now()) })
            .initial_delay(3 * SECOND)
            .start();
        assert_eq!(looping.wait().await.unwrap() - start, 3 * SECOND);
        let looping = BackOffLoopingCall::new(|| async { true })
            .initial_delay(3 * SECOND)
            .start();
        sleep(MS).await;
        looping.stop();
        let start = now();
        looping.wait().await.unwrap();
        assert_eq!(now(), start);
    });
}

#[test]
fn a_function_may_return_whatever_fits() {
    fn check(step: impl IntoBackOffStep, is: &str) {
        let is_it = match step.into_back_off_step() {
            BackOffStep::Progress => "progress".to_owned(),
            BackOffStep::BackOff => "nothing".to_owned(),
            BackOffStep::Done(_) => "done".to_owned(),
            BackOffStep::Failed(error) => error.to_string(),
        };
        assert_eq!(is_it, is);
    }
    type Flow<N> = ControlFlow<u8, N>;
    check((), "nothing");
    check(true, "progress");
    check(false, "nothing");
    check(Flow::Continue(()), "nothing");
    check(Flow::Continue(true), "progress");
    check(Flow::Continue(false), "nothing");
    check(Flow::<()>::Break(1), "done");
    check(Flow::<bool>::Break(1), "done");
    check(Ok::<_, String>(true), "progress");
    check(Err::<Flow<bool>, _>("no power"), "no power");
    let failed: BackOffStep<u8> = BackOffStep::Failed(Arc::new(std::io::Error::other("no ink")));
    check(failed, "no ink");
}
