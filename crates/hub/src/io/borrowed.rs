//! A descriptor of somebody else, waited on once.

use std::io;
use std::num::NonZeroU32;
use std::os::fd::BorrowedFd;
use std::panic::Location;
use std::task::{Context, Poll, ready};

use rustix::event::PollFlags;

use super::Interest;
use super::operation::is_ready_now;
use super::registration::Shared;
use crate::reactor::Direction;

/// What [`trampoline`](crate::trampoline) waits on: a descriptor's source, its own or one that an
/// `Io` has made.
pub(crate) struct Borrowed {
    registration: Shared,
    ticket: NonZeroU32,
}

impl Borrowed {
    pub(crate) fn new(fd: BorrowedFd<'_>) -> io::Result<Self> {
        let registration = Shared::new(fd, "trampoline")?;
        let ticket = registration.draw_ticket();
        Ok(Borrowed {
            registration,
            ticket,
        })
    }

    /// Asks the kernel each time: the source's bits say "ready" until an operation has found out
    /// otherwise, and here there is no operation.
    pub(crate) fn poll(
        &self,
        interest: Interest,
        fd: BorrowedFd<'_>,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> Poll<io::Result<()>> {
        let (direction, events) = match interest {
            Interest::Readable => (Direction::Read, PollFlags::IN),
            Interest::Writable => (Direction::Write, PollFlags::OUT),
        };
        ready!(crate::wait::poll_budget(cx));
        self.registration.check()?;
        match is_ready_now(fd, events) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.registration.clear(direction);
                let ticket = Some(self.ticket);
                match self.registration.wait(direction, cx, at, ticket) {
                    Ok(()) => Poll::Pending,
                    Err(error) => Poll::Ready(Err(error)),
                }
            }
            done => Poll::Ready(done),
        }
    }

    pub(crate) fn forget(&self, interest: Interest) {
        let direction = match interest {
            Interest::Readable => Direction::Read,
            Interest::Writable => Direction::Write,
        };
        self.registration.forget(direction, Some(self.ticket));
    }
}
