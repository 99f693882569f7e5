//! `Io`: readiness around any descriptor.

use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use crate::core::Core;
use crate::reactor::{Direction, Gone, SourceKey, Waiter};
use crate::running;
use crate::wait::{WaitKind, WaitsOn};

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
    registration: Registration,
    inner: T,
}

struct Registration {
    core: Rc<Core>,
    key: SourceKey,
    fd: RawFd,
    closes_itself: bool,
}

impl Drop for Registration {
    fn drop(&mut self) {
        let source = self.core.reactor.remove(self.key, !self.closes_itself);
        // Waiters that are left borrowed an `Io` that is gone: they cannot be. Their wakers are
        // dropped here, outside of any borrow.
        drop(source);
    }
}

impl<T: AsFd> Io<T> {
    /// Puts a descriptor on the running hub and makes it non-blocking.
    ///
    /// # Errors
    /// Outside a hub; for regular files and directories, which cannot be waited on; for a
    /// descriptor that is on this hub already; and what the kernel says about a descriptor that is
    /// not open.
    pub fn new(inner: T) -> io::Result<Self> {
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
        let Some(core) = running::get() else {
            return Err(io::Error::other(format!("Io::new {}", running::OUTSIDE)));
        };
        let mut woken = Vec::new();
        let key = core.reactor.add(inner.as_fd(), &mut woken);
        woken.into_iter().for_each(|waker| core.wake(waker));
        let fd = inner.as_fd().as_raw_fd();
        let registration = Registration {
            core,
            key: key?,
            fd,
            closes_itself: false,
        };
        Ok(Io {
            registration,
            inner,
        })
    }

