//! One registered descriptor: its two bits, its waiters, its end.
//!
//! Its fields are cells, so that a message finds and changes them where they stand, without a look-up and without a
//! borrow. Most descriptors have one waiter at a time, a green thread that waits with its own waker: three
//! words say all of it. Others stand beside it, in a box that few ever need.

use std::cell::Cell;
use std::fmt;
use std::num::NonZeroU32;
use std::os::fd::RawFd;
use std::panic::Location;

use super::driver::Ready;
use super::gone::Gone;
use super::waiter::{Direction, Owner, Waiter};
use crate::task::Number;
use crate::wait::LocalWaker;

/// What is known of a source in yes and no; one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Marks(u8);

impl Marks {
    const READABLE: Marks = Marks(Ready::READABLE.bits());
    const WRITABLE: Marks = Marks(Ready::WRITABLE.bits());
    /// A short read does not mean that all was read: the end of the stream may follow.
    const HANGUP: Marks = Marks(Ready::HANGUP.bits());
    /// The waiter waits to write.
    const WRITES: Marks = Marks(16);
    /// The waiter is a poll-style caller.
    const POLLS: Marks = Marks(32);
    /// Others stand beside.
    const MORE: Marks = Marks(64);
    /// It serves no more; its [`Life`] says why.
    const OVER: Marks = Marks(128);

    const fn ready_to(direction: Direction) -> Marks {
        match direction {
            Direction::Read => Marks::READABLE,
            Direction::Write => Marks::WRITABLE,
        }
    }

    #[inline]
    const fn has(self, mark: Marks) -> bool {
        self.0 & mark.0 != 0
    }

    #[inline]
    const fn and(self, mark: Marks) -> Marks {
        Marks(self.0 | mark.0)
    }

    #[inline]
    const fn without(self, mark: Marks) -> Marks {
        Marks(self.0 & !mark.0)
    }
}

/// Whether a source serves; one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Serves,
    /// The descriptor's last copy closes when its `Io` is dropped, and takes the kernel's entry along.
    ServesAndClosesItself,
    /// Neither bit of it is ever set again.
    Over(Gone),
}

pub(crate) struct Source {
    fd: Cell<RawFd>,
    /// Of which user of the place this is; [`VACANT`] for none.
    generation: Cell<u32>,
    marks: Cell<Marks>,
    life: Cell<Life>,
    /// Its `Io`, and trampolines that wait on it.
    users: Cell<u16>,
    /// What the waiter's [`Owner`] holds.
    owner: Cell<u32>,
    /// The green thread that waits with its own waker, or [`Number::NOBODY`].
    who: Cell<Number>,
    at: Cell<Option<&'static Location<'static>>>,
    /// One for the other direction, those with other wakers, and further ones where the hub allows them.
    #[expect(
        clippy::box_collection,
        reason = "one word in each source, for what few of them ever have"
    )]
    more: Cell<Option<Box<Vec<Waiter>>>>,
}

const _: () = assert!(size_of::<Source>() <= 40);

/// No user of a place.
pub(crate) const VACANT: u32 = 0;

impl Default for Source {
    /// A vacant place.
    fn default() -> Self {
        Source {
            fd: Cell::new(-1),
            generation: Cell::new(VACANT),
            marks: Cell::new(Marks(0)),
            life: Cell::new(Life::Serves),
            users: Cell::new(0),
            owner: Cell::new(0),
            who: Cell::new(Number::NOBODY),
            at: Cell::new(None),
            more: Cell::new(None),
        }
    }
}

impl Source {
    /// Takes the place for a descriptor, with one user. Nothing is known of it, so the first operations just try.
    pub(crate) fn begin(&self, fd: RawFd, generation: u32) {
        self.fd.set(fd);
        self.generation.set(generation);
        self.marks.set(Marks::READABLE.and(Marks::WRITABLE));
        self.life.set(Life::Serves);
        self.users.set(1);
    }

    /// Leaves the place. Its waiters come back, to be dropped.
    pub(crate) fn vacate(&self) -> Vec<Waiter> {
        let mut left = self.more.take().map_or_else(Vec::new, |more| *more);
        left.extend(self.take_first());
        self.marks.set(Marks(0));
        self.generation.set(VACANT);
        left
    }

    #[inline]
    pub(crate) fn fd(&self) -> RawFd {
        self.fd.get()
    }

    #[inline]
    pub(crate) fn generation(&self) -> u32 {
        self.generation.get()
    }

    /// One user more, if they can be counted.
    pub(crate) fn add_user(&self) -> bool {
        let more = self.users.get().checked_add(1);
        more.inspect(|users| self.users.set(*users)).is_some()
    }

    /// One user less; how many are left.
    pub(crate) fn remove_user(&self) -> u16 {
        self.users.set(self.users.get() - 1);
        self.users.get()
    }

