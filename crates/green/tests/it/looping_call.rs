//! `FixedIntervalLoopingCall`: oslo.service's cases 1 to 11, 27 and 28, and what ours adds to them.
//! Other kinds of loops have files of their own: `looping_timeout`, `looping_dynamic`,
//! `looping_back_off`.
//!
//! One file with all of the reference's cases for the loop, in their order, so that each is found by
//! its number; that takes it over 450 lines.

use std::cell::{Cell, RefCell};
use std::io;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use evlet_green::{FixedIntervalLoopingCall, LoopError, LoopingCall, with_timeout};
use evlet_hub::{now, sleep, spawn, spawn_n, yield_now};

use crate::stage::{MS, SECOND, builder, reports_of, virtually};
use crate::trace::Trace;

/// A loop whose calls take these times, one after the other; done after the last. Gives the times
/// at which calls started.
async fn starts(interval: Duration, calls: &[Duration]) -> Vec<Duration> {
    let begin = now();
    let starts: Rc<RefCell<Vec<Duration>>> = Rc::default();
    let (log, calls) = (starts.clone(), calls.to_vec());
    FixedIntervalLoopingCall::new(move || {
        log.borrow_mut().push(now() - begin);
        let call = log.borrow().len() - 1;
        let (takes, is_last) = (calls[call], call + 1 == calls.len());
        async move {
            sleep(takes).await;
            if is_last {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        }
    })
    .start(interval)
    .wait()
    .await
    .unwrap();
    starts.take()
}

fn millis(times: &[Duration]) -> Vec<u128> {
    times.iter().map(Duration::as_millis).collect()
}

// looping case 1
#[test]
fn a_value_at_once_needs_no_pause() {
    virtually(async {
        let start = now();
        let looping = FixedIntervalLoopingCall::new(|| async { ControlFlow::Break("value") });
        let looping = looping.start(SECOND);
        assert_eq!(looping.wait().await.unwrap(), "value");
        assert_eq!(now(), start);
        assert!(!looping.is_running());
        assert_eq!(
            looping.wait().await.unwrap(),
            "value",
            "as often as one likes"
        );
    });
}

// looping case 2
#[test]
fn done_without_a_value_is_fine() {
    virtually(async {
        let looping = FixedIntervalLoopingCall::new(|| async { ControlFlow::Break(()) });
        looping.start(SECOND).wait().await.unwrap();
    });
}

// looping case 3
#[test]
fn an_error_ends_the_loop_and_is_the_same_for_every_waiter() {
    virtually(async {
        let calls = Rc::new(Cell::new(0));
        let count = calls.clone();
        let looping = FixedIntervalLoopingCall::new(move || {
            count.set(count.get() + 1);
            async { Err::<(), _>(io::Error::other("no power")) }
        })
        .start(SECOND);
        let own = looping.clone();
        let other = spawn(async move { own.wait().await });
        for result in [looping.wait().await, other.await.unwrap()] {
            let Err(LoopError::Failed(error)) = result else {
                panic!("{result:?}")
            };
            assert_eq!(error.to_string(), "no power");
            assert!(
                error.downcast_ref::<io::Error>().is_some(),
                "the error itself"
            );
        }
        assert_eq!(calls.get(), 1);
    });
}

// looping case 4
#[test]
fn a_loop_may_go_on_after_errors() {
    let reports = reports_of(async {
        let (calls, start) = (Cell::new(0), now());
        let value = FixedIntervalLoopingCall::new(move || {
            calls.set(calls.get() + 1);
            let call = calls.get();
            async move {
                match call {
                    1 | 2 => Err(format!("failure {call}")),
                    3 => Ok(ControlFlow::Continue(())),
                    _ => Ok(ControlFlow::Break(call)),
                }
            }
        })
        .stop_on_error(false)
        .name("patient")
        .start(SECOND);
        assert_eq!(value.wait().await.unwrap(), 4);
        assert_eq!(now() - start, 3 * SECOND, "at its pace");
    });
    assert_eq!(reports.len(), 2, "{reports:?}");
    assert!(
        reports[0].contains("patient") && reports[0].contains("failure 1"),
        "{reports:?}"
    );
}

// looping case 6
#[test]
fn stopping_twice_is_stopping() {
    virtually(async {
        let looping = FixedIntervalLoopingCall::new(|| async {}).start(SECOND);
        sleep(SECOND).await;
        looping.stop();
        looping.stop();
        looping.wait().await.unwrap();
        looping.stop();
    });
}

// looping case 7, without rounding
#[test]
fn the_pause_is_the_interval_less_what_the_call_took() {
    virtually(async {
        let calls = [990, 2000, 1010, 0].map(Duration::from_millis);
        let starts = starts(Duration::from_millis(1010), &calls).await;
        // The pauses are 20, 0 and 0.
        assert_eq!(millis(&starts), [0, 1010, 3010, 4020]);
    });
}

// looping case 8; proves B-5
#[test]
fn after_an_overrun_there_is_no_burst() {
    let reports = reports_of(async {
        let calls = [0, 300, 0, 0, 0].map(Duration::from_millis);
        let starts = starts(100 * MS, &calls).await;
        assert_eq!(millis(&starts), [0, 100, 400, 500, 600]);
    });
    assert_eq!(reports.len(), 1, "one overrun, one report: {reports:?}");
    assert!(
        reports[0].contains(file!()) && reports[0].contains("300ms"),
        "{reports:?}"
    );
}

// looping case 9
#[test]
fn a_stop_interrupts_the_initial_delay() {
    virtually(async {
        let trace = Trace::default();
        let words = trace.clone();
        let looping = FixedIntervalLoopingCall::new(move || {
            words.add("called");
            async {}
        })
        .initial_delay(30 * SECOND)
        .start(SECOND);
        sleep(50 * MS).await;
        let start = now();
        looping.stop();
        looping.wait().await.unwrap();
        assert_eq!((now(), trace.text()), (start, String::new()));
    });
}

// looping case 10
#[test]
fn a_stop_interrupts_the_pause() {
    virtually(async {
        let looping = FixedIntervalLoopingCall::new(|| async {}).start(5 * SECOND);
        sleep(SECOND).await;
        let start = now();
        looping.stop();
        looping.wait().await.unwrap();
        assert_eq!(now(), start);
    });
}

// Case 5 of the looping calls cannot be written: `start` takes the loop by value, see its documentation.

// looping case 11: a stopped loop is not over before its call is
#[test]
fn a_call_under_way_is_not_interrupted_and_its_result_is_discarded() {
    let trace = Trace::default();
    virtually(async {
        let words = trace.clone();
        let looping = FixedIntervalLoopingCall::new(move || {
            let words = words.clone();
            async move {
                sleep(SECOND).await;
                words.add("finished");
                ControlFlow::Break("discarded")
            }
        })
        .start(SECOND);
        sleep(100 * MS).await;
        looping.stop();
        assert!(looping.is_running());
        let start = now();
        let end = looping.wait().await;
        assert!(matches!(end, Err(LoopError::Stopped)), "{end:?}");
        assert_eq!(now() - start, 900 * MS);
        assert!(!looping.is_running());
    });
    assert_eq!(trace.text(), "finished");
}

// looping case 11
#[test]
fn after_the_wait_the_same_function_may_be_looped_again() {
    virtually(async {
        let calls = Rc::new(Cell::new(0));
        let count = calls.clone();
        let f = move || {
            count.set(count.get() + 1);
            async {}
        };
        for round in 1..=3 {
            let looping = FixedIntervalLoopingCall::new(f.clone()).start(SECOND);
            sleep(SECOND / 2).await;
            looping.stop();
            looping.wait().await.unwrap();
            assert_eq!(calls.get(), round);
        }
    });
}

#[test]
fn a_call_may_stop_its_own_loop() {
    virtually(async {
        let me: Rc<RefCell<Option<LoopingCall<()>>>> = Rc::default();
        let own = me.clone();
        let looping = FixedIntervalLoopingCall::new(move || {
            own.take().unwrap().stop();
            async { yield_now().await }
        })
        .start(SECOND);
        me.replace(Some(looping.clone()));
        looping.wait().await.unwrap();
    });
}

#[test]
fn a_stop_before_the_first_call_prevents_it() {
    let trace = Trace::default();
    virtually(async {
        let words = trace.clone();
        let mark = trace.on_drop("dropped");
        let looping = FixedIntervalLoopingCall::new(move || {
            let _ = &mark;
            words.add("called");
            async { ControlFlow::Break(1) }
        })
        .start(SECOND);
        looping.stop();
        assert!(matches!(looping.wait().await, Err(LoopError::Stopped)));
    });
    assert_eq!(trace.text(), "dropped");
}

// What a waiter of a loop without a value hears of a stop, and of one with a value.
#[test]
fn a_loop_without_a_value_that_is_stopped_has_ended_as_it_should() {
    virtually(async {
        let unit = FixedIntervalLoopingCall::new(|| async { Ok::<(), String>(()) }).start(SECOND);
        let flow = FixedIntervalLoopingCall::new(|| async { ControlFlow::<()>::Continue(()) });
        let flow = flow.start(SECOND);
        let value = FixedIntervalLoopingCall::new(|| async { ControlFlow::<u8>::Continue(()) });
        let value = value.start(SECOND);
        sleep(SECOND / 2).await;
        unit.stop();
        flow.stop();
        value.stop();
        unit.wait().await.unwrap();
        flow.wait().await.unwrap();
        assert!(matches!(value.wait().await, Err(LoopError::Stopped)));
    });
}

fn fails(message: &str) {
    panic!("{message}");
}

// looping case 28: the original hangs when a call leaks what is no ordinary exception
#[test]
fn a_foreign_cancellation_ends_the_loop_like_any_panic() {
    virtually(async {
        let looping = FixedIntervalLoopingCall::new(|| async {
            let other = spawn(std::future::pending::<()>());
            other.kill();
            if let Err(exit) = other.await {
                std::panic::resume_unwind(Box::new(exit));
            }
        });
        let end = looping.start(SECOND).wait().await;
        assert!(matches!(end, Err(LoopError::Panicked(_))), "{end:?}");
    });
}

// looping case 28
#[test]
fn a_panic_ends_the_loop_and_every_waiter_hears_of_it() {
    virtually(async {
        let looping = FixedIntervalLoopingCall::new(|| async { fails("out of paper") });
        let looping = looping.start(SECOND);
        for _ in 0..2 {
            let end = looping.wait().await;
            let Err(LoopError::Panicked(message)) = end else {
                panic!("{end:?}")
            };
            assert_eq!(message, "out of paper");
        }
    });
}

#[test]
fn a_call_that_waits_for_the_end_of_its_own_loop_is_told_so() {
    virtually(async {
        let me: Rc<RefCell<Option<LoopingCall<&str>>>> = Rc::default();
        let own = me.clone();
        let looping = FixedIntervalLoopingCall::new(move || {
            let own = own.take();
            async move {
                let Some(own) = own else {
                    return ControlFlow::Break("went on");
                };
                let end = own.wait().await;
                assert!(matches!(end, Err(LoopError::WaitsForItself)), "{end:?}");
                ControlFlow::Continue(())
            }
        })
        .start(SECOND);
        me.replace(Some(looping.clone()));
        assert_eq!(looping.wait().await.unwrap(), "went on");
    });
}

// looping case 27; proves D-8: no clock but the hub's, which never goes back
#[test]
#[cfg_attr(miri, ignore = "reads the sources")]
fn no_source_names_the_wall_clock() {
    let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![own.join("src"), own.join("../hub/src")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(!text.contains("SystemTime"), "{}", path.display());
        }
    }
    assert!(files > 150, "{files} files were read");
}

