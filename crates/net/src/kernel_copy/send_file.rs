//! From a file to a socket.

use std::fmt;
use std::fs::File;
use std::future::Future;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::os::fd::OwnedFd;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use evlet_green::tpool;
use evlet_hub::wait::{self, WaitKind, WaitsOn};
use futures::future::LocalBoxFuture;

use super::cached::{is_cached, read_piece};
use super::kernel_socket::KernelSocket;
use super::no_way;
use crate::descriptor;
use crate::socket::Direction;
use crate::transfer::Waiting;

/// How much is asked of the kernel at once; it holds the hub no longer than that takes.
const PIECE: u64 = 256 * 1024;

/// Sends a part of a file, `..` for all of it, and returns how many bytes that were: fewer than the
/// part has when the file ends before. The file's own position plays no part and does not move.
///
/// On Linux the kernel moves the bytes (`sendfile`). What is not in memory yet is read by a thread
/// of the pool first, so that the disk does not hold the hub.
///
/// # Errors
/// Those of the socket and of reading the file. A part may have been sent.
///
/// # Cancel safety
/// A part may have been sent; [`SendFile::sent`] tells how much.
///
/// ```
/// use evlet_net::{UnixStream, send_file};
/// evlet_hub::run(async {
///     let (one, other) = UnixStream::pair()?;
///     let file = std::fs::File::open("Cargo.toml")?;
///     let sent = send_file(&one, &file, ..9).await?;
///     let mut buf = [0; 100];
///     let n = other.recv(&mut buf).await?;
///     assert_eq!((sent, &buf[..n]), (9, &b"[package]"[..]));
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn send_file<'a>(
    to: &'a impl KernelSocket,
    file: &'a File,
    part: impl RangeBounds<u64>,
) -> SendFile<'a> {
    let offset = match part.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(start) => start.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match part.end_bound() {
        Bound::Included(end) => end.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    };
    let at = Location::caller();
    SendFile {
        to: Waiting::new(to.handle().0, at, Direction::Write),
        at,
        file,
        offset,
        end,
        sent: 0,
        in_memory: 0,
        reading: None,
        way: Way::Kernel,
        over: false,
    }
}

/// Future of [`send_file`].
#[must_use = "nothing is sent until this is awaited"]
pub struct SendFile<'a> {
    to: Waiting<'a>,
    at: &'static Location<'static>,
    file: &'a File,
    offset: u64,
    end: u64,
    sent: u64,
    /// Up to here the file is known to be in memory.
    in_memory: u64,
    reading: Option<LocalBoxFuture<'static, io::Result<Vec<u8>>>>,
    way: Way,
    over: bool,
}

enum Way {
    Kernel,
    /// Through a buffer, of which this was read and the first bytes are sent.
    Buffer(Vec<u8>, usize),
}

impl SendFile<'_> {
    /// How many bytes the kernel has taken so far.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// The next piece.
    fn piece(&self) -> usize {
        PIECE.min(self.end.saturating_sub(self.offset)) as usize
    }

    /// Has the next piece read on another OS thread.
    fn start_reading(&mut self) -> io::Result<()> {
        let (file, offset, len) = (self.file.try_clone()?, self.offset, self.piece());
        self.reading = Some(Box::pin(tpool::execute(move || {
            read_piece(&file, offset, len)
        })));
        Ok(())
    }

    fn poll_reading(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(reading) = &mut self.reading else {
            return Poll::Ready(Ok(()));
        };
        let polled = reading.as_mut().poll(cx);
        if polled.is_pending() {
            wait::park(WaitsOn::new(WaitKind::Blocking, 0), self.at);
        }
        let piece = ready!(polled);
        self.reading = None;
        let piece = piece?;
        match &mut self.way {
            Way::Kernel => self.in_memory = self.offset + self.piece() as u64,
            Way::Buffer(bytes, taken) => {
                self.over = piece.is_empty();
                (*bytes, *taken) = (piece, 0);
            }
        }
        Poll::Ready(Ok(()))
    }

    /// One step by the kernel. `Ok(0)` is the file's end.
    fn poll_kernel(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let (file, offset, len) = (self.file, self.offset, self.piece());
        let polled = self
            .to
            .poll_write(cx, |fd| calls::send_file(fd, file, offset, len));
        self.to.finish(cx, polled)
    }

    fn poll_buffer(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Way::Buffer(bytes, taken) = &mut self.way else {
            return Poll::Ready(Ok(0));
        };
        let rest = &bytes[*taken..];
        let polled = self.to.poll_write(cx, |fd| descriptor::send(fd, rest));
        if let Poll::Ready(Ok(sent)) = &polled {
            *taken += sent;
        }
        self.to.finish(cx, polled)
    }
}

impl Future for SendFile<'_> {
    type Output = io::Result<u64>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            ready!(this.poll_reading(cx))?;
            if this.over || this.piece() == 0 {
                return Poll::Ready(Ok(this.sent));
            }
            let taken = match &this.way {
                Way::Kernel => {
                    let known = this.offset < this.in_memory;
                    if !known && !is_cached(this.file, this.offset, this.piece()) {
                        this.start_reading()?;
                        continue;
                    }
                    match ready!(this.poll_kernel(cx)) {
                        Ok(0) => {
                            this.over = true;
                            0
                        }
                        Err(error) if no_way(&error) => {
                            this.way = Way::Buffer(Vec::new(), 0);
                            0
                        }
                        taken => taken?,
                    }
                }
                Way::Buffer(bytes, sent) if *sent == bytes.len() => {
                    this.start_reading()?;
                    continue;
                }
                Way::Buffer(..) => match ready!(this.poll_buffer(cx))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    taken => taken,
                },
            };
            this.sent += taken as u64;
            this.offset += taken as u64;
        }
    }
}

#[cfg(target_os = "linux")]
mod calls {
    use super::*;
    use evlet_hub::sys::{self, Call, CallKind};
    use std::os::fd::AsRawFd;

    pub(super) fn send_file(
        to: &OwnedFd,
        file: &File,
        mut offset: u64,
        len: usize,
    ) -> io::Result<usize> {
        sys::gate(Call::new(CallKind::Write, to.as_raw_fd()))?;
        Ok(rustix::fs::sendfile(to, file, Some(&mut offset), len)?)
    }
}

#[cfg(not(target_os = "linux"))]
mod calls {
    use super::*;

    pub(super) fn send_file(_: &OwnedFd, _: &File, _: u64, _: usize) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl fmt::Debug for SendFile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendFile")
            .field("to", &self.to)
            .field("offset", &self.offset)
            .field("end", &self.end)
            .field("sent", &self.sent)
            .finish_non_exhaustive()
    }
}
