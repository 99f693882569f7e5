//! `FixedIntervalWithTimeoutLoopingCall`: oslo.service's cases 12 and 13, and what ours adds.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use evlet_green::{FixedIntervalWithTimeoutLoopingCall, LoopError, with_timeout};
use evlet_hub::{now, sleep};

use crate::stage::{MS, SECOND, reports_of, virtually};

/// How many calls there were, and the counter for the loop.
fn counter() -> (Rc<Cell<u32>>, Rc<Cell<u32>>) {
    let calls = Rc::new(Cell::new(0));
    (calls.clone(), calls)
}

// looping case 12: ours reads the monotonic clock
#[test]
fn a_loop_that_is_not_done_in_time_ends_with_an_error() {
    virtually(async {
        let (calls, count) = counter();
        let start = now();
        let looping = FixedIntervalWithTimeoutLoopingCall::new(move || {
            count.set(count.get() + 1);
            async {}
        })
        .timeout(300 * MS)
        .start(100 * MS);
        let Err(LoopError::TimedOut { after, limit, .. }) = looping.wait().await else {
            panic!("it had no time left")
        };
        // At 300 ms it is not over its limit yet.
        assert_eq!((after, limit), (400 * MS, 300 * MS));
        assert_eq!((now() - start, calls.get()), (400 * MS, 5));
        let again = looping.wait().await;
        assert!(
            matches!(again, Err(LoopError::TimedOut { .. })),
            "{again:?}"
        );
    });
}

// looping case 13
#[test]
fn it_times_out_as_well_when_it_goes_on_after_errors() {
    let reports = reports_of(async {
        let failing = || async { Err::<(), _>("no power") };
        let looping = FixedIntervalWithTimeoutLoopingCall::new(failing)
            .stop_on_error(false)
            .timeout(SECOND)
            .start(400 * MS);
        let end = looping.wait().await;
        assert!(matches!(end, Err(LoopError::TimedOut { .. })), "{end:?}");
    });
    assert_eq!(reports.len(), 4, "one for each error: {reports:?}");
}

#[test]
fn the_initial_delay_counts() {
    virtually(async {
        let (calls, count) = counter();
        let looping = FixedIntervalWithTimeoutLoopingCall::new(move || {
            count.set(count.get() + 1);
            async {}
        })
        .initial_delay(2 * SECOND)
        .timeout(SECOND)
        .start(100 * MS);
        assert!(looping.wait().await.is_err());
        assert_eq!(calls.get(), 1, "it is looked at after a call");
    });
}

// Real time: under virtual time nothing can hold the hub.
#[test]
fn the_time_before_its_first_turn_counts() {
    evlet_hub::run(async {
        let looping = FixedIntervalWithTimeoutLoopingCall::new(|| async {})
            .timeout(20 * MS)
            .start(3600 * SECOND);
        let start = std::time::Instant::now();
        while start.elapsed() < 30 * MS {}
        let end = with_timeout(SECOND, looping.wait()).await;
        assert!(
            matches!(end, Ok(Err(LoopError::TimedOut { .. }))),
            "{end:?}"
        );
    });
}

#[test]
fn a_value_beats_the_limit() {
    virtually(async {
        let looping = FixedIntervalWithTimeoutLoopingCall::new(|| async {
            sleep(10 * SECOND).await;
            ControlFlow::Break("late but there")
        })
        .timeout(SECOND)
        .start(SECOND);
        assert_eq!(looping.wait().await.unwrap(), "late but there");
    });
}

#[test]
fn without_a_limit_or_with_an_endless_one_it_goes_on() {
    for limit in [None, Some(Duration::ZERO), Some(Duration::MAX)] {
        virtually(async {
            let (calls, count) = counter();
            let looping = FixedIntervalWithTimeoutLoopingCall::new(move || {
                count.set(count.get() + 1);
                async {}
            });
            let looping = match limit {
                None => looping,
                Some(limit) => looping.timeout(limit),
            };
            let looping = looping.start(SECOND);
            sleep(1000 * SECOND + MS).await;
            assert_eq!(calls.get(), 1001);
            looping.stop();
            looping.wait().await.unwrap();
        });
    }
}

#[test]
fn nobody_waits_and_so_the_end_is_reported() {
    let reports = reports_of(async {
        let looping = FixedIntervalWithTimeoutLoopingCall::new(|| async {})
            .timeout(SECOND)
            .name("boot")
            .start(SECOND);
        sleep(10 * SECOND).await;
        assert!(!looping.is_running());
    });
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(
        reports[0].contains("boot") && reports[0].contains("timed out"),
        "{reports:?}"
    );
}
