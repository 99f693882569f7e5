//! A green thread of a pool: the user's future, its place, and how it knows that it is one.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::pool::slots::Slots;
use crate::wakers::Wakers;

/// A place in a pool that is taken; given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot(Rc<RefCell<Slots>>);

impl Slot {
    /// A guard for a place that has just been taken.
    pub(super) fn taken(slots: &Rc<RefCell<Slots>>) -> Self {
        Slot(Rc::clone(slots))
    }
}

impl Drop for Slot {
    #[inline]
    fn drop(&mut self) {
        let is_due = self.0.borrow_mut().give_back();
        if is_due {
            settle(&self.0);
        }
    }
}

#[inline(never)]
fn settle(slots: &RefCell<Slots>) {
    let mut wakers = Wakers::default();
    slots.borrow_mut().settle(&mut wakers);
    wakers.wake();
}

pin_project! {
    /// The future of a member. The user's future is dropped before the place is given back.
    pub(crate) struct Member<F> {
        #[pin]
        future: F,
        slot: Slot,
    }
}

impl<F> Member<F> {
    pub(super) fn new(future: F, slot: Slot) -> Self {
        Member { future, slot }
    }
}

impl<F: Future> Future for Member<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _inside = Inside::enter(&this.slot.0);
        this.future.poll(cx)
    }
}

thread_local! {
    /// The address of the pool whose member is being polled; zero for none.
    static INSIDE: Cell<usize> = const { Cell::new(0) };
}

/// Whether the running green thread is a member of the pool. One that a member started with plain
/// `spawn` is not.
pub(super) fn is_inside(slots: &Rc<RefCell<Slots>>) -> bool {
    INSIDE.get() == Rc::as_ptr(slots).addr()
}

struct Inside {
    before: usize,
}

impl Inside {
    fn enter(slots: &Rc<RefCell<Slots>>) -> Self {
        Inside {
            before: INSIDE.replace(Rc::as_ptr(slots).addr()),
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(self.before);
    }
}