    /// Why it serves no more.
    #[inline]
    pub(crate) fn gone(&self) -> Option<Gone> {
        match self.life.get() {
            Life::Over(gone) => Some(gone),
            Life::Serves | Life::ServesAndClosesItself => None,
        }
    }

    /// Lets it serve no more.
    pub(crate) fn end(&self, gone: Gone) {
        let ready = Marks::READABLE.and(Marks::WRITABLE);
        self.marks
            .set(self.marks.get().without(ready).and(Marks::OVER));
        self.life.set(Life::Over(gone));
    }

    /// Whether the kernel forgets the descriptor when its user goes.
    pub(crate) fn closes_itself(&self) -> bool {
        self.life.get() == Life::ServesAndClosesItself
    }

    /// Sets that, as long as it serves; the kernel has forgotten it otherwise.
    pub(crate) fn set_closes_itself(&self, closes: bool) {
        self.life.set(match (self.life.get(), closes) {
            (Life::Over(gone), _) => Life::Over(gone),
            (_, true) => Life::ServesAndClosesItself,
            (_, false) => Life::Serves,
        });
    }

    /// Whether an operation may be tried. Never when it serves no more.
    #[inline]
    pub(crate) fn is_ready(&self, direction: Direction) -> bool {
        self.marks.get().has(Marks::ready_to(direction))
    }

    /// The kernel said "would block".
    #[inline]
    pub(crate) fn clear(&self, direction: Direction) {
        let no_more = match direction {
            Direction::Read => Marks::READABLE.and(Marks::HANGUP),
            Direction::Write => Marks::WRITABLE,
        };
        self.marks.set(self.marks.get().without(no_more));
    }

    /// A short operation has told the same, unless the peer has hung up.
    #[inline]
    pub(crate) fn note_exhausted(&self, direction: Direction) {
        let marks = self.marks.get();
        if !marks.has(Marks::HANGUP) {
            self.marks.set(marks.without(Marks::ready_to(direction)));
        }
    }

    /// The kernel's word on it. Who waited for that alone, with its own waker, comes back to be woken; where others
    /// stand beside, all who waited for that are appended.
    #[inline(always)]
    pub(crate) fn apply(&self, ready: Ready, woken: &mut Vec<LocalWaker>) -> Option<Number> {
        let marks = self.marks.get();
        if marks.has(Marks::MORE.and(Marks::OVER)) {
            self.apply_to_all(ready, woken);
            return None;
        }
        let marks = marks.and(Marks(ready.bits()));
        self.marks.set(marks);
        let who = self.who.get();
        let waits_for = match marks.has(Marks::WRITES) {
            false => Ready::READABLE,
            true => Ready::WRITABLE,
        };
        let is_served = who != Number::NOBODY && ready.has(waits_for);
        is_served.then(|| {
            self.who.set(Number::NOBODY);
            who
        })
    }

    #[cold]
    fn apply_to_all(&self, ready: Ready, woken: &mut Vec<LocalWaker>) {
        if self.gone().is_some() {
            return; // said before it ended
        }
        self.marks.set(self.marks.get().and(Marks(ready.bits())));
        if ready.has(Ready::READABLE) {
            self.take_waiters(Direction::Read, woken);
        }
        if ready.has(Ready::WRITABLE) {
            self.take_waiters(Direction::Write, woken);
        }
    }

    /// Notes that a green thread waits with its own waker, if it serves and nobody else does.
    #[inline]
    pub(crate) fn settle_alone(
        &self,
        who: Number,
        direction: Direction,
        owner: Owner,
        at: &'static Location<'static>,
    ) -> bool {
        let otherwise = Marks::MORE.and(Marks::OVER);
        let is_alone = self.who.get() == Number::NOBODY && !self.marks.get().has(otherwise);
        if is_alone {
            self.put_first(who, direction, owner, at);
        }
        is_alone
    }

    #[inline]
    fn put_first(
        &self,
        who: Number,
        direction: Direction,
        owner: Owner,
        at: &'static Location<'static>,
    ) {
        let mut marks = self.marks.get().without(Marks::WRITES.and(Marks::POLLS));
        if direction == Direction::Write {
            marks = marks.and(Marks::WRITES);
        }
        self.owner.set(match owner {
            Owner::Ticket(ticket) => ticket.get(),
            Owner::Poll(polls) => {
                marks = marks.and(Marks::POLLS);
                polls
            }
        });
        self.marks.set(marks);
        self.who.set(who);
        self.at.set(Some(at));
    }

