//! All who wait on one source: the one that stands in it, and those beside.
//!
//! A source has room for one waiter, a green thread that waits with its own waker. One for the other direction, those with other wakers,
//! and further ones where the hub allows them stand beside it. Few descriptors ever have such, so the lists of a chunk are
//! made with its first.

use std::cell::Cell;
use std::ops::Deref;

use super::driver::Ready;
use super::place::Chunk;
use super::source::Source;
use super::waiter::{Direction, Waiter};
use crate::task::Number;
use crate::wait::LocalWaker;

/// Those beside one source.
pub(crate) type Neighbours = Cell<Vec<Waiter>>;

/// A place in a chunk.
#[derive(Clone, Copy)]
pub(crate) struct Spot<'a> {
    chunk: &'a Chunk,
    at: u8,
}

impl Deref for Spot<'_> {
    type Target = Source;

    #[inline]
    fn deref(&self) -> &Source {
        self.chunk.source(self.at)
    }
}

impl<'a> Spot<'a> {
    #[inline]
    pub(super) fn new(chunk: &'a Chunk, at: u8) -> Self {
        Spot { chunk, at }
    }

    pub(crate) fn index(self) -> u32 {
        self.chunk.index(self.at)
    }

    /// Leaves the place. Its waiters come back, to be dropped.
    pub(super) fn vacate(self) -> Vec<Waiter> {
        let beside = self.chunk.beside(self.at);
        let mut left = beside.map_or_else(Vec::new, Cell::take);
        left.extend(self.take_first());
        self.leave();
        left
    }

    /// The kernel's word on it. Who waited for that alone, with its own waker, comes back to be woken; where others
    /// stand beside, all who waited for that are appended.
    #[inline(always)]
    pub(crate) fn apply(self, ready: Ready, woken: &mut Vec<LocalWaker>) -> Option<Number> {
        if self.is_unusual() {
            self.apply_to_all(ready, woken);
            return None;
        }
        self.apply_alone(ready)
    }

    #[cold]
    fn apply_to_all(self, ready: Ready, woken: &mut Vec<LocalWaker>) {
        if self.gone().is_some() {
            return; // said before it ended
        }
        self.note_ready(ready);
        if ready.has(Ready::READABLE) {
            self.take_waiters(Direction::Read, woken);
        }
        if ready.has(Ready::WRITABLE) {
            self.take_waiters(Direction::Write, woken);
        }
    }

    /// Calls `f` with those that stand beside.
    fn with_more<R>(self, f: impl FnOnce(&mut Vec<Waiter>) -> R) -> R {
        let beside = self.chunk.beside_or_make(self.at);
        let mut more = beside.take();
        let result = f(&mut more);
        self.note_more(!more.is_empty());
        beside.set(more);
        result
    }

    /// Calls `f` with the one who waits in this direction; the first of them, if there are several.
    pub(crate) fn with_waiter<R>(
        self,
        direction: Direction,
        f: impl FnOnce(&Waiter) -> R,
    ) -> Option<R> {
        match self.first().filter(|first| first.direction == direction) {
            Some(first) => Some(f(&first)),
            None if !self.has_more() => None,
            None => self.with_more(|more| {
                let waiter = more.iter().find(|waiter| waiter.direction == direction)?;
                Some(f(waiter))
            }),
        }
    }

    /// Puts a waiter into the place of its direction if that is free, or its own already: whoever had it comes back.
    /// A newcomer that finds somebody else there comes back as the error.
    pub(crate) fn settle(self, newcomer: Waiter) -> Result<Option<Waiter>, Waiter> {
        let is_taken = self.with_waiter(newcomer.direction, |first| {
            !newcomer.wakes_the_same(first) && !newcomer.is_same(first)
        });
        match is_taken {
            Some(true) => Err(newcomer),
            _ => Ok(self.put_waiter(newcomer)),
        }
    }

    /// Puts a waiter into the place of the first one in its direction, who comes back.
    pub(crate) fn put_waiter(self, waiter: Waiter) -> Option<Waiter> {
        let direction = waiter.direction;
        if let Some(first) = self.first().filter(|first| first.direction == direction) {
            match waiter.waker.own_number() {
                Some(who) => self.put_first(who, direction, waiter.owner, waiter.at),
                None => {
                    drop(self.take_first());
                    self.with_more(|more| more.insert(0, waiter));
                }
            }
            return Some(first);
        }
        if self.with_waiter(direction, |_| ()).is_none() {
            self.add_waiter(waiter);
            return None;
        }
        self.with_more(|more| {
            let mut beside = more.iter_mut();
            let place = beside.find(|other| other.direction == direction)?;
            Some(std::mem::replace(place, waiter))
        })
    }

    /// Adds one behind those who wait already.
    pub(crate) fn add_waiter(self, waiter: Waiter) {
        let direction = waiter.direction;
        let own = waiter.waker.own_number();
        match own.filter(|_| self.first().is_none()) {
            Some(who) if self.with_waiter(direction, |_| ()).is_none() => {
                self.put_first(who, direction, waiter.owner, waiter.at);
            }
            _ => self.with_more(|more| more.push(waiter)),
        }
    }

    /// Takes out the one of whom `is_it` says so.
    pub(crate) fn remove_waiter(
        self,
        direction: Direction,
        is_it: impl Fn(&Waiter) -> bool,
    ) -> Option<Waiter> {
        let is_it = |waiter: &Waiter| waiter.direction == direction && is_it(waiter);
        if self.first().is_some_and(|first| is_it(&first)) {
            return self.take_first();
        }
        if !self.has_more() {
            return None;
        }
        self.with_more(|more| Some(more.remove(more.iter().position(is_it)?)))
    }

    /// Takes out all who wait in this direction.
    pub(crate) fn take_waiters(self, direction: Direction, woken: &mut Vec<LocalWaker>) {
        if self
            .first()
            .is_some_and(|first| first.direction == direction)
        {
            woken.extend(self.take_first().map(|waiter| waiter.waker));
        }
        if self.has_more() {
            self.with_more(|more| {
                let these = more.extract_if(.., |waiter| waiter.direction == direction);
                woken.extend(these.map(|waiter| waiter.waker));
            });
        }
    }

    pub(crate) fn is_waited_on_to(self, direction: Direction) -> bool {
        self.with_waiter(direction, |_| ()).is_some()
    }
}
