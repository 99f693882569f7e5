//! What `async-task` polls: the user's future, and its end, however it ends.
//!
//! There is one way out for all four endings (it returned, it panicked, it was killed, its hub
//! went): the future is dropped here, then the hub calls the links and wakes the waiters
//! ([`Core::end`](crate::core::Core::end)). No panic passes, neither of the future nor of its
//! destructor: `async-task` would end the process.
//!
//! The body holds nothing but the future, so that a task is as small as it can be; what else it
//! needs to know is in [`crate::in_progress`].

use std::any::Any;
use std::future::Future;
use std::mem::needs_drop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use crate::in_progress;
use crate::running;
use crate::task::{Exit, Flags, Outcome};
use crate::wait::WaitKind;

pin_project! {
    // It has no destructor: a hub that ends kills what is left and lets it end as ever.
    pub(crate) struct Body<F> where F: Future {
        #[pin]
        future: Option<F>,
    }
}

impl<F: Future> Body<F> {
    pub(crate) fn new(future: F) -> Self {
        let future = Some(future);
        Body { future }
    }

    /// Ends one that did not return: the future goes first.
    #[cold]
    fn end(self: Pin<&mut Self>, exit: Exit) -> Result<F::Output, Exit> {
        in_progress::with(|poll| poll.no_own_waker());
        let mut future = self.project().future;
        let dropped = catch_unwind(AssertUnwindSafe(|| future.set(None)));
        settle(Err(exit), dropped)
    }
}

impl<F: Future> Future for Body<F> {
    type Output = Result<F::Output, Exit>;

    // What is returned is built where it is returned: what passes through one more variable is copied
    // with a wide load right after narrow stores, for which the processor waits 8 ns.
    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if has(Flags::KILLED) && !has(Flags::SHIELDED) {
            return Poll::Ready(self.end(Exit::Killed));
        }
        let mut returned = None;
        let mut future = self.as_mut().project().future;
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let polled = match future.as_mut().as_pin_mut() {
                Some(polling) if has(Flags::SUBSTITUTED) => poll_substituted(polling),
                Some(polling) => {
                    in_progress::with(|poll| poll.own_waker(cx.waker()));
                    polling.poll(cx)
                }
                None => Poll::Pending,
            };
            if let Poll::Ready(value) = polled {
                returned = Some(value);
                future.set(None);
            }
        }));
        match (polled, returned) {
            (Ok(()), Some(value)) if !needs_drop::<F::Output>() || !has(Flags::DETACHED) => {
                note_end(Outcome::Returned);
                Poll::Ready(Ok(value))
            }
            (polled, Some(value)) => Poll::Ready(settle(Ok(value), polled)),
            // It killed itself and now waits: this is its next await.
            (Ok(()), None) if has(Flags::KILLED) && !has(Flags::SHIELDED) => {
                Poll::Ready(self.end(Exit::Killed))
            }
            (Ok(()), None) => {
                keep_waker(cx.waker());
                Poll::Pending
            }
            (Err(payload), None) => Poll::Ready(self.end(Exit::Panicked(payload))),
        }
    }
}

/// What is left of `result` after the future was dropped.
#[cold]
fn settle<T>(result: Result<T, Exit>, dropped: std::thread::Result<()>) -> Result<T, Exit> {
    let mut result = result;
    if let Err(payload) = dropped {
        let unwanted = std::mem::replace(&mut result, Err(Exit::Panicked(payload)));
        // One panic is told; a second one from the same destructors adds nothing.
        std::mem::forget(discard(unwanted));
    }
    note_end(Outcome::of(&result));
    if has(Flags::DETACHED) {
        // Nobody will look at it. It is dropped here, where a panic of its drop is contained.
        let unwanted = std::mem::replace(&mut result, Err(Exit::Killed));
        if let Err(Exit::Panicked(payload)) = &unwanted {
            report_panic(&**payload);
        }
        if let Err(payload) = discard(unwanted) {
            report_panic(&*payload);
            std::mem::forget(payload);
        }
    }
    result
}

#[inline]
fn note_end(outcome: Outcome) {
    in_progress::with(|poll| poll.outcome.set(Some(outcome)));
}

#[inline]
fn has(flag: Flags) -> bool {
    in_progress::with(|poll| poll.has(flag))
}

/// Polls with the waker that the search for deadlocks has put in place of the task's own.
#[cold]
fn poll_substituted<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    let waker = running::with(|core| core.substitute.borrow().clone()).flatten();
    let waker = waker.unwrap_or_else(|| Waker::noop().clone());
    in_progress::with(|poll| poll.no_own_waker());
    future.poll(&mut Context::from_waker(&waker))
}

/// Leaves a waker with the hub when a green thread waits for the first time, so that it can be
/// killed there. One that only gave up its turn is in the run queue and will see the kill anyway;
/// most short ones never do more, and are spared two atomic operations.
#[inline]
fn keep_waker(waker: &Waker) {
    let is_wanted =
        in_progress::with(|poll| !poll.has(Flags::HAS_WAKER) && poll.kind() != WaitKind::Turn);
    if is_wanted {
        running::with(|core| core.keep_waker(waker));
    }
}

#[cold]
fn report_panic(payload: &(dyn Any + Send)) {
    if let Some(core) = running::get() {
        core.report_panic_of_current("it", payload);
    }
}

/// Drops `value`; a panic of its destructor is returned.
fn discard<T>(value: T) -> std::thread::Result<()> {
    catch_unwind(AssertUnwindSafe(|| drop(value)))
}
