//! Where sources stand: chunks of memory, to which their users point.
//!
//! A user of a source, an `Io`, holds the chunk and the place in it, so it reaches the source without a look-up; the
//! reactor finds it by the index that the kernel tells with each event.

use std::cell::{Cell, OnceCell};
use std::fmt;
use std::num::NonZeroU32;
use std::ops::Deref;
use std::os::fd::RawFd;
use std::rc::{Rc, Weak};

use super::source::Source;
use super::spot::{Neighbours, Spot};
use crate::arena::{CHUNK, split};
use crate::core::Core;

/// The places with indices from one multiple of [`CHUNK`] to the next.
pub(crate) struct Chunk {
    sources: [Source; CHUNK],
    /// Made when somebody has to stand beside one of them.
    beside: OnceCell<Box<[Neighbours; CHUNK]>>,
    number: usize,
    /// All places from this one on have never been taken.
    end: Cell<usize>,
    /// How many are taken.
    taken: Cell<usize>,
    /// The last ticket that was drawn by a waiter on one of these.
    tickets: Cell<u32>,
    core: Weak<Core>,
}

/// Drawn tickets stay below this: see [`Ticket`](crate::Ticket).
pub(crate) const TICKETS: u32 = 1 << 31;

const _: () = assert!(CHUNK == 1 << u8::BITS);

/// One place, taken or vacant.
#[derive(Clone)]
pub(crate) struct Place {
    chunk: Rc<Chunk>,
    at: u8,
}

impl Chunk {
    pub(crate) fn new(number: usize, core: Weak<Core>) -> Rc<Chunk> {
        Rc::new(Chunk {
            sources: std::array::from_fn(|_| Source::default()),
            beside: OnceCell::new(),
            number,
            end: Cell::new(0),
            taken: Cell::new(0),
            tickets: Cell::new(0),
            core,
        })
    }

    pub(crate) fn number(&self) -> usize {
        self.number
    }

    pub(crate) fn is_vacant(&self) -> bool {
        self.taken.get() == 0
    }

    /// The place of an index that is one of its own.
    #[inline]
    pub(crate) fn spot(&self, index: u32) -> Spot<'_> {
        Spot::new(self, split(index).1 as u8)
    }

    /// Its places as far as some have been taken.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Spot<'_>> {
        (0..self.end.get()).map(|at| Spot::new(self, at as u8))
    }

    /// Those of them that somebody waits on.
    pub(crate) fn waited_on(&self) -> impl Iterator<Item = Spot<'_>> {
        let sources = self.sources[..self.end.get()].iter().enumerate();
        let waited_on = sources.filter(|(_, source)| source.is_waited_on());
        waited_on.map(|(at, _)| Spot::new(self, at as u8))
    }

    /// An index of its own that is vacant.
    pub(crate) fn vacancy(&self) -> Option<u32> {
        let at = self.sources.iter().position(|source| !source.is_taken())?;
        Some(self.index(at as u8))
    }

    pub(super) fn index(&self, at: u8) -> u32 {
        Chunk::first_index(self.number) + u32::from(at)
    }

    /// The first index of the chunk with this number.
    pub(super) fn first_index(number: usize) -> u32 {
        (number * CHUNK) as u32
    }

    #[inline]
    pub(super) fn source(&self, at: u8) -> &Source {
        &self.sources[usize::from(at)]
    }

    /// Those beside this place, if the chunk has room for such.
    pub(super) fn beside(&self, at: u8) -> Option<&Neighbours> {
        Some(&self.beside.get()?[usize::from(at)])
    }

    pub(super) fn beside_or_make(&self, at: u8) -> &Neighbours {
        let make = || Box::new(std::array::from_fn(|_| Neighbours::default()));
        &self.beside.get_or_init(make)[usize::from(at)]
    }
}

impl Place {
    pub(crate) fn new(chunk: Rc<Chunk>, index: u32) -> Place {
        let at = split(index).1 as u8;
        Place { chunk, at }
    }

    /// Takes it for a descriptor.
    pub(crate) fn begin(&self, fd: RawFd, generation: u32) {
        let chunk = &*self.chunk;
        chunk.end.set(chunk.end.get().max(usize::from(self.at) + 1));
        chunk.taken.set(chunk.taken.get() + 1);
        (**self).begin(fd, generation);
    }

    /// Leaves it. Those who wait come back, to be dropped.
    pub(crate) fn vacate(&self) -> Vec<super::Waiter> {
        self.chunk.taken.set(self.chunk.taken.get() - 1);
        self.spot().vacate()
    }

    pub(crate) fn chunk(&self) -> &Chunk {
        &self.chunk
    }

    /// The same, as long as this is held.
    #[inline]
    pub(crate) fn spot(&self) -> Spot<'_> {
        Spot::new(&self.chunk, self.at)
    }

    /// The hub that it is a place of, if that is not gone.
    pub(crate) fn core(&self) -> Option<Rc<Core>> {
        self.chunk.core.upgrade()
    }

    /// A number for one who waits here that nobody else has who waits here.
    #[inline]
    pub(crate) fn draw_ticket(&self) -> NonZeroU32 {
        let next = (self.chunk.tickets.get() + 1) % TICKETS;
        let next = NonZeroU32::new(next).unwrap_or(NonZeroU32::MIN);
        self.chunk.tickets.set(next.get());
        next
    }
}

impl Deref for Place {
    type Target = Source;

    #[inline]
    fn deref(&self) -> &Source {
        self.chunk.source(self.at)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
