//! `futures::io::{AsyncRead, AsyncWrite}` for a TLS connection.

use std::io::{self, IoSlice, IoSliceMut};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::io::{AsyncRead, AsyncWrite};

use super::duplex_waker::Half;
use super::error::{Cause, TlsError};
use super::link::Text;
use super::stream::{State, TlsStream};

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_read_vectored(cx, &mut [IoSliceMut::new(buf)])
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut bufs = bufs.iter_mut().filter(|buf| !buf.is_empty());
        let Some(first) = bufs.next() else {
            return Poll::Ready(Ok(0));
        };
        let this = self.get_mut();
        let cut_is_end = this.cut_is_end;
        this.poll_open(Half::Reader, cx, |link, cx| {
            let mut count = match ready!(link.poll_read(cx, first)) {
                Err(error) if cut_is_end && error.kind() == io::ErrorKind::UnexpectedEof => 0,
                read => read?,
            };
            // The others get what is there already.
            let mut full = count == first.len();
            for buf in bufs {
                if !full {
                    break;
                }
                let more = link.take_text(buf);
                full = more == buf.len();
                count += more;
            }
            Poll::Ready(Ok(count))
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.poll_open(Half::Writer, cx, |link, cx| {
            link.poll_write(cx, Text::One(data))
        })
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.poll_open(Half::Writer, cx, |link, cx| {
            link.poll_write(cx, Text::Parts(data))
        })
    }

    /// Sends what a write left. Before the handshake there is nothing to send.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match &this.state {
            State::Fresh(..) | State::InHandshake(_) => Poll::Ready(Ok(())),
            _ => this.poll_open(Half::Writer, cx, |link, cx| link.poll_flush(cx)),
        }
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match &mut this.state {
            State::Fresh(stream, _) => Pin::new(stream).poll_close(cx),
            State::Failed(_) => Poll::Ready(Ok(())),
            State::Open(_) => this.poll_open(Half::Writer, cx, |link, cx| link.poll_close(cx)),
            // Nothing to say goodbye to yet: the handshake is given up and its stream closed.
            State::InHandshake(_) => {
                let closed = TlsError::new(this.side.clone(), true, Cause::Closed);
                this.state = State::Failed(closed);
                this.timer = None;
                this.place = None;
                this.wakers.wake_other(Half::Writer);
                Poll::Ready(Ok(()))
            }
        }
    }
}
