//! `Io`: readiness around any descriptor.

mod borrowed;
mod operation;
mod registration;
mod short_way;

use std::fmt;
use std::io;
use std::num::NonZeroU32;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::Location;
use std::task::{Context, Poll, ready};

pub use operation::{ReadWith, Readiness, WriteWith};
pub use short_way::Begin;

pub(crate) use borrowed::Borrowed;

use crate::reactor::{Direction, Gone, TICKETS};
use crate::running;
use operation::With;
use registration::Owned;

/// Which readiness to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Interest {
    /// Something can be read, accepted, or has ended.
    Readable,
    /// Something can be written, or a connection has been made or has failed.
    Writable,
}

/// A descriptor on the hub: operations on it look blocking and let others run meanwhile.
///
/// The descriptor is registered once, for both directions. An operation is tried first; only when
/// it would block does the green thread wait, and when the kernel reports readiness it is tried
/// again. Interrupted calls are repeated, spurious readiness is invisible.
///
/// One green thread may wait to read and another one to write. A second one that waits for the same
/// direction gets an error that names the first, since a wake-up stolen from it would go unnoticed;
/// [`HubBuilder::allow_many_readers`](crate::HubBuilder::allow_many_readers) turns that off.
///
/// Share it by reference or `Rc`. It stays on its hub's thread and serves that hub only:
/// ```compile_fail
/// fn assert_send<T: Send>() {}
/// assert_send::<evlet_hub::Io<std::net::TcpStream>>();
/// ```
///
/// # Example
/// ```
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
/// use evlet_hub::{Io, run, spawn_n};
///
/// run(async {
///     let (ours, theirs) = UnixStream::pair()?;
///     let (ours, theirs) = (Io::new(ours)?, Io::new(theirs)?);
///     spawn_n(async move { theirs.write_with(|mut s| s.write(b"hi")).await });
///     let mut bytes = [0; 8];
///     let n = ours.read_with(|mut s| s.read(&mut bytes)).await?;
///     assert_eq!(&bytes[..n], b"hi");
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
pub struct Io<T: AsFd> {
    // Dropped before `inner`: the source leaves the table while the descriptor is open.
    registration: Owned,
    inner: T,
}

impl<T: AsFd> Io<T> {
    /// Puts a descriptor on the running hub and makes it non-blocking.
    ///
    /// # Errors
    /// Outside a hub; for regular files and directories, which cannot be waited on; for a
    /// descriptor that is on this hub already; and what the kernel says about a descriptor that is
    /// not open.
    pub fn new(inner: T) -> io::Result<Self> {
        running::get_for("Io::new")?;
        let fd = inner.as_fd();
        let flags = rustix::fs::fcntl_getfl(fd)?;
        if !flags.contains(rustix::fs::OFlags::NONBLOCK) {
            rustix::fs::fcntl_setfl(fd, flags | rustix::fs::OFlags::NONBLOCK)?;
        }
        Self::new_nonblocking(inner)
    }

