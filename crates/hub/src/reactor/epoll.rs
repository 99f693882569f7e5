//! Linux: one system call a wait.
//!
//! `polling::Poller::wait` makes five system calls each time (version 3.11): it sets a timerfd and
//! re-arms it, waits, reads its eventfd and re-arms that. 1.3 µs, where `epoll_wait` alone takes
//! 0.16. `Poller` hands out its epoll descriptor, so here it owns the descriptor while the hub waits on
//! that directly.
//!
//! For the same reason other threads ring a bell of our own and not `Poller`'s: an eventfd that is registered
//! edge-triggered and never read. Each write is an edge, so a wake-up is one system call there and none here
//! beside the wait that it ends; `Poller`'s has to be read and re-armed before the woken green thread
//! may run. `tests/it/notifier.rs` would notice if a kernel thought otherwise.
//!
//! Registration also goes to the descriptor directly: `Poller::add` has no way to ask for
//! `EPOLLRDHUP`, without which a short read could hide the end of a stream ([`super`] says why).
//! As rustix's `epoll::add` takes a borrowed descriptor it needs no `unsafe` either.
//!
//! The wait is `epoll_pwait2`, whose timeout is in nanoseconds. It costs 80 ns more than
//! `epoll_wait`, which knows milliseconds only; a second call for the rest of a millisecond would
//! cost more. Where it is missing, [`super::old_wait`] waits instead.

use std::cell::RefCell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use polling::Poller;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use rustix::fs::FileType;
use rustix::io::Errno;

use super::driver::{Driver, Event, Notifier, Ready, Watched};
use super::old_wait::OldWait;

/// No source has it: its index would be beyond the last one.
const BELL_KEY: u64 = u64::MAX - 1;
/// Events taken in one wait. More stay in the kernel until the next.
const CAPACITY: usize = 1024;

pub(crate) struct Epoll {
    poller: Poller,
    bell: Arc<OwnedFd>,
    buffer: RefCell<Vec<epoll::Event>>,
    /// Made when the kernel turns out to have no `epoll_pwait2`.
    old_wait: RefCell<Option<OldWait>>,
}

impl Epoll {
    pub(crate) fn new() -> io::Result<Self> {
        let poller = Poller::new()?;
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let key = EventData::new_u64(BELL_KEY);
        epoll::add(&poller, &bell, key, EventFlags::IN | EventFlags::ET)?;
        Ok(Epoll {
            poller,
            bell: Arc::new(bell),
            buffer: RefCell::new(Vec::with_capacity(CAPACITY)),
            old_wait: RefCell::new(None),
        })
    }
}

impl fmt::Debug for Epoll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Epoll")
            .field("poller", &self.poller)
            .finish_non_exhaustive()
    }
}

fn interest() -> EventFlags {
    EventFlags::IN | EventFlags::PRI | EventFlags::RDHUP | EventFlags::OUT | EventFlags::ET
}

/// What each combination of the five lowest flags says.
const SAID: [Ready; 32] = {
    let mut said = [Ready::NOTHING; 32];
    let mut flags = 0;
    while flags < said.len() {
        said[flags] = ready(EventFlags::from_bits_retain(flags as u32));
        flags += 1;
    }
    said
};

const fn ready(flags: EventFlags) -> Ready {
    let broken = EventFlags::HUP.union(EventFlags::ERR);
    let read = EventFlags::IN
        .union(EventFlags::PRI)
        .union(EventFlags::RDHUP);
    // A read ends where urgent data stands, though more may have come.
    let hides = EventFlags::RDHUP.union(EventFlags::PRI);
    Ready::of([
        (Ready::READABLE, flags.intersects(read.union(broken))),
        (
            Ready::WRITABLE,
            flags.intersects(EventFlags::OUT.union(broken)),
        ),
        (Ready::HANGUP, flags.intersects(hides.union(broken))),
    ])
}

/// Also of the bell, whose key names no source.
#[inline]
fn event_of(key: u64, flags: EventFlags) -> Event {
    let ready = match flags.contains(EventFlags::RDHUP) {
        false => SAID[flags.bits() as usize % SAID.len()],
        true => ready(flags),
    };
    Event { key, ready }
}

/// An interrupted wait is one in which nothing happened.
fn undisturbed(error: Errno) -> io::Result<()> {
    match error {
        Errno::INTR => Ok(()),
        error => Err(error.into()),
    }
}

impl Driver for Epoll {
    fn add(&self, fd: BorrowedFd<'_>, key: u64) -> io::Result<()> {
        Ok(epoll::add(
            &self.poller,
            fd,
            EventData::new_u64(key),
            interest(),
        )?)
    }

    fn rename(&self, fd: BorrowedFd<'_>, key: u64) -> io::Result<()> {
        Ok(epoll::modify(
            &self.poller,
            fd,
            EventData::new_u64(key),
            interest(),
        )?)
    }

    fn delete(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        Ok(epoll::delete(&self.poller, fd)?)
    }

    /// The kernel knows a registration by file and number, and refuses to make one a second time before it does
    /// anything else.
    fn is_still(&self, fd: BorrowedFd<'_>) -> bool {
        let nobody = EventData::new_u64(BELL_KEY);
        match epoll::add(&self.poller, fd, nobody, EventFlags::ET) {
            Ok(()) => {
                let _ = epoll::delete(&self.poller, fd);
                false
            }
            // A file, a folder or a device like /dev/null, which never were registered. If it is another kind,
            // a sandbox refuses.
            Err(Errno::PERM) => rustix::fs::fstat(fd).is_ok_and(|status| {
                let kind = FileType::from_raw_mode(status.st_mode);
                matches!(kind, FileType::Socket | FileType::Fifo | FileType::Unknown)
            }),
            Err(_) => true,
        }
    }

    fn wait(
        &self,
        _watched: &[Watched],
        timeout: Option<Duration>,
        events: &mut Vec<Event>,
    ) -> io::Result<()> {
        if let Some(old_wait) = &mut *self.old_wait.borrow_mut() {
            return match old_wait.wait(self.poller.as_fd(), timeout) {
                Ok(found) => {
                    events.extend(found.map(|(key, flags)| event_of(key, flags)));
                    Ok(())
                }
                Err(error) => undisturbed(error),
            };
        }
        let timespec = timeout.and_then(|t| Timespec::try_from(t).ok());
        let mut buffer = self.buffer.borrow_mut();
        buffer.clear();
        if let Err(error) =
            epoll::wait(&self.poller, spare_capacity(&mut buffer), timespec.as_ref())
        {
            return undisturbed(error);
        }
        let found = buffer.iter();
        events.extend(found.map(|event| event_of(event.data.u64(), event.flags)));
        Ok(())
    }

    fn do_without_the_newest_call(&self) -> bool {
        let mut old_wait = self.old_wait.borrow_mut();
        let is_new = old_wait.is_none();
        old_wait.get_or_insert_with(|| OldWait::new(CAPACITY));
        is_new
    }

    fn notifier(&self) -> Notifier {
        let bell = Arc::clone(&self.bell);
        Notifier::new(move || {
            while rustix::io::write(&*bell, &1_u64.to_ne_bytes()) == Err(Errno::AGAIN) {
                // It was rung as often as it can count.
                let _ = rustix::io::read(&*bell, &mut [0; 8]);
            }
        })
    }
}
