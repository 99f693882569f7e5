//! The memory of a task: one allocation, counted without atomics.
//!
//! The hub's table holds one count and the handle another; both stay on the hub's thread, so an [`Rc`] does.
//! Wakers hold none ([`crate::task::waker`]). So every step of a task's life, from its spawn to its join, is a few
//! plain loads and stores, where a task that any thread may hold needs an atomic operation for each step:
//! 5 ns each, five for a switch between two green threads.

use std::future::{Future, Ready};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Context;

use pin_project_lite::pin_project;

use crate::task::pin_cell::PinCell;
use crate::task::stage::{Join, Run, Stage};
use crate::task::{Exit, Flags, Outcome, Slot};

pin_project! {
    /// See the module's page.
    pub(crate) struct Task<S: ?Sized> {
        pub(crate) slot: Slot,
        #[pin]
        stage: PinCell<S>,
    }
}

/// A task as the hub holds it.
pub(crate) type Runnable = Pin<Rc<Task<dyn Run>>>;

/// A task as its handle holds it.
pub(crate) type Joinable<T> = Pin<Rc<Task<dyn Join<T>>>>;

impl<F: Future> Task<Stage<F>> {
    /// A task around `future`, whose slot is to be filled in.
    #[inline]
    pub(crate) fn new(future: F) -> Pin<Rc<Self>> {
        let slot = Slot::empty();
        let stage = PinCell::new(Stage::Living { future });
        Rc::pin(Task { slot, stage })
    }
}

impl<T> Task<Stage<Ready<T>>> {
    /// A task that has returned `value` already.
    pub(crate) fn ready(value: T) -> Pin<Rc<Self>> {
        let slot = Slot::empty();
        slot.note_end(Outcome::Returned);
        let result = Some(Ok(value));
        let stage = PinCell::new(Stage::Ended { result });
        Rc::pin(Task { slot, stage })
    }
}

impl Task<Stage<Ready<()>>> {
    /// What stands in the table for a hub's root.
    pub(crate) fn of_root() -> Pin<Rc<Self>> {
        let slot = Slot::empty();
        let stage = PinCell::new(Stage::Root);
        Rc::pin(Task { slot, stage })
    }
}

impl Task<dyn Run> {
    /// Polls it; tells how it ended, if it did.
    #[inline]
    pub(crate) fn run(self: Pin<&Self>, cx: &mut Context<'_>) -> Option<Outcome> {
        self.project_ref().stage.with(|stage| stage.run(cx))
    }
}

impl<T> Task<dyn Join<T>> {
    /// Its result, for whoever asks first after the end.
    #[inline]
    pub(crate) fn take(self: Pin<&Self>) -> Option<Result<T, Exit>> {
        self.slot.set(Flags::TAKEN);
        self.project_ref().stage.with(|stage| stage.take())
    }
}
