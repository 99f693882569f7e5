//! `futures::io::{AsyncRead, AsyncWrite}` for the stream and its halves.
//!
//! `poll_close` ends this handle's writing; the peer is told when no other handle writes either.
//! Flushing has nothing to do: the kernel has what was written.

use std::io::{self, IoSlice, IoSliceMut};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::io::{AsyncRead, AsyncWrite};
use rustix::net::RecvFlags;

use crate::descriptor;
use crate::socket::{Direction, Handle, Who};
use crate::split::{OwnedReadHalf, OwnedWriteHalf};
use crate::tcp_stream::TcpStream;
use crate::unix::UnixStream;

fn read(
    handle: &Handle,
    who: Who<'_>,
    cx: &mut Context<'_>,
    buf: &mut [u8],
) -> Poll<io::Result<usize>> {
    let polled = handle.poll_recv(who, cx, handle.at(), buf, RecvFlags::empty());
    handle.finish_poll(cx, Direction::Read, who, polled)
}

fn read_vectored(
    handle: &Handle,
    who: Who<'_>,
    cx: &mut Context<'_>,
    bufs: &mut [IoSliceMut<'_>],
) -> Poll<io::Result<usize>> {
    let count = bufs.len().min(descriptor::MAX_SLICES);
    let bufs = &mut bufs[..count];
    let room: usize = bufs.iter().map(|buf| buf.len()).sum();
    if room == 0 {
        return read(handle, who, cx, &mut []);
    }
    let polled = handle.poll_read(who, cx, handle.at(), |fd| {
        descriptor::recv_vectored(fd, bufs)
    });
    if let Poll::Ready(got) = &polled {
        handle.after_read(got, room);
    }
    handle.finish_poll(cx, Direction::Read, who, polled)
}

fn write(
    handle: &Handle,
    who: Who<'_>,
    cx: &mut Context<'_>,
    data: &[u8],
) -> Poll<io::Result<usize>> {
    let polled = handle.poll_send(who, cx, handle.at(), data);
    handle.finish_poll(cx, Direction::Write, who, polled)
}

fn write_vectored(
    handle: &Handle,
    who: Who<'_>,
    cx: &mut Context<'_>,
    data: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let data = &data[..data.len().min(descriptor::MAX_SLICES)];
    let offered: usize = data.iter().map(|part| part.len()).sum();
    if offered == 0 {
        return write(handle, who, cx, &[]);
    }
    let polled = handle.poll_write(who, cx, handle.at(), |fd| {
        descriptor::send_vectored(fd, data)
    });
    if let Poll::Ready(sent) = &polled {
        handle.after_write(sent, offered);
    }
    handle.finish_poll(cx, Direction::Write, who, polled)
}

fn close(handle: &Handle) -> Poll<io::Result<()>> {
    handle.stop_writing();
    Poll::Ready(Ok(()))
}

/// The same calls for each type that holds a handle.
macro_rules! reads {
    ($type:ty, $who:expr) => {
        impl AsyncRead for $type {
            #[inline]
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                read(&self.handle, $who, cx, buf)
            }

            fn poll_read_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                read_vectored(&self.handle, $who, cx, bufs)
            }
        }
    };
}

macro_rules! writes {
    ($type:ty, $who:expr) => {
        impl AsyncWrite for $type {
            #[inline]
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                data: &[u8],
            ) -> Poll<io::Result<usize>> {
                write(&self.handle, $who, cx, data)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                data: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                write_vectored(&self.handle, $who, cx, data)
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                close(&self.handle)
            }
        }
    };
}

reads!(TcpStream, Who::Owner);
writes!(TcpStream, Who::Owner);
reads!(&TcpStream, Who::Sharer);
writes!(&TcpStream, Who::Sharer);
reads!(UnixStream, Who::Owner);
writes!(UnixStream, Who::Owner);
reads!(&UnixStream, Who::Sharer);
writes!(&UnixStream, Who::Sharer);
reads!(OwnedReadHalf<TcpStream>, Who::Owner);
writes!(OwnedWriteHalf<TcpStream>, Who::Owner);
reads!(OwnedReadHalf<UnixStream>, Who::Owner);
writes!(OwnedWriteHalf<UnixStream>, Who::Owner);
