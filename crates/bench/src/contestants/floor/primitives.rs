//! Queue, oneshot, semaphore: plain data behind an `Rc`, first come, first served. Whoever waits is never
//! dropped before its turn (no scenario does that here), so nothing is there for cancelling.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::micro::runtime::{self, Receiver, Reply, Sender};

/// A bounded queue; a clone is another handle.
#[derive(Debug)]
pub(crate) struct Queue<T>(Rc<RefCell<QueueState<T>>>);

#[derive(Debug)]
struct QueueState<T> {
    items: VecDeque<T>,
    bound: usize,
    getter: Option<Waker>,
    putters: VecDeque<Waker>,
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Queue(self.0.clone())
    }
}

impl<T> Queue<T> {
    pub(super) fn new(bound: usize) -> Self {
        Queue(Rc::new(RefCell::new(QueueState {
            items: VecDeque::with_capacity(bound),
            bound,
            getter: None,
            putters: VecDeque::new(),
        })))
    }
}

impl<T: 'static> Sender<T> for Queue<T> {
    async fn send(&self, item: T) {
        let mut item = Some(item);
        poll_fn(|cx| {
            let state = &mut *self.0.borrow_mut();
            if state.items.len() >= state.bound {
                state.putters.push_back(cx.waker().clone());
                return Poll::Pending;
            }
            state.items.extend(item.take());
            if let Some(getter) = state.getter.take() {
                getter.wake();
            }
            Poll::Ready(())
        })
        .await;
    }
}

impl<T: 'static> Receiver<T> for Queue<T> {
    async fn recv(&mut self) -> T {
        poll_fn(|cx| {
            let state = &mut *self.0.borrow_mut();
            let Some(item) = state.items.pop_front() else {
                state.getter = Some(cx.waker().clone());
                return Poll::Pending;
            };
            if let Some(putter) = state.putters.pop_front() {
                putter.wake();
            }
            Poll::Ready(item)
        })
        .await
    }
}

/// A place for one value.
#[derive(Debug)]
pub(crate) struct Place<T>(Rc<RefCell<(Option<T>, Option<Waker>)>>);

impl<T> Clone for Place<T> {
    fn clone(&self) -> Self {
        Place(self.0.clone())
    }
}

impl<T> Default for Place<T> {
    fn default() -> Self {
        Place(Rc::default())
    }
}

impl<T: 'static> Reply<T> for Place<T> {
    fn send(self, value: T) {
        let state = &mut *self.0.borrow_mut();
        state.0 = Some(value);
        if let Some(waiter) = state.1.take() {
            waiter.wake();
        }
    }
}

impl<T> Future for Place<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let state = &mut *self.0.borrow_mut();
        match state.0.take() {
            Some(value) => Poll::Ready(value),
            None => {
                state.1 = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Permits, strictly first come, first served: what is given back goes to the first in line.
#[derive(Debug, Clone)]
pub(crate) struct Semaphore(Rc<RefCell<Permits>>);

#[derive(Debug)]
struct Permits {
    free: usize,
    line: VecDeque<Waker>,
}

/// One permit.
#[derive(Debug)]
pub(crate) struct Permit(Rc<RefCell<Permits>>);

impl Semaphore {
    pub(super) fn new(permits: usize) -> Self {
        Semaphore(Rc::new(RefCell::new(Permits {
            free: permits,
            line: VecDeque::new(),
        })))
    }

    async fn take(&self) {
        let mut is_in_line = false;
        poll_fn(|cx| {
            let permits = &mut *self.0.borrow_mut();
            if is_in_line {
                // Woken only by who gave it a permit.
                return Poll::Ready(());
            }
            if permits.free > 0 {
                permits.free -= 1;
                return Poll::Ready(());
            }
            is_in_line = true;
            permits.line.push_back(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl runtime::Semaphore for Semaphore {
    type Owned = Permit;

    async fn acquire(&self) -> impl Sized {
        self.take().await;
        Permit(self.0.clone())
    }

    async fn acquire_owned(&self) -> Permit {
        self.take().await;
        Permit(self.0.clone())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let permits = &mut *self.0.borrow_mut();
        match permits.line.pop_front() {
            Some(first) => first.wake(),
            None => permits.free += 1,
        }
    }
}
