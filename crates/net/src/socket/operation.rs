//! Operations on a socket: tried first, waited for afterwards; and who is known to wait.
//!
//! The hub lets one waiter at a time wait for a direction (promise C-4), so a waiter must be known.
//! A future of ours has a ticket and takes its waiter back when it is dropped. A `poll_read` through
//! a stream that is held alone has the stream's ticket: it may be given up without a word, and the
//! stream may go to another green thread, which then takes the place over; an operation that comes
//! by another way takes it back first. Through a shared reference (`&TcpStream`) nobody knows who
//! polls but the hub, and the hub goes by the green thread.

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use evlet_hub::{Ticket, wait};
use rustix::net::RecvFlags;

use super::{Direction, Handle, Marks, Plug, Site};
use crate::descriptor;

/// By whom an operation is polled; see the top of this file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Who {
    /// A future of ours.
    Future(Ticket),
    /// Whoever holds the handle alone.
    Owner,
    /// One of those who share it.
    Sharer,
}

impl Handle {
    /// One receiving operation: tried first, waited for afterwards.
    pub(crate) fn poll_read<T>(
        &self,
        who: Who,
        cx: &mut Context<'_>,
        at: Site,
        mut op: impl FnMut(&OwnedFd) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        self.check(Direction::Read)?;
        if self.timeout() == Some(Duration::ZERO) {
            return self.poll_now(cx, op);
        }
        let io = &self.first().io;
        if !matches!(who, Who::Owner) {
            self.take_back(Direction::Read);
        }
        let op = |plug: &Plug| op(&plug.fd);
        match who {
            Who::Owner => io.poll_read_as(self.ticket(), cx, at, op),
            Who::Future(ticket) => io.poll_read_as(ticket, cx, at, op),
            Who::Sharer => io.poll_read_with(cx, at, op),
        }
    }

    /// One sending operation.
    pub(crate) fn poll_write<T>(
        &self,
        who: Who,
        cx: &mut Context<'_>,
        at: Site,
        mut op: impl FnMut(&OwnedFd) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        self.check(Direction::Write)?;
        if self.timeout() == Some(Duration::ZERO) {
            return self.poll_now(cx, op);
        }
        let io = &self.first().io;
        if !matches!(who, Who::Owner) {
            self.take_back(Direction::Write);
        }
        let op = |plug: &Plug| op(&plug.fd);
        match who {
            Who::Owner => io.poll_write_as(self.ticket(), cx, at, op),
            Who::Future(ticket) => io.poll_write_as(ticket, cx, at, op),
            Who::Sharer => io.poll_write_with(cx, at, op),
        }
    }

    /// A limit of zero: what cannot be done at once gives `WouldBlock`.
    fn poll_now<T>(
        &self,
        cx: &mut Context<'_>,
        mut op: impl FnMut(&OwnedFd) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        ready!(wait::poll_budget(cx));
        loop {
            match op(self.fd()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                done => return Poll::Ready(done),
            }
        }
    }

    pub(crate) fn poll_recv(
        &self,
        who: Who,
        cx: &mut Context<'_>,
        at: Site,
        buf: &mut [u8],
        flags: RecvFlags,
    ) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(self.check(Direction::Read).map(|()| 0));
        }
        let room = buf.len();
        let got = ready!(self.poll_read(who, cx, at, |fd| descriptor::recv(fd, buf, flags)));
        if !flags.contains(RecvFlags::PEEK) {
            self.after_read(&got, room);
        }
        Poll::Ready(got)
    }

    pub(crate) fn poll_send(
        &self,
        who: Who,
        cx: &mut Context<'_>,
        at: Site,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        if data.is_empty() {
            return Poll::Ready(self.check(Direction::Write).map(|()| 0));
        }
        let sent = ready!(self.poll_write(who, cx, at, |fd| descriptor::send(fd, data)));
        self.after_write(&sent, data.len());
        Poll::Ready(sent)
    }

    /// A short read emptied the kernel's buffer: no need to ask it again to know.
    pub(crate) fn after_read(&self, got: &io::Result<usize>, room: usize) {
        if matches!(got, Ok(n) if 0 < *n && *n < room)
            && !self.first().io.get_ref().short_reads.get()
        {
            self.first().io.drained();
        }
    }

    /// A short write filled it.
    pub(crate) fn after_write(&self, sent: &io::Result<usize>, offered: usize) {
        if matches!(sent, Ok(n) if *n < offered) {
            self.first().io.filled();
        }
    }

    fn ticket(&self) -> Ticket {
        Ticket::numbered(self.number())
    }

    pub(crate) fn new_ticket(&self) -> Ticket {
        self.first().io.new_ticket()
    }

    /// Called by one who waited and gives up.
    pub(crate) fn forget(&self, direction: Direction, who: Who) {
        let io = &self.first().io;
        match (direction, who) {
            (Direction::Read, Who::Future(ticket)) => io.forget_reader(ticket),
            (Direction::Read, Who::Owner) => io.forget_reader(self.ticket()),
            (Direction::Read, Who::Sharer) => io.forget_read_waiter(),
            (Direction::Write, Who::Future(ticket)) => io.forget_writer(ticket),
            (Direction::Write, Who::Owner) => io.forget_writer(self.ticket()),
            (Direction::Write, Who::Sharer) => io.forget_write_waiter(),
        }
    }

    /// Takes back the waiter that a given-up poll through the handle alone has left.
    pub(super) fn take_back(&self, direction: Direction) {
        if self.left(direction, false) {
            self.forget(direction, Who::Owner);
        }
    }

    /// Notes whether such a waiter may be there; gives what was noted before.
    pub(super) fn left(&self, direction: Direction, now: bool) -> bool {
        let marks = self.marks().get();
        let mark = match direction {
            Direction::Read => Marks::LEFT_READER,
            Direction::Write => Marks::LEFT_WRITER,
        };
        let before = marks.has(mark);
        if before != now {
            let marks = match now {
                true => marks.with(mark),
                false => marks.without(mark),
            };
            self.marks().set(marks);
        }
        before
    }
}
