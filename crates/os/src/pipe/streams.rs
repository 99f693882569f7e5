//! `futures::io::{AsyncRead, AsyncWrite}` for the ends.
//!
//! An operation is tried, and waits only after "would block". A short read is not taken for an
//! empty pipe, unlike a socket's: a terminal gives a line at a time.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use evlet_hub::sys::{self, Call, CallKind};
use futures::io::{AsyncRead, AsyncWrite};

use super::ends::{End, PipeReader, PipeWriter, closed};
use super::kept::Kept;

/// The kernel refuses more slices in one call.
const MAX_SLICES: usize = 1024;

fn gate(kind: CallKind, fd: &Kept) -> io::Result<()> {
    sys::gate(Call::new(kind, fd.as_fd().as_raw_fd()))
}

impl End {
    fn poll_read(
        &self,
        cx: &mut Context<'_>,
        mut read: impl FnMut(&Kept) -> rustix::io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let Some(io) = &self.io else {
            return Poll::Ready(Err(closed()));
        };
        io.poll_read_as(self.ticket, cx, self.at, |fd| {
            gate(CallKind::Read, fd)?;
            Ok(read(fd)?)
        })
    }

    fn poll_write(
        &self,
        cx: &mut Context<'_>,
        mut write: impl FnMut(&Kept) -> rustix::io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let Some(io) = &self.io else {
            return Poll::Ready(Err(closed()));
        };
        io.poll_write_as(self.ticket, cx, self.at, |fd| {
            gate(CallKind::Write, fd)?;
            Ok(write(fd)?)
        })
    }
}

impl AsyncRead for PipeReader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_read(cx, |fd| fd.read(&mut *buf))
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let count = bufs.len().min(MAX_SLICES);
        let bufs = &mut bufs[..count];
        self.0.poll_read(cx, |fd| fd.readv(bufs))
    }
}

impl AsyncWrite for PipeWriter {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write(cx, |fd| fd.write(data))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let data = &data[..data.len().min(MAX_SLICES)];
        self.0.poll_write(cx, |fd| fd.writev(data))
    }

    /// The kernel has what was written.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Closes the descriptor. Closing twice does nothing.
    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.io = None;
        Poll::Ready(Ok(()))
    }
}
