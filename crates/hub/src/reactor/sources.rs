//! All registered descriptors of a hub, by key and by number.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use super::driver::{Driver, Event, Watched, open};
use super::source::{Gone, Source};
use super::{Backend, Direction, Notifier, borrow};
use crate::arena::Arena;
use crate::birthplace::Birthplace;
use crate::sys::{Call, CallKind, gate};
use crate::wait::LocalWaker;

/// Names a source: its place, and which user of that place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SourceKey {
    index: u32,
    generation: u32,
}

impl SourceKey {
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
const NOBODY: u32 = u32::MAX;

#[derive(Debug)]
pub(crate) struct Reactor {
    driver: Box<dyn Driver>,
    sources: RefCell<Arena<Source>>,
    /// Which source has a descriptor's number now.
    by_fd: RefCell<Vec<u32>>,
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
        Ok(Reactor {
            driver: open(backend)?,
            sources: RefCell::new(Arena::new()),
            by_fd: RefCell::new(Vec::new()),
            generation: Cell::new(0),
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

    pub(crate) fn with<R>(&self, key: SourceKey, f: impl FnOnce(&mut Source) -> R) -> Option<R> {
        let mut sources = self.sources.borrow_mut();
        let source = sources.get_mut(key.index)?;
        (source.generation == key.generation).then(|| f(source))
    }

    /// The source that has descriptor `fd` now.
    pub(crate) fn find(&self, fd: RawFd) -> Option<SourceKey> {
        let index = *self.by_fd.borrow().get(usize::try_from(fd).ok()?)?;
        let sources = self.sources.borrow();
        let source = sources.get(index)?;
        let generation = source.generation;
        (source.fd == fd && source.gone().is_none()).then_some(SourceKey { index, generation })
    }

    /// Registers a descriptor. A source that has the same number and was closed behind our back is
    /// ended; its waiters come back to be woken.
    pub(crate) fn add(
        &self,
        fd: BorrowedFd<'_>,
        woken: &mut Vec<LocalWaker>,
    ) -> io::Result<SourceKey> {
        let number = fd.as_raw_fd();
        gate(Call::new(CallKind::Register, number))?;
        let generation = (self.generation.get() + 1) % GENERATIONS;
        self.generation.set(generation);
        let index = self.sources.borrow_mut().next_index();
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
            self.end(former, Gone::BehindOurBack, woken);
        }
        let mut by_fd = self.by_fd.borrow_mut();
        let place = number as usize;
        if by_fd.len() <= place {
            by_fd.resize(place + 1, NOBODY);
        }
        by_fd[place] = index;
        let source = Source::new(number, generation);
        self.sources.borrow_mut().insert(|place| *place = source);
        self.open.set(self.open.get() + 1);
        Ok(key)
    }

    /// Takes a source out. `delete`: also from the kernel's set, which forgets a descriptor by
    /// itself when its last copy is closed.
    pub(crate) fn remove(&self, key: SourceKey, delete: bool) -> Option<Source> {
        let (fd, gone) = self.with(key, |source| (source.fd, source.gone()))?;
        if gone.is_none() {
            self.open.set(self.open.get() - 1);
        }
        self.forget_fd(key, fd, delete);
        self.sources.borrow_mut().take(key.index)
    }

    /// Ends a source: its waiters come back to be woken and whoever uses it gets an error.
    pub(crate) fn end(&self, key: SourceKey, gone: Gone, woken: &mut Vec<LocalWaker>) {
        let fd = self.with(key, |source| {
            if source.gone().is_none() {
                source.end(gone);
                self.open.set(self.open.get() - 1);
            }
            source.take_waiters(Direction::Read, woken);
            source.take_waiters(Direction::Write, woken);
            source.fd
        });
        if let Some(fd) = fd {
            self.forget_fd(key, fd, gone != Gone::BehindOurBack);
        }
    }

    fn forget_fd(&self, key: SourceKey, fd: RawFd, delete: bool) {
        let mut by_fd = self.by_fd.borrow_mut();
        match by_fd.get_mut(fd as usize) {
            Some(place) if *place == key.index => *place = NOBODY,
            // Another source has the number by now; the kernel's entry is that one's.
            _ => return,
        }
        if delete && self.birthplace.is_here() {
            // Fails when it was closed behind our back, and then there is nothing to delete.
            let _ = self.driver.delete(borrow(fd));
        }
    }

    /// Waits for events and applies them; the wakers of those who waited are appended.
    pub(crate) fn wait(
        &self,
        timeout: Option<Duration>,
        woken: &mut Vec<LocalWaker>,
    ) -> io::Result<()> {
        let watched = match self.driver.wants_watched() {
            true => self.watched(),
            false => Vec::new(),
        };
        let mut events = self.events.take();
        let waited = match gate(Call::new(CallKind::Wait, -1)) {
            Ok(()) => self.driver.wait(&watched, timeout, &mut events),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        };
        let waited = match waited {
            Err(error) if is_unknown_call(&error) && self.driver.do_without_the_newest_call() => {
                self.driver.wait(&watched, timeout, &mut events)
            }
            other => other,
        };
        for event in events.drain(..) {
            self.apply(event, woken);
        }
        self.events.replace(events);
        waited
    }

    fn apply(&self, event: Event, woken: &mut Vec<LocalWaker>) {
        let key = SourceKey::unpack(event.key);
        if event.invalid {
            return self.end(key, Gone::BehindOurBack, woken);
        }
        self.with(key, |source| {
            source.hangup |= event.hangup;
            if event.readable {
                source.readable = true;
                source.take_waiters(Direction::Read, woken);
            }
            if event.writable {
                source.writable = true;
                source.take_waiters(Direction::Write, woken);
            }
        });
    }

    fn watched(&self) -> Vec<Watched> {
        let sources = self.sources.borrow();
        let waited_on = sources.iter().filter_map(|(index, source)| {
            let generation = source.generation;
            let watched = Watched {
                fd: source.fd,
                key: SourceKey { index, generation }.pack(),
                read: source.is_waited_on(Direction::Read),
                write: source.is_waited_on(Direction::Write),
            };
            (source.gone().is_none() && (watched.read || watched.write)).then_some(watched)
        });
        waited_on.collect()
    }

    /// How many sources are waited on.
    pub(crate) fn waited_on(&self) -> usize {
        let sources = self.sources.borrow();
        let waits = |source: &Source| {
            source.is_waited_on(Direction::Read) || source.is_waited_on(Direction::Write)
        };
        sources.iter().filter(|(_, source)| waits(source)).count()
    }

    /// Looks for descriptors that were closed behind our back while somebody waits on them (C-3).
    ///
    /// epoll forgets a closed descriptor without a word; its waiters would hang. One poll(2) over
    /// all that are waited on tells which numbers are not open, and the driver whether others still are
    /// what they were.
    pub(crate) fn probe(&self, woken: &mut Vec<LocalWaker>) {
        let watched = self.watched();
        let mut fds: Vec<_> = watched
            .iter()
            .map(|source| PollFd::from_borrowed_fd(borrow(source.fd), PollFlags::empty()))
            .collect();
        if rustix::event::poll(&mut fds, Some(&Timespec::default())).is_err() {
            return;
        }
        let from = match self.looked_up_to.get() {
            from if from < fds.len() => from,
            _ => 0,
        };
        let to = from.saturating_add(LOOKED_AT);
        self.looked_up_to.set(to);
        for (place, (source, fd)) in watched.iter().zip(&fds).enumerate() {
            let is_closed = fd.revents().contains(PollFlags::NVAL);
            let is_looked_at = (from..to).contains(&place);
            if is_closed || is_looked_at && !self.driver.is_still(borrow(source.fd)) {
                self.end(SourceKey::unpack(source.key), Gone::BehindOurBack, woken);
            }
        }
    }

    /// Ends all sources, since the hub ends; the wakers come back to be dropped.
    pub(crate) fn end_all(&self) -> Vec<LocalWaker> {
        let mut woken = Vec::new();
        let keys: Vec<SourceKey> = {
            let sources = self.sources.borrow();
            let keys = sources.iter().map(|(index, source)| SourceKey {
                index,
                generation: source.generation,
            });
            keys.collect()
        };
        for key in keys {
            self.end(key, Gone::Hub, &mut woken);
        }
        woken
    }
}

/// An old kernel says the first; some sandboxes say the second to calls that are younger than they are.
fn is_unknown_call(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::NOSYS | Errno::PERM))
}
