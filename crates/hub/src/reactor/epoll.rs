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
//! cost more. A kernel without it (before 5.11) falls back to `Poller::wait`.

use std::cell::{Cell, RefCell};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use polling::Poller;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use rustix::io::Errno;

use super::driver::{Driver, Event, Notifier, Watched};

/// No source has it: its index would be beyond the last one.
const BELL_KEY: u64 = u64::MAX - 1;
/// Events taken in one wait. More stay in the kernel until the next.
const CAPACITY: usize = 1024;

pub(crate) struct Epoll {
    poller: Poller,
    bell: Arc<OwnedFd>,
    buffer: RefCell<Vec<epoll::Event>>,
    lacks_pwait2: Cell<bool>,
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
            lacks_pwait2: Cell::new(false),
        })
    }

    /// Through `Poller`, for kernels that have no `epoll_pwait2`.
    fn wait_through_poller(
        &self,
        timeout: Option<Duration>,
        events: &mut Vec<Event>,
    ) -> io::Result<()> {
        let mut found = polling::Events::new();
        self.poller.wait(&mut found, timeout)?;
        let found = found.iter().filter(|event| event.key as u64 != BELL_KEY);
        events.extend(found.map(|event| Event {
            key: event.key as u64,
            readable: event.readable,
            writable: event.writable,
            // `polling` does not tell a peer's hang-up from data.
            hangup: true,
            invalid: false,
        }));
        Ok(())
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

fn event_of(event: &epoll::Event) -> Event {
    let flags = event.flags;
    let broken = flags.intersects(EventFlags::HUP | EventFlags::ERR);
    let read = EventFlags::IN | EventFlags::PRI | EventFlags::RDHUP;
    Event {
        key: event.data.u64(),
        readable: broken || flags.intersects(read),
        writable: broken || flags.contains(EventFlags::OUT),
        hangup: broken || flags.contains(EventFlags::RDHUP),
        invalid: false,
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

    fn wait(
        &self,
        _watched: &[Watched],
        timeout: Option<Duration>,
        events: &mut Vec<Event>,
    ) -> io::Result<()> {
        if self.lacks_pwait2.get() {
            return self.wait_through_poller(timeout, events);
        }
        let timespec = timeout.and_then(|t| Timespec::try_from(t).ok());
        let mut buffer = self.buffer.borrow_mut();
        buffer.clear();
        match epoll::wait(&self.poller, spare_capacity(&mut buffer), timespec.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(()),
            Err(Errno::NOSYS) => {
                self.lacks_pwait2.set(true);
                return self.wait_through_poller(timeout, events);
            }
            Err(error) => return Err(error.into()),
        }
        let of_sources = buffer.iter().filter(|event| event.data.u64() != BELL_KEY);
        events.extend(of_sources.map(event_of));
        Ok(())
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
