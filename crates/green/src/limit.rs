//! Limits on how long something may take, in the forms eventlet's users know.
//!
//! The work is done by the hub's [`timeout`]; these are its spellings. The future is always asked
//! before the clock, so a result that comes in the turn in which the limit is reached is kept
//! (promise B-7).

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use evlet_hub::{Timeout, timeout};
use pin_project_lite::pin_project;

/// Runs `future` for at most `limit`: `Ok` with its result, or [`Elapsed`](evlet_hub::Elapsed).
///
/// The same as the hub's [`timeout`], under eventlet's name. A limit that fires belongs to this
/// call alone: with one inside another, each [`Elapsed`](evlet_hub::Elapsed) comes out where it was
/// set. [`Duration::MAX`] is no limit.
///
/// # Cancel safety
/// Dropping it drops `future` and frees the timer.
///
/// # Example
/// ```
/// use evlet_green::{Event, with_timeout};
/// use std::time::Duration;
///
/// evlet_hub::run(async {
///     let never = Event::<()>::new();
///     let waited = with_timeout(Duration::from_millis(1), never.wait()).await;
///     assert_eq!(waited.unwrap_err().limit(), Duration::from_millis(1));
/// });
/// ```
#[track_caller]
pub fn with_timeout<F: Future>(limit: Duration, future: F) -> Timeout<F> {
    timeout(limit, future)
}

/// Runs `future` for at most `limit`; gives `instead` when the limit is reached.
///
/// # Cancel safety
/// Dropping it drops `future` and `instead` and frees the timer.
///
/// # Example
/// ```
/// use evlet_green::{Event, with_timeout_or};
/// use std::time::Duration;
///
/// evlet_hub::run(async {
///     let answer = Event::new();
///     let guess = with_timeout_or(Duration::from_millis(1), "no answer", answer.wait()).await;
///     assert_eq!(guess, "no answer");
/// });
/// ```
#[track_caller]
pub fn with_timeout_or<F: Future>(
    limit: Duration,
    instead: F::Output,
    future: F,
) -> TimeoutOr<F, F::Output> {
    TimeoutOr {
        timeout: timeout(limit, future),
        instead: Some(instead),
        at: Location::caller(),
    }
}

pin_project! {
    /// The future of [`with_timeout_or`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct TimeoutOr<F, T> {
        #[pin]
        timeout: Timeout<F>,
        instead: Option<T>,
        at: &'static Location<'static>,
    }
}

impl<F: Future> Future for TimeoutOr<F, F::Output> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.timeout.poll(cx).map(|result| {
            result.unwrap_or_else(|_| match this.instead.take() {
                Some(instead) => instead,
                None => panic!(
                    "the future created at {} was polled after it was done",
                    this.at
                ),
            })
        })
    }
}

/// `future.timeout(limit)`: [`with_timeout`] as a method of every future.
pub trait FutureExt: Future + Sized {
    /// Runs this future for at most `limit`: `Ok` with its result, or
    /// [`Elapsed`](evlet_hub::Elapsed).
    ///
    /// ```
    /// use evlet_green::{FutureExt, LightQueue};
    /// use std::time::Duration;
    ///
    /// evlet_hub::run(async {
    ///     let queue = LightQueue::<u8>::unbounded();
    ///     assert!(queue.get().timeout(Duration::from_millis(1)).await.is_err());
    /// });
    /// ```
    #[track_caller]
    fn timeout(self, limit: Duration) -> Timeout<Self> {
        timeout(limit, self)
    }
}

impl<F: Future> FutureExt for F {}
