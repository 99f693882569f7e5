//! The semaphore whose release waits.
//!
//! Permits and the room for them are two sides of one thing, as items and room are in a bounded
//! queue. So this is one: a queue of permits, which differ in nothing and are kept as a number. Its
//! fairness, its rendezvous and its conduct when waits are dropped are those of [`crate::queue`].

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use evlet_hub::wait::WaitKind;

use crate::queue::{BaseQueue, Get, Light, Order, Put};
use crate::semaphore::{OverLimit, TooManyReleases};

/// A number of permits between zero and a limit: who acquires waits at zero, who releases waits at
/// the limit.
///
/// It paces two sides against each other: those who release get ahead of those who acquire by at most
/// `limit`. With a limit of zero neither gets ahead, and an acquire and a release meet. Both sides
/// are served first come, first served. A clone is another handle of the same semaphore.
///
/// [`acquire`](Self::acquire) makes room at once, for whoever wants to release. The
/// [`CappedPermit`] it gives can be [forgotten](CappedPermit::forget), as those who consume permits
/// do, or dropped, which gives it back if there is still room.
///
/// # Example
/// ```
/// use evlet_green::CappedSemaphore;
/// use evlet_hub::{run, spawn};
///
/// run(async {
///     let ahead = CappedSemaphore::new(0, 2)?;
///     let own = ahead.clone();
///     let baker = spawn(async move {
///         for _ in 0..10 {
///             own.release().await; // at most two loaves lie on the shelf
///         }
///     });
///     for _ in 0..10 {
///         ahead.acquire().await.forget(); // eaten
///     }
///     baker.await.unwrap();
///     assert_eq!(ahead.available(), 0);
///     # Ok::<(), evlet_green::OverLimit>(())
/// })?;
/// # Ok::<(), evlet_green::OverLimit>(())
/// ```
///
/// After eventlet's `CappedSemaphore`, with these differences: the permit is a guard; forms that do
/// not wait do not overtake those who do.
#[derive(Clone)]
pub struct CappedSemaphore {
    permits: BaseQueue<Permits, Light>,
    limit: usize,
}

impl CappedSemaphore {
    /// A semaphore with `permits` permits at first, and at most `limit`.
    ///
    /// # Errors
    /// [`OverLimit`]: `permits` are more than `limit`.
    pub fn new(permits: usize, limit: usize) -> Result<Self, OverLimit> {
        if permits > limit {
            return Err(OverLimit { permits, limit });
        }
        Ok(CappedSemaphore {
            permits: BaseQueue::of(Permits(permits), Some(limit)),
            limit,
        })
    }

