//! The future that receives a chunk.

use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::net::RecvFlags;

use super::Chunk;
use crate::socket::{Direction, Handle};
use crate::transfer::{Shortly, Waiting};

/// Future of [`TcpStream::recv_chunk`](crate::TcpStream::recv_chunk).
#[derive(Debug)]
#[must_use = "nothing is received until this is awaited"]
pub struct RecvChunk<'a> {
    waiting: Waiting<'a>,
    max: usize,
}

// It is in the green thread of each connection.
const _: () = assert!(size_of::<RecvChunk<'_>>() == 32);

impl<'a> RecvChunk<'a> {
    #[inline]
    pub(crate) fn new(handle: &'a Handle, at: &'static Location<'static>, max: usize) -> Self {
        let waiting = Waiting::new(handle, at, Direction::Read);
        RecvChunk { waiting, max }
    }

    #[inline(never)]
    fn poll_as_usual(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Chunk>> {
        let waiting = &mut self.waiting;
        let mut chunk = Chunk::room(self.max);
        let none = RecvFlags::empty();
        let polled = waiting
            .handle
            .poll_recv(waiting.who(), cx, waiting.at, &mut chunk, none);
        let received = ready!(waiting.finish(cx, polled))?;
        Poll::Ready(Ok(chunk.filled(received)))
    }

    /// The short way has ended with this.
    #[cold]
    fn go_on_after(&mut self, cx: &mut Context<'_>, error: io::Error) -> Poll<io::Result<Chunk>> {
        match self.waiting.goes_on_after(&error) {
            true => self.poll_as_usual(cx),
            false => self.waiting.finish(cx, Poll::Ready(Err(error))),
        }
    }
}

impl Future for RecvChunk<'_> {
    type Output = io::Result<Chunk>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if this.max == 0 {
            return this.poll_as_usual(cx);
        }
        let shortly = this.waiting.recv_shortly(cx, |socket| {
            let mut chunk = Chunk::room(this.max);
            let received = socket.recv(&mut chunk)?;
            Ok(chunk.filled(received))
        });
        match shortly {
            Shortly::Received(chunk) => Poll::Ready(Ok(chunk)),
            Shortly::Waits => Poll::Pending,
            Shortly::Failed(error) => this.go_on_after(cx, error),
            Shortly::TheUsualWay => this.poll_as_usual(cx),
        }
    }
}
