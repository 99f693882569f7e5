//! A connected socket, and the handles through which it is used.
//!
//! One socket may have several handles: a stream and the file made from it
//! ([`TcpStream::makefile`](crate::TcpStream::makefile)), or the two halves of a split. Each handle
//! is closed on its own and the socket ends with the last one, as in eventlet, where a file made
//! from a socket lives on after the socket was closed. The socket counts its handles, and among
//! them those that may write: when the last of these goes while others still read, the peer gets
//! its end of stream (FIN) at once.
//!
//! # Who waits
//!
//! The hub lets one waiter at a time wait for a direction (promise C-4), so a waiter must be known.
//! A future of ours has a ticket and takes its waiter back when it is dropped. A `poll_read` through
//! a stream that is held alone has the stream's ticket: it may be given up without a word, and the
//! stream may go to another green thread, which then takes the place over; an operation that comes
//! by another way takes it back first. Through a shared reference (`&TcpStream`) nobody knows who
//! polls but the hub, and the hub goes by the green thread.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsRawFd, OwnedFd};
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use evlet_hub::wait::{self, WaitKind, WaitsOn};
use evlet_hub::{Io, Sleep, Ticket, sleep};
use rustix::net::RecvFlags;

use crate::descriptor;
use crate::operation_error::{HandleClosed, OperationTimedOut};
use crate::shortage;

type Site = &'static Location<'static>;

/// What all handles share.
pub(crate) struct Socket {
    io: Io<OwnedFd>,
    timeout: Cell<Option<Duration>>,
    handles: Cell<u32>,
    writers: Cell<u32>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        shortage::descriptor_freed();
    }
}

/// One way to use a [`Socket`].
pub(crate) struct Handle {
    socket: Rc<Socket>,
    marks: Cell<Marks>,
    ticket: Ticket,
    /// Timers of `poll_read` and `poll_write`; few connections need them.
    timers: RefCell<Option<Box<Timers>>>,
    /// Where this handle was made: the await site of polls that cannot know a better one.
    at: Site,
}

/// The two directions of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Marks {
    closed: bool,
    no_writes: bool,
    /// A poll through the handle alone may have left a waiter behind.
    left_reader: bool,
    left_writer: bool,
}

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

#[derive(Default)]
struct Timers {
    read: Option<Sleep>,
    write: Option<Sleep>,
}

impl Handle {
    /// The first handle of a socket.
    pub(crate) fn new(io: Io<OwnedFd>, at: Site) -> Handle {
        let socket = Socket {
            io: io.closes_on_drop(), // one system call less for each connection
            timeout: Cell::new(None),
            handles: Cell::new(1),
            writers: Cell::new(1),
        };
        Handle::with(Rc::new(socket), Marks::default(), at)
    }

    fn with(socket: Rc<Socket>, marks: Marks, at: Site) -> Handle {
        Handle {
            ticket: socket.io.new_ticket(),
            socket,
            marks: Cell::new(marks),
            timers: RefCell::new(None),
            at,
        }
    }

    /// One more handle of the same socket, with the same rights. One made from a closed handle is
    /// closed.
    pub(crate) fn share(&self, at: Site) -> Handle {
        let marks = Marks {
            left_reader: false,
            left_writer: false,
            ..self.marks.get()
        };
        let socket = &self.socket;
        if !marks.closed {
            socket.handles.set(socket.handles.get() + 1);
            if !marks.no_writes {
                socket.writers.set(socket.writers.get() + 1);
            }
        }
        Handle::with(Rc::clone(socket), marks, at)
    }

    /// This handle writes no more. When no other does either, the peer gets its end of stream.
    pub(crate) fn stop_writing(&self) {
        let mut marks = self.marks.get();
        if marks.no_writes || marks.closed {
            return;
        }
        marks.no_writes = true;
        self.marks.set(marks);
        self.one_writer_less();
    }

