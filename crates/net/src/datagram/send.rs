//! Sending datagrams.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use rustix::net::SocketAddrAny;
use rustix::net::addr::SocketAddrArg;

use crate::descriptor;
use crate::socket::{Direction, Handle};
use crate::transfer::Waiting;

/// Future of [`UdpSocket::send_to`](crate::UdpSocket::send_to).
#[must_use = "nothing is sent until this is awaited"]
pub struct SendTo<'a> {
    sending: SendDatagram<'a>,
    /// The address, or why there is none.
    to: Option<io::Result<SocketAddrAny>>,
}

impl<'a> SendTo<'a> {
    pub(crate) fn new(
        handle: &'a Handle,
        at: &'static Location<'static>,
        data: &'a [u8],
        to: io::Result<SocketAddrAny>,
    ) -> Self {
        SendTo {
            sending: SendDatagram::new(handle, at, data),
            to: Some(to),
        }
    }
}

impl Future for SendTo<'_> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let to = match this.to.take() {
            Some(Ok(to)) => to,
            Some(Err(error)) => return Poll::Ready(Err(error)),
            None => return Poll::Ready(Err(io::Error::other("this datagram has been sent"))),
        };
        let polled = this.sending.poll_to(cx, Some(&to));
        if polled.is_pending() {
            this.to = Some(Ok(to));
        }
        polled
    }
}

/// Future of [`UdpSocket::send`](crate::UdpSocket::send) and of
/// [`UnixDatagram::send`](crate::UnixDatagram::send).
#[must_use = "nothing is sent until this is awaited"]
pub struct SendDatagram<'a> {
    waiting: Waiting<'a>,
    data: &'a [u8],
}

impl<'a> SendDatagram<'a> {
    pub(crate) fn new(handle: &'a Handle, at: &'static Location<'static>, data: &'a [u8]) -> Self {
        SendDatagram {
            waiting: Waiting::new(handle, at, Direction::Write),
            data,
        }
    }

    fn poll_to(
        &mut self,
        cx: &mut Context<'_>,
        to: Option<&impl SocketAddrArg>,
    ) -> Poll<io::Result<usize>> {
        let data = self.data;
        let polled = self.waiting.poll_write(cx, |fd| match to {
            Some(to) => descriptor::send_to(fd, data, to),
            None => descriptor::send(fd, data),
        });
        self.waiting.finish(cx, polled)
    }
}

impl Future for SendDatagram<'_> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().poll_to(cx, None::<&SocketAddrAny>)
    }
}

impl fmt::Debug for SendTo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendTo")
            .field("to", &self.to)
            .field("sending", &self.sending)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SendDatagram<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendDatagram")
            .field("waiting", &self.waiting)
            .field("bytes", &self.data.len())
            .finish()
    }
}