#[test]
fn how_a_loop_ends_is_reported_if_nobody_waits() {
    let reports = reports_of(async {
        let failing = FixedIntervalLoopingCall::new(|| async { Err::<(), _>("no power") });
        let failing = failing.name("pump").start(SECOND);
        let panicking = FixedIntervalLoopingCall::new(|| async { fails("no water") });
        let panicking = panicking.name("valve").start(SECOND);
        sleep(SECOND).await;
        assert!(failing.wait().await.is_err() && panicking.wait().await.is_err());
    });
    assert_eq!(reports.len(), 2, "{reports:?}");
    assert!(
        reports[0].contains("pump") && reports[0].contains("no power"),
        "{reports:?}"
    );
    assert!(
        reports[1].contains("valve") && reports[1].contains("no water"),
        "{reports:?}"
    );
}

// proves D-8
#[test]
fn the_period_does_not_drift() {
    virtually(async {
        let calls: Vec<_> = (0..1000).map(|n| MS * (n % 90)).collect();
        let starts = starts(100 * MS, &calls).await;
        for (n, start) in starts.iter().enumerate() {
            assert_eq!(*start, 100 * MS * n as u32);
        }
    });
}

// proves D-8
#[test]
fn calls_never_overlap() {
    virtually(async {
        let running = Rc::new(Cell::new(false));
        let flag = running.clone();
        let looping = FixedIntervalLoopingCall::new(move || {
            let flag = flag.clone();
            async move {
                assert!(!flag.replace(true));
                sleep(300 * MS).await;
                flag.set(false);
            }
        })
        .start(100 * MS);
        assert!(with_timeout(10 * SECOND, looping.wait()).await.is_err());
        looping.stop();
        looping.wait().await.unwrap();
    });
}