    /// [`new`](Self::new) for a descriptor that is non-blocking already: saves two system calls.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn new_nonblocking(inner: T) -> io::Result<Self> {
        Self::try_new_nonblocking(inner).map_err(|(error, _)| error)
    }

    /// [`new_nonblocking`](Self::new_nonblocking) for a descriptor that must not be lost, such as
    /// an accepted connection: it comes back with the error.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn try_new_nonblocking(inner: T) -> Result<Self, (io::Error, T)> {
        match Owned::new(inner.as_fd(), "Io::new") {
            Ok(registration) => Ok(Io {
                registration,
                inner,
            }),
            Err(error) => Err((error, inner)),
        }
    }

    /// Promises that dropping the inner value closes the descriptor's last copy: the kernel then
    /// forgets it by itself, and a system call is saved.
    ///
    /// If a copy of it lives on (after `try_clone` or a fork), nothing worse happens than that its
    /// events wake the hub for nothing.
    #[must_use]
    pub fn closes_on_drop(self) -> Self {
        self.registration.closes_itself(true);
        self
    }

    /// Takes the promise of [`closes_on_drop`](Self::closes_on_drop) back: a copy of the descriptor lives on.
    pub fn lives_on(&mut self) {
        self.registration.closes_itself(false);
    }

    /// The inner value.
    pub fn get_ref(&self) -> &T {
        &self.inner
    }

    /// Takes the descriptor off the hub. It stays non-blocking.
    ///
    /// # Errors
    /// None at present; the descriptor may have been closed behind the hub's back, which its next
    /// user finds out.
    pub fn into_inner(self) -> io::Result<T> {
        let Io {
            registration,
            inner,
        } = self;
        registration.closes_itself(false);
        drop(registration);
        Ok(inner)
    }

    /// Ends all use: whoever waits on it, and whoever uses it later, gets an error of kind
    /// [`NotConnected`](io::ErrorKind::NotConnected).
    ///
    /// The descriptor itself is closed when this value is dropped. Closing twice does nothing.
    pub fn close(&self) {
        self.registration.end(Gone::Closed);
    }

    /// Runs `op`, which reads, until it no longer would block. For those who write futures of their
    /// own; `at` is the line of the user's call.
    ///
    /// # Errors
    /// Those of `op` save `WouldBlock` and `Interrupted`; [`NotConnected`](io::ErrorKind::NotConnected)
    /// when the descriptor was closed meanwhile; [`ResourceBusy`](io::ErrorKind::ResourceBusy) when
    /// another green thread waits to read.
    pub fn poll_read_with<R>(
        &self,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
        op: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_with(Direction::Read, cx, at, || None, op)
    }

    /// Like [`poll_read_with`](Self::poll_read_with), for an `op` that writes.
    ///
    /// # Errors
    /// As there.
    pub fn poll_write_with<R>(
        &self,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
        op: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_with(Direction::Write, cx, at, || None, op)
    }

    /// Runs `op`, which reads, until it no longer would block.
    ///
    /// # Errors
    /// As [`poll_read_with`](Self::poll_read_with).
    ///
    /// # Cancel safety
    /// Dropping it before it is done means that `op` has not succeeded: nothing is lost.
    #[track_caller]
    pub fn read_with<R, F>(&self, op: F) -> ReadWith<'_, T, F>
    where
        F: FnMut(&T) -> io::Result<R>,
    {
        ReadWith(With {
            io: self,
            op,
            direction: Direction::Read,
            ticket: None,
            at: Location::caller(),
        })
    }

    /// Runs `op`, which writes, until it no longer would block.
    ///
    /// # Errors
    /// As [`poll_read_with`](Self::poll_read_with).
    ///
    /// # Cancel safety
    /// Dropping it before it is done means that `op` has not succeeded.
    #[track_caller]
    pub fn write_with<R, F>(&self, op: F) -> WriteWith<'_, T, F>
    where
        F: FnMut(&T) -> io::Result<R>,
    {
        WriteWith(With {
            io: self,
            op,
            direction: Direction::Write,
            ticket: None,
            at: Location::caller(),
        })
    }

    /// Waits until the descriptor is readable, as far as the hub knows: a following read may still
    /// find nothing.
    ///
    /// # Errors
    /// As [`poll_read_with`](Self::poll_read_with).
    ///
    /// # Cancel safety
    /// Dropping it has no effect.
    #[track_caller]
    pub fn readable(&self) -> Readiness<'_, T> {
        self.readiness(Interest::Readable)
    }

    /// Waits until the descriptor is writable, as far as the hub knows.
    ///
    /// # Errors
    /// As [`poll_read_with`](Self::poll_read_with).
    ///
    /// # Cancel safety
    /// Dropping it has no effect.
    #[track_caller]
    pub fn writable(&self) -> Readiness<'_, T> {
        self.readiness(Interest::Writable)
    }

    #[track_caller]
    fn readiness(&self, interest: Interest) -> Readiness<'_, T> {
        Readiness {
            io: self,
            interest,
            ticket: None,
            at: Location::caller(),
        }
    }

    /// After a short read of a stream: the kernel's buffer is empty, so the next read waits without
    /// asking it. Ignored once the peer has hung up, since the end of the stream follows then.
    ///
    /// Only for streams: a datagram socket or a listener may have more. Also for one that is new on the hub
    /// and has probably received nothing yet: what has come before it was registered is told as well.
    #[inline]
    pub fn drained(&self) {
        self.registration.note_exhausted(Direction::Read);
    }

    /// After a short write to a stream: the kernel's buffer is full, so the next write waits
    /// without asking.
    #[inline]
    pub fn filled(&self) {
        self.registration.note_exhausted(Direction::Write);
    }

    /// A new name for a waiter: see [`Ticket`].
    pub fn new_ticket(&self) -> Ticket {
        Ticket(self.registration.draw_ticket())
    }

    /// [`poll_read_with`](Self::poll_read_with) for a waiter with a name: whoever polls with
    /// `ticket` next takes its place, in whichever green thread that is.
    ///
    /// # Errors
    /// As [`poll_read_with`](Self::poll_read_with).
    pub fn poll_read_as<R>(
        &self,
        ticket: Ticket,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
        op: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_with(Direction::Read, cx, at, || Some(ticket), op)
    }

    /// Like [`poll_read_as`](Self::poll_read_as), for an `op` that writes.
    ///
    /// # Errors
    /// As [`poll_read_with`](Self::poll_read_with).
    pub fn poll_write_as<R>(
        &self,
        ticket: Ticket,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
        op: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_with(Direction::Write, cx, at, || Some(ticket), op)
    }

    /// [`poll_read_as`](Self::poll_read_as) for a waiter that says only when it has to wait what its name is, and that
    /// need not have had one until then; `None` is a caller of [`poll_read_with`](Self::poll_read_with).
    ///
    /// # Errors
    /// As [`poll_read_with`](Self::poll_read_with).
    #[inline]
    pub fn poll_read_by<R>(
        &self,
        name: impl FnOnce() -> Option<Ticket>,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
        op: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_with(Direction::Read, cx, at, name, op)
    }

    /// Like [`poll_read_by`](Self::poll_read_by), for an `op` that writes.
    ///
    /// # Errors
    /// As [`poll_read_with`](Self::poll_read_with).
    #[inline]
    pub fn poll_write_by<R>(
        &self,
        name: impl FnOnce() -> Option<Ticket>,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
        op: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_with(Direction::Write, cx, at, name, op)
    }

    /// Forgets the waiter with this name, who waited to read. It must be called when that one gives
    /// up for good: nobody else can read until then.
    pub fn forget_reader(&self, ticket: Ticket) {
        self.registration.forget(Direction::Read, Some(ticket.0));
    }

    /// Forgets the waiter with this name, who waited to write.
    pub fn forget_writer(&self, ticket: Ticket) {
        self.registration.forget(Direction::Write, Some(ticket.0));
    }

    /// Forgets that this green thread waits to read: for the drop of a future that polled
    /// [`poll_read_with`](Self::poll_read_with).
    pub fn forget_read_waiter(&self) {
        self.registration.forget(Direction::Read, None);
    }

    /// Forgets that this green thread waits to write.
    pub fn forget_write_waiter(&self) {
        self.registration.forget(Direction::Write, None);
    }

    #[inline]
    fn poll_with<R>(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
        name: impl FnOnce() -> Option<Ticket>,
        mut op: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        ready!(crate::wait::poll_budget(cx));
        while self.registration.is_ready(direction) {
            match op(&self.inner) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.registration.clear(direction);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return Poll::Ready(done),
            }
        }
        let ticket = name().map(|ticket| ticket.0);
        match self.registration.wait(direction, cx, at, ticket) {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

/// The name of one waiter of an [`Io`], for streams built on it.
///
/// [`Io::poll_read_with`] knows its caller by the green thread that polls. A stream that is owned by
/// one user at a time and may move to another green thread between two polls, or that two green
/// threads poll in turn with one waker for both, is one waiter all the same: it takes a ticket and
/// polls with [`Io::poll_read_as`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket(NonZeroU32);

impl Ticket {
    /// The ticket of the user with this number, for those who count the users of their [`Io`]
    /// themselves: differs from that of any other number below 2³¹ and from all that
    /// [`Io::new_ticket`] gives out.
    #[must_use]
    pub const fn numbered(number: u32) -> Ticket {
        match NonZeroU32::new(TICKETS | number) {
            Some(ticket) => Ticket(ticket),
            None => unreachable!(),
        }
    }
}

impl<T: AsFd> AsFd for Io<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

impl<T: AsFd + fmt::Debug> fmt::Debug for Io<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Io").field("inner", &self.inner).finish()
    }
}
