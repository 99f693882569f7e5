//! A connected socket, and the handles through which it is used.
//!
//! One socket may have several handles: a stream and the file made from it
//! ([`TcpStream::makefile`](crate::TcpStream::makefile)), or the two halves of a split. Each handle
//! is closed on its own and the socket ends with the last one, as in eventlet, where a file made
//! from a socket lives on after the socket was closed. The socket counts its handles, and among
//! them those that may write: when the last of these goes while others still read, the peer gets
//! its end of stream (FIN) at once.

mod limit;
mod linger;
mod operation;

use std::cell::Cell;
use std::fmt;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsRawFd, OwnedFd};
use std::panic::Location;
use std::rc::Rc;

use evlet_hub::Io;

use self::limit::{Limit, Timers};
use self::linger::AfterTheClose;
pub(crate) use self::operation::Who;
use crate::descriptor;
use crate::operation_error::HandleClosed;
use crate::shortage;

type Site = &'static Location<'static>;

/// What all handles share.
pub(crate) struct Socket {
    io: Io<OwnedFd>,
    timeout: Cell<Limit>,
    handles: Cell<u32>,
    writers: Cell<u32>,
    /// Handles ever made: the number of the next.
    made: Cell<u32>,
    /// A short read does not tell that the kernel has no more.
    short_reads: Cell<bool>,
    /// Its close waits for the peer, and is not for the hub's thread.
    lingers: Cell<bool>,
    /// Dropped after `io`, since fields are dropped in order.
    _after: AfterTheClose,
}

// A connection has one of each.
const _: () = assert!(size_of::<Socket>() <= 56 && size_of::<Handle>() <= 32);

impl Drop for Socket {
    fn drop(&mut self) {
        if self.lingers.get() {
            self.io.lives_on();
            linger::close_elsewhere(self.io.get_ref());
        }
        shortage::descriptor_freed();
    }
}

/// One way to use a [`Socket`].
pub(crate) struct Handle {
    socket: Rc<Socket>,
    marks: Cell<Marks>,
    /// By which its polls are known among those of the other handles.
    number: u32,
    /// Timers of `poll_read` and `poll_write`; few connections need them.
    timers: Timers,
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

impl Handle {
    /// The first handle of a socket.
    pub(crate) fn new(io: Io<OwnedFd>, at: Site) -> Handle {
        let socket = Socket {
            io: io.closes_on_drop(), // one system call less for each connection
            timeout: Cell::new(Limit::NONE),
            handles: Cell::new(1),
            writers: Cell::new(1),
            made: Cell::new(0),
            short_reads: Cell::new(false),
            lingers: Cell::new(false),
            _after: AfterTheClose,
        };
        Handle::with(Rc::new(socket), Marks::default(), at)
    }

    /// The first handle of a socket whose reads may end before its data: descriptors that travel
    /// with bytes of a Unix stream end one.
    pub(crate) fn with_short_reads(io: Io<OwnedFd>, at: Site) -> Handle {
        let handle = Handle::new(io, at);
        handle.socket.short_reads.set(true);
        handle
    }

    fn with(socket: Rc<Socket>, marks: Marks, at: Site) -> Handle {
        let number = socket.made.get();
        socket.made.set(number.wrapping_add(1));
        Handle {
            number,
            socket,
            marks: Cell::new(marks),
            timers: Timers::default(),
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

    /// Whether a close of the socket waits for the peer, so that it has to be done elsewhere.
    pub(crate) fn closes_elsewhere(&self, lingers: bool) {
        self.socket.lingers.set(lingers);
    }

    pub(crate) fn at(&self) -> Site {
        self.at
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
        // With the last handle the socket goes, and its descriptor is closed; unless one that was
        // closed before is still held.
        if socket.handles.get() == 0 && Rc::strong_count(socket) > 1 {
            let _ = descriptor::shutdown(self.fd(), Shutdown::Both);
            socket.io.close();
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("fd", &self.fd().as_raw_fd())
            .field("closed", &self.is_closed())
            .field("timeout", &self.timeout())
            .finish()
    }
}
