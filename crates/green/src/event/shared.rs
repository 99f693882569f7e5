//! What the handles of an event share: all of it in one allocation, the value and the first waiter's place in
//! the line included, since an event is often made for a single answer.
//!
//! The value lies in a place of its own beside the state. It is cloned there, which runs the user's code,
//! while the state is free for whatever that does with the event. So the place must keep its value
//! until the clone is made, as it must for waiters that were called for it and have not come yet, whatever
//! happens to the event meanwhile: all of those are its *readers*. A value that is sent after a reset while
//! the old one still has readers is kept apart, which is an allocation, and rare.

use std::cell::RefCell;
use std::rc::Rc;

use crate::wait_list::WaitList;
use crate::wakers::Wakers;

pub(super) struct Shared<T> {
    pub(super) state: RefCell<State<T>>,
    /// Changed only while there are no readers.
    place: RefCell<Option<T>>,
}

pub(crate) struct State<T> {
    sent: Sent<T>,
    /// How many may yet read the place.
    pub(super) readers: usize,
    /// A waiter that is called for a value that is not in the place gets it in its load.
    pub(super) waiters: WaitList<Option<Rc<T>>>,
}

enum Sent<T> {
    Nothing,
    InPlace,
    Apart(Rc<T>),
}

/// What a waiter gets.
pub(crate) enum Got<T> {
    /// It is among the readers of the place.
    InPlace,
    Apart(Rc<T>),
}

impl<T> State<T> {
    /// What was sent; the caller becomes a reader of the place if it is there.
    #[inline]
    pub(super) fn get(&mut self) -> Option<Got<T>> {
        match &self.sent {
            Sent::Nothing => None,
            Sent::InPlace => {
                self.readers += 1;
                Some(Got::InPlace)
            }
            Sent::Apart(value) => Some(Got::Apart(Rc::clone(value))),
        }
    }

    #[inline]
    pub(super) fn is_sent(&self) -> bool {
        !matches!(self.sent, Sent::Nothing)
    }

    /// Sends a value while the place has another.
    #[cold]
    fn send_apart(&mut self, value: T, wakers: &mut Wakers) {
        let value = Rc::new(value);
        while let Some(load) = self.waiters.first_load() {
            *load = Some(Rc::clone(&value));
            self.waiters.call_first(wakers);
        }
        self.sent = Sent::Apart(value);
    }
}

/// Nothing was sent. [`Rc::default`] has it written where it is to stay; [`Rc::new`] would be given it to copy from the
/// stack, by wide loads right after narrow stores, for which the processor waits.
impl<T> Default for Shared<T> {
    #[inline(always)]
    fn default() -> Self {
        let state = State {
            sent: Sent::Nothing,
            readers: 0,
            waiters: WaitList::new(),
        };
        Shared {
            state: RefCell::new(state),
            place: RefCell::new(None),
        }
    }
}

impl<T> Shared<T> {
    pub(super) fn is_sent(&self) -> bool {
        self.state.borrow().is_sent()
    }

    pub(super) fn waiting(&self) -> usize {
        self.state.borrow().waiters.alive()
    }

    /// Hands the value back if there is one already.
    pub(super) fn send(&self, value: T) -> Result<(), T> {
        let mut wakers = Wakers::default();
        let mut borrowed = self.state.borrow_mut();
        let state = &mut *borrowed;
        if state.is_sent() {
            return Err(value);
        }
        if state.readers == 0 {
            // It was empty: nobody would have read it.
            self.place.replace(Some(value));
            state.readers = state.waiters.len();
            state.sent = Sent::InPlace;
            state.waiters.call_all(&mut wakers);
        } else {
            state.send_apart(value, &mut wakers);
        }
        drop(borrowed);
        wakers.wake();
        Ok(())
    }

    pub(super) fn peek(&self) -> Option<T>
    where
        T: Clone,
    {
        let got = self.state.borrow_mut().get();
        got.map(|got| self.open(got))
    }

    /// Whether there was something to forget.
    pub(super) fn reset(&self) -> bool {
        // Dropped, with what is in it, after the borrow.
        let old = std::mem::replace(&mut self.state.borrow_mut().sent, Sent::Nothing);
        self.clear();
        !matches!(old, Sent::Nothing)
    }

    /// `T::clone` is the user's: nothing that it may want to change is borrowed here.
    #[inline]
    pub(super) fn open(&self, got: Got<T>) -> T
    where
        T: Clone,
    {
        match got {
            Got::InPlace => self.read(),
            Got::Apart(value) => Rc::unwrap_or_clone(value),
        }
    }

    /// For one of the readers, which is none any more afterwards.
    fn read(&self) -> T
    where
        T: Clone,
    {
        // Declared before the borrow, so dropped after it, also when the clone panics.
        let _reading = Reading(self);
        match &*self.place.borrow() {
            Some(value) => value.clone(),
            None => unreachable!("the place keeps its value while it has readers"),
        }
    }

    /// Drops a value that was forgotten when its last reader has left.
    #[inline]
    pub(super) fn clear(&self) {
        let state = self.state.borrow();
        if state.readers > 0 || matches!(state.sent, Sent::InPlace) {
            return;
        }
        drop(state);
        drop(self.place.take());
    }
}

/// A reader of the place, until it is dropped.
struct Reading<'a, T>(&'a Shared<T>);

impl<T> Drop for Reading<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.0.state.borrow_mut().readers -= 1;
        self.0.clear();
    }
}
