//! From one stream to another, one way or both: what a proxy does all day.
//!
//! Each direction reads up to 16 KiB and no more before that is written, so a peer that does not read stops the one that
//! writes (promise F-5) and memory stays flat. Where nothing is to be written there is no buffer either: it is lent
//! for each read ([`crate::Chunk`]), so ten thousand idle connections of a proxy hold none.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::io::{AsyncRead, AsyncWrite};

use crate::chunk::Chunk;

const AT_ONCE: usize = 16 * 1024;

/// Copies everything from `reader` to `writer`, to the end, flushes it, and returns how many bytes
/// that were. It does not close the writer.
///
/// # Errors
/// Those of the two. What had been copied by then is copied.
///
/// # Cancel safety
/// A part may have been copied, and up to 16 KiB read and not written are lost (class P).
///
/// ```
/// use evlet_net::{connect, copy, listen};
/// evlet_hub::run(async {
///     let listener = listen("127.0.0.1:0")?;
///     let client = connect(listener.local_addr()?).await?;
///     client.send_all(b"to be kept").await?;
///     drop(client);
///     let (mut stream, _) = listener.accept().await?;
///     let mut kept = Vec::new();
///     assert_eq!(copy(&mut stream, &mut kept).await?, 10);
///     assert_eq!(kept, b"to be kept");
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn copy<R, W>(reader: R, writer: W) -> CopyAll<R, W>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    CopyAll {
        reader,
        writer,
        pump: Pump::default(),
    }
}

/// Copies both ways between `a` and `b` until both have ended, and returns how many bytes went
/// from `a` to `b` and from `b` to `a`.
///
/// When one side ends its writing, so does this towards the other, and the way back goes on: a
/// half-closed connection stays half closed through a proxy.
///
/// # Errors
/// The first error of either stream ends both directions.
///
/// # Cancel safety
/// As for [`copy`], in both directions.
///
/// ```
/// use evlet_net::{connect, copy_bidirectional, listen, serve};
/// evlet_hub::run(async {
///     let target = listen("127.0.0.1:0")?;
///     let proxy = listen("127.0.0.1:0")?;
///     let (target_addr, proxy_addr) = (target.local_addr()?, proxy.local_addr()?);
///     evlet_hub::spawn_n(serve(target, |stream, _| async move {
///         stream.send_all(b"from behind the proxy").await
///     }));
///     evlet_hub::spawn_n(serve(proxy, move |mut client, _| async move {
///         let mut target = connect(target_addr).await?;
///         copy_bidirectional(&mut client, &mut target).await
///     }));
///     let client = connect(proxy_addr).await?;
///     assert_eq!(client.recv(&mut [0; 100]).await?, 21);
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn copy_bidirectional<'a, A, B>(a: &'a mut A, b: &'a mut B) -> CopyBidirectional<'a, A, B>
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    CopyBidirectional {
        a,
        b,
        forth: Pump::default(),
        back: Pump::default(),
        back_first: false,
    }
}

/// Future of [`copy`].
#[must_use = "nothing is copied until this is awaited"]
pub struct CopyAll<R, W> {
    reader: R,
    writer: W,
    pump: Pump,
}

impl<R, W> CopyAll<R, W> {
    /// How many bytes the writer has taken so far. Keep the future to ask it after an error.
    pub fn copied(&self) -> u64 {
        self.pump.copied
    }
}

impl<R, W> Future for CopyAll<R, W>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    type Output = io::Result<u64>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        ready!(this.pump.poll(cx, &mut this.reader, &mut this.writer))?;
        Poll::Ready(Ok(this.pump.copied))
    }
}

/// Future of [`copy_bidirectional`].
#[must_use = "nothing is copied until this is awaited"]
pub struct CopyBidirectional<'a, A, B> {
    a: &'a mut A,
    b: &'a mut B,
    forth: Pump,
    back: Pump,
    back_first: bool,
}

impl<A, B> CopyBidirectional<'_, A, B> {
    /// How many bytes have gone from the first to the second so far, and back. Keep the future to
    /// ask it after an error, for the line that a proxy writes about each connection.
    pub fn copied(&self) -> (u64, u64) {
        (self.forth.copied, self.back.copied)
    }
}

impl<A, B> Future for CopyBidirectional<'_, A, B>
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    type Output = io::Result<(u64, u64)>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        // One that never has to wait spends all that a poll may do: so each is the first every other time.
        this.back_first = !this.back_first;
        let (forth, back);
        if this.back_first {
            back = this.back.poll_and_close(cx, this.b, this.a)?;
            forth = this.forth.poll_and_close(cx, this.a, this.b)?;
        } else {
            forth = this.forth.poll_and_close(cx, this.a, this.b)?;
            back = this.back.poll_and_close(cx, this.b, this.a)?;
        }
        if forth.is_pending() || back.is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(Ok((this.forth.copied, this.back.copied)))
    }
}

/// One direction.
#[derive(Default)]
struct Pump {
    /// What was read and not written: from `start` on.
    chunk: Chunk,
    start: usize,
    unflushed: bool,
    ended: bool,
    closed: bool,
    copied: u64,
}

impl Pump {
    fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin + ?Sized,
        W: AsyncWrite + Unpin + ?Sized,
    {
        loop {
            while self.start < self.chunk.len() {
                let rest = &self.chunk[self.start..];
                let taken = ready!(Pin::new(&mut *writer).poll_write(cx, rest))?;
                if taken == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.start += taken;
                self.copied += taken as u64;
                self.unflushed = true;
            }
            if !self.ended {
                (self.chunk, self.start) = (Chunk::default(), 0); // comes back, to be lent again at once
                let mut chunk = Chunk::room(AT_ONCE);
                match Pin::new(&mut *reader).poll_read(cx, &mut chunk)? {
                    Poll::Ready(0) => self.ended = true,
                    Poll::Ready(got) => self.chunk = chunk.filled(got),
                    // While nothing comes, what went must not linger in the writer.
                    Poll::Pending => {
                        if self.unflushed {
                            let flushed = Pin::new(&mut *writer).poll_flush(cx)?;
                            self.unflushed = flushed.is_pending();
                        }
                        return Poll::Pending;
                    }
                }
                continue;
            }
            if self.unflushed {
                ready!(Pin::new(&mut *writer).poll_flush(cx))?;
                self.unflushed = false;
            }
            return Poll::Ready(Ok(()));
        }
    }

    fn poll_and_close<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin + ?Sized,
        W: AsyncWrite + Unpin + ?Sized,
    {
        if !self.closed {
            ready!(self.poll(cx, reader, writer))?;
            ready!(Pin::new(writer).poll_close(cx))?;
            self.closed = true;
            self.chunk = Chunk::default();
        }
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for Pump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pump")
            .field("copied", &self.copied)
            .field("waiting", &(self.chunk.len() - self.start))
            .field("ended", &self.ended)
            .finish()
    }
}

impl<R, W> fmt::Debug for CopyAll<R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CopyAll").field(&self.pump).finish()
    }
}

impl<A, B> fmt::Debug for CopyBidirectional<'_, A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (forth, back) = (&self.forth, &self.back);
        f.debug_struct("CopyBidirectional")
            .field("forth", forth)
            .field("back", back)
            .finish()
    }
}
