//! One registered descriptor: its two bits, its waiters, its end.

use std::fmt;
use std::io;
use std::os::fd::RawFd;
use std::panic::Location;
use std::task::Context;

use crate::task::Key;
use crate::wait::LocalWaker;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// A green thread that waits on a source.
#[derive(Debug)]
pub(crate) struct Waiter {
    /// Who came, or [`Key::NOBODY`].
    who: Key,
    waker: LocalWaker,
    pub(crate) owner: Owner,
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
    #[inline]
    pub(crate) fn new(
        who: Option<Key>,
        cx: &Context<'_>,
        owner: Owner,
        at: &'static Location<'static>,
    ) -> Self {
        Waiter {
            who: who.unwrap_or(Key::NOBODY),
            waker: LocalWaker::new(cx),
            owner,
            at,
        }
    }

    pub(crate) fn who(&self) -> Option<Key> {
        Some(self.who).filter(|who| *who != Key::NOBODY)
    }

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

    pub(crate) fn into_waker(self) -> LocalWaker {
        self.waker
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
    /// Most have one waiter at a time, in one direction.
    first: Option<(Direction, Waiter)>,
    /// One for the other direction, and further ones where the hub allows them.
    #[expect(
        clippy::box_collection,
        reason = "one word in each source, for what few of them ever have"
    )]
    more: Option<Box<Vec<(Direction, Waiter)>>>,
}

const _: () = assert!(size_of::<Source>() <= 88);

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
            first: None,
            more: None,
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

    /// The one who waits in this direction; the first of them, if there are several.
    #[inline]
    pub(crate) fn waiter(&self, direction: Direction) -> Option<&Waiter> {
        let waiters = self
            .first
            .iter()
            .chain(self.more.iter().flat_map(|more| more.iter()));
        waiters
            .filter(|(other, _)| *other == direction)
            .map(|(_, waiter)| waiter)
            .next()
    }

    /// Puts a waiter into the place of the first one in its direction, who comes back.
    #[inline]
    pub(crate) fn put_waiter(&mut self, direction: Direction, waiter: Waiter) -> Option<Waiter> {
        match &mut self.first {
            Some((other, place)) if *other == direction => Some(std::mem::replace(place, waiter)),
            None if self.more.is_none() => {
                self.first = Some((direction, waiter));
                None
            }
            _ => self.put_among_more(direction, waiter),
        }
    }

    #[cold]
    fn put_among_more(&mut self, direction: Direction, waiter: Waiter) -> Option<Waiter> {
        let more = self.more.get_or_insert_default();
        match more.iter_mut().find(|(other, _)| *other == direction) {
            Some((_, place)) => Some(std::mem::replace(place, waiter)),
            None => {
                self.add_waiter(direction, waiter);
                None
            }
        }
    }

    /// Adds one behind those who wait already.
    pub(crate) fn add_waiter(&mut self, direction: Direction, waiter: Waiter) {
        match &self.first {
            None => self.first = Some((direction, waiter)),
            Some(_) => {
                let more = self.more.get_or_insert_default();
                more.push((direction, waiter));
            }
        }
    }

    /// Takes out the one of whom `is_it` says so.
    #[inline]
    pub(crate) fn remove_waiter(
        &mut self,
        direction: Direction,
        is_it: impl Fn(&Waiter) -> bool,
    ) -> Option<Waiter> {
        let is_it = |(other, waiter): &(Direction, Waiter)| *other == direction && is_it(waiter);
        let first = self.first.take_if(|first| is_it(first));
        if first.is_none()
            && let Some(more) = &mut self.more
        {
            let place = more.iter().position(is_it)?;
            return Some(more.remove(place).1);
        }
        first.map(|(_, waiter)| waiter)
    }

    #[inline]
    pub(crate) fn take_waiters(&mut self, direction: Direction, woken: &mut Vec<LocalWaker>) {
        if let Some((_, waiter)) = self.first.take_if(|(other, _)| *other == direction) {
            woken.push(waiter.into_waker());
        }
        if let Some(more) = &mut self.more {
            let these = more.extract_if(.., |(other, _)| *other == direction);
            woken.extend(these.map(|(_, waiter)| waiter.into_waker()));
        }
    }

    pub(crate) fn is_waited_on(&self, direction: Direction) -> bool {
        self.waiter(direction).is_some()
    }
}
