//! The futures of one receiving or sending operation.
//!
//! All of them try the system call first and wait only when it would block. Without a limit, or
//! when they need not wait, they read no clock and allocate nothing.

use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use evlet_hub::{Sleep, Ticket};
use rustix::net::RecvFlags;

use crate::socket::{Direction, Handle, Who};

/// What the futures here have in common: the handle, the place, the wait.
pub(crate) struct Waiting<'a> {
    pub(crate) handle: &'a Handle,
    at: &'static Location<'static>,
    direction: Direction,
    ticket: Ticket,
    timer: Option<Box<Sleep>>,
    registered: bool,
}

impl<'a> Waiting<'a> {
    pub(crate) fn new(
        handle: &'a Handle,
        at: &'static Location<'static>,
        direction: Direction,
    ) -> Self {
        Waiting {
            handle,
            at,
            direction,
            ticket: handle.new_ticket(),
            timer: None,
            registered: false,
        }
    }

    fn who(&self) -> Who {
        Who::Future(self.ticket)
    }

    /// One try of an operation that reads.
    pub(crate) fn poll_read<T>(
        &self,
        cx: &mut Context<'_>,
        op: impl FnMut(&OwnedFd) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        self.handle.poll_read(self.who(), cx, self.at, op)
    }

    /// One try of an operation that writes.
    pub(crate) fn poll_write<T>(
        &self,
        cx: &mut Context<'_>,
        op: impl FnMut(&OwnedFd) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        self.handle.poll_write(self.who(), cx, self.at, op)
    }

    /// Ends one try: a wait that has begun goes on until the limit.
    pub(crate) fn finish<T>(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.registered = false;
            self.timer = None;
            return polled;
        }
        self.registered = true;
        let late = self
            .handle
            .poll_limit(cx, self.at, self.direction, &mut self.timer);
        late.map(|error| {
            self.stop();
            Err(error)
        })
    }

    fn stop(&mut self) {
        self.timer = None;
        if std::mem::take(&mut self.registered) {
            self.handle.forget(self.direction, self.who());
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Waiting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting")
            .field("on", self.handle)
            .field("at", &format_args!("{}", self.at))
            .finish()
    }
}

/// Future of [`TcpStream::recv`](crate::TcpStream::recv) and
/// [`TcpStream::peek`](crate::TcpStream::peek).
#[derive(Debug)]
#[must_use = "nothing is received until this is awaited"]
pub struct Recv<'a> {
    waiting: Waiting<'a>,
    buf: &'a mut [u8],
    flags: RecvFlags,
}

impl<'a> Recv<'a> {
    pub(crate) fn new(
        handle: &'a Handle,
        at: &'static Location<'static>,
        buf: &'a mut [u8],
        flags: RecvFlags,
    ) -> Self {
        let waiting = Waiting::new(handle, at, Direction::Read);
        Recv {
            waiting,
            buf,
            flags,
        }
    }
}

impl Future for Recv<'_> {
    type Output = io::Result<usize>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let waiting = &mut this.waiting;
        let polled = waiting
            .handle
            .poll_recv(waiting.who(), cx, waiting.at, this.buf, this.flags);
        waiting.finish(cx, polled)
    }
}

/// Future of [`TcpStream::send`](crate::TcpStream::send).
#[derive(Debug)]
#[must_use = "nothing is sent until this is awaited"]
pub struct SendOnce<'a> {
    waiting: Waiting<'a>,
    data: &'a [u8],
}

impl<'a> SendOnce<'a> {
    pub(crate) fn new(handle: &'a Handle, at: &'static Location<'static>, data: &'a [u8]) -> Self {
        let waiting = Waiting::new(handle, at, Direction::Write);
        SendOnce { waiting, data }
    }
}

impl Future for SendOnce<'_> {
    type Output = io::Result<usize>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let waiting = &mut this.waiting;
        let polled = waiting
            .handle
            .poll_send(waiting.who(), cx, waiting.at, this.data);
        waiting.finish(cx, polled)
    }
}

/// Future of [`TcpStream::send_all`](crate::TcpStream::send_all).
///
/// [`sent`](SendAll::sent) tells at any time how much the kernel has taken.
#[derive(Debug)]
#[must_use = "nothing is sent until this is awaited"]
pub struct SendAll<'a> {
    waiting: Waiting<'a>,
    data: &'a [u8],
    sent: usize,
}

impl<'a> SendAll<'a> {
    pub(crate) fn new(handle: &'a Handle, at: &'static Location<'static>, data: &'a [u8]) -> Self {
        let waiting = Waiting::new(handle, at, Direction::Write);
        SendAll {
            waiting,
            data,
            sent: 0,
        }
    }

    /// How many bytes the kernel has taken so far.
    pub fn sent(&self) -> usize {
        self.sent
    }
}

impl Future for SendAll<'_> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        while this.sent < this.data.len() {
            let waiting = &mut this.waiting;
            let rest = &this.data[this.sent..];
            let polled = waiting
                .handle
                .poll_send(waiting.who(), cx, waiting.at, rest);
            match waiting.finish(cx, polled) {
                Poll::Ready(Ok(taken)) => this.sent += taken,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }
}
