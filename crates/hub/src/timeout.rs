//! A limit on how long something may take.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::sleep::Sleep;

/// Runs `future` for at most `limit`: `Ok` with its result, or [`Elapsed`].
///
/// The limit counts from the first time that `future` has to wait, or more exactly from the end of
/// the batch of polls in which it does; a future that is ready at once, or within that batch, costs no
/// reading of the clock. `future` is always asked first, so one that is ready
/// in the turn in which the limit is reached keeps its result. A zero limit gives it one turn.
///
/// Timeouts nest: an inner one that fires ends only the inner future, and each [`Elapsed`] names its
/// own limit and line. Where those below shall know how much time is left, use [`within`](crate::within()).
///
/// # Panics
/// When polled outside a hub, if `future` has to wait.
///
/// # Cancel safety
/// Dropping it drops `future` and frees the timer.
///
/// # Example
/// ```
/// use std::{future::pending, time::Duration};
/// use evlet_hub::{run, timeout};
/// run(async {
///     let limit = Duration::from_millis(1);
///     assert_eq!(timeout(limit, async { 7 }).await.unwrap(), 7);
///     let elapsed = timeout(limit, pending::<()>()).await.unwrap_err();
///     assert_eq!(elapsed.limit(), limit);
/// });
/// ```
#[track_caller]
pub fn timeout<F: Future>(limit: Duration, future: F) -> Timeout<F> {
    let at = Location::caller();
    Timeout {
        future,
        sleep: Sleep::limit(limit, at),
        limit,
        at,
    }
}

pin_project! {
    /// The future of [`timeout`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Timeout<F> {
        #[pin]
        future: F,
        sleep: Sleep,
        limit: Duration,
        at: &'static Location<'static>,
    }
}

impl<F> Timeout<F> {
    /// Gives the inner future back.
    pub fn into_inner(self) -> F {
        self.future
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(value) = this.future.poll(cx) {
            return Poll::Ready(Ok(value));
        }
        if Pin::new(this.sleep).poll(cx).is_pending() {
            return Poll::Pending;
        }
        let (limit, at) = (*this.limit, *this.at);
        Poll::Ready(Err(Elapsed { limit, at }))
    }
}

/// A limit was reached.
///
/// It becomes an [`io::Error`] of kind [`TimedOut`](io::ErrorKind::TimedOut) with `?`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed {
    limit: Duration,
    at: &'static Location<'static>,
}

impl Elapsed {
    pub(crate) fn new(limit: Duration, at: &'static Location<'static>) -> Self {
        Elapsed { limit, at }
    }

    /// The limit that was reached.
    #[must_use]
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// The line that set it.
    #[must_use]
    pub fn set_at(&self) -> &'static Location<'static> {
        self.at
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "timed out: not done within {:?} (set at {})",
            self.limit, self.at
        )
    }
}

impl Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> Self {
        io::Error::new(io::ErrorKind::TimedOut, elapsed)
    }
}
