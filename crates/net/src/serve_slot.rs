//! How a green thread that was started before its connection was accepted gets what it is to do.
//!
//! At the bound nothing may be accepted that nobody serves (eventlet accepts one more and lets it
//! wait). So in a pool of the caller's a green thread is spawned first, waits here, and gets the connection's
//! handler when there is one. If `serve` ends instead, the place is given back unused.

use std::cell::RefCell;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use evlet_hub::wait::{self, WaitKind, WaitsOn};

/// `serve`'s end of a place.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    shared: Rc<RefCell<Shared<T>>>,
}

/// The green thread's end of it: waits for what it is to do, `None` when `serve` is over.
#[derive(Debug)]
pub(crate) struct Taken<T> {
    shared: Rc<RefCell<Shared<T>>>,
    at: &'static Location<'static>,
}

#[derive(Debug)]
struct Shared<T> {
    work: Option<T>,
    over: bool,
    waiter: Option<Waker>,
}

pub(crate) fn slot<T>(at: &'static Location<'static>) -> (Slot<T>, Taken<T>) {
    let shared = Rc::new(RefCell::new(Shared {
        work: None,
        over: false,
        waiter: None,
    }));
    let slot = Slot {
        shared: Rc::clone(&shared),
    };
    (slot, Taken { shared, at })
}

impl<T> Slot<T> {
    /// Hands the work over.
    pub(crate) fn give(self, work: T) {
        self.shared.borrow_mut().work = Some(work);
        // Dropping the slot wakes the green thread.
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        let waiter = {
            let mut shared = self.shared.borrow_mut();
            shared.over = true;
            shared.waiter.take()
        };
        if let Some(waker) = waiter {
            waker.wake();
        }
    }
}

impl<T> Future for Taken<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let ended = {
            let mut shared = self.shared.borrow_mut();
            (shared.work.take(), shared.over)
        };
        match ended {
            (Some(work), _) => Poll::Ready(Some(work)),
            (None, true) => Poll::Ready(None),
            (None, false) => {
                let waker = cx.waker().clone();
                let old = self.shared.borrow_mut().waiter.replace(waker);
                drop(old);
                let subject = Rc::as_ptr(&self.shared) as *const () as u64;
                wait::park(WaitsOn::new(WaitKind::Pool, subject), self.at);
                Poll::Pending
            }
        }
    }
}
