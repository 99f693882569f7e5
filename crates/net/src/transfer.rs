//! The futures of one receiving or sending operation.
//!
//! All of them try the system call first and wait only when it would block. Without a limit, or
//! when they need not wait, they read no clock and allocate nothing.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use evlet_hub::Ticket;
use evlet_hub::wait::Begin;
use rustix::net::RecvFlags;

use crate::socket::{Direction, First, Handle, Who};

/// What the futures here have in common: the handle, the place, the wait. A server holds one for each
/// connection, so it is three words.
pub(crate) struct Waiting<'a> {
    pub(crate) handle: &'a Handle,
    pub(crate) at: &'static Location<'static>,
    /// By which it waits.
    ticket: Cell<Option<Ticket>>,
    direction: Direction,
    /// Leaves the bytes to be received again.
    peeks: bool,
}

const _: () = assert!(size_of::<Waiting<'_>>() == 24);

impl<'a> Waiting<'a> {
    #[inline]
    pub(crate) fn new(
        handle: &'a Handle,
        at: &'static Location<'static>,
        direction: Direction,
    ) -> Self {
        Waiting {
            handle,
            at,
            ticket: Cell::new(None),
            direction,
            peeks: false,
        }
    }

    #[inline]
    pub(crate) fn who(&self) -> Who<'_> {
        Who::Future(&self.ticket)
    }

    /// One step of a receive by the short way, if it may be gone.
    #[inline(always)]
    pub(crate) fn recv_shortly<T>(
        &self,
        cx: &mut Context<'_>,
        recv: impl FnOnce(&First) -> io::Result<T>,
    ) -> Shortly<T> {
        let Some(socket) = self.handle.shortly(Direction::Read) else {
            return Shortly::TheUsualWay;
        };
        match socket.begin_recv() {
            Begin::Try => match recv(socket) {
                Ok(got) => {
                    self.ticket.set(None); // it waits no more
                    Shortly::Received(got)
                }
                Err(error) => Shortly::Failed(error),
            },
            Begin::Wait if socket.wait_to_recv(&self.ticket, cx, self.at) => Shortly::Waits,
            Begin::Wait | Begin::TheUsualWay => Shortly::TheUsualWay,
        }
    }

    /// Whether a receive that has failed on the short way goes on in the usual one.
    pub(crate) fn goes_on_after(&self, error: &io::Error) -> bool {
        self.handle.goes_on_after(self.direction, error)
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

    /// One try to send.
    #[inline]
    fn poll_send(&self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.handle.poll_send(self.who(), cx, self.at, data)
    }

    /// Ends one try: a wait that has begun goes on until the limit.
    #[inline]
    pub(crate) fn finish<T>(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            if let Some(ticket) = self.ticket.take() {
                self.handle.wait_is_over(ticket);
            }
            return polled;
        }
        let late = self
            .handle
            .wait_on(cx, self.at, self.direction, &self.ticket);
        late.map(|error| {
            self.stop();
            Err(error)
        })
    }

    #[inline(never)]
    fn stop(&self) {
        if let Some(ticket) = self.ticket.get() {
            self.handle.wait_is_over(ticket);
            self.handle.forget(self.direction, self.who());
        }
    }
}

/// What became of a step of the short way.
pub(crate) enum Shortly<T> {
    Received(T),
    Waits,
    Failed(io::Error),
    /// It may not be gone now.
    TheUsualWay,
}

impl Drop for Waiting<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.ticket.get().is_some() {
            self.stop();
        }
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
}

impl<'a> Recv<'a> {
    #[inline]
    pub(crate) fn new(
        handle: &'a Handle,
        at: &'static Location<'static>,
        buf: &'a mut [u8],
    ) -> Self {
        let waiting = Waiting::new(handle, at, Direction::Read);
        Recv { waiting, buf }
    }

    /// One that leaves the bytes to be received again.
    pub(crate) fn peek(
        handle: &'a Handle,
        at: &'static Location<'static>,
        buf: &'a mut [u8],
    ) -> Self {
        let mut recv = Recv::new(handle, at, buf);
        recv.waiting.peeks = true;
        recv
    }

    #[inline(never)]
    fn poll_as_usual(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let waiting = &mut self.waiting;
        let flags = match waiting.peeks {
            false => RecvFlags::empty(),
            true => RecvFlags::PEEK,
        };
        let polled = waiting
            .handle
            .poll_recv(waiting.who(), cx, waiting.at, self.buf, flags);
        waiting.finish(cx, polled)
    }

    /// The short way has ended with this.
    #[cold]
    fn go_on_after(&mut self, cx: &mut Context<'_>, error: io::Error) -> Poll<io::Result<usize>> {
        match self.waiting.goes_on_after(&error) {
            true => self.poll_as_usual(cx),
            false => self.waiting.finish(cx, Poll::Ready(Err(error))),
        }
    }
}

