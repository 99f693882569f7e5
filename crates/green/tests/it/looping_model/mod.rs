//! The looping calls against arithmetic: random loops on a virtual clock. The model says when every
//! call must start, when and how the loop ends, and what the operator hears.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

mod life; // what is compared
mod plain; // what a loop means
mod played; // a real loop on a virtual clock

use life::Life;

/// What a call says when it is over.
#[derive(Debug, Clone, Copy)]
enum Says {
    /// Again: after so many milliseconds, or "achieved something" if they are odd; who has a pace of
    /// its own does not listen.
    Again(u64),
    /// Again: whenever the loop thinks right.
    AgainAnyhow,
    Done,
    Fails,
    Panics,
    /// Stops its own loop, and wants to be called again.
    Stops,
}

#[derive(Debug, Clone, Copy)]
struct Call {
    takes: u64,
    says: Says,
}

/// What the loop's function does, and what is done to the loop. Times are milliseconds.
#[derive(Debug, Clone)]
struct Script {
    /// After the last of them a call says that it is done.
    calls: Vec<Call>,
    initial_delay: u64,
    stop_on_error: bool,
    /// Two stops: the second must not matter.
    stops: Option<(u64, u64)>,
    /// How many wait from the beginning. With none, somebody asks when all is over.
    waiters: usize,
}

/// The four kinds of loop. Times are milliseconds.
#[derive(Debug, Clone)]
enum Kind {
    Fixed {
        interval: u64,
    },
    Timed {
        interval: u64,
        timeout: u64,
    },
    Dynamic {
        max: Option<u64>,
    },
    BackOff {
        starting: u64,
        min: u64,
        max: u64,
        timeout: u64,
        jitter: f64,
        /// The factors, over and over.
        draws: Vec<f64>,
    },
}

/// Nothing else happens at such a moment: no draw and no pause is made of these microseconds.
const APART: Duration = Duration::from_micros(377);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Mostly something, sometimes nothing: half of all mistakes are made with nothing.
fn time(most: u64) -> impl Strategy<Value = u64> + Clone {
    prop_oneof![1 => Just(0), 5 => 1..most]
}

fn says() -> impl Strategy<Value = Says> {
    prop_oneof![
        60 => time(300).prop_map(Says::Again),
        15 => Just(Says::AgainAnyhow),
        12 => Just(Says::Fails),
        1 => Just(Says::Done),
        1 => Just(Says::Panics),
        1 => Just(Says::Stops),
    ]
}

fn scripts() -> impl Strategy<Value = Script> {
    let call = (time(300), says()).prop_map(|(takes, says)| Call { takes, says });
    let stops = prop_oneof![
        2 => Just(None),
        1 => (0_u64..500, 0_u64..500).prop_map(Some),
        3 => (0_u64..6000, 0_u64..500).prop_map(Some),
    ];
    (
        proptest::collection::vec(call, 0..40),
        time(300),
        prop_oneof![1 => Just(true), 3 => Just(false)],
        stops,
        0_usize..4,
    )
        .prop_map(
            |(calls, initial_delay, stop_on_error, stops, waiters)| Script {
                calls,
                initial_delay,
                stop_on_error,
                stops,
                waiters,
            },
        )
}

fn fixed() -> impl Strategy<Value = Kind> {
    time(300).prop_map(|interval| Kind::Fixed { interval })
}

fn timed() -> impl Strategy<Value = Kind> {
    (time(300), time(4000)).prop_map(|(interval, timeout)| Kind::Timed { interval, timeout })
}

fn dynamic() -> impl Strategy<Value = Kind> {
    proptest::option::of(time(300)).prop_map(|max| Kind::Dynamic { max })
}

fn back_off() -> impl Strategy<Value = Kind> {
    // Factors of a quarter and its multiples, with either sign.
    let draw = (-8_i32..9).prop_map(|quarters| f64::from(quarters) / 4.0);
    let jitter = prop_oneof![Just(0.5), Just(0.75), Just(1.0), Just(-0.75)];
    let draws = proptest::collection::vec(draw, 1..5);
    (time(100), time(50), time(5000), time(20_000), jitter, draws).prop_map(
        |(starting, min, max, timeout, jitter, draws)| Kind::BackOff {
            starting,
            min,
            max,
            timeout,
            jitter,
            draws,
        },
    )
}

/// Plays loops beside each other on one hub: each must have the life that the model gives it alone.
fn lives_are_as_foretold(loops: &[(Kind, Script)]) -> TestCaseResult {
    let (played, polls) = played::side_by_side(loops);
    let expected: Vec<Life> = loops
        .iter()
        .map(|(kind, script)| plain::life(kind, script))
        .collect();
    for (life, expected) in played.iter().zip(&expected) {
        prop_assert!(
            life.is_close_to(expected),
            "{:#?} is not {:#?}",
            life,
            expected
        );
    }
    // Nobody spins: a call has its start, its end and the end of the pause; the rest is the stage's.
    let calls: usize = expected.iter().map(|life| life.starts.len()).sum();
    let stage: usize = loops
        .iter()
        .map(|(_, script)| 10 + 3 * script.waiters)
        .sum();
    let most = 3 * calls + stage;
    prop_assert!(polls <= most as u64, "{} polls for {} calls", polls, calls);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(384))]

    // Start to start, no catching up; an overrun is told once for each, and so is an error.
    // proves D-8
    #[test]
    fn a_fixed_interval(kind in fixed(), script in scripts()) {
        lives_are_as_foretold(&[(kind, script)])?;
    }

    // The same, over when the time is up at the end of a call.
    #[test]
    fn a_fixed_interval_with_a_timeout(kind in timed(), script in scripts()) {
        lives_are_as_foretold(&[(kind, script)])?;
    }

    // End to start, at most the maximum, and never nothing after an error.
    #[test]
    fn a_dynamic_interval(kind in dynamic(), script in scripts()) {
        lives_are_as_foretold(&[(kind, script)])?;
    }

    // oslo.service's growth, between the limits, over when the pauses of a row of failures are.
    #[test]
    fn a_back_off(kind in back_off(), script in scripts()) {
        lives_are_as_foretold(&[(kind, script)])?;
    }

    // No loop notices another, whatever becomes of it.
    #[test]
    fn loops_of_all_kinds_beside_each_other(
        loops in proptest::collection::vec(
            (prop_oneof![fixed(), timed(), dynamic(), back_off()], scripts()),
            2..6,
        ),
    ) {
        lives_are_as_foretold(&loops)?;
    }
}
