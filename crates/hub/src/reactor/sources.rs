//! All registered descriptors of a hub: how they come and go, and what the kernel says of them.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::rc::Rc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::{Errno, retry_on_intr};

use super::chunks::Chunks;
use super::driver::{Driver, Event, Ready, Watched, open};
use super::gone::Gone;
use super::place::{Chunk, Place};
use super::source::VACANT;
use super::spot::Spot;
use super::waiter::{Direction, Waiter};
use super::{Backend, Notifier, borrow};
use crate::birthplace::Birthplace;
use crate::core::Core;
use crate::sys::{Call, CallKind, gate};
use crate::wait::LocalWaker;

/// Names a source: its place, and which user of that place. The kernel tells it with each event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SourceKey {
    index: u32,
    generation: u32,
}

impl SourceKey {
    fn of(spot: Spot<'_>) -> u64 {
        let (index, generation) = (spot.index(), spot.generation());
        SourceKey { index, generation }.pack()
    }

    fn pack(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    fn unpack(key: u64) -> Self {
        SourceKey {
            index: key as u32,
            generation: (key >> 32) as u32,
        }
    }
}

/// Generations stay below this, so that no key is the notifier's.
const GENERATIONS: u32 = u32::MAX;

pub(crate) struct Reactor {
    driver: Box<dyn Driver>,
    /// Whether the driver has to be told what is waited on.
    wants_watched: bool,
    chunks: RefCell<Chunks>,
    generation: Cell<u32>,
    /// Sources that have not ended.
    open: Cell<usize>,
    events: RefCell<Vec<Event>>,
    birthplace: Birthplace,
    /// Where the next look for strangers begins, see [`Self::probe`].
    looked_up_to: Cell<usize>,
}

/// A look asks about so many numbers at most, 0.2 µs each; the next one goes on from there.
const LOOKED_AT: usize = 1000;

impl Reactor {
    pub(crate) fn new(backend: Backend) -> io::Result<Self> {
        let driver = open(backend)?;
        Ok(Reactor {
            wants_watched: driver.wants_watched(),
            driver,
            chunks: RefCell::default(),
            generation: Cell::new(VACANT),
            open: Cell::new(0),
            events: RefCell::new(Vec::new()),
            birthplace: Birthplace::here(),
            looked_up_to: Cell::new(0),
        })
    }

    pub(crate) fn notifier(&self) -> Notifier {
        self.driver.notifier()
    }

    pub(crate) fn len(&self) -> usize {
        self.open.get()
    }

    /// Each chunk in turn, borrowed by nobody meanwhile.
    fn each_chunk(&self) -> impl Iterator<Item = Rc<Chunk>> {
        let count = self.chunks.borrow().len();
        (0..count).filter_map(|n| self.chunks.borrow().nth(n).cloned())
    }

    /// The source that has descriptor `fd` now.
    pub(crate) fn find(&self, fd: RawFd) -> Option<Place> {
        self.chunks.borrow().find(fd)
    }

    /// The source that has this open descriptor now, unless its own was closed behind our back and this is another
    /// one that has got its number.
    pub(crate) fn find_open(&self, fd: BorrowedFd<'_>) -> Option<Place> {
        let place = self.find(fd.as_raw_fd())?;
        self.driver.is_still(fd).then_some(place)
    }