    /// Takes over what `other`, a handle of the same socket, may do, and ends it.
    pub(crate) fn absorb(&self, other: &Handle) {
        let mut marks = self.marks.get();
        let theirs = other.marks.get();
        if marks.no_writes && !marks.closed && !theirs.no_writes && !theirs.closed {
            marks.no_writes = false;
            self.marks.set(marks);
            self.socket.writers.set(self.socket.writers.get() + 1);
        }
        other.close();
    }

    pub(crate) fn same_socket(&self, other: &Handle) -> bool {
        Rc::ptr_eq(&self.socket, &other.socket)
    }

    pub(crate) fn fd(&self) -> &OwnedFd {
        self.socket.io.get_ref()
    }

    pub(crate) fn at(&self) -> Site {
        self.at
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.socket.timeout.get()
    }

    pub(crate) fn set_timeout(&self, timeout: Option<Duration>) {
        self.socket.timeout.set(timeout);
        // A timer that runs was set by the old limit.
        let timers = self.timers.take();
        drop(timers);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.marks.get().closed
    }

    /// Ends this handle. With the last one the socket ends too: waiters wake with an error and the
    /// peer gets its end of stream.
    pub(crate) fn close(&self) {
        let mut marks = self.marks.get();
        if marks.closed {
            return;
        }
        let wrote = !marks.no_writes;
        marks.closed = true;
        self.marks.set(marks);
        let socket = &self.socket;
        socket.handles.set(socket.handles.get() - 1);
        if socket.handles.get() == 0 {
            let _ = descriptor::shutdown(self.fd(), Shutdown::Both);
            socket.io.close();
        }
        if wrote {
            self.one_writer_less();
        }
    }

    fn one_writer_less(&self) {
        let socket = &self.socket;
        socket.writers.set(socket.writers.get() - 1);
        if socket.writers.get() == 0 && socket.handles.get() > 0 {
            let _ = descriptor::shutdown(self.fd(), Shutdown::Write);
        }
    }

    /// Whether this handle may be used in this direction.
    fn check(&self, direction: Direction) -> io::Result<()> {
        let marks = self.marks.get();
        if marks.closed || (direction == Direction::Write && marks.no_writes) {
            return Err(HandleClosed.into());
        }
        Ok(())
    }

    /// One receiving operation: tried first, waited for afterwards.
    pub(crate) fn poll_read(
        &self,
        who: Who,
        cx: &mut Context<'_>,
        at: Site,
        op: impl FnMut(&OwnedFd) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        self.check(Direction::Read)?;
        if self.timeout() == Some(Duration::ZERO) {
            return self.poll_now(cx, op);
        }
        let io = &self.socket.io;
        match who {
            Who::Owner => return io.poll_read_as(self.ticket, cx, at, op),
            Who::Future(_) | Who::Sharer => self.take_back(Direction::Read),
        }
        match who {
            Who::Future(ticket) => io.poll_read_as(ticket, cx, at, op),
            Who::Owner | Who::Sharer => io.poll_read_with(cx, at, op),
        }
    }

    /// One sending operation.
    pub(crate) fn poll_write(
        &self,
        who: Who,
        cx: &mut Context<'_>,
        at: Site,
        op: impl FnMut(&OwnedFd) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        self.check(Direction::Write)?;
        if self.timeout() == Some(Duration::ZERO) {
            return self.poll_now(cx, op);
        }
        let io = &self.socket.io;
        match who {
            Who::Owner => return io.poll_write_as(self.ticket, cx, at, op),
            Who::Future(_) | Who::Sharer => self.take_back(Direction::Write),
        }
        match who {
            Who::Future(ticket) => io.poll_write_as(ticket, cx, at, op),
            Who::Owner | Who::Sharer => io.poll_write_with(cx, at, op),
        }
    }

    /// A limit of zero: what cannot be done at once gives `WouldBlock`.
    fn poll_now(
        &self,
        cx: &mut Context<'_>,
        mut op: impl FnMut(&OwnedFd) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
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
        if matches!(got, Ok(n) if 0 < *n && *n < room) {
            self.socket.io.drained();
        }
    }

