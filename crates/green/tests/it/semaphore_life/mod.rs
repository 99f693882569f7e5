//! The semaphores in time against a counter and two lines: green threads that come, wait with and
//! without a limit, hold, forget, give and are killed, at random moments of a virtual clock. The model
//! says for each whether and when it went on (promises B-7, D-2, D-3).

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

mod plain; // what a semaphore means
mod played; // a real one on a virtual clock

/// How long somebody waits.
#[derive(Debug, Clone, Copy)]
enum Patience {
    Endless,
    For(Duration),
    /// Not at all: the form that does not wait.
    None,
}

/// What somebody came for.
#[derive(Debug, Clone, Copy)]
enum Wish {
    /// To take permits and hold them so long; then they are given back, or forgotten.
    Take {
        permits: usize,
        holds: Duration,
        forgets: bool,
    },
    /// To add a permit.
    Give,
}

/// One green thread.
#[derive(Debug, Clone)]
struct User {
    comes: Duration,
    wish: Wish,
    patience: Patience,
    killed: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Bounded,
    Capped { limit: usize },
}

/// What became of a user's wish, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Granted(Duration),
    /// The limit was reached, or the form that does not wait said no.
    Refused(Duration),
    /// Killed, or waits for ever.
    Never,
}

/// What the semaphore says of itself: available, waiting, waiting to give, balance.
type Numbers = (usize, usize, usize, isize);

/// Some moment. Of that many nanoseconds no two are the same.
fn moment(most_ms: u64) -> impl Strategy<Value = Duration> + Clone {
    (0..most_ms * 1_000_000).prop_map(Duration::from_nanos)
}

fn patience() -> impl Strategy<Value = Patience> {
    prop_oneof![
        4 => Just(Patience::Endless),
        4 => moment(40).prop_map(Patience::For),
        1 => Just(Patience::For(Duration::ZERO)),
        1 => Just(Patience::None),
    ]
}

fn users(most_permits: usize, gives: u32) -> impl Strategy<Value = Vec<User>> {
    let take = (1..=most_permits, moment(30), prop::bool::weighted(0.2)).prop_map(
        |(permits, holds, forgets)| Wish::Take {
            permits,
            holds,
            forgets,
        },
    );
    let wish = prop_oneof![6 => take, gives => Just(Wish::Give)];
    let killed = proptest::option::weighted(0.3, moment(150));
    let user =
        (moment(100), wish, patience(), killed).prop_map(|(comes, wish, patience, killed)| User {
            comes,
            wish,
            patience,
            killed,
        });
    proptest::collection::vec(user, 0..24)
}

fn looks() -> impl Strategy<Value = Vec<Duration>> {
    proptest::collection::vec(moment(200), 0..12)
}

fn same(kind: Kind, permits: usize, users: &[User], looks: &[Duration]) -> TestCaseResult {
    let (fates, numbers) = played::play(kind, permits, users, looks);
    let (foretold, expected) = plain::foretell(kind, permits, users, looks);
    prop_assert_eq!(fates, foretold);
    prop_assert_eq!(numbers, expected);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    // proves B-7, D-2, D-3
    #[test]
    fn a_semaphore(permits in 0_usize..4, users in users(3, 1), looks in looks()) {
        same(Kind::Plain, permits, &users, &looks)?;
    }

    // proves D-2, D-3
    #[test]
    fn a_bounded_semaphore(permits in 0_usize..4, users in users(1, 2), looks in looks()) {
        same(Kind::Bounded, permits, &users, &looks)?;
    }

    // proves D-2, D-3
    #[test]
    fn a_capped_semaphore(
        limit in 0_usize..4,
        part in any::<prop::sample::Index>(),
        users in users(1, 6),
        looks in looks(),
    ) {
        same(Kind::Capped { limit }, part.index(limit + 1), &users, &looks)?;
    }
}
