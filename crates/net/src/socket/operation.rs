//! Operations on a socket: tried first, waited for afterwards; and who is known to wait.
//!
//! The hub lets one waiter at a time wait for a direction (promise C-4), so a waiter must be known.
//! A future of ours has a ticket and takes its waiter back when it is dropped. A `poll_read` through
//! a stream that is held alone has the stream's ticket: it may be given up without a word, and the
//! stream may go to another green thread, which then takes the place over; an operation that comes
//! by another way takes it back first. Through a shared reference (`&TcpStream`) nobody knows who
//! polls but the hub, and the hub goes by the green thread.

use std::cell::Cell;
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
pub(crate) enum Who<'a> {
    /// A future of ours, with the place of its ticket, which is drawn when it has to wait.
    Future(&'a Cell<Option<Ticket>>),
    /// Whoever holds the handle alone.
    Owner,
    /// One of those who share it.
    Sharer,
}

impl Who<'_> {
    /// The name by which it waits.
    #[inline]
    fn name(self, handle: &Handle) -> Option<Ticket> {
        match self {
            Who::Future(place) => {
                let ticket = place.get();
                let ticket = ticket.unwrap_or_else(|| handle.first().io.new_ticket());
                place.set(Some(ticket));
                Some(ticket)
            }
            Who::Owner => Some(handle.ticket()),
            Who::Sharer => None,
        }
    }
}

/// How often an operation is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tries {
    /// Until it no longer would block.
    Many,
    /// Once: the limit is zero.
    One,
}

impl Handle {
    /// One receiving operation: tried first, waited for afterwards.
    #[inline]
    pub(crate) fn poll_read<T>(
        &self,
        who: Who<'_>,
        cx: &mut Context<'_>,
        at: Site,
        mut op: impl FnMut(&OwnedFd) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        match self.prepare(Direction::Read, who)? {
            Tries::One => self.poll_now(cx, op),
            Tries::Many => {
                let (io, name) = (&self.first().io, || who.name(self));
                io.poll_read_by(name, cx, at, |plug: &Plug| op(&plug.fd))
            }
        }
    }

    /// One sending operation.
    #[inline]
    pub(crate) fn poll_write<T>(
        &self,
        who: Who<'_>,
        cx: &mut Context<'_>,
        at: Site,
        mut op: impl FnMut(&OwnedFd) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        match self.prepare(Direction::Write, who)? {
            Tries::One => self.poll_now(cx, op),
            Tries::Many => {
                let (io, name) = (&self.first().io, || who.name(self));
                io.poll_write_by(name, cx, at, |plug: &Plug| op(&plug.fd))
            }
        }
    }

    /// Whether this handle may be used in this direction, and how.
    #[inline]
    fn prepare(&self, direction: Direction, who: Who<'_>) -> io::Result<Tries> {
        let left = match who {
            Who::Owner => Marks::default(),
            Who::Future(_) | Who::Sharer => Marks::left(direction),
        };
        match self.plain(Marks::forbids(direction).with(left)) {
            Some(_) => Ok(Tries::Many),
            None => self.prepare_with_care(direction, who),
        }
    }

    #[inline(never)]
    fn prepare_with_care(&self, direction: Direction, who: Who<'_>) -> io::Result<Tries> {
        self.check(direction)?;
        if self.timeout() == Some(Duration::ZERO) {
            return Ok(Tries::One);
        }
        if !matches!(who, Who::Owner) {
            self.take_back(direction);
        }
        Ok(Tries::Many)
    }

    /// A limit of zero: what cannot be done at once gives `WouldBlock`.
    #[cold]
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

    #[inline]
    pub(crate) fn poll_recv(
        &self,
        who: Who<'_>,
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

    #[inline]
    pub(crate) fn poll_send(
        &self,
        who: Who<'_>,
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
    #[inline]
    pub(crate) fn after_read(&self, got: &io::Result<usize>, room: usize) {
        if matches!(got, Ok(n) if 0 < *n && *n < room)
            && !self.first().io.get_ref().short_reads.get()
        {
            self.first().io.drained();
        }
    }

    /// A short write filled it.
    #[inline]
    pub(crate) fn after_write(&self, sent: &io::Result<usize>, offered: usize) {
        if matches!(sent, Ok(n) if *n < offered) {
            self.first().io.filled();
        }
    }

    fn ticket(&self) -> Ticket {
        Ticket::numbered(self.number())
    }

    /// Called by one who waited and gives up.
    pub(crate) fn forget(&self, direction: Direction, who: Who<'_>) {
        let io = &self.first().io;
        let ticket = match who {
            Who::Owner => self.ticket(),
            Who::Future(place) => match place.take() {
                Some(ticket) => ticket,
                None => return,
            },
            Who::Sharer => {
                return match direction {
                    Direction::Read => io.forget_read_waiter(),
                    Direction::Write => io.forget_write_waiter(),
                };
            }
        };
        match direction {
            Direction::Read => io.forget_reader(ticket),
            Direction::Write => io.forget_writer(ticket),
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
        let mark = Marks::left(direction);
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
