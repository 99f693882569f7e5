//! Linux: one system call a wait.
//!
//! `polling::Poller::wait` makes five system calls each time (version 3.11): it sets a timerfd and
//! re-arms it, waits, reads its eventfd and re-arms that. 1.3 µs, where `epoll_wait` alone takes
//! 0.16. `Poller` hands out its epoll descriptor, so here it owns the descriptor and notifies
//! through it, while the hub waits on that descriptor directly.
//!
//! Two things of `polling` are leaned on, and `tests/it/notifier.rs` would notice if either
//! changed: its notifier's event carries the key `usize::MAX`, and `Poller::wait` with a zero
//! timeout clears the notification and re-arms the notifier.
//!
//! Registration also goes to the descriptor directly: `Poller::add` has no way to ask for
//! `EPOLLRDHUP`, without which a short read could hide the end of a stream ([`super`] says why).
//! As rustix's `epoll::add` takes a borrowed descriptor it needs no `unsafe` either.
//!
//! The wait is `epoll_pwait2`, whose timeout is in nanoseconds. It costs 80 ns more than
//! `epoll_wait`, which knows milliseconds only; a second call for the rest of a millisecond would
//! cost more. A kernel without it (before 5.11) falls back to `Poller::wait`.

use std::cell::{Cell, RefCell};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use polling::Poller;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{EventData, EventFlags};
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;

use super::driver::{Driver, Event, Notifier, Watched};

const NOTIFIER_KEY: u64 = usize::MAX as u64;
/// Events taken in one wait. More stay in the kernel until the next.
const CAPACITY: usize = 1024;

pub(crate) struct Epoll {
    poller: Arc<Poller>,
    buffer: RefCell<Vec<epoll::Event>>,
    lacks_pwait2: Cell<bool>,
}

impl Epoll {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Epoll {
            poller: Arc::new(Poller::new()?),
            buffer: RefCell::new(Vec::with_capacity(CAPACITY)),
            lacks_pwait2: Cell::new(false),
        })
    }

    /// Through `Poller`, which also clears and re-arms its notifier.
    fn wait_through_poller(
        &self,
        timeout: Option<Duration>,
        events: &mut Vec<Event>,
    ) -> io::Result<()> {
        let mut found = polling::Events::new();
        self.poller.wait(&mut found, timeout)?;
        events.extend(found.iter().map(|event| Event {
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
            &*self.poller,
            fd,
            EventData::new_u64(key),
            interest(),
        )?)
    }

    fn rename(&self, fd: BorrowedFd<'_>, key: u64) -> io::Result<()> {
        Ok(epoll::modify(
            &*self.poller,
            fd,
            EventData::new_u64(key),
            interest(),
        )?)
    }

    fn delete(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        Ok(epoll::delete(&*self.poller, fd)?)
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
        match epoll::wait(
            &*self.poller,
            spare_capacity(&mut buffer),
            timespec.as_ref(),
        ) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(()),
            Err(Errno::NOSYS) => {
                self.lacks_pwait2.set(true);
                return self.wait_through_poller(timeout, events);
            }
            Err(error) => return Err(error.into()),
        }
        let mut is_notified = false;
        for event in buffer.iter() {
            if event.data.u64() == NOTIFIER_KEY {
                is_notified = true;
            } else {
                events.push(event_of(event));
            }
        }
        if is_notified {
            self.wait_through_poller(Some(Duration::ZERO), events)?;
        }
        Ok(())
    }

    fn notifier(&self) -> Notifier {
        let poller = Arc::clone(&self.poller);
        Notifier::new(move || {
            // Fails only when the eventfd is full, and then the hub is awake already.
            let _ = poller.notify();
        })
    }
}