    /// Promises that dropping the inner value closes the descriptor's last copy: the kernel then
    /// forgets it by itself, and a system call is saved.
    ///
    /// If a copy of it lives on (after `try_clone` or a fork), nothing worse happens than that its
    /// events wake the hub for nothing.
    pub fn closes_on_drop(mut self) -> Self {
        self.registration.closes_itself = true;
        self
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
            mut registration,
            inner,
        } = self;
        registration.closes_itself = false;
        drop(registration);
        Ok(inner)
    }

    /// Ends all use: whoever waits on it, and whoever uses it later, gets an error of kind
    /// [`NotConnected`](io::ErrorKind::NotConnected).
    ///
    /// The descriptor itself is closed when this value is dropped. Closing twice does nothing.
    pub fn close(&self) {
        self.end(Gone::Closed);
    }

    fn end(&self, gone: Gone) {
        let mut woken = Vec::new();
        let core = &self.registration.core;
        core.reactor.end(self.registration.key, gone, &mut woken);
        woken.into_iter().for_each(|waker| core.wake(waker));
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
        self.poll_with(Direction::Read, cx, at, op)
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
        self.poll_with(Direction::Write, cx, at, op)
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
            at: Location::caller(),
        }
    }

    /// After a short read of a stream: the kernel's buffer is empty, so the next read waits without
    /// asking it. Ignored once the peer has hung up, since the end of the stream follows then.
    ///
    /// Only for streams: a datagram socket or a listener may have more.
    pub fn drained(&self) {
        self.registration
            .core
            .reactor
            .with(self.registration.key, |source| {
                if !source.hangup {
                    source.readable = false;
                }
            });
    }

    /// After a short write to a stream: the kernel's buffer is full, so the next write waits
    /// without asking.
    pub fn filled(&self) {
        self.registration
            .core
            .reactor
            .with(self.registration.key, |source| {
                if !source.hangup {
                    source.writable = false;
                }
            });
    }

    /// Forgets that this green thread waits to read: for the drop of a future that polled
    /// [`poll_read_with`](Self::poll_read_with).
    pub fn forget_read_waiter(&self) {
        self.forget(Direction::Read);
    }

    /// Forgets that this green thread waits to write.
    pub fn forget_write_waiter(&self) {
        self.forget(Direction::Write);
    }

    fn forget(&self, direction: Direction) {
        self.registration.forget(direction);
    }

    #[inline]
    fn poll_with<R>(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
        mut op: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        ready!(crate::wait::poll_budget(cx));
        while self.registration.is_ready(direction)? {
            match op(&self.inner) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.registration.clear(direction);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return Poll::Ready(done),
            }
        }
        match self.registration.wait(direction, cx, at) {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl Registration {
    #[inline]
    fn is_ready(&self, direction: Direction) -> io::Result<bool> {
        let state = self
            .core
            .reactor
            .with(self.key, |source| match source.gone {
                Some(gone) => Err(gone),
                None => Ok(source.is_ready(direction)),
            });
        state
            .unwrap_or(Err(Gone::Hub))
            .map_err(|gone| gone.error(self.fd))
    }

    fn clear(&self, direction: Direction) {
        self.core
            .reactor
            .with(self.key, |source| source.clear(direction));
    }

    /// Notes that the running green thread waits, and refuses if another one does already.
    fn wait(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> io::Result<()> {
        let core = &self.core;
        let who = core.current.get();
        let kind = match direction {
            Direction::Read => WaitKind::Readable,
            Direction::Write => WaitKind::Writable,
        };
        let on = WaitsOn::new(kind, self.fd as u64);
        let first = core.reactor.with(self.key, |source| {
            let first = source.waiter(direction).as_ref()?;
            (first.who != who).then_some((first.who, first.at))
        });
        // A waiter whose green thread has ended, or waits elsewhere by now, gave up without a word:
        // poll-style futures cannot say so.
        let busy = first.flatten().and_then(|(first, site)| {
            let first = first?;
            let waits = core.with_slot(first, |slot| {
                slot.kind == kind && slot.subject == on.subject && slot.waiting_at == Some(site)
            });
            (waits == Some(true)).then_some((first, site))
        });
        let many = core.config.many_readers;
        if let (Some((first, site)), false) = (busy, many) {
            return Err(self.busy_error(direction, first, site));
        }
        let waiter = Waiter {
            waker: cx.waker().clone(),
            who,
            at,
        };
        let displaced = core.reactor.with(self.key, |source| {
            if busy.is_some() {
                source.more.retain(|(d, w)| *d != direction || w.who != who);
                source.more.push((direction, waiter));
                return None;
            }
            source.waiter(direction).replace(waiter)
        });
        core.park(on, at);
        // Whoever lost the place looks again, in case it still wants it.
        if let Some(Some(displaced)) = displaced
            && displaced.who != who
        {
            core.wake(displaced.waker);
        }
        Ok(())
    }

    fn busy_error(
        &self,
        direction: Direction,
        first: crate::task::Key,
        site: &'static Location<'static>,
    ) -> io::Error {
        let name = self
            .core
            .with_slot(first, |slot| slot.name().map(|name| format!(" '{name}'")));
        let name = name.flatten().unwrap_or_default();
        let what = match direction {
            Direction::Read => "read from",
            Direction::Write => "write to",
        };
        io::Error::new(
            io::ErrorKind::ResourceBusy,
            format!(
                "descriptor {}: green thread {}{name} already waits at {site} to {what} it, and a \
                 second one would steal its wake-up: let one green thread do it, or hand items on \
                 through a queue",
                self.fd, first.id
            ),
        )
    }

    fn forget(&self, direction: Direction) {
        let who = self.core.current.get();
        let waiter = self.core.reactor.with(self.key, |source| {
            source.more.retain(|(d, w)| *d != direction || w.who != who);
            let place = source.waiter(direction);
            match place {
                Some(waiter) if waiter.who == who || who.is_none() => place.take(),
                _ => None,
            }
        });
        drop(waiter);
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

struct With<'a, T: AsFd, F> {
    io: &'a Io<T>,
    op: F,
    direction: Direction,
    at: &'static Location<'static>,
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
            at,
        } = self;
        io.poll_with(*direction, cx, at, op)
    }
}

impl<T: AsFd, F> Drop for With<'_, T, F> {
    fn drop(&mut self) {
        self.io.forget(self.direction);
    }
}

