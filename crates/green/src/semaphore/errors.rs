//! Why a semaphore refused.

use std::error::Error;
use std::fmt;

/// A release would have made more permits than the semaphore may have.
///
/// ```
/// use evlet_green::{BoundedSemaphore, TooManyReleases};
/// let semaphore = BoundedSemaphore::new(2);
/// assert_eq!(semaphore.release(), Err(TooManyReleases { limit: 2 }));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyReleases {
    /// How many permits there may be.
    pub limit: usize,
}

impl fmt::Display for TooManyReleases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no permit is missing, there may be {}: release once for each permit that was \
             forgotten; one that is held comes back when it is dropped",
            self.limit
        )
    }
}

impl Error for TooManyReleases {}

/// A semaphore cannot begin with more permits than it may have.
///
/// ```
/// use evlet_green::{CappedSemaphore, OverLimit};
/// let refused = CappedSemaphore::new(5, 3).unwrap_err();
/// assert_eq!(refused, OverLimit { permits: 5, limit: 3 });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverLimit {
    /// How many permits were asked for.
    pub permits: usize,
    /// How many there may be.
    pub limit: usize,
}

impl fmt::Display for OverLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a semaphore with a limit of {} cannot begin with {} permits: begin with fewer, or \
             raise the limit",
            self.limit, self.permits
        )
    }
}

impl Error for OverLimit {}
