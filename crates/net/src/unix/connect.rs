//! Connecting to a Unix socket.
//!
//! The kernel decides at once: connected, refused, or, when the server's backlog is full, "would
//! block". For the last one it never tells when there is room again, so the wait is a row of tries
//! with growing pauses.

use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use evlet_hub::sys::CallKind;
use evlet_hub::wait::{self, WaitKind, WaitsOn};
use evlet_hub::{Io, Sleep, sleep};
use rustix::io::Errno;
use rustix::net::SocketAddrUnix;

use super::addr::UnixAddr;
use super::error::{UnixError, UnixStep};
use super::stream::{UnixStream, new_socket};
use crate::descriptor;
use crate::socket::Plug;

const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// Future of [`UnixStream::connect`](crate::UnixStream::connect).
#[must_use = "no connection is made until this is awaited"]
pub struct ConnectUnix {
    addr: UnixAddr,
    at: &'static Location<'static>,
    socket: Option<(OwnedFd, SocketAddrUnix)>,
    pause: Option<Sleep>,
    next_pause: Duration,
}

impl ConnectUnix {
    pub(super) fn new(addr: UnixAddr, at: &'static Location<'static>) -> ConnectUnix {
        ConnectUnix {
            addr,
            at,
            socket: None,
            pause: None,
            next_pause: FIRST_PAUSE,
        }
    }

    /// One try. `WouldBlock` when the backlog is full.
    fn attempt(&mut self) -> io::Result<UnixStream> {
        let (fd, addr) = match self.socket.take() {
            Some(socket) => socket,
            None => {
                let addr = self.addr.to_kernel()?;
                (new_socket()?, addr)
            }
        };
        match connect(&fd, &addr) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.socket = Some((fd, addr));
                return Err(error);
            }
            tried => tried?,
        }
        Ok(UnixStream::new(
            Io::new_nonblocking(Plug::from(fd))?,
            self.at,
        ))
    }
}

/// One call. That of an interrupted one which went through counts as made.
pub(super) fn connect(fd: &OwnedFd, addr: &SocketAddrUnix) -> io::Result<()> {
    descriptor::again(CallKind::Connect, Some(fd), || {
        match rustix::net::connect(fd, addr) {
            Err(Errno::ISCONN) => Ok(()),
            done => done,
        }
    })
}

impl Future for ConnectUnix {
    type Output = io::Result<UnixStream>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        ready!(wait::poll_budget(cx));
        loop {
            if let Some(pause) = &mut this.pause {
                let polled = Pin::new(pause).poll(cx);
                if polled.is_pending() {
                    wait::park(WaitsOn::new(WaitKind::Timer, 0), this.at);
                    return Poll::Pending;
                }
                this.pause = None;
            }
            match this.attempt() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    this.pause = Some(sleep(this.next_pause));
                    this.next_pause = (this.next_pause * 2).min(LONGEST_PAUSE);
                }
                done => {
                    return Poll::Ready(done.map_err(|error| {
                        UnixError::io(UnixStep::Connect, this.addr.clone(), error)
                    }));
                }
            }
        }
    }
}

impl fmt::Debug for ConnectUnix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectUnix")
            .field("to", &format_args!("{}", self.addr))
            .field("at", &format_args!("{}", self.at))
            .finish()
    }
}
