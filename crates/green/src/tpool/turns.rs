//! Whose turn it is to have an object: one at a time, first come, first served.
//!
//! Those who wait may live on different hubs, and a turn ends on whichever thread the call ended, so
//! the line stands behind a mutex. No code of the user runs under it.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use crate::wait_list::{Key, WaitList};
use crate::wakers::Wakers;

/// An object and the line before it.
pub(super) struct Turns<T> {
    /// Locked only by who has the turn, so nobody ever waits for this lock.
    object: Mutex<T>,
    line: Mutex<Line>,
}

struct Line {
    waiting: WaitList<(), Waker>,
    /// Somebody has the turn, or has been called for it.
    taken: bool,
}

/// The turn. It ends when this is dropped: after the call, when that panicked, and when it was given
/// up before it began.
pub(super) struct Turn<T> {
    turns: Arc<Turns<T>>,
}

impl<T> Turns<T> {
    pub(super) fn new(object: T) -> Self {
        Turns {
            object: Mutex::new(object),
            line: Mutex::new(Line {
                waiting: WaitList::new(),
                taken: false,
            }),
        }
    }

    pub(super) fn into_object(self) -> T {
        self.object
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The turn, if it is this one's. Otherwise waits in line at `place`, with `waker`.
    pub(super) fn take(
        self: &Arc<Self>,
        place: &mut Option<Key>,
        waker: &Waker,
    ) -> Option<Turn<T>> {
        let fresh = waker.clone();
        let mut line = self.line();
        let is_ours = match &place {
            Some(key) => line.waiting.is_called(key),
            None => !line.taken,
        };
        if is_ours {
            line.taken = true;
            let left = place.take().map(|key| line.waiting.remove(key));
            drop(line);
            drop(left);
            return Some(Turn {
                turns: Arc::clone(self),
            });
        }
        let old = match place {
            Some(key) => line.waiting.renew(key, fresh),
            None => {
                *place = Some(line.waiting.push_back(fresh, ()));
                None
            }
        };
        drop(line);
        drop(old);
        None
    }

    /// Whether this thread is inside a call of this very object, which would wait for itself.
    pub(super) fn is_in_use_here(&self) -> bool {
        IN_USE.with_borrow(|all| all.contains(&self.address()))
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Leaves the line; a turn that was called for this one is the next one's.
    pub(super) fn leave(&self, place: &mut Option<Key>) {
        let Some(key) = place.take() else { return };
        let left = self.line().waiting.remove(key);
        if left.was_called {
            self.pass_on();
        }
    }

    /// Whether somebody has the turn, and how many wait for it.
    pub(super) fn look(&self) -> (bool, usize) {
        let line = self.line();
        (line.taken, line.waiting.len())
    }

    fn pass_on(&self) {
        let mut wakers = Wakers::default();
        let mut line = self.line();
        line.taken = line.waiting.call_first(&mut wakers);
        drop(line);
        wakers.wake();
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        // Nothing under this lock panics.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Turn<T> {
    /// Lets `call` have the object.
    pub(super) fn run<R>(self, call: impl FnOnce(&mut T) -> R) -> R {
        // A call that panicked before left the object as it was at that moment, and said so to its
        // caller: that is no reason to refuse the next.
        let object = self.turns.object.lock();
        let _in_use = InUse::begin(self.turns.address());
        call(&mut object.unwrap_or_else(PoisonError::into_inner))
    }
}

thread_local! {
    /// The objects whose calls are under way on this thread, by address: a job of the pool may run a
    /// hub, and that another call.
    static IN_USE: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Notes that a call of an object is under way, until it is dropped.
struct InUse;

impl InUse {
    fn begin(address: usize) -> Self {
        IN_USE.with_borrow_mut(|all| all.push(address));
        InUse
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        IN_USE.with_borrow_mut(Vec::pop);
    }
}

impl<T> Drop for Turn<T> {
    fn drop(&mut self) {
        self.turns.pass_on();
    }
}
