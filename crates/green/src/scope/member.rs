//! A child as its scope holds it.
//!
//! No panic passes, neither of its poll nor of its destructors: the scope wants to drop the others first,
//! and one that panics while it is dropped must not keep the rest from being dropped.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use evlet_hub::{Report, report};
use futures::future::LocalBoxFuture;

use crate::scope::line::Place;

/// What the handle of a child can ask of it.
pub(super) trait Control {
    fn is_cancelled(&self) -> bool;
}

/// Why a scope ends early.
pub(super) enum Failure<E> {
    Error(E),
    Panicked(Box<dyn Any + Send>),
}

pub(super) struct Member<'env, E> {
    place: Arc<Place>,
    waker: Waker,
    /// None once it has ended.
    future: Option<LocalBoxFuture<'env, Result<(), E>>>,
    /// The body has none.
    control: Option<Rc<dyn Control + 'env>>,
}

impl<'env, E> Member<'env, E> {
    pub(super) fn new(
        place: Arc<Place>,
        future: impl Future<Output = Result<(), E>> + 'env,
        control: Option<Rc<dyn Control + 'env>>,
    ) -> Self {
        Member {
            waker: place.waker(),
            place,
            future: Some(Box::pin(future)),
            control,
        }
    }

    fn is_cancelled(&self) -> bool {
        let control = self.control.as_ref();
        control.is_some_and(|control| control.is_cancelled())
    }

    /// Its turn: ready when it has ended.
    pub(super) fn turn(&mut self) -> Poll<Result<(), Failure<E>>> {
        self.place.leave();
        if self.is_cancelled() {
            return Poll::Ready(self.end(Ok(())));
        }
        let Some(future) = &mut self.future else {
            return Poll::Ready(Ok(()));
        };
        let mut cx = Context::from_waker(&self.waker);
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut cx)));
        match polled {
            Ok(Poll::Ready(result)) => Poll::Ready(self.end(result.map_err(Failure::Error))),
            Err(payload) => Poll::Ready(self.end(Err(Failure::Panicked(payload)))),
            // It cancelled itself, and now waits.
            Ok(Poll::Pending) if self.is_cancelled() => Poll::Ready(self.end(Ok(()))),
            Ok(Poll::Pending) => Poll::Pending,
        }
    }

    fn end(&mut self, result: Result<(), Failure<E>>) -> Result<(), Failure<E>> {
        let future = self.future.take();
        match catch_unwind(AssertUnwindSafe(|| drop(future))) {
            Err(payload) if result.is_ok() => Err(Failure::Panicked(payload)),
            Err(payload) => {
                report_second(&*payload);
                std::mem::forget(payload);
                result
            }
            Ok(()) => result,
        }
    }
}

impl<E> Drop for Member<'_, E> {
    fn drop(&mut self) {
        if self.future.is_some()
            && let Err(Failure::Panicked(payload)) = self.end(Ok(()))
        {
            report_second(&*payload);
            std::mem::forget(payload);
        }
    }
}

/// Tells of a panic that can be nobody's result, since the scope has one.
fn report_second(payload: &(dyn Any + Send)) {
    let text = payload.downcast_ref::<&'static str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let message = text.unwrap_or("(a payload that is not text)");
    report(Report::notice(
        "a child of a scope panicked while it was dropped",
        message,
    ));
}
