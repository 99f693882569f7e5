//! Counting what is unfinished.

use std::panic::Location;

use crate::queue::claims::AllDone;
use crate::queue::kinds::Joinable;
use crate::queue::order::Order;
use crate::queue::{BaseQueue, Join, TooManyDone};
use crate::waiting::Waiter;

/// Of the queues that count: every item that went in is unfinished until it is reported done.
impl<O: Order> BaseQueue<O, Joinable> {
    /// Says that one item that was got is finished. At zero, those in [`join`](Self::join) go on.
    ///
    /// # Errors
    /// [`TooManyDone`] if nothing is unfinished; nothing changes then.
    pub fn task_done(&self) -> Result<(), TooManyDone> {
        match self.change(|state, wakers| state.task_done(wakers)) {
            true => Ok(()),
            false => Err(TooManyDone),
        }
    }

    /// Waits until nothing is unfinished; ready at once when nothing is. Items put later start the
    /// count anew.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    #[track_caller]
    pub fn join(&self) -> Join<'_, O> {
        Join(Waiter::new(&self.state, AllDone::new(), Location::caller()))
    }

    /// How many items have been put and not been reported done.
    #[must_use]
    pub fn unfinished_tasks(&self) -> usize {
        self.state.borrow().unfinished
    }
}
