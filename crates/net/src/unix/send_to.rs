//! Sending a datagram to a named Unix socket.
//!
//! When the receiver's queue is full the kernel says "would block", and it never tells a sender
//! that is not connected when there is room again: its own socket is writable all along. So the
//! wait is a row of tries with growing pauses, as it is for a full backlog (`connect.rs`).

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use evlet_hub::wait::{self, WaitKind, WaitsOn};
use evlet_hub::{Sleep, sleep};
use rustix::net::SocketAddrUnix;

use super::addr::UnixAddr;
use super::error::{UnixError, UnixStep};
use crate::descriptor;
use crate::operation_error::HandleClosed;
use crate::socket::{Direction, Handle};

const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Future of [`UnixDatagram::send_to`](crate::UnixDatagram::send_to).
#[must_use = "nothing is sent until this is awaited"]
pub struct SendToUnix<'a> {
    handle: &'a Handle,
    at: &'static Location<'static>,
    data: &'a [u8],
    addr: UnixAddr,
    kernel: Option<SocketAddrUnix>,
    pause: Option<Sleep>,
    next_pause: Duration,
    limit: Option<Box<Sleep>>,
}

impl<'a> SendToUnix<'a> {
    pub(super) fn new(
        handle: &'a Handle,
        at: &'static Location<'static>,
        data: &'a [u8],
        addr: UnixAddr,
    ) -> Self {
        SendToUnix {
            handle,
            at,
            data,
            addr,
            kernel: None,
            pause: None,
            next_pause: FIRST_PAUSE,
            limit: None,
        }
    }

    fn attempt(&mut self) -> io::Result<usize> {
        if self.handle.is_closed() {
            return Err(HandleClosed.into());
        }
        let kernel = match self.kernel.take() {
            Some(kernel) => kernel,
            None => self.addr.to_kernel()?,
        };
        let kernel = self.kernel.insert(kernel);
        loop {
            match descriptor::send_to(self.handle.fd(), self.data, kernel) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                sent => return sent,
            }
        }
    }
}

impl Future for SendToUnix<'_> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        ready!(wait::poll_budget(cx));
        loop {
            if let Some(pause) = &mut this.pause {
                if Pin::new(pause).poll(cx).is_pending() {
                    let limit = &mut this.limit;
                    let late = this.handle.poll_limit(cx, this.at, Direction::Write, limit);
                    if late.is_pending() {
                        wait::park(WaitsOn::new(WaitKind::Timer, 0), this.at);
                    }
                    return late.map(Err);
                }
                this.pause = None;
            }
            let sent = this.attempt();
            let full = matches!(&sent, Err(e) if e.kind() == io::ErrorKind::WouldBlock);
            if full && this.handle.timeout() != Some(Duration::ZERO) {
                this.pause = Some(sleep(this.next_pause));
                this.next_pause = (this.next_pause * 2).min(LONGEST_PAUSE);
                continue;
            }
            let addr = &this.addr;
            return Poll::Ready(
                sent.map_err(|error| UnixError::io(UnixStep::Send, addr.clone(), error)),
            );
        }
    }
}

impl fmt::Debug for SendToUnix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendToUnix")
            .field("to", &format_args!("{}", self.addr))
            .field("bytes", &self.data.len())
            .field("at", &format_args!("{}", self.at))
            .finish()
    }
}
