//! Waking those who were called, without running foreign code under a borrow.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

use evlet_hub::report::{Report, message_of_caught, report};
use evlet_hub::wait::LocalWaker;

/// What wakes a waiter.
pub(crate) trait Wakes: Sized {
    /// Wakes it if that runs no foreign code; otherwise gives it back.
    fn wake_if_own(self) -> Result<(), Self>;
    fn wake(self);
}

impl Wakes for LocalWaker {
    #[inline(always)]
    fn wake_if_own(self) -> Result<(), Self> {
        self.wake_if_own()
    }

    #[inline]
    fn wake(self) {
        self.wake();
    }
}

impl Wakes for Waker {
    fn wake_if_own(self) -> Result<(), Self> {
        Err(self)
    }

    fn wake(self) {
        self.wake();
    }
}

/// Those who were called under a borrow. Green threads are woken at once; wakers that run foreign code
/// are kept, and whoever made this calls [`wake`](Self::wake) when the borrow is over. All are woken in
/// the order in which they were called. When a panic keeps `wake` from being called, they are woken as
/// this is dropped: make it before the borrow.
///
/// Most often there is nothing to keep, which must cost nothing.
pub(crate) struct Wakers<W: Wakes = LocalWaker> {
    #[expect(
        clippy::box_collection,
        reason = "one word to make and to look at, for what is almost never there"
    )]
    kept: Option<Box<Vec<W>>>,
}

impl<W: Wakes> Default for Wakers<W> {
    #[inline]
    fn default() -> Self {
        Wakers { kept: None }
    }
}

impl<W: Wakes> Wakers<W> {
    #[inline]
    pub(crate) fn push(&mut self, waker: W) {
        let left = match &self.kept {
            None => waker.wake_if_own(),
            Some(_) => Err(waker),
        };
        if let Err(waker) = left {
            self.kept = Some(keep(self.kept.take(), waker));
        }
    }

    /// Wakes them all.
    #[inline]
    pub(crate) fn wake(&mut self) {
        if let Some(kept) = self.kept.take() {
            wake_each(*kept);
        }
    }
}

impl<W: Wakes> Drop for Wakers<W> {
    #[inline]
    fn drop(&mut self) {
        self.wake();
    }
}

/// By value, so that what is kept has no address and most often is known to be nothing.
#[cold]
#[expect(clippy::box_collection, reason = "as in `Wakers`")]
fn keep<W>(kept: Option<Box<Vec<W>>>, waker: W) -> Box<Vec<W>> {
    let mut kept = kept.unwrap_or_default();
    kept.push(waker);
    kept
}

/// A panic in a foreign waker must not keep the others from being woken.
#[cold]
fn wake_each<W: Wakes>(wakers: Vec<W>) {
    for waker in wakers {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
            report_panic(payload);
        }
    }
}

#[cold]
fn report_panic(payload: Box<dyn Any + Send>) {
    let message = message_of_caught(payload);
    report(Report::notice(
        "a waker of another library panicked",
        message,
    ));
}
