//! What nobody should write and somebody will: each is a typed error or does what its page says, and
//! nothing hangs or aborts.
//!
//! `docs/src/bad-input.md` lists every input with every type and the test that shows it; those that stand
//! with the type's own tests are not repeated here.

use std::time::Duration;

mod bodies; // user code that panics
mod counts; // a release too many, and its like
mod selves; // a kill of oneself, waiting on oneself
mod sizes; // zero, and as many as there are numbers
mod times; // nothing, and centuries

const CENTURIES: Duration = Duration::from_secs(300 * 365 * 24 * 3600);

/// Durations that no clock is made for.
const LONG: [Duration; 3] = [CENTURIES, Duration::from_secs(u64::MAX), Duration::MAX];
