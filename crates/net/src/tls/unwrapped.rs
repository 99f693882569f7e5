//! A stream that TLS was taken off again.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::io::{AsyncRead, AsyncWrite};

/// The stream below a [`TlsStream`](crate::TlsStream) after both sides have said goodbye to TLS, for what
/// they say in plain text now. From [`TlsStream::unwrap`](crate::TlsStream::unwrap).
///
/// A peer may go on in plain text right after its goodbye, and both may have come in one read. So this
/// gives first what has already arrived, and then what the stream gives. [`wrap_ssl`](crate::wrap_ssl)
/// takes it too.
pub struct Unwrapped<S> {
    stream: S,
    /// What has already arrived; its first `given` bytes are read.
    early: Vec<u8>,
    given: usize,
}

impl<S> Unwrapped<S> {
    pub(super) fn new(stream: S, early: Vec<u8>) -> Unwrapped<S> {
        Unwrapped {
            stream,
            early,
            given: 0,
        }
    }

    /// The stream below.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream below, and what had arrived before it was taken back and is not read yet: the peer's
    /// next bytes. Nothing, when the peer waits for us to speak.
    #[must_use = "the bytes are gone from the stream"]
    pub fn into_parts(mut self) -> (S, Vec<u8>) {
        self.early.drain(..self.given);
        (self.stream, self.early)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Unwrapped<S> {
    /// Receives what has arrived, up to the size of `buf`, and waits if nothing has. Zero is the end.
    ///
    /// # Errors
    /// Those of the stream below.
    ///
    /// # Cancel safety
    /// Dropping the future loses no byte.
    pub async fn recv(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| Pin::new(&mut *self).poll_read(cx, buf)).await
    }

    /// Sends all of `data`.
    ///
    /// # Errors
    /// Those of the stream below; a part may have been sent.
    ///
    /// # Cancel safety
    /// A part may have been sent.
    pub async fn send_all(&mut self, data: &[u8]) -> io::Result<()> {
        let mut sent = 0;
        while sent < data.len() {
            match poll_fn(|cx| Pin::new(&mut *self).poll_write(cx, &data[sent..])).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                count => sent += count,
            }
        }
        poll_fn(|cx| Pin::new(&mut *self).poll_flush(cx)).await
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Unwrapped<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let early = &this.early[this.given..];
        if early.is_empty() {
            return Pin::new(&mut this.stream).poll_read(cx, buf);
        }
        let count = early.len().min(buf.len());
        buf[..count].copy_from_slice(&early[..count]);
        this.given += count;
        if this.given == this.early.len() {
            (this.early, this.given) = (Vec::new(), 0);
        }
        Poll::Ready(Ok(count))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Unwrapped<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, data)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, data)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_close(cx)
    }
}

impl<S: fmt::Debug> fmt::Debug for Unwrapped<S> {
    /// Not the bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unwrapped")
            .field("stream", &self.stream)
            .field("early", &(self.early.len() - self.given))
            .finish()
    }
}
