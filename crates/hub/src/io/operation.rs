//! The futures of an `Io`'s operations.

use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::AsFd;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::retry_on_intr;

use super::{Interest, Io, Ticket};
use crate::reactor::Direction;

pub(super) struct With<'a, T: AsFd, F> {
    pub(super) io: &'a Io<T>,
    pub(super) op: F,
    pub(super) direction: Direction,
    /// Drawn when it has to wait.
    pub(super) ticket: Option<Ticket>,
    pub(super) at: &'static Location<'static>,
}

impl<T: AsFd, F> With<'_, T, F> {
    fn poll<R>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<R>>
    where
        F: FnMut(&T) -> io::Result<R>,
    {
        let With {
            io,
            op,
            direction,
            ticket,
            at,
        } = self;
        let draw = || Some(*ticket.get_or_insert_with(|| io.new_ticket()));
        let polled = io.poll_with(*direction, cx, at, draw, op);
        if polled.is_ready() {
            *ticket = None; // it waits no more
        }
        polled
    }
}

impl<T: AsFd, F> Drop for With<'_, T, F> {
    fn drop(&mut self) {
        forget(self.io, self.direction, self.ticket);
    }
}

/// Takes back the waiter that one who gives up has left.
fn forget<T: AsFd>(io: &Io<T>, direction: Direction, ticket: Option<Ticket>) {
    if let Some(ticket) = ticket {
        io.registration.forget(direction, Some(ticket.0));
    }
}

macro_rules! with_future {
    ($name:ident, $method:literal) => {
        #[doc = concat!("The future of [`Io::", $method, "`].")]
        #[must_use = "futures do nothing unless awaited"]
        pub struct $name<'a, T: AsFd, F>(pub(super) With<'a, T, F>);

        impl<T: AsFd, F> Unpin for $name<'_, T, F> {}

        impl<T: AsFd, F, R> Future for $name<'_, T, F>
        where
            F: FnMut(&T) -> io::Result<R>,
        {
            type Output = io::Result<R>;

            fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                self.get_mut().0.poll(cx)
            }
        }

        impl<T: AsFd, F> fmt::Debug for $name<'_, T, F> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("fd", &self.0.io.registration.fd())
                    .finish_non_exhaustive()
            }
        }
    };
}

with_future!(ReadWith, "read_with");
with_future!(WriteWith, "write_with");

/// The future of [`Io::readable`] and [`Io::writable`].
#[must_use = "futures do nothing unless awaited"]
pub struct Readiness<'a, T: AsFd> {
    pub(super) io: &'a Io<T>,
    pub(super) interest: Interest,
    /// Drawn when it has to wait.
    pub(super) ticket: Option<Ticket>,
    pub(super) at: &'static Location<'static>,
}

impl<T: AsFd> Readiness<'_, T> {
    fn direction(&self) -> Direction {
        match self.interest {
            Interest::Readable => Direction::Read,
            Interest::Writable => Direction::Write,
        }
    }
}

impl<T: AsFd> Future for Readiness<'_, T> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let events = match self.interest {
            Interest::Readable => PollFlags::IN,
            Interest::Writable => PollFlags::OUT,
        };
        let this = self.get_mut();
        let (io, direction, at) = (this.io, this.direction(), this.at);
        let ticket = &mut this.ticket;
        let draw = || Some(*ticket.get_or_insert_with(|| io.new_ticket()));
        let polled = io.poll_with(direction, cx, at, draw, |inner| is_ready_now(inner, events));
        if polled.is_ready() {
            *ticket = None; // it waits no more
        }
        polled
    }
}

/// Asks the kernel, since the bit says "ready" until an operation has found out otherwise.
pub(super) fn is_ready_now(fd: impl AsFd, events: PollFlags) -> io::Result<()> {
    let fd = fd.as_fd();
    let mut fds = [PollFd::from_borrowed_fd(fd, events)];
    // Linux interrupts a poll of no time too, where a signal has come and nothing is ready.
    match retry_on_intr(|| rustix::event::poll(&mut fds, Some(&Timespec::default())))? {
        0 => Err(io::ErrorKind::WouldBlock.into()),
        _ if fds[0].revents().contains(PollFlags::NVAL) => Err(rustix::io::Errno::BADF.into()),
        _ => Ok(()),
    }
}

impl<T: AsFd> Drop for Readiness<'_, T> {
    fn drop(&mut self) {
        forget(self.io, self.direction(), self.ticket);
    }
}

impl<T: AsFd> fmt::Debug for Readiness<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readiness")
            .field("fd", &self.io.registration.fd())
            .field("interest", &self.interest)
            .finish()
    }
}
