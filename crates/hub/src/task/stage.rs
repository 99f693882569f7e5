//! What a task holds: the user's future, and after its end the result.
//!
//! There is one way out for all four endings (it returned, it panicked, it was killed, its hub
//! went): the future is dropped here, then the hub calls the links and wakes the waiters
//! ([`Core::end`](crate::core::Core::end)). No panic passes, neither of the future nor of its
//! destructor.

use std::any::Any;
use std::future::Future;
use std::mem::{forget, needs_drop};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::in_progress;
use crate::running;
use crate::task::{Exit, Flags, Outcome};

pin_project! {
    // It has no destructor: a hub that ends kills what is left and lets it end as ever.
    #[project = Projection]
    pub(crate) enum Stage<F> where F: Future {
        Living { #[pin] future: F },
        /// `None` once the result was handed out, or when nobody wants it.
        Ended { result: Option<Result<F::Output, Exit>> },
        /// A hub's root is polled by the hub's loop, which has its future.
        Root,
    }
}

impl<F: Future> Stage<F> {
    /// Polls the future; tells how it ended, if it did.
    pub(crate) fn run(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Option<Outcome> {
        if is_killed() {
            return Some(self.end(Exit::Killed));
        }
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let Projection::Living { future } = self.as_mut().project() else {
                return false;
            };
            match future.poll(cx) {
                Poll::Pending => false,
                Poll::Ready(value) => {
                    // The future is dropped where it stands, then the value takes its place.
                    let result = Some(Ok(value));
                    self.as_mut().set(Stage::Ended { result });
                    true
                }
            }
        }));
        match polled {
            Ok(true) => {
                if needs_drop::<F::Output>() && has(Flags::DETACHED) {
                    self.drop_result();
                }
                Some(Outcome::Returned)
            }
            // It killed itself and now waits: this is its next await.
            Ok(false) if is_killed() => Some(self.end(Exit::Killed)),
            Ok(false) => None,
            Err(payload) => Some(self.end(Exit::Panicked(payload))),
        }
    }

    /// The result, for whoever asks first after the end.
    #[inline]
    pub(crate) fn take(self: Pin<&mut Self>) -> Option<Result<F::Output, Exit>> {
        match self.project() {
            Projection::Ended { result } => result.take(),
            Projection::Living { .. } | Projection::Root => None,
        }
    }

    /// Ends one that did not return: the future goes first.
    #[cold]
    fn end(mut self: Pin<&mut Self>, exit: Exit) -> Outcome {
        in_progress::with(|poll| poll.no_own_waker());
        let dropped = catch_unwind(AssertUnwindSafe(|| {
            self.as_mut().set(Stage::Ended { result: None });
        }));
        let exit = match (exit, dropped) {
            (exit, Ok(())) => exit,
            (Exit::Killed, Err(payload)) => Exit::Panicked(payload),
            (exit, Err(second)) => {
                // One panic is told; a second one, of the destructors, adds nothing.
                forget(second);
                exit
            }
        };
        let result = Err(exit);
        let outcome = Outcome::of(&result);
        if let Projection::Ended { result: place } = self.as_mut().project() {
            *place = Some(result);
        }
        if has(Flags::DETACHED) {
            self.drop_result();
        }
        outcome
    }

    /// Nobody will look at the result. It is dropped here, where a panic of its drop is contained.
    #[cold]
    fn drop_result(self: Pin<&mut Self>) {
        let unwanted = self.take();
        if let Some(Err(Exit::Panicked(payload))) = &unwanted {
            report_panic(&**payload);
        }
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(unwanted)));
        if let Err(payload) = dropped {
            report_panic(&*payload);
            forget(payload);
        }
    }
}

#[inline]
fn has(flag: Flags) -> bool {
    in_progress::with(|poll| poll.has(flag))
}

#[inline]
fn is_killed() -> bool {
    has(Flags::KILLED) && !has(Flags::SHIELDED)
}

#[cold]
fn report_panic(payload: &(dyn Any + Send)) {
    if let Some(core) = running::get() {
        core.report_panic_of_current("it", payload);
    }
}
