//! A green thread that waits on a descriptor, and how it is known.

use std::num::NonZeroU32;
use std::panic::Location;

use crate::task::Number;
use crate::wait::LocalWaker;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// By what a waiter is known when it comes again or leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// One of our futures. It leaves when it is dropped, so while it is here it waits.
    Ticket(NonZeroU32),
    /// A poll-style caller, in the so-many-th poll of its green thread, of which the lowest bits are kept. It may have
    /// given up without a word, but a green thread that waits is polled once for each time that it asks.
    Poll(u32),
}

/// A waiter that stands beside others, or whose waker is not the green thread's own; or any on its way in or out.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) waker: LocalWaker,
    /// Who came, or [`Number::NOBODY`].
    pub(crate) who: Number,
    pub(crate) at: &'static Location<'static>,
    pub(crate) owner: Owner,
    pub(crate) direction: Direction,
}

impl Waiter {
    /// Whether both wake the same future.
    pub(crate) fn wakes_the_same(&self, other: &Waiter) -> bool {
        self.waker.wakes_the_same(&other.waker)
    }

    /// Whether `self`, who comes now, is the one who has the place already.
    pub(crate) fn is_same(&self, place: &Waiter) -> bool {
        match (self.owner, place.owner) {
            (Owner::Ticket(one), Owner::Ticket(other)) => one == other,
            (Owner::Poll(now), Owner::Poll(before)) => {
                let again = now != before || self.wakes_the_same(place);
                self.who == place.who && again
            }
            _ => false,
        }
    }
}
