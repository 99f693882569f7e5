//! The handle of a child.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use evlet_hub::wait::{park, poll_budget};
use evlet_hub::{Exit, WaitKind, WaitsOn};

use crate::scope::member::Control;

/// The handle of a child of a [`scope`](crate::scope()): a future of what it returned.
///
/// It gives [`Exit::Killed`] when the child was [cancelled](Self::cancel), or ended with its scope. Who waits
/// inside the scope never sees the latter, since the failure that ends a scope ends the waiter too. The value is
/// handed out once; a second wait is told [`Exit::Killed`]. A child that waits for its own end is told so, by
/// an [`Exit::Panicked`].
///
/// Dropping it leaves the child running until its scope ends. One green thread or child waits at a
/// time: the last to wait is woken.
///
/// # Cancel safety
/// Waiting by reference may be given up and taken up again; the value stays.
pub struct Child<'env, V> {
    state: Rc<State<V>>,
    spawned_at: &'static Location<'static>,
    scope: PhantomData<&'env ()>,
}

/// What a child and its handle share.
pub(super) struct State<V> {
    /// What it returned, until somebody takes it.
    value: Cell<Option<V>>,
    has_ended: Cell<bool>,
    is_cancelled: Cell<bool>,
    /// Of who waits for it.
    waiter: RefCell<Option<Waker>>,
    /// Its own, for a cancel.
    own: Waker,
}

impl<V> State<V> {
    pub(super) fn new(own: Waker) -> Rc<Self> {
        Rc::new(State {
            value: Cell::new(None),
            has_ended: Cell::new(false),
            is_cancelled: Cell::new(false),
            waiter: RefCell::new(None),
            own,
        })
    }

    /// Tells who waits that it ended, however it does.
    pub(super) fn ending(state: &Rc<Self>) -> Ending<V> {
        Ending(Rc::clone(state))
    }
}

pub(super) struct Ending<V>(Rc<State<V>>);

impl<V> Ending<V> {
    pub(super) fn returned(self, value: V) {
        self.0.value.set(Some(value));
    }
}

impl<V> Drop for Ending<V> {
    fn drop(&mut self) {
        self.0.has_ended.set(true);
        let waiter = self.0.waiter.take();
        if let Some(waker) = waiter {
            waker.wake();
        }
    }
}

impl<V> Control for State<V> {
    fn is_cancelled(&self) -> bool {
        self.is_cancelled.get()
    }
}

impl<V> Child<'_, V> {
    pub(super) fn new(state: Rc<State<V>>, spawned_at: &'static Location<'static>) -> Self {
        Child {
            state,
            spawned_at,
            scope: PhantomData,
        }
    }

    /// Ends the child: its future is dropped at its next turn. That is no failure of the scope. Of one
    /// that has ended nothing is left to end.
    pub fn cancel(&self) {
        self.state.is_cancelled.set(true);
        self.state.own.wake_by_ref();
    }

    /// Whether it has ended, in whatever way.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.state.has_ended.get()
    }
}

impl<V> Future for Child<'_, V> {
    type Output = Result<V, Exit>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(poll_budget(cx));
        let state = &self.state;
        if state.has_ended.get() {
            return Poll::Ready(state.value.take().ok_or(Exit::Killed));
        }
        if state.own.will_wake(cx.waker()) {
            return Poll::Ready(Err(waits_for_itself()));
        }
        let old = state.waiter.replace(Some(cx.waker().clone()));
        drop(old);
        // The child is awaited by value, as a green thread is: the line that spawned it stands for it.
        let subject = Rc::as_ptr(state).addr() as u64;
        park(WaitsOn::new(WaitKind::Scope, subject), self.spawned_at);
        Poll::Pending
    }
}

fn waits_for_itself() -> Exit {
    Exit::Panicked(Box::new(
        "a child of a scope waited for its own end, which would never come: wait for it elsewhere",
    ))
}

impl<V> fmt::Debug for Child<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("is_finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}