    /// A short write filled it.
    pub(crate) fn after_write(&self, sent: &io::Result<usize>, offered: usize) {
        if matches!(sent, Ok(n) if *n < offered) {
            self.socket.io.filled();
        }
    }

    pub(crate) fn new_ticket(&self) -> Ticket {
        self.socket.io.new_ticket()
    }

    /// Called by one who waited and gives up.
    pub(crate) fn forget(&self, direction: Direction, who: Who) {
        let io = &self.socket.io;
        match (direction, who) {
            (Direction::Read, Who::Future(ticket)) => io.forget_reader(ticket),
            (Direction::Read, Who::Owner) => io.forget_reader(self.ticket),
            (Direction::Read, Who::Sharer) => io.forget_read_waiter(),
            (Direction::Write, Who::Future(ticket)) => io.forget_writer(ticket),
            (Direction::Write, Who::Owner) => io.forget_writer(self.ticket),
            (Direction::Write, Who::Sharer) => io.forget_write_waiter(),
        }
    }

    /// Takes back the waiter that a given-up poll through the handle alone has left.
    fn take_back(&self, direction: Direction) {
        if self.left(direction, false) {
            self.forget(direction, Who::Owner);
        }
    }

    /// Notes whether such a waiter may be there; gives what was noted before.
    fn left(&self, direction: Direction, now: bool) -> bool {
        let mut marks = self.marks.get();
        let mark = match direction {
            Direction::Read => &mut marks.left_reader,
            Direction::Write => &mut marks.left_writer,
        };
        let before = std::mem::replace(mark, now);
        if before != now {
            self.marks.set(marks);
        }
        before
    }

    /// What a future does with an operation that has to wait: keep the limit, say where it waits.
    pub(crate) fn poll_limit(
        &self,
        cx: &mut Context<'_>,
        at: Site,
        direction: Direction,
        timer: &mut Option<Sleep>,
    ) -> Poll<io::Error> {
        let Some(limit) = self.timeout() else {
            return Poll::Pending;
        };
        let timer = timer.get_or_insert_with(|| sleep(limit));
        if Pin::new(timer).poll(cx).is_ready() {
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
        who: Who,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if let Who::Owner = who {
            self.left(direction, polled.is_pending());
        }
        if polled.is_ready() {
            self.stop_timer(direction);
            return polled;
        }
        if self.timeout().is_none() {
            return Poll::Pending;
        }
        // The timer is taken out while it is polled: no borrow is held over a waker's clone.
        let mut timer = self.take_timer(direction);
        match self.poll_limit(cx, self.at, direction, &mut timer) {
            Poll::Pending => {
                self.put_timer(direction, timer);
                Poll::Pending
            }
            Poll::Ready(error) => {
                self.forget(direction, who);
                Poll::Ready(Err(error))
            }
        }
    }

    fn stop_timer(&self, direction: Direction) {
        let timer = self.take_timer(direction);
        drop(timer);
    }

    fn take_timer(&self, direction: Direction) -> Option<Sleep> {
        let mut timers = self.timers.borrow_mut();
        let timers = timers.as_mut()?;
        match direction {
            Direction::Read => timers.read.take(),
            Direction::Write => timers.write.take(),
        }
    }

    fn put_timer(&self, direction: Direction, timer: Option<Sleep>) {
        let mut timers = self.timers.borrow_mut();
        let timers = timers.get_or_insert_default();
        let old = match direction {
            Direction::Read => std::mem::replace(&mut timers.read, timer),
            Direction::Write => std::mem::replace(&mut timers.write, timer),
        };
        debug_assert!(old.is_none());
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.take_back(Direction::Read);
        self.take_back(Direction::Write);
        let marks = self.marks.get();
        if marks.closed {
            return;
        }
        let socket = &self.socket;
        socket.handles.set(socket.handles.get() - 1);
        if !marks.no_writes {
            self.one_writer_less();
        }
        // The last handle: the socket goes with it, and its descriptor is closed.
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle")
            .field("fd", &self.fd().as_raw_fd())
            .field("closed", &self.is_closed())
            .field("timeout", &self.timeout())
            .finish()
    }
}
