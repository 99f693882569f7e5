//! One registered descriptor: its two bits, its waiters, its end.

use std::fmt;
use std::io;
use std::os::fd::RawFd;
use std::panic::Location;
use std::task::Waker;

use crate::task::Key;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// A green thread that waits on a source.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) waker: Waker,
    pub(crate) owner: Owner,
    pub(crate) who: Option<Key>,
    pub(crate) at: &'static Location<'static>,
}

/// By what a waiter is known when it comes again or leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// One of our futures. It leaves when it is dropped, so while it is here it waits.
    Ticket(u64),
    /// A poll-style caller, in the so-many-th poll of its green thread. It may have given up
    /// without a word, but a green thread that waits is polled once for each time that it asks.
    Poll(u64),
}

impl Waiter {
    /// Whether `self`, who comes now, is the one who has the place already.
    pub(crate) fn is_same(&self, place: &Waiter) -> bool {
        match (self.owner, place.owner) {
            (Owner::Ticket(one), Owner::Ticket(other)) => one == other,
            (Owner::Poll(now), Owner::Poll(before)) => {
                let again = now != before || self.waker.will_wake(&place.waker);
                self.who == place.who && again
            }
            _ => false,
        }
    }
}

/// Why a source serves no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    /// Closed with `Io::close`.
    Closed,
    /// The number was closed by somebody else.
    BehindOurBack,
    /// The hub it was registered with has ended.
    Hub,
}

impl Gone {
    pub(crate) fn error(self, fd: RawFd) -> io::Error {
        let kind = io::ErrorKind::NotConnected;
        io::Error::new(kind, GoneError { gone: self, fd })
    }
}

#[derive(Debug)]
struct GoneError {
    gone: Gone,
    fd: RawFd,
}

impl fmt::Display for GoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fd = self.fd;
        match self.gone {
            Gone::Closed => write!(f, "descriptor {fd} was closed while waiting, or before"),
            Gone::BehindOurBack => write!(
                f,
                "descriptor {fd} was closed while waiting, and not by its owner: look for a raw \
                 close(2) or a library that closes what it does not own"
            ),
            Gone::Hub => write!(
                f,
                "descriptor {fd} belongs to a hub that has ended: make it anew on the running one"
            ),
        }
    }
}

impl std::error::Error for GoneError {}

#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) fd: RawFd,
    pub(crate) generation: u32,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// A short read does not mean that all was read: the end of the stream may follow.
    pub(crate) hangup: bool,
    pub(crate) gone: Option<Gone>,
    /// Its `Io`, and trampolines that wait on it.
    pub(crate) users: u32,
    pub(crate) reader: Option<Waiter>,
    pub(crate) writer: Option<Waiter>,
    /// More waiters, where the hub allows them.
    pub(crate) more: Vec<(Direction, Waiter)>,
}

impl Default for Source {
    fn default() -> Self {
        Source::new(-1, 0)
    }
}

impl Source {
    pub(crate) fn new(fd: RawFd, generation: u32) -> Self {
        Source {
            fd,
            generation,
            readable: true,
            writable: true,
            hangup: false,
            gone: None,
            users: 1,
            reader: None,
            writer: None,
            more: Vec::new(),
        }
    }

    pub(crate) fn is_ready(&self, direction: Direction) -> bool {
        match direction {
            Direction::Read => self.readable,
            Direction::Write => self.writable,
        }
    }

    /// The kernel said "would block".
    pub(crate) fn clear(&mut self, direction: Direction) {
        match direction {
            Direction::Read => {
                self.readable = false;
                self.hangup = false;
            }
            Direction::Write => self.writable = false,
        }
    }

    pub(crate) fn waiter(&mut self, direction: Direction) -> &mut Option<Waiter> {
        match direction {
            Direction::Read => &mut self.reader,
            Direction::Write => &mut self.writer,
        }
    }

    /// Takes one of the further waiters out.
    pub(crate) fn remove_more(
        &mut self,
        direction: Direction,
        is_it: impl Fn(&Waiter) -> bool,
    ) -> Option<Waiter> {
        let place = self
            .more
            .iter()
            .position(|(other, waiter)| *other == direction && is_it(waiter))?;
        Some(self.more.remove(place).1)
    }

    pub(crate) fn take_waiters(&mut self, direction: Direction, woken: &mut Vec<Waker>) {
        woken.extend(self.waiter(direction).take().map(|waiter| waiter.waker));
        if !self.more.is_empty() {
            let (these, others) = std::mem::take(&mut self.more)
                .into_iter()
                .partition(|(other, _)| *other == direction);
            self.more = others;
            let these: Vec<(Direction, Waiter)> = these;
            woken.extend(these.into_iter().map(|(_, waiter)| waiter.waker));
        }
    }

    pub(crate) fn is_waited_on(&self, direction: Direction) -> bool {
        let first = match direction {
            Direction::Read => &self.reader,
            Direction::Write => &self.writer,
        };
        first.is_some() || self.more.iter().any(|(other, _)| *other == direction)
    }
}
