//! Two connected ends without a network.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use evlet_hub::wait::{self, WaitKind, WaitsOn};
use evlet_hub::{Sleep, sleep_until};
use futures::io::{AsyncRead, AsyncWrite};

use super::wire::{Arrives, Wire};

/// What a wire holds unless [`duplex_with_capacity`] says otherwise: 64 KiB.
const CAPACITY: usize = 64 * 1024;

/// Two ends of a connection in memory; each direction holds 64 KiB, after which its writer waits.
///
/// ```
/// use evlet_net::testing::duplex;
/// use futures::io::{AsyncReadExt, AsyncWriteExt};
/// evlet_hub::run(async {
///     let (mut near, mut far) = duplex();
///     near.wire().cut_after(9);
///     near.write_all(b"to be cut here").await?;
///     let mut all = String::new();
///     far.read_to_string(&mut all).await?;
///     assert_eq!(all, "to be cut");
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn duplex() -> (Duplex, Duplex) {
    duplex_with_capacity(CAPACITY)
}

/// [`duplex`] with `bytes` of room in each direction. Zero counts as one.
#[track_caller]
pub fn duplex_with_capacity(bytes: usize) -> (Duplex, Duplex) {
    let at = Location::caller();
    let (forth, back) = (Wire::new(bytes), Wire::new(bytes));
    let near = Duplex::new(forth.clone(), back.clone(), at);
    (near, Duplex::new(back, forth, at))
}

/// One end of a connection in memory. Made by [`duplex`].
///
/// It is used through `futures::io::{AsyncRead, AsyncWrite}`. Closing ends the writing side;
/// dropping ends both. A write after the other end was dropped gives `BrokenPipe`, one after a close
/// [`HandleClosed`](crate::HandleClosed). Futures that are dropped while they wait lose nothing.
pub struct Duplex {
    out: Wire,
    into: Wire,
    /// Wakes the reader when what is under way arrives.
    timer: Option<(Instant, Sleep)>,
    at: &'static Location<'static>,
}

impl Duplex {
    fn new(out: Wire, into: Wire, at: &'static Location<'static>) -> Duplex {
        Duplex {
            out,
            into,
            timer: None,
            at,
        }
    }

    /// The direction that this end writes to, to make things go wrong on it. The other end's is the
    /// direction that this one reads from.
    pub fn wire(&self) -> Wire {
        self.out.clone()
    }
}

impl AsyncRead for Duplex {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        ready!(wait::poll_budget(cx));
        loop {
            match this.into.read(cx.waker(), buf) {
                Ok(done) => {
                    this.timer = None;
                    return Poll::Ready(done);
                }
                Err(Arrives::Unknown) => this.timer = None,
                Err(Arrives::At(due)) => {
                    let timer = match this.timer.take() {
                        Some((at, timer)) if at == due => timer,
                        _ => sleep_until(due),
                    };
                    let (_, timer) = this.timer.insert((due, timer));
                    if Pin::new(timer).poll(cx).is_ready() {
                        continue;
                    }
                    return Poll::Pending;
                }
            }
            // Nothing outside the hub can end this wait: one for ever is a deadlock, and told.
            wait::park(WaitsOn::new(WaitKind::Queue, 0), this.at);
            return Poll::Pending;
        }
    }
}

impl AsyncWrite for Duplex {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(wait::poll_budget(cx));
        let taken = self.out.write(cx.waker(), data);
        if taken.is_pending() {
            wait::park(WaitsOn::new(WaitKind::Queue, 0), self.at);
        }
        taken
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.out.planned_error())
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.out.planned_error()?;
        self.out.end();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Duplex {
    fn drop(&mut self) {
        self.out.end();
        self.into.reader_gone();
    }
}

impl fmt::Debug for Duplex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Duplex")
            .field("out", &self.out)
            .field("into", &self.into)
            .finish()
    }
}
