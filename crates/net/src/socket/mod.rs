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
mod plug;
mod short_way;

use std::cell::{Cell, OnceCell};
use std::fmt;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsRawFd, OwnedFd};
use std::panic::Location;
use std::rc::Rc;

use evlet_hub::Io;

use self::limit::{Limit, Timers, Waits};
use self::linger::AfterTheClose;
pub(crate) use self::operation::Who;
pub(crate) use self::plug::Plug;
use crate::descriptor;
use crate::operation_error::HandleClosed;
use crate::shortage;

type Site = &'static Location<'static>;

/// What all handles share, and the first handle.
///
/// What few connections need is in [`More`], since a server holds one of these for each connection.
pub(crate) struct First {
    io: Io<Plug>,
    more: OnceCell<Box<More>>,
    /// Where the first handle was made.
    at: Site,
    /// Dropped after `io`, since fields are dropped in order.
    _after: AfterTheClose,
}

/// Made when a limit is set, or a second handle made. Until then there is one handle, which counts as its marks
/// say.
struct More {
    timeout: Cell<Limit>,
    handles: Cell<u32>,
    writers: Cell<u32>,
    /// Handles ever made: the number of the next.
    made: Cell<u32>,
    /// Of the first handle.
    timers: Timers,
    /// Of the futures that wait now.
    waits: Waits,
}

/// Every handle but the first.
struct Further {
    of: Rc<Node>,
    marks: Cell<Marks>,
    /// By which its polls are known among those of the other handles.
    number: u32,
    timers: Timers,
    at: Site,
}

enum Node {
    First(First),
    Further(Further),
}

// A connection has one of each.
const _: () = assert!(size_of::<Node>() <= 40 && size_of::<Handle>() == 8);

impl Drop for First {
    fn drop(&mut self) {
        if self.io.get_ref().lingers.get() {
            self.io.lives_on();
            linger::close_elsewhere(&self.io.get_ref().fd);
        }
        shortage::descriptor_freed();
    }
}

impl First {
    fn more(&self) -> &More {
        self.more.get_or_init(|| {
            Box::new(More {
                timeout: Cell::new(Limit::NONE),
                handles: Cell::new(self.handles()),
                writers: Cell::new(self.writers()),
                made: Cell::new(1),
                timers: Timers::default(),
                waits: Waits::default(),
            })
        })
    }

    /// Handles that are open.
    fn handles(&self) -> u32 {
        match self.more.get() {
            Some(more) => more.handles.get(),
            None => u32::from(!self.io.get_ref().marks.get().has(Marks::CLOSED)),
        }
    }

    /// Those of them that may write.
    fn writers(&self) -> u32 {
        match self.more.get() {
            Some(more) => more.writers.get(),
            None => {
                let marks = self.io.get_ref().marks.get();
                u32::from(!marks.has(Marks::CLOSED) && !marks.has(Marks::NO_WRITES))
            }
        }
    }

    /// Counts one handle less, whose mark is set.
    fn one_handle_less(&self) {
        if let Some(more) = self.more.get() {
            more.handles.set(more.handles.get() - 1);
        }
    }

    /// Counts one writer less, whose mark is set.
    fn one_writer_less(&self) {
        if let Some(more) = self.more.get() {
            more.writers.set(more.writers.get() - 1);
        }
        if self.writers() == 0 && self.handles() > 0 {
            let _ = descriptor::shutdown(&self.io.get_ref().fd, Shutdown::Write);
        }
    }
}

impl Node {
    #[inline]
    fn first(&self) -> &First {
        let mut node = self;
        loop {
            match node {
                Node::First(first) => return first,
                Node::Further(further) => node = &further.of,
            }
        }
    }
}

/// One way to use a socket. It is one word, because an `async fn` that is given a stream keeps it twice.
pub(crate) struct Handle(Rc<Node>);

/// The two directions of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// A byte; see [`Plug`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Marks(u8);

impl Marks {
    const CLOSED: Marks = Marks(1);
    const NO_WRITES: Marks = Marks(2);
    /// A poll through the handle alone may have left a waiter behind.
    const LEFT_READER: Marks = Marks(4);
    const LEFT_WRITER: Marks = Marks(8);

    /// What keeps a handle from being used in this direction.
    #[inline]
    fn forbids(direction: Direction) -> Marks {
        match direction {
            Direction::Read => Marks::CLOSED,
            Direction::Write => Marks::CLOSED.with(Marks::NO_WRITES),
        }
    }

    #[inline]
    fn left(direction: Direction) -> Marks {
        match direction {
            Direction::Read => Marks::LEFT_READER,
            Direction::Write => Marks::LEFT_WRITER,
        }
    }

    /// Whether it has any of those in `mark`.
    #[inline]
    fn has(self, mark: Marks) -> bool {
        self.0 & mark.0 != 0
    }

    #[inline]
    fn with(self, mark: Marks) -> Marks {
        Marks(self.0 | mark.0)
    }

    fn without(self, mark: Marks) -> Marks {
        Marks(self.0 & !mark.0)
    }
}

impl Handle {
    /// The first handle of a socket.
    pub(crate) fn new(io: Io<Plug>, at: Site) -> Handle {
        Handle(Rc::new(Node::First(First {
            io: io.closes_on_drop(), // one system call less for each connection
            more: OnceCell::new(),
            at,
            _after: AfterTheClose,
        })))
    }

    /// The first handle of a socket whose reads may end before its data: descriptors that travel
    /// with bytes of a Unix stream end one.
    pub(crate) fn with_short_reads(io: Io<Plug>, at: Site) -> Handle {
        let handle = Handle::new(io, at);
        handle.first().io.get_ref().short_reads.set(true);
        handle
    }

