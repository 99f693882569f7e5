//! Ending a conversation so that the last answer arrives (promise F-4, "lingering close").
//!
//! A kernel that is told to close a socket with unread input resets the connection, and the reset
//! overtakes what was sent: the peer may lose an answer that it had every right to. So the writing is
//! ended first, then what still comes is read and thrown away until the peer ends too; but not
//! endlessly, since a peer may send for ever or say nothing.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use evlet_hub::{Sleep, sleep, wait};
use futures::io::{AsyncRead, AsyncWrite};

/// How many bytes [`finish`] reads and throws away at most: 64 KiB.
pub const FINISH_BYTES: usize = 64 * 1024;

/// How long [`finish`] takes at most: two seconds.
pub const FINISH_LIMIT: Duration = Duration::from_secs(2);

/// How a conversation came to its end with [`finish`]. The stream is closed in each case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finished {
    /// The peer ended as well: it has everything.
    PeerEnded,
    /// The peer was still sending after [`FINISH_BYTES`]: it may have got a reset.
    TooMuch,
    /// The peer had not ended after [`FINISH_LIMIT`].
    TooLong,
}

/// Ends the writing side of `stream`, reads what the peer still sends and throws it away until it
/// ends too, and closes. At most [`FINISH_BYTES`] and [`FINISH_LIMIT`] are spent on that.
///
/// For the side that ends a conversation whose input it has not read to the end, as a server does
/// that refuses a request in its middle: dropping such a stream at once makes the kernel reset the
/// connection, and the peer may lose the answer. Who has read to the end just drops the stream.
///
/// It takes streams on which the writing can end alone: TCP, Unix and TLS streams, and
/// [`Duplex`](crate::testing::Duplex). Of a file take the stream ([`MakeFile::into_parts`](crate::MakeFile::into_parts)).
///
/// # Errors
/// Those of the stream: a peer that resets the connection has not got everything, perhaps. The stream
/// is closed all the same.
///
/// # Cancel safety
/// Dropping the future closes the stream at once.
///
/// ```
/// use evlet_net::{Finished, connect, finish, listen};
/// evlet_hub::run(async {
///     let listener = listen("127.0.0.1:0")?;
///     let client = connect(listener.local_addr()?).await?;
///     client.send_all(b"a long request that nobody reads").await?;
///     let (server, _) = listener.accept().await?;
///     server.send_all(b"no").await?;
///     let finished = evlet_hub::spawn(finish(server));
///
///     let mut answer = [0; 10];
///     assert_eq!(client.recv(&mut answer).await?, 2);
///     drop(client);
///     assert_eq!(finished.await.unwrap()?, Finished::PeerEnded);
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn finish<S: AsyncRead + AsyncWrite + Unpin>(stream: S) -> Finish<S> {
    Finish {
        stream: Some(stream),
        ended: false,
        left: FINISH_BYTES,
        limit: None,
    }
}

/// Future of [`finish`].
#[must_use = "nothing is ended until this is awaited; dropping it closes the stream at once"]
pub struct Finish<S> {
    stream: Option<S>,
    /// Our writing.
    ended: bool,
    left: usize,
    limit: Option<Box<Sleep>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Finish<S> {
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Finished>> {
        let Some(stream) = &mut self.stream else {
            return Poll::Ready(Err(io::Error::other("this finish is over")));
        };
        if !self.ended {
            ready!(Pin::new(&mut *stream).poll_close(cx))?;
            self.ended = true;
        }
        let mut bin = [0; 4096];
        while self.left > 0 {
            let room = self.left.min(bin.len());
            match ready!(Pin::new(&mut *stream).poll_read(cx, &mut bin[..room]))? {
                0 => return Poll::Ready(Ok(Finished::PeerEnded)),
                n => self.left -= n,
            }
        }
        Poll::Ready(Ok(Finished::TooMuch))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Finish<S> {
    type Output = io::Result<Finished>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let mut polled = this.poll_end(cx);
        if polled.is_pending() {
            wait::check_running("finish")?;
            let limit = this
                .limit
                .get_or_insert_with(|| Box::new(sleep(FINISH_LIMIT)));
            polled = match Pin::new(&mut **limit).poll(cx) {
                Poll::Ready(()) => Poll::Ready(Ok(Finished::TooLong)),
                // Once more, so that what the hub shows is the stream that is waited for.
                Poll::Pending => this.poll_end(cx),
            };
        }
        if polled.is_ready() {
            this.stream = None;
        }
        polled
    }
}

impl<S> fmt::Debug for Finish<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finish")
            .field("ended", &self.ended)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
