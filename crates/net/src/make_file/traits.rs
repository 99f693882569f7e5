//! The futures traits for files: `read_exact`, `read_to_end`, `lines` and the like are theirs.
//!
//! They share the file's buffers with its own methods, which come first where both have a name. A
//! line of `AsyncBufReadExt` has no limit on its length, unlike [`MakeFile::read_line`].

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use evlet_hub::wait;
use futures::io::{AsyncBufRead, AsyncRead, AsyncWrite};

use super::{CHUNK, MakeFile, poll_some};

impl<S: AsyncRead + Unpin> AsyncRead for MakeFile<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        this.check_read()?;
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if this.input.unread().is_empty() && buf.len() >= CHUNK {
            return Pin::new(&mut this.stream).poll_read(cx, buf);
        }
        let unread = ready!(self.as_mut().poll_fill_buf(cx))?;
        let len = unread.len().min(buf.len());
        buf[..len].copy_from_slice(&unread[..len]);
        self.consume(len);
        Poll::Ready(Ok(len))
    }
}

impl<S: AsyncRead + Unpin> AsyncBufRead for MakeFile<S> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        this.check_read()?;
        if this.input.unread().is_empty() {
            ready!(this.poll_fill(cx))?;
        } else {
            ready!(wait::poll_budget(cx));
        }
        Poll::Ready(Ok(this.input.unread()))
    }

    fn consume(mut self: Pin<&mut Self>, amount: usize) {
        let amount = amount.min(self.input.unread().len());
        self.input.consume(amount);
    }
}

impl<S: AsyncWrite + Unpin> MakeFile<S> {
    /// Sends what was gathered.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.taken < self.output.len() {
            let rest = &self.output[self.taken..];
            self.taken += ready!(poll_some(&mut self.stream, cx, rest))?;
        }
        self.output.clear();
        self.taken = 0;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for MakeFile<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check_write()?;
        if this.output.len() + data.len() > this.gather {
            ready!(this.poll_drain(cx))?;
        }
        if data.len() > this.gather {
            return Pin::new(&mut this.stream).poll_write(cx, data);
        }
        ready!(wait::poll_budget(cx));
        this.output.extend_from_slice(data);
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check_write()?;
        ready!(this.poll_drain(cx))?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    /// As [`MakeFile::close`].
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.closed {
            return Poll::Ready(Ok(()));
        }
        let drained = ready!(this.poll_drain(cx));
        let closed = ready!(Pin::new(&mut this.stream).poll_close(cx));
        this.closed = true;
        this.output = Vec::new();
        Poll::Ready(drained.and(closed))
    }
}
