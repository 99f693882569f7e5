//! A descriptor's place in the hub's table, as its user sees it.

use std::io;
use std::ops::Deref;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::panic::Location;
use std::rc::Rc;
use std::task::Context;

use crate::core::Core;
use crate::in_progress;
use crate::reactor::{Direction, Gone, Owner, SourceKey, Waiter};
use crate::running;
use crate::task::Key;
use crate::wait::{LocalWaker, WaitKind, WaitsOn, park};

/// Two words: a server holds one of these for each connection. What else is known of a descriptor is in its source.
pub(crate) struct Registration {
    pub(crate) core: Rc<Core>,
    pub(crate) key: SourceKey,
}

/// The registration of an `Io`: takes the source out of the table when dropped, which its owner does while the
/// descriptor is still open.
pub(crate) struct Owned(Registration);

/// That of a trampoline. The source goes with its last user: it may belong to an `Io` or to other trampolines.
pub(crate) struct Shared(Registration);

impl Deref for Owned {
    type Target = Registration;

    #[inline]
    fn deref(&self) -> &Registration {
        &self.0
    }
}

impl Deref for Shared {
    type Target = Registration;

    fn deref(&self) -> &Registration {
        &self.0
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if !self.leave() {
            // The descriptor closes now, while a trampoline waits on it.
            self.end(Gone::Closed);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The running hub, or an error that says that `what` needs one.
pub(crate) fn core_for(what: &str) -> io::Result<Rc<Core>> {
    running::get().ok_or_else(|| io::Error::other(format!("{what} {}", running::OUTSIDE)))
}

impl Owned {
    /// Puts a descriptor on the running hub; `what` is the public function that asks.
    pub(crate) fn new(fd: BorrowedFd<'_>, what: &str) -> io::Result<Self> {
        Registration::with_core(core_for(what)?, fd).map(Owned)
    }

    /// Whether the descriptor closes right after this is dropped, and takes the kernel's entry along. It is deleted otherwise.
    pub(crate) fn closes_itself(&self, closes: bool) {
        let reactor = &self.core.reactor;
        reactor.with(self.key, |source| source.set_closes_itself(closes));
    }
}

impl Shared {
    /// For [`trampoline`](crate::trampoline): uses the source that an `Io` has made for the same
    /// descriptor, if there is one.
    pub(crate) fn new(fd: BorrowedFd<'_>, what: &str) -> io::Result<Self> {
        let core = core_for(what)?;
        let registration = match core.reactor.find(fd.as_raw_fd()) {
            Some(key) => {
                core.reactor.with(key, |source| source.users += 1);
                Registration { core, key }
            }
            None => Registration::with_core(core, fd)?,
        };
        Ok(Shared(registration))
    }
}

impl Registration {
    fn with_core(core: Rc<Core>, fd: BorrowedFd<'_>) -> io::Result<Self> {
        let mut woken = Vec::new();
        let key = core.reactor.add(fd, &mut woken);
        woken.into_iter().for_each(|waker| waker.wake_from(&core));
        Ok(Registration { key: key?, core })
    }

    /// One user less; whether it was the last, with whom the source goes.
    fn leave(&self) -> bool {
        let reactor = &self.core.reactor;
        let left = reactor.with(self.key, |source| {
            source.users -= 1;
            (source.users, source.closes_itself())
        });
        let Some((0, closes_itself)) = left else {
            return false;
        };
        // Holds wakers at the most, dropped here, outside of any borrow.
        drop(reactor.remove(self.key, !closes_itself));
        true
    }

    /// The descriptor's number.
    pub(crate) fn fd(&self) -> RawFd {
        let fd = self.core.reactor.with(self.key, |source| source.fd);
        fd.unwrap_or(-1) // never: the source stays as long as this
    }

    /// Ends the source: whoever waits on it wakes with an error.
    pub(crate) fn end(&self, gone: Gone) {
        let mut woken = Vec::new();
        self.core.reactor.end(self.key, gone, &mut woken);
        woken
            .into_iter()
            .for_each(|waker| waker.wake_from(&self.core));
    }

    #[inline]
    pub(crate) fn is_ready(&self, direction: Direction) -> io::Result<bool> {
        let state = self
            .core
            .reactor
            .with(self.key, |source| match source.gone() {
                Some(gone) => Err(gone),
                None => Ok(source.is_ready(direction)),
            });
        state
            .unwrap_or(Err(Gone::Hub))
            .map_err(|gone| gone.error(self.fd()))
    }

    pub(crate) fn clear(&self, direction: Direction) {
        self.core
            .reactor
            .with(self.key, |source| source.clear(direction));
    }

    /// Notes that the running green thread waits, and refuses if another one does already.
    ///
    /// `ticket` names one of our futures; `None` is a poll-style caller.
    pub(crate) fn wait(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
        ticket: Option<u64>,
    ) -> io::Result<()> {
        let core = &self.core;
        let who = in_progress::current();
        let owner = match ticket {
            Some(ticket) => Owner::Ticket(ticket),
            None => Owner::Poll(who.and_then(|who| self.polls_of(who)).unwrap_or(0)),
        };
        // Before the source is borrowed: it may be a foreign waker that is cloned.
        let waker = LocalWaker::new(cx);
        let settled = core.reactor.with(self.key, |source| {
            let settled = source.settle(Waiter::new(direction, who, waker, owner, at));
            (source.fd, settled)
        });
        let Some((fd, settled)) = settled else {
            return Ok(()); // never: the source stays as long as this
        };
        let displaced = match settled {
            Ok(displaced) => displaced,
            Err(newcomer) => self.join_others(direction, newcomer)?,
        };
        let kind = match direction {
            Direction::Read => WaitKind::Readable,
            Direction::Write => WaitKind::Writable,
        };
        park(WaitsOn::new(kind, fd as u64), at);
        // A poll-style caller that seemed to have given up and has not looks again. One with a
        // ticket has come again itself, perhaps from another green thread.
        if let Some(displaced) = displaced
            && matches!(displaced.owner(), Owner::Poll(_))
            && displaced.who() != who
        {
            let waker = displaced.into_waker();
            if !waker.will_wake(cx) {
                waker.wake_from(core);
            }
        }
        Ok(())
    }

    fn polls_of(&self, who: Key) -> Option<u64> {
        self.core.with_slot(who, |slot, _| slot.polls.get())
    }

    /// Somebody else has the place already: takes it over if that one has given up, waits beside it if the
    /// hub allows that. Comes back: whoever had the place that the newcomer has now.
    #[cold]
    fn join_others(&self, direction: Direction, newcomer: Waiter) -> io::Result<Option<Waiter>> {
        let reactor = &self.core.reactor;
        let first = reactor.with(self.key, |source| {
            let first = source.waiter(direction)?;
            Some((first.owner(), first.who(), first.at))
        });
        let rival = first.flatten().filter(|(owner, who, _)| {
            let polls = who.and_then(|who| self.polls_of(who));
            match owner {
                Owner::Ticket(_) => who.is_none() || polls.is_some(),
                Owner::Poll(then) => polls == Some(*then),
            }
        });
        let displaced = match rival {
            None => reactor.with(self.key, |source| source.put_waiter(newcomer)),
            Some(_) if self.core.config.many_readers => reactor.with(self.key, |source| {
                let before = source.remove_waiter(direction, |other| newcomer.is_same(other));
                source.add_waiter(newcomer);
                before
            }),
            Some((_, who, site)) => return Err(self.busy_error(direction, who, site)),
        };
        Ok(displaced.flatten())
    }

    fn busy_error(
        &self,
        direction: Direction,
        first: Option<Key>,
        site: &'static Location<'static>,
    ) -> io::Error {
        let name = first.map_or("somebody".to_owned(), |first| {
            match self.core.slots.borrow().name(first) {
                Some(name) => format!("green thread {} '{name}'", first.id),
                None => format!("green thread {}", first.id),
            }
        });
        let what = match direction {
            Direction::Read => "read from",
            Direction::Write => "write to",
        };
        io::Error::new(
            io::ErrorKind::ResourceBusy,
            format!(
                "descriptor {}: {name} already waits at {site} to {what} it, and a \
                 second one would steal its wake-up: let one green thread do it and hand items on \
                 through a queue, or set HubBuilder::allow_many_readers",
                self.fd()
            ),
        )
    }

    /// Takes a waiter out: the one with `ticket`, or the running green thread's own.
    pub(crate) fn forget(&self, direction: Direction, ticket: Option<u64>) {
        let who = in_progress::current();
        let is_it = |waiter: &Waiter| match (waiter.owner(), ticket) {
            (Owner::Ticket(other), Some(ticket)) => other == ticket,
            (Owner::Poll(_), None) => waiter.who() == who,
            _ => false,
        };
        let waiter = self
            .core
            .reactor
            .with(self.key, |source| source.remove_waiter(direction, is_it));
        drop(waiter);
    }
}
