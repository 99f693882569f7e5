//! The children of a scope that are ready, in the order in which they became so.
//!
//! A child is woken through a waker of its own, from any thread: it puts the child's number into the line and
//! wakes the scope. Numbers only, so that a waker that outlives its child, or the scope, does nothing.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};

use futures::task::AtomicWaker;

#[derive(Debug, Default)]
pub(super) struct Line {
    ready: Mutex<VecDeque<u64>>,
    scope: AtomicWaker,
}

impl Line {
    /// Whom to wake when somebody joins.
    pub(super) fn register(&self, cx: &Context<'_>) {
        self.scope.register(cx.waker());
    }

    /// Nothing but numbers is touched under the lock.
    fn ready(&self) -> MutexGuard<'_, VecDeque<u64>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn len(&self) -> usize {
        self.ready().len()
    }

    pub(super) fn pop(&self) -> Option<u64> {
        self.ready().pop_front()
    }

    /// Puts a new child into the line.
    pub(super) fn join(self: &Arc<Self>, age: u64) -> Arc<Place> {
        self.ready().push_back(age);
        self.scope.wake();
        Arc::new(Place {
            line: Arc::clone(self),
            age,
            is_in_line: AtomicBool::new(true),
        })
    }
}

/// What wakes one child.
#[derive(Debug)]
pub(super) struct Place {
    line: Arc<Line>,
    age: u64,
    /// It stands in line once, however often it is woken.
    is_in_line: AtomicBool,
}

impl Place {
    pub(super) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }

    /// It has its turn now.
    pub(super) fn leave(&self) {
        self.is_in_line.store(false, Ordering::SeqCst);
    }
}

impl Wake for Place {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_in_line.swap(true, Ordering::SeqCst) {
            self.line.ready().push_back(self.age);
            self.line.scope.wake();
        }
    }
}
