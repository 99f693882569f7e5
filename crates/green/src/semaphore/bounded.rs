//! The semaphore that never has more permits than it began with.

use std::fmt;

use crate::semaphore::{Acquire, Permit, Semaphore, TooManyReleases};

/// A [`Semaphore`] in which a release too many is an error and not a permit more.
///
/// A [`Permit`] that is dropped cannot be one too many. [`release`](Self::release) is for those that
/// were [forgotten](Permit::forget), which happens when one green thread takes and another one gives
/// back; as many can be released as were forgotten. A clone is another handle of the same semaphore.
///
/// # Example
/// ```
/// use evlet_green::BoundedSemaphore;
///
/// evlet_hub::run(async {
///     let licences = BoundedSemaphore::new(1);
///     licences.acquire().await.forget(); // it is returned by letter
///     assert!(licences.try_acquire().is_none());
///     licences.release().unwrap();
///     assert!(licences.release().is_err()); // the letter came twice
///     assert_eq!(licences.available(), 1);
/// });
/// ```
///
/// After eventlet's `BoundedSemaphore`, and with one permit its `Lock`. eventlet's notices a release
/// too many only while nobody holds a permit; here a permit that is held is not missing.
#[derive(Clone)]
pub struct BoundedSemaphore {
    inner: Semaphore,
    limit: usize,
}

impl BoundedSemaphore {
    /// A semaphore with `permits` permits, and never more.
    #[must_use]
    pub fn new(permits: usize) -> Self {
        BoundedSemaphore {
            inner: Semaphore::new(permits),
            limit: permits,
        }
    }

    /// Takes a permit; waits while there is none, behind those who came earlier.
    ///
    /// # Cancel safety
    /// Dropping the future loses the place in the line. A permit that had just been given to it
    /// goes to the next.
    #[inline]
    #[track_caller]
    pub fn acquire(&self) -> Acquire<'_> {
        self.inner.acquire()
    }

    /// Takes a permit if there is one and nobody waits.
    #[must_use]
    pub fn try_acquire(&self) -> Option<Permit> {
        self.inner.try_acquire()
    }

    /// Gives back a permit that was [forgotten](Permit::forget); the first who waits gets it. Never
    /// waits, and may be called by anybody.
    ///
    /// # Errors
    /// [`TooManyReleases`]: every permit is there, or somebody holds it. Nothing changes.
    pub fn release(&self) -> Result<(), TooManyReleases> {
        match self.inner.release_forgotten() {
            true => Ok(()),
            false => Err(TooManyReleases { limit: self.limit }),
        }
    }

    /// How many permits can be taken without waiting.
    #[must_use]
    pub fn available(&self) -> usize {
        self.inner.available()
    }

    /// How many permits there are at most: as many as it began with.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// How many wait and have not been given a permit.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.inner.waiting()
    }

    /// Permits that are there minus those who wait: negative when more are wanted.
    #[must_use]
    pub fn balance(&self) -> isize {
        self.inner.balance()
    }
}

impl fmt::Debug for BoundedSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedSemaphore")
            .field("available", &self.available())
            .field("limit", &self.limit)
            .field("waiting", &self.waiting())
            .finish()
    }
}
