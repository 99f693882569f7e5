//! How old a connection is, and when it is too old.

use std::time::{Duration, Instant};

use evlet_hub::now;

/// A connection, when it was made, and since when nobody uses it.
pub(super) struct Aged<C> {
    pub(super) connection: C,
    made: Instant,
    idle_since: Instant,
}

/// For how long connections are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) max_idle: Duration,
    pub(super) max_age: Duration,
}

impl<C> Aged<C> {
    pub(super) fn new(connection: C) -> Self {
        let now = now();
        Aged {
            connection,
            made: now,
            idle_since: now,
        }
    }

    pub(super) fn is_idle_from_now(&mut self) {
        self.idle_since = now();
    }
}

impl Limits {
    /// Whether nothing is kept that comes back.
    fn keep_nothing(&self) -> bool {
        self.max_idle.is_zero() || self.max_age.is_zero()
    }

    /// Whether a connection that has just been used is not to be used again.
    pub(super) fn has_expired<C>(&self, aged: &Aged<C>) -> bool {
        self.keep_nothing() || is_over(aged.made, self.max_age)
    }

    /// Whether a connection that nobody uses is not to be used again.
    pub(super) fn is_stale<C>(&self, aged: &Aged<C>) -> bool {
        self.has_expired(aged) || is_over(aged.idle_since, self.max_idle)
    }

    /// When that will be. `None`: never.
    pub(super) fn stale_at<C>(&self, aged: &Aged<C>) -> Option<Instant> {
        let by_age = aged.made.checked_add(self.max_age);
        let by_idleness = aged.idle_since.checked_add(self.max_idle);
        by_age.into_iter().chain(by_idleness).min()
    }
}

fn is_over(since: Instant, limit: Duration) -> bool {
    now().saturating_duration_since(since) >= limit
}
