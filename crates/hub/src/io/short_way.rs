//! The short way of an operation, for streams that do a million of them a second.
//!
//! [`Io::poll_read_with`] and its like do all of an operation: they try, and repeat, and wait, for whoever may poll. What they
//! know at each step they have to keep across all the others, mostly in memory. Of most operations only one step
//! happens: the descriptor is ready and the try succeeds, or it is not and a green thread begins to wait alone. Who
//! asks by [`Io::begin`] first, and makes the one step itself, keeps nothing; and goes the usual way, which says
//! everything again, when it turns out to be another case.

use std::io;
use std::os::fd::AsFd;
use std::panic::Location;
use std::task::Context;

use super::{Interest, Io, Ticket};
use crate::in_progress;
use crate::reactor::Direction;

/// How an operation goes on: see [`Io::begin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// It is to be tried. It was counted against what this poll may do ([`poll_budget`](crate::wait::poll_budget)),
    /// and no [fault function](crate::HubBuilder::faults) has to be asked.
    Try,
    /// It would block; see [`Io::wait_alone`].
    Wait,
    /// By [`Io::poll_read_by`] or [`Io::poll_write_by`].
    TheUsualWay,
}

impl From<Interest> for Direction {
    #[inline]
    fn from(interest: Interest) -> Direction {
        match interest {
            Interest::Readable => Direction::Read,
            Interest::Writable => Direction::Write,
        }
    }
}

impl<T: AsFd> Io<T> {
    /// The first step of an operation, for those who write futures of their own. Whoever is told to try makes the
    /// call itself; if that fails, [`goes_on_after`](Self::goes_on_after) is asked.
    ///
    /// ```
    /// use std::io::Read;
    /// use std::panic::Location;
    /// use std::task::{Context, Poll};
    /// use evlet_hub::wait::Begin;
    /// use evlet_hub::{Interest, Io};
    ///
    /// fn poll_read<T>(io: &Io<T>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<std::io::Result<usize>>
    /// where
    ///     T: std::os::fd::AsFd,
    ///     for<'a> &'a T: Read,
    /// {
    ///     if io.begin(Interest::Readable) == Begin::Try {
    ///         match io.get_ref().read(buf) {
    ///             Err(error) if io.goes_on_after(Interest::Readable, &error) => {}
    ///             done => return Poll::Ready(done),
    ///         }
    ///     }
    ///     io.poll_read_with(cx, Location::caller(), |mut io| io.read(buf))
    /// }
    /// ```
    #[inline(always)]
    #[must_use]
    pub fn begin(&self, interest: Interest) -> Begin {
        in_progress::with(|poll| {
            let left = match poll.budget.get().checked_sub(1) {
                Some(left) if !poll.meets_faults.get() => left,
                _ => return Begin::TheUsualWay,
            };
            if !self.registration.is_ready(interest.into()) {
                return Begin::Wait;
            }
            poll.budget.set(left);
            Begin::Try
        })
    }

    /// After a try that has failed: whether the operation goes on in [the usual way](Begin::TheUsualWay). If not, the error is
    /// its result.
    #[must_use]
    pub fn goes_on_after(&self, interest: Interest, error: &io::Error) -> bool {
        match error.kind() {
            io::ErrorKind::WouldBlock => self.registration.clear(interest.into()),
            io::ErrorKind::Interrupted => {}
            _ => return false,
        }
        // It will be counted there.
        in_progress::with(|poll| poll.budget.set(poll.budget.get().saturating_add(1)));
        true
    }

    /// Has the running green thread wait with this name, for an operation that [would block](Begin::Wait), if it is polled with
    /// its own waker and nobody else waits. `false` if that is not so: the usual way is for all.
    #[inline(always)]
    #[must_use]
    pub fn wait_alone(
        &self,
        interest: Interest,
        ticket: Ticket,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> bool {
        in_progress::with(|poll| {
            let (own, left) = (poll.whose(cx.waker()), poll.budget.get());
            let waits = own.is_some_and(|who| {
                let direction = interest.into();
                self.registration.wait_alone(who, direction, ticket.0, at)
            });
            if waits {
                poll.budget.set(left.saturating_sub(1));
            }
            waits
        })
    }
}
