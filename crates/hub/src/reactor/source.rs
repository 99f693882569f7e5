//! One registered descriptor: its two bits, its waiters, its end.

use std::fmt;
use std::io;
use std::os::fd::RawFd;
use std::panic::Location;

use crate::task::{GreenThreadId, Key};
use crate::wait::LocalWaker;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// A green thread that waits on a source.
///
/// Its fields are words, stored one by one where they stay: built elsewhere and copied by wider loads it would make
/// the processor wait for the stores.
#[derive(Debug)]
pub(crate) struct Waiter {
    waker: LocalWaker,
    pub(crate) at: &'static Location<'static>,
    /// Who came, in two parts, or [`Key::NOBODY`].
    id: GreenThreadId,
    /// What its [`Owner`] holds.
    number: u64,
    index: u32,
    has_ticket: bool,
    direction: Direction,
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
        direction: Direction,
        who: Option<Key>,
        waker: LocalWaker,
        owner: Owner,
        at: &'static Location<'static>,
    ) -> Self {
        let Key { id, index } = who.unwrap_or(Key::NOBODY);
        let (has_ticket, number) = match owner {
            Owner::Ticket(number) => (true, number),
            Owner::Poll(number) => (false, number),
        };
        Waiter {
            waker,
            at,
            id,
            number,
            index,
            has_ticket,
            direction,
        }
    }

    fn key(&self) -> Key {
        let Waiter { id, index, .. } = *self;
        Key { id, index }
    }

    pub(crate) fn who(&self) -> Option<Key> {
        Some(self.key()).filter(|who| *who != Key::NOBODY)
    }

    pub(crate) fn owner(&self) -> Owner {
        match self.has_ticket {
            true => Owner::Ticket(self.number),
            false => Owner::Poll(self.number),
        }
    }

    /// Whether both wake the same future.
    pub(crate) fn wakes_the_same(&self, other: &Waiter) -> bool {
        self.waker.wakes_the_same(&other.waker)
    }

    /// Whether `self`, who comes now, is the one who has the place already.
    pub(crate) fn is_same(&self, place: &Waiter) -> bool {
        match (self.owner(), place.owner()) {
            (Owner::Ticket(one), Owner::Ticket(other)) => one == other,
            (Owner::Poll(now), Owner::Poll(before)) => {
                let again = now != before || self.wakes_the_same(place);
                self.key() == place.key() && again
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

/// Whether a source serves; one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Serves,
    /// The descriptor's last copy closes when its `Io` is dropped, and takes the kernel's entry along.
    ServesAndClosesItself,
    Over(Gone),
}

#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) fd: RawFd,
    pub(crate) generation: u32,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// A short read does not mean that all was read: the end of the stream may follow.
    pub(crate) hangup: bool,
    life: Life,
    /// Its `Io`, and trampolines that wait on it.
    pub(crate) users: u32,
    /// Most have one waiter at a time, in one direction.
    first: Option<Waiter>,
    /// One for the other direction, and further ones where the hub allows them.
    #[expect(
        clippy::box_collection,
        reason = "one word in each source, for what few of them ever have"
    )]
    more: Option<Box<Vec<Waiter>>>,
}

const _: () = assert!(size_of::<Source>() <= 72);

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
            life: Life::Serves,
            users: 1,
            first: None,
            more: None,
        }
    }

    /// Why it serves no more.
    #[inline]
    pub(crate) fn gone(&self) -> Option<Gone> {
        match self.life {
            Life::Over(gone) => Some(gone),
            Life::Serves | Life::ServesAndClosesItself => None,
        }
    }

    /// Lets it serve no more.
    pub(crate) fn end(&mut self, gone: Gone) {
        self.life = Life::Over(gone);
    }

    /// Whether the kernel forgets the descriptor when its user goes.
    pub(crate) fn closes_itself(&self) -> bool {
        self.life == Life::ServesAndClosesItself
    }

    /// Sets that, as long as it serves; the kernel has forgotten it otherwise.
    pub(crate) fn set_closes_itself(&mut self, closes: bool) {
        self.life = match (self.life, closes) {
            (Life::Over(gone), _) => Life::Over(gone),
            (_, true) => Life::ServesAndClosesItself,
            (_, false) => Life::Serves,
        };
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
        let mut waiters = self
            .first
            .iter()
            .chain(self.more.iter().flat_map(|more| more.iter()));
        waiters.find(|waiter| waiter.direction == direction)
    }

    /// Puts a waiter into the place of its direction if that is free, or its own already: whoever had it comes back.
    /// A newcomer that finds somebody else there comes back as the error.
    #[inline]
    pub(crate) fn settle(&mut self, newcomer: Waiter) -> Result<Option<Waiter>, Waiter> {
        if self.first.is_none() && self.more.is_none() {
            self.first = Some(newcomer);
            return Ok(None);
        }
        self.settle_beside(newcomer)
    }

    #[inline(never)]
    fn settle_beside(&mut self, newcomer: Waiter) -> Result<Option<Waiter>, Waiter> {
        match self.waiter(newcomer.direction) {
            Some(first) if !newcomer.wakes_the_same(first) && !newcomer.is_same(first) => {
                Err(newcomer)
            }
            _ => Ok(self.put_waiter(newcomer)),
        }
    }

    /// Puts a waiter into the place of the first one in its direction, who comes back.
    pub(crate) fn put_waiter(&mut self, waiter: Waiter) -> Option<Waiter> {
        let direction = waiter.direction;
        let more = self.more.iter_mut().flat_map(|more| more.iter_mut());
        let mut places = self.first.iter_mut().chain(more);
        match places.find(|place| place.direction == direction) {
            Some(place) => Some(std::mem::replace(place, waiter)),
            None => {
                self.add_waiter(waiter);
                None
            }
        }
    }

    /// Adds one behind those who wait already.
    pub(crate) fn add_waiter(&mut self, waiter: Waiter) {
        match &self.first {
            None => self.first = Some(waiter),
            Some(_) => {
                let more = self.more.get_or_insert_default();
                more.push(waiter);
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
        let is_it = |waiter: &Waiter| waiter.direction == direction && is_it(waiter);
        let first = self.first.take_if(|first| is_it(first));
        if first.is_none()
            && let Some(more) = &mut self.more
        {
            let place = more.iter().position(is_it)?;
            return Some(more.remove(place));
        }
        first
    }

    #[inline]
    pub(crate) fn take_waiters(&mut self, direction: Direction, woken: &mut Vec<LocalWaker>) {
        if let Some(waiter) = self.first.take_if(|first| first.direction == direction) {
            woken.push(waiter.into_waker());
        }
        if self.more.is_some() {
            self.take_more(direction, woken);
        }
    }

    #[cold]
    fn take_more(&mut self, direction: Direction, woken: &mut Vec<LocalWaker>) {
        if let Some(more) = &mut self.more {
            let these = more.extract_if(.., |waiter| waiter.direction == direction);
            woken.extend(these.map(Waiter::into_waker));
        }
    }

    pub(crate) fn is_waited_on(&self, direction: Direction) -> bool {
        self.waiter(direction).is_some()
    }
}
