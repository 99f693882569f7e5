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
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use pin_project_lite::pin_project;

use crate::in_progress;
use crate::running;
use crate::task::{Exit, Outcome};
use crate::wait::WaitKind;

pin_project! {
    pub(crate) struct Body<F> where F: Future {
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for Body<F> where F: Future {
        fn drop(this: Pin<&mut Self>) {
            // Dropped before it ended: the hub is going.
            if this.future.is_some() {
                drop(this.end(Err(Exit::Killed)));
            }
        }
    }
}

impl<F: Future> Body<F> {
    pub(crate) fn new(future: F) -> Self {
        let future = Some(future);
        Body { future }
    }

    #[inline]
    fn poll_future(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<F::Output, Exit>> {
        if is_killed() {
            return Poll::Ready(Err(Exit::Killed));
        }
        let Some(future) = self.project().future.as_pin_mut() else {
            return Poll::Ready(Err(Exit::Killed));
        };
        let polled = catch_unwind(AssertUnwindSafe(|| match substitute() {
            None => future.poll(cx),
            Some(waker) => future.poll(&mut Context::from_waker(&waker)),
        }));
        match polled {
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            // It killed itself and now waits: this is its next await.
            Ok(Poll::Pending) if is_killed() => Poll::Ready(Err(Exit::Killed)),
            Ok(Poll::Pending) => {
                keep_waker(cx.waker());
                Poll::Pending
            }
            Err(payload) => Poll::Ready(Err(Exit::Panicked(payload))),
        }
    }

    fn end(self: Pin<&mut Self>, result: Result<F::Output, Exit>) -> Result<F::Output, Exit> {
        let mut this = self.project();
        let mut result = result;
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| this.future.set(None))) {
            let unwanted = std::mem::replace(&mut result, Err(Exit::Panicked(payload)));
            // One panic is told; a second one from the same destructors adds nothing.
            std::mem::forget(discard(unwanted));
        }
        let is_detached = in_progress::with(|poll| {
            poll.outcome.set(Some(Outcome::of(&result)));
            poll.detached.get()
        });
        if is_detached {
            // Nobody looks at it, so it is dropped here, where a panic of its drop is contained.
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
}

impl<F: Future> Future for Body<F> {
    type Output = Result<F::Output, Exit>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = ready!(self.as_mut().poll_future(cx));
        Poll::Ready(self.end(result))
    }
}

#[inline]
fn is_killed() -> bool {
    in_progress::with(|poll| poll.killed.get())
}

/// The waker to poll with instead of the task's own, while a deadlock is looked for.
#[inline]
fn substitute() -> Option<Waker> {
    match in_progress::with(|poll| poll.substituted.get()) {
        false => None,
        true => running::with(|core| core.substitute.borrow().clone()).flatten(),
    }
}

/// Leaves a waker with the hub when a green thread waits for the first time, so that it can be
/// killed there. One that only gave up its turn is in the run queue and will see the kill anyway;
/// most short ones never do more, and are spared two atomic operations.
#[inline]
fn keep_waker(waker: &Waker) {
    let is_wanted = in_progress::with(|poll| {
        !poll.has_waker.get() && (poll.on.get().kind != WaitKind::Turn || poll.at.get().is_none())
    });
    if is_wanted {
        running::with(|core| core.keep_waker(waker));
    }
}

#[cold]
fn report_panic(payload: &(dyn Any + Send)) {
    if let Some(core) = running::get() {
        core.report_panic_of_current(payload);
    }
}

/// Drops `value`; a panic of its destructor is returned.
fn discard<T>(value: T) -> std::thread::Result<()> {
    catch_unwind(AssertUnwindSafe(|| drop(value)))
}
