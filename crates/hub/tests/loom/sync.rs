//! What the inbox is made of here.

use std::collections::VecDeque;

pub(crate) use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
pub(crate) use loom::sync::{Mutex, MutexGuard};

/// The queue, as weak as one may be: who asks whether it is empty, or takes, learns that from a number
/// that orders nothing. What orders the sender and the hub has to be the inbox's own.
pub(crate) struct ConcurrentQueue<T> {
    items: Mutex<VecDeque<T>>,
    count: AtomicUsize,
}

impl<T> ConcurrentQueue<T> {
    pub(crate) fn unbounded() -> Self {
        ConcurrentQueue {
            items: Mutex::new(VecDeque::new()),
            count: AtomicUsize::new(0),
        }
    }

    pub(crate) fn push(&self, item: T) -> Result<(), T> {
        let mut items = self.items.lock().unwrap();
        self.count.fetch_add(1, Ordering::Relaxed);
        items.push_back(item);
        Ok(())
    }

    pub(crate) fn pop(&self) -> Result<T, ()> {
        if self.is_empty() {
            return Err(());
        }
        let mut items = self.items.lock().unwrap();
        let item = items.pop_front().ok_or(())?;
        self.count.fetch_sub(1, Ordering::Relaxed);
        Ok(item)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}