    /// The waiter that stands here, and not beside.
    fn first(&self) -> Option<Waiter> {
        let (who, at, marks) = (self.who.get(), self.at.get()?, self.marks.get());
        let owner = match NonZeroU32::new(self.owner.get()) {
            Some(ticket) if !marks.has(Marks::POLLS) => Owner::Ticket(ticket),
            _ => Owner::Poll(self.owner.get()),
        };
        let direction = match marks.has(Marks::WRITES) {
            false => Direction::Read,
            true => Direction::Write,
        };
        let waker = LocalWaker::of_number(who);
        let waiter = Waiter {
            waker,
            who,
            at,
            owner,
            direction,
        };
        (who != Number::NOBODY).then_some(waiter)
    }

    fn take_first(&self) -> Option<Waiter> {
        let first = self.first();
        self.who.set(Number::NOBODY);
        first
    }

    /// Calls `f` with those that stand beside.
    fn with_more<R>(&self, f: impl FnOnce(&mut Vec<Waiter>) -> R) -> R {
        let mut more = self.more.take();
        let beside = more.get_or_insert_default();
        let result = f(beside);
        let marks = self.marks.get();
        self.marks.set(match beside.is_empty() {
            true => marks.without(Marks::MORE),
            false => marks.and(Marks::MORE),
        });
        self.more.set(more);
        result
    }

    /// Calls `f` with the one who waits in this direction; the first of them, if there are several.
    pub(crate) fn with_waiter<R>(
        &self,
        direction: Direction,
        f: impl FnOnce(&Waiter) -> R,
    ) -> Option<R> {
        match self.first().filter(|first| first.direction == direction) {
            Some(first) => Some(f(&first)),
            None if !self.marks.get().has(Marks::MORE) => None,
            None => self.with_more(|more| {
                let waiter = more.iter().find(|waiter| waiter.direction == direction)?;
                Some(f(waiter))
            }),
        }
    }

    /// Puts a waiter into the place of its direction if that is free, or its own already: whoever had it comes back.
    /// A newcomer that finds somebody else there comes back as the error.
    pub(crate) fn settle(&self, newcomer: Waiter) -> Result<Option<Waiter>, Waiter> {
        let is_taken = self.with_waiter(newcomer.direction, |first| {
            !newcomer.wakes_the_same(first) && !newcomer.is_same(first)
        });
        match is_taken {
            Some(true) => Err(newcomer),
            _ => Ok(self.put_waiter(newcomer)),
        }
    }

    /// Puts a waiter into the place of the first one in its direction, who comes back.
    pub(crate) fn put_waiter(&self, waiter: Waiter) -> Option<Waiter> {
        let direction = waiter.direction;
        if let Some(first) = self.first().filter(|first| first.direction == direction) {
            self.who.set(Number::NOBODY);
            match waiter.waker.own_number() {
                Some(who) => self.put_first(who, direction, waiter.owner, waiter.at),
                None => self.with_more(|more| more.insert(0, waiter)),
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
    pub(crate) fn add_waiter(&self, waiter: Waiter) {
        let direction = waiter.direction;
        let own = waiter.waker.own_number();
        match own.filter(|_| self.who.get() == Number::NOBODY) {
            Some(who) if self.with_waiter(direction, |_| ()).is_none() => {
                self.put_first(who, direction, waiter.owner, waiter.at);
            }
            _ => self.with_more(|more| more.push(waiter)),
        }
    }

    /// Takes out the one of whom `is_it` says so.
    pub(crate) fn remove_waiter(
        &self,
        direction: Direction,
        is_it: impl Fn(&Waiter) -> bool,
    ) -> Option<Waiter> {
        let is_it = |waiter: &Waiter| waiter.direction == direction && is_it(waiter);
        if self.first().is_some_and(|first| is_it(&first)) {
            return self.take_first();
        }
        if !self.marks.get().has(Marks::MORE) {
            return None;
        }
        self.with_more(|more| Some(more.remove(more.iter().position(is_it)?)))
    }

    /// Takes out all who wait in this direction.
    pub(crate) fn take_waiters(&self, direction: Direction, woken: &mut Vec<LocalWaker>) {
        if self
            .first()
            .is_some_and(|first| first.direction == direction)
        {
            woken.extend(self.take_first().map(|waiter| waiter.waker));
        }
        if self.marks.get().has(Marks::MORE) {
            self.with_more(|more| {
                let these = more.extract_if(.., |waiter| waiter.direction == direction);
                woken.extend(these.map(|waiter| waiter.waker));
            });
        }
    }

    /// Whether anybody waits on it.
    #[inline]
    pub(crate) fn is_waited_on(&self) -> bool {
        self.who.get() != Number::NOBODY || self.marks.get().has(Marks::MORE)
    }

    pub(crate) fn is_waited_on_to(&self, direction: Direction) -> bool {
        self.with_waiter(direction, |_| ()).is_some()
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("fd", &self.fd)
            .field("generation", &self.generation)
            .field("marks", &self.marks)
            .field("life", &self.life)
            .field("users", &self.users)
            .finish_non_exhaustive()
    }
}