macro_rules! with_future {
    ($name:ident, $method:literal) => {
        #[doc = concat!("The future of [`Io::", $method, "`].")]
        #[must_use = "futures do nothing unless awaited"]
        pub struct $name<'a, T: AsFd, F>(With<'a, T, F>);

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
                    .field("fd", &self.0.io.registration.fd)
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
    io: &'a Io<T>,
    interest: Interest,
    at: &'static Location<'static>,
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
            Interest::Readable => rustix::event::PollFlags::IN,
            Interest::Writable => rustix::event::PollFlags::OUT,
        };
        let (io, direction, at) = (self.io, self.direction(), self.at);
        io.poll_with(direction, cx, at, |inner| is_ready_now(inner, events))
    }
}

/// Asks the kernel, since the bit says "ready" until an operation has found out otherwise.
fn is_ready_now(fd: impl AsFd, events: rustix::event::PollFlags) -> io::Result<()> {
    let fd = fd.as_fd();
    let mut fds = [rustix::event::PollFd::from_borrowed_fd(fd, events)];
    match rustix::event::poll(&mut fds, Some(&rustix::event::Timespec::default()))? {
        0 => Err(io::ErrorKind::WouldBlock.into()),
        _ if fds[0].revents().contains(rustix::event::PollFlags::NVAL) => {
            Err(rustix::io::Errno::BADF.into())
        }
        _ => Ok(()),
    }
}

impl<T: AsFd> Drop for Readiness<'_, T> {
    fn drop(&mut self) {
        self.io.forget(self.direction());
    }
}

impl<T: AsFd> fmt::Debug for Readiness<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readiness")
            .field("fd", &self.io.registration.fd)
            .field("interest", &self.interest)
            .finish()
    }
}

/// What [`trampoline`](crate::trampoline) waits on: a descriptor's source, its own or one that an
/// `Io` has made.
pub(crate) struct Borrowed {
    registration: Registration,
    is_own: bool,
}

impl Borrowed {
    pub(crate) fn new(fd: BorrowedFd<'_>) -> io::Result<Self> {
        let Some(core) = running::get() else {
            return Err(io::Error::other(format!("trampoline {}", running::OUTSIDE)));
        };
        let number = fd.as_raw_fd();
        let mut woken = Vec::new();
        let (key, is_own) = match core.reactor.find(number) {
            Some(key) => (Ok(key), false),
            None => (core.reactor.add(fd, &mut woken), true),
        };
        woken.into_iter().for_each(|waker| core.wake(waker));
        let registration = Registration {
            core,
            key: key?,
            fd: number,
            closes_itself: false,
        };
        Ok(Borrowed {
            registration,
            is_own,
        })
    }

    pub(crate) fn poll(
        &self,
        interest: Interest,
        fd: BorrowedFd<'_>,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> Poll<io::Result<()>> {
        let (direction, events) = match interest {
            Interest::Readable => (Direction::Read, rustix::event::PollFlags::IN),
            Interest::Writable => (Direction::Write, rustix::event::PollFlags::OUT),
        };
        ready!(crate::wait::poll_budget(cx));
        self.registration.is_ready(direction)?;
        match is_ready_now(fd, events) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.registration.clear(direction);
                match self.registration.wait(direction, cx, at) {
                    Ok(()) => Poll::Pending,
                    Err(error) => Poll::Ready(Err(error)),
                }
            }
            done => Poll::Ready(done),
        }
    }

    pub(crate) fn forget(&self, interest: Interest) {
        self.registration.forget(match interest {
            Interest::Readable => Direction::Read,
            Interest::Writable => Direction::Write,
        });
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if !self.is_own {
            // The source is somebody else's: only the registration's bookkeeping ends here.
            self.registration.key = SourceKey::none();
        }
    }
}
