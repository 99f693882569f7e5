//! Counters of permits that green threads take and give back.
//!
//! | | gives a permit back when | a release too many |
//! | --- | --- | --- |
//! | [`Semaphore`] | the [`Permit`] is dropped | adds a permit |
//! | [`BoundedSemaphore`] | the same | is refused: [`TooManyReleases`] |
//! | [`CappedSemaphore`] | the [`CappedPermit`] is dropped | waits until somebody acquires |
//!
//! All serve first come, first served; nobody overtakes.

mod bounded;
mod capped;
mod errors;
mod plain;

pub use bounded::BoundedSemaphore;
pub(crate) use capped::Permits;
pub use capped::{AcquireCapped, CappedPermit, CappedSemaphore, Release};
pub use errors::{OverLimit, TooManyReleases};
pub use plain::{Acquire, Permit, Semaphore};
