//! How a result comes back to the green thread that wants it.
//!
//! This is all that a thread of the pool has of a hub: a waker, and a handle, which both go through the hub's
//! inbox (promise E-1). `crates/green/tests/loom` tries this file with every order in which threads can run.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};
use std::thread;

use evlet_hub::report::message_of_caught;

use crate::tpool::sync::{HubHandle, Mutex, MutexGuard};
use crate::wakers::Wakers;

/// One result on its way from a thread to a hub.
pub(super) struct Answer<T> {
    state: Mutex<State<T>>,
    /// Where the result is dropped if nobody wants it any more (promise E-4).
    hub: Option<HubHandle>,
}

enum State<T> {
    Wanted(Waker),
    Here(thread::Result<T>),
    Unwanted,
}

impl<T: Send + 'static> Answer<T> {
    pub(super) fn new(waker: Waker, hub: Option<HubHandle>) -> Self {
        Answer {
            state: Mutex::new(State::Wanted(waker)),
            hub,
        }
    }

    /// Called once, by the thread that did the job.
    pub(super) fn give(&self, result: thread::Result<T>) {
        let mut state = self.lock();
        if let State::Unwanted = &*state {
            drop(state);
            self.drop_at_home(result);
            return;
        }
        let before = std::mem::replace(&mut *state, State::Here(result));
        drop(state);
        if let State::Wanted(waker) = before {
            let mut wakers = Wakers::default();
            wakers.push(waker);
            wakers.wake();
        }
    }

    fn drop_at_home(&self, result: thread::Result<T>) {
        match &self.hub {
            Some(hub) => drop(hub.spawn(async move { drop(result) })),
            // There was no hub. A destructor that panics must not end the thread.
            None => {
                drop(catch_unwind(AssertUnwindSafe(|| drop(result))).map_err(message_of_caught))
            }
        }
    }

    /// The result, once it is there.
    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<thread::Result<T>> {
        let fresh = cx.waker().clone();
        let mut state = self.lock();
        let next = match &*state {
            State::Wanted(_) => State::Wanted(fresh),
            State::Here(_) | State::Unwanted => State::Unwanted,
        };
        // Whatever was there is dropped, or returned, after the lock is released.
        let before = std::mem::replace(&mut *state, next);
        drop(state);
        match before {
            State::Here(result) => Poll::Ready(result),
            State::Wanted(_) | State::Unwanted => Poll::Pending,
        }
    }

    /// Nobody wants the result any more.
    pub(super) fn forget(&self) {
        let before = std::mem::replace(&mut *self.lock(), State::Unwanted);
        drop(before);
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