    /// Registers a descriptor with the reactor of `core`, which this is. A source that has the same number and was
    /// closed behind our back is ended; its waiters come back to be woken.
    pub(crate) fn add(
        &self,
        core: &Rc<Core>,
        fd: BorrowedFd<'_>,
        woken: &mut Vec<LocalWaker>,
    ) -> io::Result<Place> {
        let number = fd.as_raw_fd();
        gate(Call::new(CallKind::Register, number))?;
        let generation = (self.generation.get() + 1) % GENERATIONS;
        let generation = generation.max(VACANT + 1);
        self.generation.set(generation);
        let index = self.chunks.borrow().vacancy(number);
        let key = SourceKey { index, generation };
        let former = self.find(number);
        match self.driver.add(fd, key.pack()) {
            // The kernel still knows this number.
            Err(error) if error.raw_os_error() == Some(Errno::EXIST.raw_os_error()) => {
                if former.is_some() {
                    return Err(io::Error::new(
                        io::ErrorKind::AlreadyExists,
                        format!(
                            "descriptor {number} is registered with this hub already: share one \
                             `Io` (by `Rc` or reference) instead of making a second"
                        ),
                    ));
                }
                self.driver.rename(fd, key.pack())?;
            }
            Err(error) if error.raw_os_error() == Some(Errno::PERM.raw_os_error()) => {
                return Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    format!(
                        "descriptor {number} is a regular file or a directory, which is always \
                         ready and cannot be waited on: use it on another thread (tpool)"
                    ),
                ));
            }
            other => other?,
        }
        if let Some(former) = former {
            self.end(former.spot(), Gone::BehindOurBack, woken);
        }
        let mut chunks = self.chunks.borrow_mut();
        let place = chunks.take(index, core, number, generation);
        self.open.set(self.open.get() + 1);
        Ok(place)
    }

    /// Takes a source out; its waiters come back to be dropped. `delete`: also from the kernel's set, which forgets a
    /// descriptor by itself when its last copy is closed.
    pub(crate) fn remove(&self, place: &Place, delete: bool) -> Vec<Waiter> {
        if place.gone().is_none() {
            self.open.set(self.open.get() - 1);
            if delete {
                self.delete(place.fd());
            }
        }
        let left = place.vacate();
        self.chunks.borrow_mut().one_less(place.chunk());
        left
    }

    /// Ends a source: its waiters come back to be woken and whoever uses it gets an error.
    pub(crate) fn end(&self, spot: Spot<'_>, gone: Gone, woken: &mut Vec<LocalWaker>) {
        spot.take_waiters(Direction::Read, woken);
        spot.take_waiters(Direction::Write, woken);
        if spot.gone().is_some() {
            return; // another source may have the number by now, and with it the kernel's entry
        }
        spot.end(gone);
        self.open.set(self.open.get() - 1);
        if gone != Gone::BehindOurBack {
            self.delete(spot.fd());
        }
    }

    /// Takes a descriptor out of the kernel's set.
    fn delete(&self, fd: RawFd) {
        if self.birthplace.is_here() {
            // Fails when it was closed behind our back, and then there is nothing to delete.
            let _ = self.driver.delete(borrow(fd));
        }
    }

    /// Waits for events and wakes those who waited for them, in the order of the events. The wakers of another library
    /// may call anything; they are appended, to be woken by the caller, and so is who comes after the first of them.
    pub(crate) fn wait(
        &self,
        core: &Core,
        timeout: Option<Duration>,
        woken: &mut Vec<LocalWaker>,
    ) -> io::Result<()> {
        let asked = gate(Call::new(CallKind::Wait, -1));
        let mut events = self.events.borrow_mut();
        let mut waited = asked.and_then(|()| self.ask(timeout, &mut events));
        if let Err(error) = waited {
            waited = self.ask_otherwise(error, timeout, &mut events);
        }
        self.apply(core, &events, woken);
        events.clear();
        waited
    }

    #[inline(always)]
    fn ask(&self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()> {
        match self.wants_watched {
            false => self.driver.wait(&[], timeout, events),
            true => self.driver.wait(&self.watched(), timeout, events),
        }
    }

    #[cold]
    fn ask_otherwise(
        &self,
        error: io::Error,
        timeout: Option<Duration>,
        events: &mut Vec<Event>,
    ) -> io::Result<()> {
        if error.kind() == io::ErrorKind::Interrupted {
            return Ok(());
        }
        match is_unknown_call(&error) && self.driver.do_without_the_newest_call() {
            true => self.ask(timeout, events),
            false => Err(error),
        }
    }

    #[inline]
    fn apply(&self, core: &Core, events: &[Event], woken: &mut Vec<LocalWaker>) {
        // Nothing here runs foreign code, so both tables are borrowed once for all.
        let chunks = self.chunks.borrow();
        let slots = core.slots.borrow();
        for event in events {
            let key = SourceKey::unpack(event.key);
            let Some(chunk) = chunks.of(key.index) else {
                continue;
            };
            let spot = chunk.spot(key.index);
            if spot.generation() != key.generation {
                continue;
            }
            if event.ready.has(Ready::INVALID) {
                self.end(spot, Gone::BehindOurBack, woken);
            } else if let Some(who) = spot.apply(event.ready, woken)
                && !(woken.is_empty() && core.wake_own(&slots, who))
            {
                woken.push(LocalWaker::of_number(who));
            }
        }
    }

    fn watched(&self) -> Vec<Watched> {
        let chunks = self.each_chunk();
        chunks.flat_map(|chunk| watched_in(&chunk)).collect()
    }

    /// How many sources are waited on.
    pub(crate) fn waited_on(&self) -> usize {
        let in_chunk = |chunk: Rc<Chunk>| chunk.waited_on().count();
        self.each_chunk().map(in_chunk).sum()
    }

    /// Looks for descriptors that were closed behind our back while somebody waits on them (C-3).
    ///
    /// epoll forgets a closed descriptor without a word; its waiters would hang. poll(2) over
    /// all that are waited on tells which numbers are not open, and the driver whether others still are
    /// what they were. One chunk at a time: a list of all would be memory that nobody needs afterwards.
    pub(crate) fn probe(&self, woken: &mut Vec<LocalWaker>) {
        let from = match self.looked_up_to.get() {
            from if from < self.waited_on() => from,
            _ => 0,
        };
        let looked_at = from..from.saturating_add(LOOKED_AT);
        self.looked_up_to.set(looked_at.end);
        let mut count = 0;
        for chunk in self.each_chunk() {
            let watched = watched_in(&chunk);
            let mut fds: Vec<_> = watched
                .iter()
                .map(|source| PollFd::from_borrowed_fd(borrow(source.fd), PollFlags::empty()))
                .collect();
            let asked = retry_on_intr(|| rustix::event::poll(&mut fds, Some(&Timespec::default())));
            if asked.is_err() {
                return;
            }
            for (source, fd) in watched.iter().zip(&fds) {
                let is_closed = fd.revents().contains(PollFlags::NVAL);
                let is_looked_at = looked_at.contains(&count);
                count += 1;
                if is_closed || is_looked_at && !self.driver.is_still(borrow(source.fd)) {
                    let index = SourceKey::unpack(source.key).index;
                    self.end(chunk.spot(index), Gone::BehindOurBack, woken);
                }
            }
        }
    }

    /// Ends all sources, since the hub ends; the wakers come back to be dropped.
    pub(crate) fn end_all(&self) -> Vec<LocalWaker> {
        let mut woken = Vec::new();
        for chunk in self.each_chunk() {
            let taken = chunk.iter().filter(|spot| spot.is_taken());
            taken.for_each(|spot| self.end(spot, Gone::Hub, &mut woken));
        }
        woken
    }
}

/// The sources of a chunk that somebody waits on.
fn watched_in(chunk: &Chunk) -> Vec<Watched> {
    let watched = chunk.waited_on().map(|spot| Watched {
        fd: spot.fd(),
        key: SourceKey::of(spot),
        read: spot.is_waited_on_to(Direction::Read),
        write: spot.is_waited_on_to(Direction::Write),
    });
    watched.collect()
}

impl std::fmt::Debug for Reactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reactor")
            .field("driver", &self.driver)
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}

/// An old kernel says the first; some sandboxes say the second to calls that are younger than they are.
fn is_unknown_call(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::NOSYS | Errno::PERM))
}
