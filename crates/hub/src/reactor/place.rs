//! Where sources stand: chunks of memory, to which their users point.
//!
//! A user of a source, an `Io`, holds the chunk and the place in it, so it reaches the source without a look-up; the
//! reactor finds it by the index that the kernel tells with each event. Which places are taken says an
//! [`Arena`](crate::arena) of nothing, which also tells when a chunk is to be given back.

use std::cell::Cell;
use std::fmt;
use std::num::NonZeroU32;
use std::ops::Deref;
use std::os::fd::RawFd;
use std::rc::{Rc, Weak};

use super::source::Source;
use crate::arena::{CHUNK, split};
use crate::core::Core;

/// The places with indices from one multiple of [`CHUNK`] to the next.
pub(crate) struct Chunk {
    sources: [Source; CHUNK],
    number: usize,
    /// All places from this one on have never been taken.
    end: Cell<usize>,
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
            number,
            end: Cell::new(0),
            tickets: Cell::new(0),
            core,
        })
    }

    /// Its sources as far as places have been taken, each with its index.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Source)> {
        let first = self.number * CHUNK;
        let sources = self.sources[..self.end.get()].iter().enumerate();
        sources.map(move |(at, source)| ((first + at) as u32, source))
    }

    #[inline]
    pub(crate) fn source(&self, index: u32) -> &Source {
        &self.sources[split(index).1]
    }
}

impl Place {
    pub(crate) fn new(chunk: Rc<Chunk>, index: u32) -> Place {
        let at = split(index).1 as u8;
        Place { chunk, at }
    }

    /// Takes it for a descriptor.
    pub(crate) fn begin(&self, fd: RawFd, generation: u32) {
        let end = self.chunk.end.get().max(usize::from(self.at) + 1);
        self.chunk.end.set(end);
        (**self).begin(fd, generation);
    }

    pub(crate) fn index(&self) -> u32 {
        (self.chunk.number * CHUNK) as u32 + u32::from(self.at)
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
        &self.chunk.sources[usize::from(self.at)]
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
