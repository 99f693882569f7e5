//! Receiving datagrams.

use std::fmt;
use std::future::Future;
use std::io::{self, IoSliceMut};
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use rustix::net::{RecvAncillaryBuffer, RecvFlags, ReturnFlags, SocketAddrAny};

use super::cut::DatagramCut;
use crate::descriptor;
use crate::socket::{Direction, Handle};
use crate::transfer::Waiting;

/// An address of a datagram's sender. Only ours are.
pub(crate) trait FromKernel: Sized {
    /// What the kernel told.
    ///
    /// # Errors
    /// When that is no address of this kind.
    fn from_kernel(addr: Option<SocketAddrAny>) -> io::Result<Self>;
}

impl FromKernel for SocketAddr {
    fn from_kernel(addr: Option<SocketAddrAny>) -> io::Result<SocketAddr> {
        let addr = addr.ok_or(rustix::io::Errno::AFNOSUPPORT)?;
        Ok(SocketAddr::try_from(addr)?)
    }
}

/// One datagram, as far as it fitted.
pub(crate) struct Got {
    pub(crate) kept: usize,
    pub(crate) cut: Option<DatagramCut>,
    pub(crate) from: Option<SocketAddrAny>,
}

/// With this flag Linux tells the length that a datagram had before it was cut.
#[cfg(any(target_os = "linux", target_os = "android"))]
const TELL_LENGTH: RecvFlags = RecvFlags::TRUNC;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const TELL_LENGTH: RecvFlags = RecvFlags::empty();

/// One call.
pub(crate) fn recv_one(fd: &OwnedFd, buf: &mut [u8], flags: RecvFlags) -> io::Result<Got> {
    let room = buf.len();
    let mut control = RecvAncillaryBuffer::default();
    let mut bufs = [IoSliceMut::new(buf)];
    let got = descriptor::recvmsg(fd, &mut bufs, &mut control, flags | TELL_LENGTH)?;
    let kept = got.bytes.min(room);
    let cut = got.flags.contains(ReturnFlags::TRUNC).then(|| DatagramCut {
        kept,
        len: (got.bytes > room).then_some(got.bytes),
    });
    Ok(Got {
        kept,
        cut,
        from: got.address,
    })
}

/// Future of [`UdpSocket::recv_from`](crate::UdpSocket::recv_from) and of
/// [`UnixDatagram::recv_from`](crate::UnixDatagram::recv_from): how many bytes, and from whom.
#[must_use = "nothing is received until this is awaited"]
pub struct RecvFrom<'a, A = SocketAddr> {
    receiving: RecvDatagram<'a>,
    of: PhantomData<fn() -> A>,
}

impl<'a, A> RecvFrom<'a, A> {
    pub(crate) fn new(
        handle: &'a Handle,
        at: &'static Location<'static>,
        buf: &'a mut [u8],
        flags: RecvFlags,
    ) -> Self {
        RecvFrom {
            receiving: RecvDatagram::new(handle, at, buf, flags),
            of: PhantomData,
        }
    }
}

impl<A: FromKernel> Future for RecvFrom<'_, A> {
    type Output = io::Result<(usize, A)>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = self.get_mut().receiving.poll_got(cx);
        polled.map(|got| {
            let got = got?;
            Ok((got.kept, A::from_kernel(got.from)?))
        })
    }
}

/// Future of [`UdpSocket::recv`](crate::UdpSocket::recv) and of
/// [`UnixDatagram::recv`](crate::UnixDatagram::recv): how many bytes.
#[must_use = "nothing is received until this is awaited"]
pub struct RecvDatagram<'a> {
    waiting: Waiting<'a>,
    buf: &'a mut [u8],
    flags: RecvFlags,
}

impl<'a> RecvDatagram<'a> {
    pub(crate) fn new(
        handle: &'a Handle,
        at: &'static Location<'static>,
        buf: &'a mut [u8],
        flags: RecvFlags,
    ) -> Self {
        RecvDatagram {
            waiting: Waiting::new(handle, at, Direction::Read),
            buf,
            flags,
        }
    }

    fn poll_got(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Got>> {
        let (buf, flags) = (&mut *self.buf, self.flags);
        // A peek may be shorter than its datagram: that is what it is for.
        let looks = flags.contains(RecvFlags::PEEK);
        let polled = self.waiting.poll_read(cx, |fd| recv_one(fd, buf, flags));
        let polled = self.waiting.finish(cx, polled);
        polled.map(|got| match got?.checked(looks) {
            Ok(got) => Ok(got),
            Err(cut) => Err(cut.into()),
        })
    }
}

impl Got {
    fn checked(self, may_be_cut: bool) -> Result<Got, DatagramCut> {
        match self.cut {
            Some(cut) if !may_be_cut => Err(cut),
            _ => Ok(self),
        }
    }
}

impl Future for RecvDatagram<'_> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().poll_got(cx).map_ok(|got| got.kept)
    }
}

impl fmt::Debug for RecvDatagram<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvDatagram")
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}

impl<A> fmt::Debug for RecvFrom<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvFrom")
            .field("waiting", &self.receiving.waiting)
            .finish_non_exhaustive()
    }
}
