//! How long an operation may wait: the limit that `set_timeout` sets.
//!
//! Timers live in boxes that connections without a limit never make. That of a future of ours stands with the
//! limit, under the ticket by which the future waits, and is made when it has to wait: so futures that wait without a limit
//! have no room for it. Operations polled through the futures traits have no future of ours; their timers live in the handle.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use evlet_hub::wait::{self, WaitKind, WaitsOn};
use evlet_hub::{Sleep, Ticket, sleep};

use super::{Direction, Handle, More, Site, Who};
use crate::operation_error::OperationTimedOut;

/// The timers of futures that wait, by their tickets: at most one for each direction, unless the hub lets
/// many wait.
#[derive(Default)]
pub(super) struct Waits(Cell<Vec<(Ticket, Box<Sleep>)>>);

impl Waits {
    fn take(&self, ticket: Ticket) -> Option<Box<Sleep>> {
        let mut timers = self.0.take();
        let place = timers.iter().position(|(other, _)| *other == ticket);
        let timer = place.map(|place| timers.swap_remove(place).1);
        self.0.set(timers);
        timer
    }

    fn put(&self, ticket: Ticket, timer: Option<Box<Sleep>>) {
        if let Some(timer) = timer {
            let mut timers = self.0.take();
            timers.push((ticket, timer));
            self.0.set(timers);
        }
    }
}

/// The timers of `poll_read` and `poll_write`.
#[derive(Default)]
pub(super) struct Timers(Cell<Option<Box<Both>>>);

#[derive(Default)]
struct Both {
    read: Option<Box<Sleep>>,
    write: Option<Box<Sleep>>,
}

impl Timers {
    /// Drops both.
    pub(super) fn clear(&self) {
        drop(self.0.take());
    }

    fn with<R>(&self, f: impl FnOnce(&mut Option<Box<Both>>) -> R) -> R {
        let mut timers = self.0.take();
        let result = f(&mut timers);
        self.0.set(timers);
        result
    }

    fn take(&self, direction: Direction) -> Option<Box<Sleep>> {
        self.with(|timers| timers.as_mut()?.of(direction).take())
    }

    fn put(&self, direction: Direction, timer: Option<Box<Sleep>>) {
        let old = self.with(|timers| {
            let place = timers.get_or_insert_default().of(direction);
            std::mem::replace(place, timer)
        });
        debug_assert!(old.is_none(), "it was taken to be polled");
    }
}

impl Both {
    fn of(&mut self, direction: Direction) -> &mut Option<Box<Sleep>> {
        match direction {
            Direction::Read => &mut self.read,
            Direction::Write => &mut self.write,
        }
    }
}

/// A limit as it is kept: nanoseconds, eight bytes. `NONE` for no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit(u64);

impl Limit {
    pub(super) const NONE: Limit = Limit(u64::MAX);

    /// One of more than 584 years counts as that.
    fn new(limit: Option<Duration>) -> Self {
        let longest = u64::MAX - 1;
        limit.map_or(Self::NONE, |limit| {
            Limit(u64::try_from(limit.as_nanos()).map_or(longest, |nanos| nanos.min(longest)))
        })
    }

    fn get(self) -> Option<Duration> {
        (self != Self::NONE).then(|| Duration::from_nanos(self.0))
    }
}

impl Handle {
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.first().more.get()?.timeout.get().get()
    }

    pub(crate) fn set_timeout(&self, timeout: Option<Duration>) {
        if timeout.is_none() && self.first().more.get().is_none() {
            return;
        }
        self.first().more().timeout.set(Limit::new(timeout));
        if let Some(timers) = self.timers() {
            timers.clear();
        }
    }

    /// The end of a try of a future of ours that has to wait: it does so until the limit, if there is one.
    #[inline]
    pub(crate) fn wait_on(
        &self,
        cx: &mut Context<'_>,
        at: Site,
        direction: Direction,
        place: &Cell<Option<Ticket>>,
    ) -> Poll<io::Error> {
        match self.first().more.get() {
            None => Poll::Pending,
            Some(more) => self.wait_within_limit(more, cx, at, direction, place),
        }
    }

    #[inline(never)]
    fn wait_within_limit(
        &self,
        more: &More,
        cx: &mut Context<'_>,
        at: Site,
        direction: Direction,
        place: &Cell<Option<Ticket>>,
    ) -> Poll<io::Error> {
        let ticket = place.get();
        let ticket = ticket.unwrap_or_else(|| self.first().io.new_ticket());
        place.set(Some(ticket));
        // The timer is taken out while it is polled: nothing is held over a waker's clone.
        let mut timer = more.waits.take(ticket);
        let polled = self.poll_limit(cx, at, direction, &mut timer);
        if polled.is_pending() {
            more.waits.put(ticket, timer);
        }
        polled
    }

    /// The future with this ticket waits no more: its timer, if it had one, goes.
    pub(crate) fn wait_is_over(&self, ticket: Ticket) {
        let more = self.first().more.get();
        drop(more.and_then(|more| more.waits.take(ticket)));
    }

    /// What becomes of an operation that has to wait: keeps the limit, says where it waits.
    pub(crate) fn poll_limit(
        &self,
        cx: &mut Context<'_>,
        at: Site,
        direction: Direction,
        timer: &mut Option<Box<Sleep>>,
    ) -> Poll<io::Error> {
        let Some(limit) = self.timeout() else {
            return Poll::Pending;
        };
        let timer = timer.get_or_insert_with(|| Box::new(sleep(limit)));
        if Pin::new(&mut **timer).poll(cx).is_ready() {
            return Poll::Ready(OperationTimedOut::new(direction, limit).into());
        }
        // The timer put itself down as what is waited for; the descriptor is more telling.
        let kind = match direction {
            Direction::Read => WaitKind::Readable,
            Direction::Write => WaitKind::Writable,
        };
        wait::park(WaitsOn::new(kind, self.fd().as_raw_fd() as u64), at);
        Poll::Pending
    }

    /// The end of each `poll_read` and `poll_write` of the futures traits: no future of ours holds
    /// their timer, so the handle does.
    pub(crate) fn finish_poll<T>(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        who: Who<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if let Who::Owner = who {
            self.left(direction, polled.is_pending());
        }
        if polled.is_ready() {
            let timer = self.timers().and_then(|timers| timers.take(direction));
            drop(timer);
            return polled;
        }
        let Some(timers) = self.timers().filter(|_| self.timeout().is_some()) else {
            return Poll::Pending;
        };
        // The timer is taken out while it is polled: no borrow is held over a waker's clone.
        let mut timer = timers.take(direction);
        match self.poll_limit(cx, self.at(), direction, &mut timer) {
            Poll::Pending => {
                timers.put(direction, timer);
                Poll::Pending
            }
            Poll::Ready(error) => {
                self.forget(direction, who);
                Poll::Ready(Err(error))
            }
        }
    }
}