#[test]
fn a_loop_that_is_always_too_slow_gives_others_a_turn_and_says_so_each_time() {
    let reports = reports_of(async {
        let calls = Rc::new(Cell::new(0));
        let count = calls.clone();
        let looping = FixedIntervalLoopingCall::new(move || {
            count.set(count.get() + 1);
            // It never waits, and always takes longer than its interval.
            std::hint::black_box(busy_for(Duration::from_micros(20)));
            async {}
        })
        .name("greedy")
        .start(Duration::from_nanos(1));
        let start = calls.get();
        for _ in 0..10 {
            yield_now().await;
        }
        assert!((1..=10).contains(&(calls.get() - start)));
        looping.stop();
    });
    // In virtual time a busy call takes no time; nothing is too slow.
    assert!(reports.is_empty(), "{reports:?}");

    let hub = evlet_hub::Hub::builder();
    let told = Rc::new(RefCell::new(Vec::new()));
    let seen = told.clone();
    let hub = hub.on_report(move |report| seen.borrow_mut().push(report.to_string()));
    hub.build().unwrap().run(async {
        let others = Rc::new(Cell::new(0));
        let turns = others.clone();
        spawn_n(async move {
            loop {
                turns.set(turns.get() + 1);
                yield_now().await;
            }
        });
        let calls = Cell::new(0);
        let looping = FixedIntervalLoopingCall::new(move || {
            calls.set(calls.get() + 1);
            let is_last = calls.get() == 5;
            busy_for(Duration::from_micros(100));
            async move {
                if is_last {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            }
        })
        .name("greedy")
        .start(Duration::from_micros(1));
        looping.wait().await.unwrap();
        assert!(others.get() >= 5, "{} turns for the others", others.get());
    });
    assert_eq!(
        told.borrow().len(),
        4,
        "one for each pause that was none: {told:?}"
    );
    assert!(told.borrow()[0].contains("greedy"));
}

// proves B-5: the plan is not caught up with after others have held the hub
#[test]
fn after_others_held_the_hub_there_is_no_burst() {
    const INTERVAL: Duration = Duration::from_millis(1);
    evlet_hub::run(async {
        let starts: Rc<RefCell<Vec<_>>> = Rc::default();
        let log = starts.clone();
        let looping = FixedIntervalLoopingCall::new(move || {
            log.borrow_mut().push(now());
            async {}
        })
        .start(INTERVAL);
        sleep(3 * INTERVAL).await;
        busy_for(40 * INTERVAL);
        sleep(10 * INTERVAL).await;
        looping.stop();
        let starts = starts.take();
        let gaps = starts.windows(2).map(|pair| pair[1] - pair[0]);
        let (mut hurried, mut longest) = (0, Duration::ZERO);
        for gap in gaps {
            hurried += u32::from(gap < INTERVAL / 4);
            longest = longest.max(gap);
        }
        assert!(longest >= 30 * INTERVAL, "the hub was held");
        assert!(hurried <= 5, "{hurried} calls in a hurry");
    });
}

// Real time: under virtual time nothing can hold the hub.
#[test]
fn a_loop_that_others_make_late_says_so() {
    let told = Rc::new(RefCell::new(Vec::new()));
    let seen = told.clone();
    let hub = evlet_hub::Hub::builder();
    let hub = hub.on_report(move |report| seen.borrow_mut().push(report.to_string()));
    hub.build().unwrap().run(async {
        let looping = FixedIntervalLoopingCall::new(|| async {}).name("heart");
        let looping = looping.start(20 * MS);
        sleep(30 * MS).await;
        busy_for(60 * MS);
        sleep(5 * MS).await;
        looping.stop();
    });
    let told = told.take();
    let late: Vec<_> = told
        .iter()
        .filter(|report| report.contains("late"))
        .collect();
    assert!(!late.is_empty(), "{told:?}");
    assert!(late[0].contains("heart"), "{told:?}");
}

fn busy_for(time: Duration) -> u64 {
    let start = std::time::Instant::now();
    let mut rounds = 0;
    while start.elapsed() < time {
        rounds += 1;
    }
    rounds
}

#[test]
fn an_interval_of_zero_gives_a_turn_between_calls() {
    let reports = reports_of(async {
        let calls = Rc::new(Cell::new(0));
        let count = calls.clone();
        let looping = FixedIntervalLoopingCall::new(move || {
            count.set(count.get() + 1);
            async {}
        })
        .start(Duration::ZERO);
        for _ in 0..10 {
            yield_now().await;
        }
        assert!((8..=10).contains(&calls.get()), "{}", calls.get());
        looping.stop();
    });
    assert!(reports.is_empty(), "{reports:?}");
}

// proves B-3
#[test]
fn an_interval_without_end_means_one_call() {
    virtually(async {
        let calls = Rc::new(Cell::new(0));
        let count = calls.clone();
        let looping = FixedIntervalLoopingCall::new(move || {
            count.set(count.get() + 1);
            async {}
        })
        .start(Duration::MAX);
        sleep(Duration::from_secs(1_000_000_000)).await;
        assert_eq!(calls.get(), 1);
        looping.stop();
        looping.wait().await.unwrap();
    });
}

#[test]
fn the_first_call_is_at_once_or_after_the_initial_delay() {
    virtually(async {
        for delay in [Duration::ZERO, SECOND, 10 * SECOND] {
            let start = now();
            let looping = FixedIntervalLoopingCall::new(|| async { ControlFlow::Break(now()) });
            let looping = looping.initial_delay(delay).start(SECOND);
            assert_eq!(looping.wait().await.unwrap() - start, delay);
        }
    });
}

#[test]
fn the_loop_goes_on_when_its_handle_is_dropped() {
    let calls = Rc::new(Cell::new(0));
    virtually(async {
        let count = calls.clone();
        drop(
            FixedIntervalLoopingCall::new(move || {
                count.set(count.get() + 1);
                let is_last = count.get() == 5;
                async move {
                    if is_last {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    }
                }
            })
            .start(SECOND),
        );
        sleep(100 * SECOND).await;
    });
    assert_eq!(calls.get(), 5);
}

#[test]
fn a_loop_whose_hub_goes_has_ended() {
    for runs in [false, true] {
        let hub = builder().build().unwrap();
        let looping = hub.run(async {
            let looping =
                FixedIntervalLoopingCall::new(|| async { ControlFlow::<u8>::Continue(()) });
            let looping = looping.start(SECOND);
            if runs {
                yield_now().await;
            }
            looping
        });
        assert!(looping.is_running());
        drop(hub);
        assert!(!looping.is_running());
        let end = builder()
            .build()
            .unwrap()
            .run(async { looping.wait().await });
        assert!(matches!(end, Err(LoopError::Stopped)), "{end:?}");
    }
}

#[test]
fn a_loop_is_named_by_its_line_or_by_its_name() {
    virtually(async {
        let line = line!() + 1;
        let looping = FixedIntervalLoopingCall::new(|| async {}).start(SECOND);
        let site = format!("{}:{line}", file!());
        assert!(looping.name().contains(&site), "{}", looping.name());
        looping.stop();
        let looping = FixedIntervalLoopingCall::new(|| async {})
            .name("heart")
            .start(SECOND);
        assert_eq!(looping.name(), "heart");
        let names = evlet_hub::green_threads()
            .into_iter()
            .filter_map(|info| info.name);
        assert!(names.into_iter().any(|name| name == "heart"));
        looping.stop();
        yield_now().await;
    });
}
