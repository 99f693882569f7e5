//! What `async-task` polls: the user's future, and its end, however it ends.
//!
//! There is one way out for all four endings (it returned, it panicked, it was killed, its hub
//! went): the future is dropped, then links are called, then waiters are woken. No panic passes,
//! neither of the future nor of its destructor.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::core::Core;
use crate::task::{Exit, Key, Outcome};

pin_project! {
    pub(crate) struct Body<F> where F: Future {
        #[pin]
        future: Option<F>,
        core: Rc<Core>,
        key: Key,
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
    pub(crate) fn new(core: Rc<Core>, key: Key, future: F) -> Self {
        let future = Some(future);
        Body { future, core, key }
    }

    fn poll_future(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<F::Output, Exit>> {
        let this = self.project();
        if this.core.kill_current.get() {
            return Poll::Ready(Err(Exit::Killed));
        }
        let Some(future) = this.future.as_pin_mut() else {
            return Poll::Ready(Err(Exit::Killed));
        };
        let substitute = match this.core.has_substitute.get() {
            true => this.core.substitute.borrow().clone(),
            false => None,
        };
        let polled = catch_unwind(AssertUnwindSafe(|| match &substitute {
            Some(waker) => future.poll(&mut Context::from_waker(waker)),
            None => future.poll(cx),
        }));
        match polled {
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            // It killed itself and now waits: this is its next await.
            Ok(Poll::Pending) if this.core.kill_current.get() => Poll::Ready(Err(Exit::Killed)),
            Ok(Poll::Pending) => Poll::Pending,
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
        let outcome = match &result {
            Ok(_) => Outcome::Returned,
            Err(Exit::Killed) => Outcome::Killed,
            Err(Exit::Panicked(_)) => Outcome::Panicked,
        };
        let left = this.core.end(*this.key, outcome);
        if left.is_detached {
            // Nobody looks at it, so it is dropped here, where a panic of its drop is contained.
            let unwanted = std::mem::replace(&mut result, Err(Exit::Killed));
            if let Err(Exit::Panicked(payload)) = &unwanted {
                left.report_panic(this.core, &**payload);
            }
            if let Err(payload) = discard(unwanted) {
                left.report_panic(this.core, &*payload);
                std::mem::forget(payload);
            }
        }
        result
    }
}

impl<F: Future> Future for Body<F> {
    type Output = Result<F::Output, Exit>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = ready!(self.as_mut().poll_future(cx));
        Poll::Ready(self.end(result))
    }
}

/// Drops `value`; a panic of its destructor is returned.
fn discard<T>(value: T) -> std::thread::Result<()> {
    catch_unwind(AssertUnwindSafe(|| drop(value)))
}
