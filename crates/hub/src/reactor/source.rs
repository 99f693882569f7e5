//! One registered descriptor: its two bits, its waiter, its end.
//!
//! Its fields are cells, so that a message finds and changes them where they stand, without a look-up and without a
//! borrow. Most descriptors have one waiter at a time, a green thread that waits with its own waker: three
//! words say all of it. Others stand beside it ([`Spot`](super::spot::Spot)).

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
}

const _: () = assert!(size_of::<Source>() <= 32);

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

    /// Leaves the place, when nobody waits any more.
    pub(super) fn leave(&self) {
        self.marks.set(Marks(0));
        self.generation.set(VACANT);
    }

    pub(crate) fn is_taken(&self) -> bool {
        self.generation.get() != VACANT
    }

    /// Whether it is that of a descriptor, and serves.
    pub(crate) fn serves(&self, fd: RawFd) -> bool {
        self.is_taken() && self.fd.get() == fd && self.gone().is_none()
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

    /// Whether it takes more than [`apply_alone`](Self::apply_alone): others stand beside, or it serves no more.
    #[inline(always)]
    pub(super) fn is_unusual(&self) -> bool {
        self.marks.get().has(Marks::MORE.and(Marks::OVER))
    }

    /// The kernel's word on it.
    pub(super) fn note_ready(&self, ready: Ready) {
        self.marks.set(self.marks.get().and(Marks(ready.bits())));
    }

    /// The same, of one that is not [unusual](Self::is_unusual). Who waited for that comes back to be woken.
    #[inline(always)]
    pub(super) fn apply_alone(&self, ready: Ready) -> Option<Number> {
        let marks = self.marks.get().and(Marks(ready.bits()));
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
    pub(super) fn put_first(
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
    pub(super) fn first(&self) -> Option<Waiter> {
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

    pub(super) fn take_first(&self) -> Option<Waiter> {
        let first = self.first();
        self.who.set(Number::NOBODY);
        first
    }

    /// Whether others stand beside.
    pub(super) fn has_more(&self) -> bool {
        self.marks.get().has(Marks::MORE)
    }

    pub(super) fn note_more(&self, more: bool) {
        let marks = self.marks.get();
        self.marks.set(match more {
            true => marks.and(Marks::MORE),
            false => marks.without(Marks::MORE),
        });
    }

    /// Whether anybody waits on it.
    #[inline]
    pub(crate) fn is_waited_on(&self) -> bool {
        self.who.get() != Number::NOBODY || self.marks.get().has(Marks::MORE)
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
