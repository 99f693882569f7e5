//! A descriptor's place in the hub's table, as its user sees it.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::panic::Location;
use std::rc::Rc;
use std::task::Context;

use crate::core::Core;
use crate::reactor::{Direction, Gone, SourceKey, Waiter};
use crate::running;
use crate::wait::{WaitKind, WaitsOn};

/// Takes the source out of the table when dropped, which its owner does while the descriptor is
/// still open.
pub(crate) struct Registration {
    pub(crate) core: Rc<Core>,
    pub(crate) key: SourceKey,
    pub(crate) fd: RawFd,
    pub(crate) at_drop: AtDrop,
}

/// What becomes of the kernel's entry when a registration is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtDrop {
    /// It is deleted.
    Delete,
    /// The descriptor closes right after, and takes it along.
    ClosesItself,
    /// It is deleted with its last user: it belongs to trampolines, or to an `Io`.
    Shared,
}

impl Drop for Registration {
    fn drop(&mut self) {
        let reactor = &self.core.reactor;
        let left = reactor.with(self.key, |source| {
            source.users -= 1;
            source.users
        });
        if left == Some(0) {
            let delete = self.at_drop != AtDrop::ClosesItself;
            // Holds wakers at the most, dropped here, outside of any borrow.
            drop(reactor.remove(self.key, delete));
        } else if self.at_drop != AtDrop::Shared {
            // The descriptor closes now, while a trampoline waits on it.
            self.end(Gone::Closed);
        }
    }
}

/// The running hub, or an error that says that `what` needs one.
pub(crate) fn core_for(what: &str) -> io::Result<Rc<Core>> {
    running::get().ok_or_else(|| io::Error::other(format!("{what} {}", running::OUTSIDE)))
}

impl Registration {
    /// Puts a descriptor on the running hub; `what` is the public function that asks.
    pub(crate) fn new(fd: BorrowedFd<'_>, what: &str) -> io::Result<Self> {
        Self::with_core(core_for(what)?, fd)
    }

    /// For [`trampoline`](crate::trampoline): uses the source that an `Io` has made for the same
    /// descriptor, if there is one.
    pub(crate) fn shared(fd: BorrowedFd<'_>, what: &str) -> io::Result<Self> {
        let core = core_for(what)?;
        let number = fd.as_raw_fd();
        match core.reactor.find(number) {
            Some(key) => {
                core.reactor.with(key, |source| source.users += 1);
                let at_drop = AtDrop::Shared;
                let fd = number;
                Ok(Registration {
                    core,
                    key,
                    fd,
                    at_drop,
                })
            }
            None => {
                let mut registration = Self::with_core(core, fd)?;
                registration.at_drop = AtDrop::Shared;
                Ok(registration)
            }
        }
    }

    fn with_core(core: Rc<Core>, fd: BorrowedFd<'_>) -> io::Result<Self> {
        let mut woken = Vec::new();
        let key = core.reactor.add(fd, &mut woken);
        woken.into_iter().for_each(|waker| core.wake(waker));
        Ok(Registration {
            core,
            key: key?,
            fd: fd.as_raw_fd(),
            at_drop: AtDrop::Delete,
        })
    }

    /// Ends the source: whoever waits on it wakes with an error.
    pub(crate) fn end(&self, gone: Gone) {
        let mut woken = Vec::new();
        self.core.reactor.end(self.key, gone, &mut woken);
        woken.into_iter().for_each(|waker| self.core.wake(waker));
    }

    #[inline]
    pub(crate) fn is_ready(&self, direction: Direction) -> io::Result<bool> {
        let state = self
            .core
            .reactor
            .with(self.key, |source| match source.gone {
                Some(gone) => Err(gone),
                None => Ok(source.is_ready(direction)),
            });
        state
            .unwrap_or(Err(Gone::Hub))
            .map_err(|gone| gone.error(self.fd))
    }

    pub(crate) fn clear(&self, direction: Direction) {
        self.core
            .reactor
            .with(self.key, |source| source.clear(direction));
    }

    /// Notes that the running green thread waits, and refuses if another one does already.
    pub(crate) fn wait(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> io::Result<()> {
        let core = &self.core;
        let who = core.current.get();
        let kind = match direction {
            Direction::Read => WaitKind::Readable,
            Direction::Write => WaitKind::Writable,
        };
        let on = WaitsOn::new(kind, self.fd as u64);
        let first = core.reactor.with(self.key, |source| {
            let first = source.waiter(direction).as_ref()?;
            (first.who != who).then_some((first.who, first.at))
        });
        // A waiter whose green thread has ended, or waits elsewhere by now, gave up without a word:
        // poll-style futures cannot say so.
        let busy = first.flatten().and_then(|(first, site)| {
            let first = first?;
            let waits = core.with_slot(first, |slot| {
                slot.kind == kind && slot.subject == on.subject && slot.waiting_at == Some(site)
            });
            (waits == Some(true)).then_some((first, site))
        });
        let many = core.config.many_readers;
        if let (Some((first, site)), false) = (busy, many) {
            return Err(self.busy_error(direction, first, site));
        }
        let waiter = Waiter {
            waker: cx.waker().clone(),
            who,
            at,
        };
        let displaced = core.reactor.with(self.key, |source| {
            if busy.is_some() {
                source.more.retain(|(d, w)| *d != direction || w.who != who);
                source.more.push((direction, waiter));
                return None;
            }
            source.waiter(direction).replace(waiter)
        });
        core.park(on, at);
        // Whoever lost the place looks again, in case it still wants it.
        if let Some(Some(displaced)) = displaced
            && displaced.who != who
        {
            core.wake(displaced.waker);
        }
        Ok(())
    }

    fn busy_error(
        &self,
        direction: Direction,
        first: crate::task::Key,
        site: &'static Location<'static>,
    ) -> io::Error {
        let name = self
            .core
            .with_slot(first, |slot| slot.name().map(|name| format!(" '{name}'")));
        let name = name.flatten().unwrap_or_default();
        let what = match direction {
            Direction::Read => "read from",
            Direction::Write => "write to",
        };
        io::Error::new(
            io::ErrorKind::ResourceBusy,
            format!(
                "descriptor {}: green thread {}{name} already waits at {site} to {what} it, and a \
                 second one would steal its wake-up: let one green thread do it and hand items on \
                 through a queue, or set HubBuilder::allow_many_readers",
                self.fd, first.id
            ),
        )
    }

    pub(crate) fn forget(&self, direction: Direction) {
        let who = self.core.current.get();
        let waiter = self.core.reactor.with(self.key, |source| {
            source.more.retain(|(d, w)| *d != direction || w.who != who);
            let place = source.waiter(direction);
            match place {
                Some(waiter) if waiter.who == who || who.is_none() => place.take(),
                _ => None,
            }
        });
        drop(waiter);
    }
}