    /// Takes a permit; waits while there is none, behind those who came earlier. The first who waits
    /// to release goes on.
    ///
    /// # Cancel safety
    /// Dropping the future loses the place in the line. A permit that had just been given to it
    /// goes to the next.
    #[track_caller]
    pub fn acquire(&self) -> AcquireCapped<'_> {
        AcquireCapped {
            semaphore: self,
            get: self.permits.get(),
        }
    }

    /// Takes a permit if there is one, or somebody waits to release one, and nobody waits for it.
    #[must_use]
    pub fn try_acquire(&self) -> Option<CappedPermit> {
        self.permits.get_nowait().ok()?;
        Some(self.permit())
    }

    /// Adds a permit; waits while there are as many as there may be, behind those who came earlier.
    /// With a limit of zero it waits for who takes it.
    ///
    /// # Cancel safety
    /// Dropping the future loses the place in the line, and adds no permit; one that had been taken
    /// from it in the same turn stays taken.
    #[track_caller]
    pub fn release(&self) -> Release<'_> {
        Release(self.permits.put(()))
    }

    /// Adds a permit if that needs no waiting.
    ///
    /// # Errors
    /// [`TooManyReleases`]: there are as many as there may be.
    pub fn try_release(&self) -> Result<(), TooManyReleases> {
        self.permits
            .put_nowait(())
            .map_err(|_| TooManyReleases { limit: self.limit })
    }

    /// How many permits can be taken without waiting, those aside that somebody waits to release.
    #[must_use]
    pub fn available(&self) -> usize {
        // Of those inside, some are promised to who was called and has not come yet.
        self.permits.qsize().saturating_sub(self.permits.getting())
    }

    /// How many permits there are at most.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// How many wait to acquire.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.permits.getting()
    }

    /// How many wait to release.
    #[must_use]
    pub fn releasing(&self) -> usize {
        self.permits.putting()
    }

    /// Permits minus room for permits, where who waits to acquire counts as one permit fewer and
    /// room for one more, and who waits to release as the opposite.
    ///
    /// While nobody waits it lies between `-limit`, when there is no permit, and `limit`, when there
    /// is no room.
    #[must_use]
    pub fn balance(&self) -> isize {
        let [permits, releasing, waiting, limit] = [
            self.permits.qsize(),
            self.releasing(),
            self.waiting(),
            self.limit,
        ]
        .map(|count| isize::try_from(count).unwrap_or(isize::MAX));
        let permits = permits.saturating_add(releasing).saturating_sub(waiting);
        permits.saturating_sub(limit.saturating_sub(permits))
    }

    fn permit(&self) -> CappedPermit {
        CappedPermit {
            semaphore: Some(self.clone()),
        }
    }
}

impl fmt::Debug for CappedSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CappedSemaphore")
            .field("available", &self.available())
            .field("limit", &self.limit)
            .field("waiting", &self.waiting())
            .field("releasing", &self.releasing())
            .finish()
    }
}

/// A permit of a [`CappedSemaphore`], given back when dropped.
///
/// A drop cannot wait: when others have filled the semaphore meanwhile, this permit is gone, and
/// there are still as many as there may be.
#[must_use = "the permit is given back as soon as this is dropped"]
pub struct CappedPermit {
    /// `None`: nothing is to be given back.
    semaphore: Option<CappedSemaphore>,
}

impl CappedPermit {
    /// Keeps the permit from being given back: it is used up, and whoever makes permits
    /// [releases](CappedSemaphore::release) the next one.
    pub fn forget(mut self) {
        self.semaphore = None;
    }
}

impl Drop for CappedPermit {
    fn drop(&mut self) {
        if let Some(semaphore) = self.semaphore.take() {
            // Full: documented above.
            let _ = semaphore.try_release();
        }
    }
}

impl fmt::Debug for CappedPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CappedPermit").finish_non_exhaustive()
    }
}

/// The future of [`CappedSemaphore::acquire`].
///
/// # Cancel safety
/// Dropping it loses its place in the line; a permit just given to it goes to the next.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct AcquireCapped<'a> {
    semaphore: &'a CappedSemaphore,
    get: Get<'a, Permits>,
}

impl Future for AcquireCapped<'_> {
    type Output = CappedPermit;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<CappedPermit> {
        ready!(Pin::new(&mut self.get).poll(cx));
        Poll::Ready(self.semaphore.permit())
    }
}

/// The future of [`CappedSemaphore::release`].
///
/// # Cancel safety
/// Dropping it loses its place in the line, and adds no permit.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Release<'a>(Put<'a, Permits>);

impl Future for Release<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx)
    }
}

/// Permits as what a queue holds: a number.
#[derive(Debug, Default)]
pub(crate) struct Permits(usize);

impl Order for Permits {
    type Item = ();
    const NAME: &'static str = "CappedSemaphore";
    const KIND: WaitKind = WaitKind::Semaphore;

    fn push(&mut self, (): ()) {
        self.0 += 1;
    }

    fn pop(&mut self) -> Option<()> {
        self.0 = self.0.checked_sub(1)?;
        Some(())
    }

    fn count(&self) -> usize {
        self.0
    }
}
