//! A hand-driven executor for the model tests: it knows who was woken, in which order, and polls
//! only those.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// Names a future of the [`Puppets`].
pub(crate) type Name = usize;

/// Futures polled by hand.
pub(crate) struct Puppets<'a, T> {
    alive: BTreeMap<Name, Pin<Box<dyn Future<Output = T> + 'a>>>,
    woken: Arc<Mutex<VecDeque<Name>>>,
    next: Name,
}

struct Wakes {
    name: Name,
    woken: Arc<Mutex<VecDeque<Name>>>,
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        let mut woken = self.woken.lock().unwrap();
        if !woken.contains(&self.name) {
            woken.push_back(self.name);
        }
    }
}

impl<'a, T> Puppets<'a, T> {
    pub(crate) fn new() -> Self {
        Puppets {
            alive: BTreeMap::new(),
            woken: Arc::default(),
            next: 0,
        }
    }

    /// Polls a new future once. Its name, and its value if it is done.
    pub(crate) fn start(&mut self, future: impl Future<Output = T> + 'a) -> (Name, Option<T>) {
        let name = self.next;
        self.next += 1;
        self.alive.insert(name, Box::pin(future));
        (name, self.poll(name))
    }

    /// Polls the first that was woken; its name, and its value if it is done. `None`: nobody was.
    pub(crate) fn turn(&mut self) -> Option<(Name, Option<T>)> {
        loop {
            let name = self.woken.lock().unwrap().pop_front()?;
            if self.alive.contains_key(&name) {
                return Some((name, self.poll(name)));
            }
        }
    }

    /// Drops one, woken or not.
    pub(crate) fn drop_one(&mut self, name: Name) {
        drop(self.alive.remove(&name));
    }

    /// Those who wait, oldest first.
    pub(crate) fn waiting(&self) -> Vec<Name> {
        self.alive.keys().copied().collect()
    }

    fn poll(&mut self, name: Name) -> Option<T> {
        let woken = Arc::clone(&self.woken);
        let waker = Waker::from(Arc::new(Wakes { name, woken }));
        let future = self.alive.get_mut(&name)?;
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => {
                self.drop_one(name);
                Some(value)
            }
            Poll::Pending => None,
        }
    }
}
