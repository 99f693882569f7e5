//! The smallest thing a task can wait on: a bell that keeps the wakers of those who listen.
//!
//! It is a foreign future as far as the hub knows (it never calls `wait::park`), as a channel of another
//! crate would be. [`Bell`] is for one thread; [`RemoteBell`] counts strokes, and may be rung from any
//! thread. [`Ear`] is a waker that only counts how often it was woken.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::task::AtomicWaker;

/// Once rung, it stays rung.
#[derive(Clone, Default)]
pub(crate) struct Bell {
    rung: Rc<Cell<bool>>,
    wakers: Rc<RefCell<Vec<Waker>>>,
}

impl Bell {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Wakes all who wait, in the order in which they came.
    pub(crate) fn ring(&self) {
        self.rung.set(true);
        let wakers = self.wakers.take();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Waits until it is rung.
    pub(crate) async fn wait(&self) {
        poll_fn(|cx| {
            if self.rung.get() {
                return Poll::Ready(());
            }
            self.wakers.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// A bell for one listener, and any number of threads that ring it.
#[derive(Default)]
pub(crate) struct RemoteBell {
    strokes: AtomicU64,
    waker: AtomicWaker,
}

impl RemoteBell {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// One stroke more.
    pub(crate) fn ring(&self) {
        self.strokes.fetch_add(1, Ordering::SeqCst);
        self.waker.wake();
    }

    /// Waits until there were at least so many strokes.
    pub(crate) async fn wait_for(&self, strokes: u64) {
        poll_fn(|cx| {
            self.waker.register(cx.waker());
            if self.strokes.load(Ordering::SeqCst) >= strokes {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

/// Counts how often it was woken, and does nothing else.
#[derive(Default)]
pub(crate) struct Ear(AtomicU64);

impl Ear {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// How often it was woken.
    pub(crate) fn heard(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Ear {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Polls a future once with a waker of the test's own.
pub(crate) fn poll_with<F: Future + Unpin>(
    waker: impl Into<Waker>,
    future: &mut F,
) -> Poll<F::Output> {
    let waker = waker.into();
    Pin::new(future).poll(&mut Context::from_waker(&waker))
}
