//! `retry`: oslo.service's cases 23 to 26, and what ours adds.

use std::cell::{Cell, RefCell};
use std::future::{Future, IntoFuture};
use std::rc::Rc;
use std::time::Duration;

use evlet_green::{Retry, retry, with_timeout};
use evlet_hub::{now, sleep, spawn, yield_now};

use crate::fickle::{every_way, fickle};
use crate::stage::{MS, SECOND, builder, reports_of, virtually};
use crate::trace::Trace;

/// Something that fails so many times before it succeeds, with the number of the attempt.
fn fails(
    times: u32,
    tries: &Rc<Cell<u32>>,
) -> impl FnMut() -> std::future::Ready<Result<u32, String>> {
    let tries = tries.clone();
    move || {
        tries.set(tries.get() + 1);
        let n = tries.get();
        std::future::ready(if n > times {
            Ok(n)
        } else {
            Err(format!("failure {n}"))
        })
    }
}

/// Which pauses a retry of something that always fails makes, in milliseconds, and how often it
/// tries.
async fn pauses<P>(
    options: impl FnOnce(Retry<Always, fn(&String) -> bool>) -> Retry<Always, P>,
) -> Vec<u128>
where
    P: FnMut(&String) -> bool,
{
    let starts: Rc<RefCell<Vec<_>>> = Rc::default();
    let log = starts.clone();
    let always: Always = Box::new(move || {
        log.borrow_mut().push(now());
        std::future::ready(Err("no power".to_owned()))
    });
    assert_eq!(options(retry(always)).await.unwrap_err(), "no power");
    let starts = starts.take();
    starts
        .windows(2)
        .map(|w| (w[1] - w[0]).as_millis())
        .collect()
}

type Always = Box<dyn FnMut() -> std::future::Ready<Result<(), String>>>;

// looping case 23
#[test]
fn two_failures_and_a_value_are_a_value() {
    virtually(async {
        let (tries, start) = (Rc::default(), now());
        let value = retry(fails(2, &tries)).inc_sleep_time(10 * MS).await;
        assert_eq!((value, tries.get()), (Ok(3), 3));
        assert_eq!(now() - start, (10 + 20) * MS);
    });
}

// looping case 24
#[test]
fn the_failure_of_the_last_try_is_the_callers() {
    virtually(async {
        let tries = Rc::default();
        let value = retry(fails(9, &tries)).max_retry_count(2).await;
        assert_eq!((value, tries.get()), (Err("failure 3".to_owned()), 3));
    });
}

// The original's count is never begun anew: its second call makes one attempt.
#[test]
fn every_call_has_all_its_tries() {
    virtually(async {
        for _ in 0..3 {
            let tries = Rc::default();
            retry(fails(9, &tries))
                .max_retry_count(2)
                .await
                .unwrap_err();
            assert_eq!(tries.get(), 3);
        }
    });
}

// looping case 25
#[test]
fn a_failure_of_another_kind_is_the_callers_at_once() {
    let reports = reports_of(async {
        let (tries, start) = (Rc::default(), now());
        let retrying = retry(fails(9, &tries)).retry_if(|error| error.contains("another"));
        assert_eq!(retrying.await, Err("failure 1".to_owned()));
        assert_eq!((tries.get(), now()), (1, start));
        let tries = Rc::default();
        let retrying = retry(fails(9, &tries)).retry_if(|error| !error.ends_with('3'));
        assert_eq!(retrying.await, Err("failure 3".to_owned()));
        assert_eq!(tries.get(), 3);
    });
    assert_eq!(reports.len(), 2, "{reports:?}");
}

// looping case 26
#[test]
fn pauses_grow_by_the_increment() {
    virtually(async {
        let found = pauses(|it| it.max_retry_count(3).inc_sleep_time(2 * SECOND)).await;
        assert_eq!(found, [2000, 4000, 6000]);
    });
}

#[test]
fn pauses_grow_up_to_the_maximum() {
    virtually(async {
        let default = pauses(|it| it.max_retry_count(8)).await;
        let tens = [10, 20, 30, 40, 50, 60, 60, 60];
        assert_eq!(default, tens.map(|seconds: u128| 1000 * seconds));
        let found = pauses(|it| {
            it.max_retry_count(4)
                .inc_sleep_time(2 * SECOND)
                .max_sleep_time(5 * SECOND)
        });
        assert_eq!(found.await, [2000, 4000, 5000, 5000]);
    });
}

#[test]
fn no_retries_is_one_attempt() {
    virtually(async {
        assert!(pauses(|it| it.max_retry_count(0)).await.is_empty());
    });
}

#[test]
fn without_a_count_it_goes_on_for_ever() {
    virtually(async {
        for no_count in [false, true] {
            let tries = Rc::default();
            let retrying = retry(fails(1000, &tries));
            let retrying = match no_count {
                true => retrying.max_retry_count(None),
                false => retrying,
            };
            assert_eq!(retrying.await, Ok(1001));
        }
    });
}

