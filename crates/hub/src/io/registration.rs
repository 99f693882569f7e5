//! A descriptor's place in the hub's table, as its user sees it.

use std::io;
use std::num::NonZeroU32;
use std::ops::Deref;
use std::os::fd::{BorrowedFd, RawFd};
use std::panic::Location;
use std::rc::Rc;
use std::task::Context;

use crate::core::Core;
use crate::in_progress;
use crate::reactor::{Direction, Gone, Owner, Place, Waiter};
use crate::running;
use crate::task::Number;
use crate::wait::{LocalWaker, WaitKind, WaitsOn, park};

/// Where its source stands: two words, since a server holds one of these for each connection.
pub(crate) struct Registration {
    place: Place,
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

impl Owned {
    /// Puts a descriptor on the running hub; `what` is the public function that asks.
    pub(crate) fn new(fd: BorrowedFd<'_>, what: &str) -> io::Result<Self> {
        Registration::with_core(running::get_for(what)?, fd).map(Owned)
    }

    /// Whether the descriptor closes right after this is dropped, and takes the kernel's entry along. It is deleted otherwise.
    pub(crate) fn closes_itself(&self, closes: bool) {
        self.place.set_closes_itself(closes);
    }
}

impl Shared {
    /// For [`trampoline`](crate::trampoline): uses the source that an `Io` has made for the same
    /// descriptor, if there is one.
    pub(crate) fn new(fd: BorrowedFd<'_>, what: &str) -> io::Result<Self> {
        let core = running::get_for(what)?;
        let registration = match core.reactor.find_open(fd) {
            Some(place) if place.add_user() => Registration { place },
            Some(_) => return Err(io::Error::other(format!("{what}: {CROWD}"))),
            None => Registration::with_core(core, fd)?,
        };
        Ok(Shared(registration))
    }
}

const CROWD: &str = "65,535 wait on this descriptor already";

impl Registration {
    fn with_core(core: Rc<Core>, fd: BorrowedFd<'_>) -> io::Result<Self> {
        let mut woken = Vec::new();
        let place = core.reactor.add(&core, fd, &mut woken);
        woken.into_iter().for_each(|waker| waker.wake_from(&core));
        Ok(Registration { place: place? })
    }

    /// One user less; whether it was the last, with whom the source goes.
    fn leave(&self) -> bool {
        if self.place.remove_user() > 0 {
            return false;
        }
        // Nothing is left to do in a hub that is gone.
        if let Some(core) = self.place.core() {
            let closes_itself = self.place.closes_itself();
            // Wakers at the most, dropped here, outside of any borrow.
            drop(core.reactor.remove(&self.place, !closes_itself));
        }
        true
    }

    /// The descriptor's number.
    pub(crate) fn fd(&self) -> RawFd {
        self.place.fd()
    }

    /// A number for one who waits, which no other who waits here has.
    #[inline]
    pub(crate) fn draw_ticket(&self) -> NonZeroU32 {
        self.place.draw_ticket()
    }

    /// Ends the source: whoever waits on it wakes with an error.
    pub(crate) fn end(&self, gone: Gone) {
        let Some(core) = self.place.core() else {
            return; // it ended with its hub
        };
        let mut woken = Vec::new();
        core.reactor.end(self.place.spot(), gone, &mut woken);
        woken.into_iter().for_each(|waker| waker.wake_from(&core));
    }

    /// Whether an operation may be tried.
    #[inline]
    pub(crate) fn is_ready(&self, direction: Direction) -> bool {
        self.place.is_ready(direction)
    }

    #[inline]
    pub(crate) fn clear(&self, direction: Direction) {
        self.place.clear(direction);
    }

    /// A short operation has told that the next one would block.
    #[inline]
    pub(crate) fn note_exhausted(&self, direction: Direction) {
        self.place.note_exhausted(direction);
    }

    /// Fails when it serves no more.
    #[inline]
    pub(crate) fn check(&self) -> io::Result<()> {
        match self.place.gone() {
            Some(gone) => Err(gone.error(self.fd())),
            None => Ok(()),
        }
    }

    /// Notes that the running green thread waits, and refuses if another one does already.
    ///
    /// `ticket` names one of our futures; `None` is a poll-style caller.
    #[inline]
    pub(crate) fn wait(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
        ticket: Option<NonZeroU32>,
    ) -> io::Result<()> {
        self.check()?;
        let own = in_progress::with(|poll| poll.whose(cx.waker()));
        if let (Some(who), Some(ticket)) = (own, ticket)
            && self.wait_alone(who, direction, ticket, at)
        {
            return Ok(());
        }
        self.wait_beside(direction, cx, at, ticket)
    }

