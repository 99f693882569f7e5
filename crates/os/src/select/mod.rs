//! Waiting for the first of several descriptors, after `select` of eventlet and the system.
//!
//! For descriptors that are somebody else's: they stay as they are, blocking or not, and are on the hub
//! only while this waits. What is evlet's own is better awaited itself.

mod error; // SelectError: what happened to which descriptor

use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use evlet_hub::wait::poll_budget;
use evlet_hub::{Interest, Sleep, Trampoline, sleep, trampoline};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};

pub use error::SelectError;

/// Which descriptors are ready, as places in the two lists that [`select`] was given, in order. Both
/// are empty when the limit was reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ready {
    /// Those that can be read, have a connection to accept, or have ended.
    pub read: Vec<usize>,
    /// Those that can be written, or have failed.
    pub write: Vec<usize>,
}

impl Ready {
    /// Whether none is ready: the limit was reached.
    pub fn is_empty(&self) -> bool {
        self.read.is_empty() && self.write.is_empty()
    }
}

/// Waits until at least one of `read` can be read or one of `write` can be written, at most for
/// `limit`; tells all that are ready then. A limit of zero asks without waiting.
///
/// A descriptor may be in both lists, and more than once in one: it is told as often. Regular files are
/// always ready. Without any descriptor it is a sleep. There is no third list: exceptional conditions are a matter of few
/// descriptors, and eventlet never reported one either.
///
/// # Errors
/// A [`SelectError`], inside, says to which descriptor it happened: it is not open (`EBADF`), from the
/// start or closed by somebody else while this waits (noticed within a second or so); another green
/// thread waits for the same ([`ResourceBusy`](io::ErrorKind::ResourceBusy)); outside a running hub, if
/// it has to wait. [`InvalidInput`](io::ErrorKind::InvalidInput) without descriptors and without a
/// limit, which would never end.
///
/// # Cancel safety
/// Dropping it has no effect.
///
/// # Example
/// ```
/// use std::{io::Write, os::fd::AsFd, os::unix::net::UnixStream, time::Duration};
/// use evlet_os::select::select;
///
/// evlet_hub::run(async {
///     let (one, _silent) = UnixStream::pair()?;
///     let (other, mut peer) = UnixStream::pair()?;
///     peer.write_all(b"x")?;
///     let ready = select(&[one.as_fd(), other.as_fd()], &[], None).await?;
///     assert_eq!(ready.read, [1]);
///     let none = select(&[one.as_fd()], &[], Some(Duration::from_millis(1))).await?;
///     assert!(none.is_empty());
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
#[track_caller]
pub fn select<'a>(
    read: &[BorrowedFd<'a>],
    write: &[BorrowedFd<'a>],
    limit: Option<Duration>,
) -> Select<'a> {
    let wait = |fds: &[BorrowedFd<'a>], interest| {
        let fds = fds.iter().map(move |fd| (*fd, interest));
        fds.collect::<Vec<_>>()
    };
    let mut all = wait(read, Interest::Readable);
    all.extend(wait(write, Interest::Writable));
    // Each once: a second wait for the same would find the first in its way.
    let mut seen = HashSet::with_capacity(all.len());
    let mut waits = Vec::with_capacity(all.len());
    for (fd, interest) in &all {
        if seen.insert((fd.as_raw_fd(), *interest == Interest::Readable)) {
            waits.push((*fd, trampoline(*fd, *interest, None))); // shown with the user's line, as this function is
        }
    }
    Select {
        all,
        reads: read.len(),
        waits,
        limit: limit.map(sleep),
        is_poll: limit == Some(Duration::ZERO),
        at: Location::caller(),
    }
}

/// The future of [`select`].
#[must_use = "futures do nothing unless awaited"]
pub struct Select<'a> {
    all: Vec<(BorrowedFd<'a>, Interest)>,
    /// So many of them are to be read.
    reads: usize,
    waits: Vec<(BorrowedFd<'a>, Trampoline<BorrowedFd<'a>>)>,
    limit: Option<Sleep>,
    is_poll: bool,
    at: &'static Location<'static>,
}

impl Select<'_> {
    /// What the kernel says now.
    fn ask(&self) -> io::Result<Ready> {
        let mut fds: Vec<PollFd<'_>> = self
            .all
            .iter()
            .map(|(fd, interest)| {
                let events = match interest {
                    Interest::Readable => PollFlags::IN,
                    Interest::Writable => PollFlags::OUT,
                };
                PollFd::from_borrowed_fd(*fd, events)
            })
            .collect();
        retry_on_intr(|| poll(&mut fds, Some(&Timespec::default())))
            .map_err(|error| SelectError::of_all(error.into()))?;
        let mut ready = Ready::default();
        for (place, fd) in fds.iter().enumerate() {
            if fd.revents().contains(PollFlags::NVAL) {
                return Err(SelectError::of(fd.as_fd(), Errno::BADF.into()));
            }
            if fd.revents().is_empty() {
                continue;
            }
            match place.checked_sub(self.reads) {
                None => ready.read.push(place),
                Some(place) => ready.write.push(place),
            }
        }
        Ok(ready)
    }
}

fn is_open(fd: BorrowedFd<'_>) -> bool {
    rustix::io::fcntl_getfd(fd).is_ok()
}

impl Future for Select<'_> {
    type Output = io::Result<Ready>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        std::task::ready!(poll_budget(cx));
        let this = &mut *self;
        loop {
            let ready = this.ask()?;
            if !ready.is_empty() || this.is_poll {
                return Poll::Ready(Ok(ready));
            }
            let mut is_woken = false;
            for (fd, wait) in &mut this.waits {
                match Pin::new(wait).poll(cx) {
                    Poll::Pending => {}
                    Poll::Ready(Ok(())) => is_woken = true,
                    // The hub has found it closed: the next question tells.
                    Poll::Ready(Err(_)) if !is_open(*fd) => is_woken = true,
                    Poll::Ready(Err(error)) => {
                        return Poll::Ready(Err(SelectError::of(*fd, error)));
                    }
                }
            }
            if is_woken {
                continue; // in the moment between the two questions
            }
            return match &mut this.limit {
                Some(limit) => Pin::new(limit).poll(cx).map(|()| Ok(Ready::default())),
                None if this.all.is_empty() => {
                    Poll::Ready(Err(SelectError::of_all(io::Error::new(
                        io::ErrorKind::InvalidInput,
                        "there are none, and no limit either: it would never end",
                    ))))
                }
                None => Poll::Pending,
            };
        }
    }
}

impl fmt::Debug for Select<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select")
            .field("all", &self.all)
            .field("at", &format_args!("{}", self.at))
            .finish_non_exhaustive()
    }
}