#[test]
fn each_retry_is_reported_with_its_name_its_failure_and_its_pause() {
    let reports = reports_of(async {
        let tries = Rc::default();
        let named = retry(fails(9, &tries)).name("attach").max_retry_count(2);
        named.await.unwrap_err();
        let tries = Rc::default();
        let unnamed = retry(fails(1, &tries));
        unnamed.await.unwrap();
    });
    assert_eq!(reports.len(), 3, "{reports:?}");
    for (report, says) in reports.iter().zip(["failure 1", "failure 2", "failure 1"]) {
        assert!(report.contains(says), "{reports:?}");
    }
    assert!(reports[0].contains("attach") && reports[0].contains("10s"));
    assert!(reports[1].contains("20s"), "{reports:?}");
    assert!(reports[2].contains(file!()), "{reports:?}");
}

#[test]
fn jitter_only_shortens_and_a_seed_repeats_it() {
    let played = |seed| {
        builder().seed(seed).build().unwrap().run(async {
            pauses(|it| {
                it.max_retry_count(200)
                    .inc_sleep_time(SECOND)
                    .max_sleep_time(SECOND)
                    .jitter(0.5)
            })
            .await
        })
    };
    let (found, again, other) = (played(1), played(1), played(2));
    assert_eq!(found, again);
    assert_ne!(found, other);
    assert!(found.iter().all(|pause| (500..=1000).contains(pause)));
    assert!(found.iter().any(|pause| *pause < 600));
    assert!(found.iter().any(|pause| *pause > 900));
}

// proves B-3
#[test]
fn pauses_of_nothing_and_of_ages_and_shares_that_are_none() {
    virtually(async {
        let turns = Rc::new(Cell::new(0));
        let count = turns.clone();
        let other = spawn(async move {
            loop {
                count.set(count.get() + 1);
                yield_now().await;
            }
        });
        let start = now();
        pauses(|it| it.max_retry_count(50).inc_sleep_time(Duration::ZERO)).await;
        assert_eq!(now(), start);
        assert!(turns.get() >= 49, "{} turns for the others", turns.get());
        other.kill().await;

        for jitter in [0.0, 0.5] {
            let ages = pauses(|it| {
                it.inc_sleep_time(Duration::MAX)
                    .max_sleep_time(Duration::MAX)
                    .jitter(jitter)
            });
            let years = Duration::from_secs(1_000_000_000);
            assert!(with_timeout(years, ages).await.is_err());
        }
        for share in [f64::NAN, -1.0, f64::NEG_INFINITY] {
            let found = pauses(|it| it.max_retry_count(1).jitter(share)).await;
            assert_eq!(found, [10_000]);
        }
        for share in [2.0, f64::INFINITY] {
            let found = pauses(|it| it.max_retry_count(1).jitter(share)).await;
            assert!(found[0] <= 10_000, "{found:?}");
        }
    });
}

#[test]
fn a_panic_of_an_attempt_is_not_retried() {
    virtually(async {
        let tries = Rc::new(Cell::new(0));
        let count = tries.clone();
        let panicking = spawn(async move {
            retry(|| {
                count.set(count.get() + 1);
                async { fails_hard("out of paper") }
            })
            .await
        });
        let exit = panicking.await.unwrap_err();
        assert_eq!(exit.panic_message().as_deref(), Some("out of paper"));
        assert_eq!(tries.get(), 1);
    });
}

fn fails_hard(message: &str) -> Result<(), String> {
    panic!("{message}")
}

#[test]
fn what_is_tried_may_borrow_and_wait() {
    virtually(async {
        let (limit, tries) = (3, Cell::new(0));
        let attempt = || async {
            sleep(SECOND).await;
            tries.set(tries.get() + 1);
            if tries.get() == limit {
                Ok(&tries)
            } else {
                Err("too early")
            }
        };
        let start = now();
        let value = retry(attempt).inc_sleep_time(SECOND).await.unwrap();
        assert_eq!((value.get(), now() - start), (3, 6 * SECOND));
    });
}

// proves D-1
#[test]
fn a_retry_given_up_drops_its_attempt_and_frees_its_timer() {
    for way in every_way(6) {
        let trace = Trace::default();
        let words = trace.clone();
        virtually(async move {
            let attempts = retry(move || {
                let mark = words.on_drop("end");
                words.add("start");
                async move {
                    let _mark = mark;
                    sleep(MS).await;
                    Err::<(), _>("again")
                }
            });
            let retrying = attempts.max_retry_count(2).inc_sleep_time(MS).into_future();
            fickle(retrying, way.0, way.1).await;
            let timers = evlet_hub::stats().timers;
            assert_eq!(timers, 0, "{way:?}");
        });
        let text = trace.text();
        let starts = text.matches("start").count();
        assert_eq!(text.matches("end").count(), starts, "{way:?}: {text}");
        let polls = way.0 as usize;
        assert_eq!(starts, polls.div_ceil(2).min(3), "{way:?}: {text}");
    }
}

#[test]
fn a_retry_is_ready_when_its_first_attempt_is() {
    let mut ready = std::pin::pin!(retry(|| async { Ok::<_, String>(1) }).into_future());
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(
        ready.as_mut().poll(&mut cx).is_ready(),
        "even without a hub"
    );
}