    /// The same for one who waits with its own waker, if it serves and nobody else waits.
    #[inline]
    pub(crate) fn wait_alone(
        &self,
        who: Number,
        direction: Direction,
        ticket: NonZeroU32,
        at: &'static Location<'static>,
    ) -> bool {
        let owner = Owner::Ticket(ticket);
        let is_alone = self.place.settle_alone(who, direction, owner, at);
        if is_alone {
            self.park(direction, at);
        }
        is_alone
    }

    #[inline]
    fn park(&self, direction: Direction, at: &'static Location<'static>) {
        let kind = match direction {
            Direction::Read => WaitKind::Readable,
            Direction::Write => WaitKind::Writable,
        };
        park(WaitsOn::new(kind, self.fd() as u64), at);
    }

    /// Others may wait too, or the waker is not the green thread's own, or it is not known who polls.
    #[inline(never)]
    fn wait_beside(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
        ticket: Option<NonZeroU32>,
    ) -> io::Result<()> {
        // Foreign code, perhaps, when it is cloned.
        let waker = LocalWaker::new(cx);
        let Some(core) = self.place.core() else {
            return Ok(()); // never: the source would have ended
        };
        let key = in_progress::current();
        let who = key.map_or(Number::NOBODY, |key| Number::new(core.place, key));
        let owner = match ticket {
            Some(ticket) => Owner::Ticket(ticket),
            None => Owner::Poll(polls_of(&core, who).unwrap_or(0)),
        };
        let newcomer = Waiter {
            waker,
            who,
            at,
            owner,
            direction,
        };
        let displaced = match self.place.spot().settle(newcomer) {
            Ok(displaced) => displaced,
            Err(newcomer) => self.join_others(&core, newcomer)?,
        };
        self.park(direction, at);
        // A poll-style caller that seemed to have given up and has not looks again. One with a
        // ticket has come again itself, perhaps from another green thread.
        if let Some(displaced) = displaced
            && matches!(displaced.owner, Owner::Poll(_))
            && displaced.who != who
            && !displaced.waker.will_wake(cx)
        {
            displaced.waker.wake_from(&core);
        }
        Ok(())
    }

    /// Somebody else has the place already: takes it over if that one has given up, waits beside it if the
    /// hub allows that. Comes back: whoever had the place that the newcomer has now.
    #[cold]
    fn join_others(&self, core: &Core, newcomer: Waiter) -> io::Result<Option<Waiter>> {
        let (direction, place) = (newcomer.direction, self.place.spot());
        let first = place.with_waiter(direction, |first| (first.owner, first.who, first.at));
        let rival = first.filter(|(owner, who, _)| {
            let polls = polls_of(core, *who);
            match owner {
                Owner::Ticket(_) => *who == Number::NOBODY || polls.is_some(),
                Owner::Poll(then) => polls == Some(*then),
            }
        });
        match rival {
            None => Ok(place.put_waiter(newcomer)),
            Some(_) if core.config.many_readers => {
                let before = place.remove_waiter(direction, |other| newcomer.is_same(other));
                place.add_waiter(newcomer);
                Ok(before)
            }
            Some((_, who, site)) => Err(self.busy_error(core, direction, who, site)),
        }
    }

    fn busy_error(
        &self,
        core: &Core,
        direction: Direction,
        first: Number,
        site: &'static Location<'static>,
    ) -> io::Error {
        let slots = core.slots.borrow();
        let name = slots.named(first).map_or("somebody".to_owned(), |first| {
            let key = first.slot.key();
            match slots.name(key) {
                Some(name) => format!("green thread {} '{name}'", key.id),
                None => format!("green thread {}", key.id),
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
    pub(crate) fn forget(&self, direction: Direction, ticket: Option<NonZeroU32>) {
        let Some(core) = self.place.core() else {
            return; // nobody waits
        };
        let key = in_progress::current();
        let who = key.map_or(Number::NOBODY, |key| Number::new(core.place, key));
        let is_it = |waiter: &Waiter| match (waiter.owner, ticket) {
            (Owner::Ticket(other), Some(ticket)) => other == ticket,
            (Owner::Poll(_), None) => waiter.who == who,
            _ => false,
        };
        drop(self.place.spot().remove_waiter(direction, is_it));
    }
}

/// How often the green thread with this number was polled, as far as an [`Owner`] keeps it; `None` if it has ended.
fn polls_of(core: &Core, who: Number) -> Option<u32> {
    let slots = core.slots.borrow();
    Some(slots.named(who)?.slot.polls.get() as u32)
}
