//! Randomness that replays.
//!
//! Jitter and shuffling draw from one generator that the hub owns, seeded by
//! [`HubBuilder::seed`](crate::HubBuilder::seed): the same seed gives the same numbers. It is
//! quick and predictable, and so nothing that an attacker must not guess may come from it.

use crate::running;

/// A number from the running hub's generator; outside a hub, from the thread's.
///
/// ```
/// let draw = |seed| {
///     let hub = evlet_hub::Hub::builder().seed(seed).build().unwrap();
///     hub.run(async { evlet_hub::random_u64() })
/// };
/// assert_eq!(draw(7), draw(7));
/// ```
#[must_use]
pub fn random_u64() -> u64 {
    running::with(|core| core.rng.borrow_mut().u64(..)).unwrap_or_else(|| fastrand::u64(..))
}

/// A number of at least 0 and below 1 from the running hub's generator; outside a hub, from the
/// thread's.
pub fn random_f64() -> f64 {
    running::with(|core| core.rng.borrow_mut().f64()).unwrap_or_else(fastrand::f64)
}