    /// One more handle of the same socket, with the same rights. One made from a closed handle is
    /// closed.
    pub(crate) fn share(&self, at: Site) -> Handle {
        let left = Marks::LEFT_READER.with(Marks::LEFT_WRITER);
        let marks = self.marks().get().without(left);
        let more = self.first().more();
        if !marks.has(Marks::CLOSED) {
            more.handles.set(more.handles.get() + 1);
            if !marks.has(Marks::NO_WRITES) {
                more.writers.set(more.writers.get() + 1);
            }
        }
        let number = more.made.get();
        more.made.set(number.wrapping_add(1));
        Handle(Rc::new(Node::Further(Further {
            of: Rc::clone(self.socket()),
            marks: Cell::new(marks),
            number,
            timers: Timers::default(),
            at,
        })))
    }

    #[inline]
    fn first(&self) -> &First {
        self.0.first()
    }

    /// The socket, if this is the only handle of a connection without a limit, and has none of these marks: all that
    /// most operations ask.
    #[inline]
    fn plain(&self, unusual: Marks) -> Option<&First> {
        match &*self.0 {
            Node::First(first) => {
                let is_plain =
                    !first.io.get_ref().marks.get().has(unusual) && first.more.get().is_none();
                is_plain.then_some(first)
            }
            Node::Further(_) => None,
        }
    }

    /// The node that all handles hold.
    fn socket(&self) -> &Rc<Node> {
        match &*self.0 {
            Node::First(_) => &self.0,
            Node::Further(further) => &further.of,
        }
    }

    #[inline]
    fn marks(&self) -> &Cell<Marks> {
        match &*self.0 {
            Node::First(first) => &first.io.get_ref().marks,
            Node::Further(further) => &further.marks,
        }
    }

    fn number(&self) -> u32 {
        match &*self.0 {
            Node::First(_) => 0,
            Node::Further(further) => further.number,
        }
    }

    /// Timers of `poll_read` and `poll_write`; few connections need them.
    fn timers(&self) -> Option<&Timers> {
        match &*self.0 {
            Node::First(first) => first.more.get().map(|more| &more.timers),
            Node::Further(further) => Some(&further.timers),
        }
    }

    /// This handle writes no more. When no other does either, the peer gets its end of stream.
    pub(crate) fn stop_writing(&self) {
        let mut marks = self.marks().get();
        if marks.has(Marks::NO_WRITES) || marks.has(Marks::CLOSED) {
            return;
        }
        marks = marks.with(Marks::NO_WRITES);
        self.marks().set(marks);
        self.first().one_writer_less();
    }

    /// Takes over what `other`, a handle of the same socket, may do, and ends it.
    pub(crate) fn absorb(&self, other: &Handle) {
        let mut marks = self.marks().get();
        let theirs = other.marks().get();
        if marks.has(Marks::NO_WRITES)
            && !marks.has(Marks::CLOSED)
            && !theirs.has(Marks::NO_WRITES)
            && !theirs.has(Marks::CLOSED)
        {
            let more = self.first().more();
            more.writers.set(more.writers.get() + 1);
            marks = marks.without(Marks::NO_WRITES);
            self.marks().set(marks);
        }
        other.close();
    }

    pub(crate) fn same_socket(&self, other: &Handle) -> bool {
        Rc::ptr_eq(self.socket(), other.socket())
    }

    pub(crate) fn fd(&self) -> &OwnedFd {
        &self.first().io.get_ref().fd
    }

    /// Whether a close of the socket waits for the peer, so that it has to be done elsewhere.
    pub(crate) fn closes_elsewhere(&self, lingers: bool) {
        self.first().io.get_ref().lingers.set(lingers);
    }

    pub(crate) fn at(&self) -> Site {
        match &*self.0 {
            Node::First(first) => first.at,
            Node::Further(further) => further.at,
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.marks().get().has(Marks::CLOSED)
    }

    /// Ends this handle. With the last one the socket ends too: waiters wake with an error and the
    /// peer gets its end of stream.
    pub(crate) fn close(&self) {
        let mut marks = self.marks().get();
        if marks.has(Marks::CLOSED) {
            return;
        }
        let wrote = !marks.has(Marks::NO_WRITES);
        marks = marks.with(Marks::CLOSED);
        self.marks().set(marks);
        let socket = self.first();
        socket.one_handle_less();
        if socket.handles() == 0 {
            let _ = descriptor::shutdown(self.fd(), Shutdown::Both);
            socket.io.close();
        }
        if wrote {
            socket.one_writer_less();
        }
    }

    /// Whether this handle may be used in this direction.
    fn check(&self, direction: Direction) -> io::Result<()> {
        if self.marks().get().has(Marks::forbids(direction)) {
            return Err(HandleClosed.into());
        }
        Ok(())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.take_back(Direction::Read);
        self.take_back(Direction::Write);
        let socket = self.first();
        if socket.more.get().is_none() {
            return; // it is the only one
        }
        if let Some(timers) = self.timers() {
            timers.clear();
        }
        let marks = self.marks().get();
        if marks.has(Marks::CLOSED) {
            return;
        }
        socket.one_handle_less();
        if !marks.has(Marks::NO_WRITES) {
            socket.one_writer_less();
        }
        // With the last handle the socket goes, and its descriptor is closed; unless one that was
        // closed before is still held.
        if socket.handles() == 0 && Rc::strong_count(self.socket()) > 1 {
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
