//! Descriptors on their way to another process (`SCM_RIGHTS`).
//!
//! They travel with bytes: at least one has to go along on a stream. What arrives is marked
//! close-on-exec by the call that receives it. Descriptors that did not fit are closed by the
//! kernel; that is an error here, since half of what was sent is seldom of use.

use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage,
};

use crate::descriptor;
use crate::socket::{Direction, Handle};
use crate::transfer::Waiting;

/// How many descriptors go with one message at most: 64. (Linux stops at 253.)
pub const FDS_AT_ONCE: usize = 64;

const SPACE: usize = rustix::cmsg_space!(ScmRights(FDS_AT_ONCE));

/// Future of [`UnixStream::send_fds`](crate::UnixStream::send_fds).
#[must_use = "nothing is sent until this is awaited"]
pub struct SendFds<'a> {
    waiting: Waiting<'a>,
    data: &'a [u8],
    fds: &'a [BorrowedFd<'a>],
}

impl<'a> SendFds<'a> {
    pub(super) fn new(
        handle: &'a Handle,
        at: &'static Location<'static>,
        data: &'a [u8],
        fds: &'a [BorrowedFd<'a>],
    ) -> Self {
        SendFds {
            waiting: Waiting::new(handle, at, Direction::Write),
            data,
            fds,
        }
    }

    fn check(&self) -> io::Result<()> {
        let why = if self.data.is_empty() {
            "descriptors travel with bytes: send at least one".to_owned()
        } else if self.fds.len() > FDS_AT_ONCE {
            let many = self.fds.len();
            format!(
                "{many} descriptors at once, and {FDS_AT_ONCE} is the limit: send them in parts"
            )
        } else {
            return Ok(());
        };
        Err(io::Error::new(io::ErrorKind::InvalidInput, why))
    }
}

impl Future for SendFds<'_> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.check()?;
        let (data, fds) = (this.data, this.fds);
        let polled = this.waiting.poll_write(cx, |fd| send(fd, data, fds));
        if let Poll::Ready(sent) = &polled {
            this.waiting.handle.after_write(sent, data.len());
        }
        this.waiting.finish(cx, polled)
    }
}

fn send(fd: &OwnedFd, data: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); SPACE];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(io::ErrorKind::InvalidInput.into()); // the count was checked: it fits
    }
    descriptor::sendmsg(fd, &[IoSlice::new(data)], &mut control)
}

/// Future of [`UnixStream::recv_fds`](crate::UnixStream::recv_fds): how many bytes, and the
/// descriptors that came with them.
#[must_use = "nothing is received until this is awaited"]
pub struct RecvFds<'a> {
    waiting: Waiting<'a>,
    buf: &'a mut [u8],
}

impl<'a> RecvFds<'a> {
    pub(super) fn new(
        handle: &'a Handle,
        at: &'static Location<'static>,
        buf: &'a mut [u8],
    ) -> Self {
        RecvFds {
            waiting: Waiting::new(handle, at, Direction::Read),
            buf,
        }
    }
}

impl Future for RecvFds<'_> {
    type Output = io::Result<(usize, Vec<OwnedFd>)>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if this.buf.is_empty() {
            let why = "descriptors come with bytes: give room for at least one";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidInput, why)));
        }
        let mut fds = Vec::new();
        let buf = &mut *this.buf;
        // A short read does not tell that there is no more: a message with descriptors ends a read.
        let polled = this.waiting.poll_read(cx, |fd| recv(fd, buf, &mut fds));
        let polled = this.waiting.finish(cx, polled);
        polled.map_ok(|got| (got, std::mem::take(&mut fds)))
    }
}

fn recv(fd: &OwnedFd, buf: &mut [u8], fds: &mut Vec<OwnedFd>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); SPACE];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut bufs = [IoSliceMut::new(buf)];
    let got = descriptor::recvmsg(fd, &mut bufs, &mut control, RecvFlags::empty())?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(came) = message {
            fds.extend(came);
        }
    }
    if got.flags.contains(ReturnFlags::CTRUNC) {
        fds.clear();
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!(
                "the peer sent more descriptors than could be taken ({FDS_AT_ONCE} at once, and no \
                 more than this process may have open): all that came are closed, with {} bytes",
                got.bytes
            ),
        ));
    }
    Ok(got.bytes)
}

impl fmt::Debug for SendFds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendFds")
            .field("waiting", &self.waiting)
            .field("bytes", &self.data.len())
            .field("fds", &self.fds)
            .finish()
    }
}

impl fmt::Debug for RecvFds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvFds")
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}