impl Future for Recv<'_> {
    type Output = io::Result<usize>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if this.waiting.peeks || this.buf.is_empty() {
            return this.poll_as_usual(cx);
        }
        match this
            .waiting
            .recv_shortly(cx, |socket| socket.recv(this.buf))
        {
            Shortly::Received(count) => Poll::Ready(Ok(count)),
            Shortly::Waits => Poll::Pending,
            Shortly::Failed(error) => this.go_on_after(cx, error),
            Shortly::TheUsualWay => this.poll_as_usual(cx),
        }
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
        let polled = waiting.poll_send(cx, this.data);
        waiting.finish(cx, polled)
    }
}

/// Future of [`TcpStream::send_all`](crate::TcpStream::send_all).
///
/// [`sent`](SendAll::sent) tells at any time how much the kernel has taken.
#[derive(Debug)]
#[must_use = "nothing is sent until this is awaited"]
pub struct SendAll<'a>(Stage<'a>);

/// Mostly the kernel takes all at once. What is needed when it does not is in a box, so that there is no room for it
/// in each connection's green thread.
#[derive(Debug)]
enum Stage<'a> {
    New {
        handle: &'a Handle,
        data: &'a [u8],
        at: &'static Location<'static>,
    },
    /// Not new any more; without the box all that was to be sent is.
    Tried {
        rest: Option<Box<Rest<'a>>>,
        sent: usize,
    },
}

#[derive(Debug)]
struct Rest<'a> {
    waiting: Waiting<'a>,
    data: &'a [u8],
}

// The larger one is in the green thread of each connection; and the second has two words beside it where it is awaited in a
// `match` on what was received, since what the `?` was applied to stays there meanwhile.
const _: () = assert!(size_of::<Recv<'_>>() == 40 && size_of::<SendAll<'_>>() == 32);

impl<'a> SendAll<'a> {
    #[inline]
    pub(crate) fn new(handle: &'a Handle, at: &'static Location<'static>, data: &'a [u8]) -> Self {
        SendAll(Stage::New { handle, data, at })
    }

    /// How many bytes the kernel has taken so far.
    pub fn sent(&self) -> usize {
        match self.0 {
            Stage::New { .. } => 0,
            Stage::Tried { sent, .. } => sent,
        }
    }

    #[inline(never)]
    fn poll_as_usual(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Stage::New { handle, data, at } = self.0 else {
            return self.go_on(cx, None);
        };
        if data.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let waiting = Waiting::new(handle, at, Direction::Write);
        match waiting.poll_send(cx, data) {
            Poll::Ready(Ok(sent)) if sent == data.len() => {
                self.0 = Stage::Tried { rest: None, sent };
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            polled => self.begin(cx, Rest { waiting, data }, polled),
        }
    }

    /// The short way has ended with this.
    #[cold]
    fn go_on_after(
        &mut self,
        cx: &mut Context<'_>,
        sent: io::Result<usize>,
    ) -> Poll<io::Result<()>> {
        let Stage::New { handle, data, at } = self.0 else {
            return self.go_on(cx, None);
        };
        match sent {
            Err(error) if handle.goes_on_after(Direction::Write, &error) => self.poll_as_usual(cx),
            Err(error) => Poll::Ready(Err(error)),
            Ok(sent) => {
                let waiting = Waiting::new(handle, at, Direction::Write);
                self.begin(cx, Rest { waiting, data }, Poll::Ready(Ok(sent)))
            }
        }
    }

    /// The first try has not sent all.
    #[inline(never)]
    fn begin(
        &mut self,
        cx: &mut Context<'_>,
        rest: Rest<'a>,
        polled: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        let rest = Some(Box::new(rest));
        self.0 = Stage::Tried { rest, sent: 0 };
        self.go_on(cx, Some(polled))
    }

    /// Sends the rest, if there is one; `polled` is what became of a try of that.
    #[inline(never)]
    fn go_on(
        &mut self,
        cx: &mut Context<'_>,
        mut polled: Option<Poll<io::Result<usize>>>,
    ) -> Poll<io::Result<()>> {
        let Stage::Tried { rest, sent } = &mut self.0 else {
            return Poll::Ready(Ok(()));
        };
        let Some(Rest { waiting, data }) = rest.as_deref_mut() else {
            return Poll::Ready(Ok(()));
        };
        while !data.is_empty() {
            let tried = match polled.take() {
                Some(tried) => tried,
                None => waiting.poll_send(cx, data),
            };
            let more = ready!(waiting.finish(cx, tried))?;
            *sent += more;
            *data = &data[more..];
        }
        *rest = None;
        Poll::Ready(Ok(()))
    }
}

impl Future for SendAll<'_> {
    type Output = io::Result<()>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Stage::New { handle, data, .. } = this.0
            && let Some(socket) = handle.shortly(Direction::Write)
            && !data.is_empty()
            && socket.begin_send() == Begin::Try
        {
            return match socket.send(data) {
                Ok(sent) if sent == data.len() => {
                    this.0 = Stage::Tried { rest: None, sent };
                    Poll::Ready(Ok(()))
                }
                sent => this.go_on_after(cx, sent),
            };
        }
        this.poll_as_usual(cx)
    }
}
