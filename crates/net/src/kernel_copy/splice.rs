//! From one socket to another.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::net::RecvFlags;

use super::kernel_socket::{Inside, KernelSocket};
use super::no_way;
use super::pipe::{PIECE, Pipe};
use crate::descriptor;
use crate::socket::{Direction, Handle};
use crate::transfer::Waiting;

/// As [`copy`](crate::copy()), between two sockets: on Linux the kernel moves the bytes, and they
/// never enter this program. It takes a pipe, two descriptors, for as long as it runs.
///
/// # Errors
/// Those of the two sockets, and of making the pipe. What had been copied by then is copied.
///
/// # Cancel safety
/// A part may have been copied, and up to 64 KiB taken from one and not given to the other are lost.
/// [`Splice::copied`] tells how much the other got.
///
/// ```
/// use evlet_net::{UnixStream, splice};
/// evlet_hub::run(async {
///     let (source, from) = UnixStream::pair()?;
///     let (to, sink) = UnixStream::pair()?;
///     source.send_all(b"through the kernel").await?;
///     drop(source);
///     assert_eq!(splice(&from, &to).await?, 18);
///     assert_eq!(sink.recv(&mut [0; 100]).await?, 18);
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn splice<'a>(from: &'a impl KernelSocket, to: &'a impl KernelSocket) -> Splice<'a> {
    Splice::new(from.handle(), to.handle(), Location::caller())
}

/// As [`copy_bidirectional`](crate::copy_bidirectional), between two sockets: a proxy whose bytes
/// the kernel moves. It takes two pipes, four descriptors, for as long as it runs.
///
/// When one side ends its writing, so does this towards the other, and the way back goes on.
///
/// # Errors
/// The first error of either socket ends both directions.
///
/// # Cancel safety
/// As for [`splice`], in both directions.
#[track_caller]
pub fn splice_bidirectional<'a>(
    a: &'a impl KernelSocket,
    b: &'a impl KernelSocket,
) -> SpliceBidirectional<'a> {
    let at = Location::caller();
    SpliceBidirectional {
        forth: Splice::new(a.handle(), b.handle(), at),
        back: Splice::new(b.handle(), a.handle(), at),
        back_first: false,
    }
}

/// Future of [`splice`].
#[must_use = "nothing is copied until this is awaited"]
pub struct Splice<'a> {
    from: Waiting<'a>,
    to: Waiting<'a>,
    way: Way,
    copied: u64,
    ended: bool,
}

enum Way {
    Unmade,
    Kernel(Pipe),
    /// Through a buffer: `bytes[start..end]` are not written yet.
    Buffer {
        bytes: Vec<u8>,
        start: usize,
        end: usize,
    },
}

impl Way {
    fn buffer() -> Way {
        Way::Buffer {
            bytes: vec![0; PIECE],
            start: 0,
            end: 0,
        }
    }
}

impl<'a> Splice<'a> {
    fn new(from: Inside<'a>, to: Inside<'a>, at: &'static Location<'static>) -> Splice<'a> {
        Splice {
            from: Waiting::new(from.0, at, Direction::Read),
            to: Waiting::new(to.0, at, Direction::Write),
            way: Way::Unmade,
            copied: 0,
            ended: false,
        }
    }

    /// How many bytes the receiving socket has taken so far.
    pub fn copied(&self) -> u64 {
        self.copied
    }

    /// Fills what is between. `Ok(0)` is the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let from = &mut self.from;
        let polled = match &mut self.way {
            Way::Unmade => return Poll::Ready(Ok(0)),
            Way::Kernel(pipe) => from.poll_read(cx, |fd| pipe.fill(fd)),
            Way::Buffer { bytes, start, end } => {
                let none = RecvFlags::empty();
                let polled = from.poll_read(cx, |fd| descriptor::recv(fd, bytes, none));
                if let Poll::Ready(Ok(got)) = &polled {
                    (*start, *end) = (0, *got);
                }
                polled
            }
        };
        from.finish(cx, polled)
    }

    /// Empties what is between, which has something.
    fn poll_empty(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let to = &mut self.to;
        let polled = match &mut self.way {
            Way::Unmade => return Poll::Ready(Ok(0)),
            Way::Kernel(pipe) => to.poll_write(cx, |fd| pipe.empty(fd)),
            Way::Buffer { bytes, start, end } => {
                let rest = &bytes[*start..*end];
                let polled = to.poll_write(cx, |fd| descriptor::send(fd, rest));
                if let Poll::Ready(Ok(taken)) = &polled {
                    *start += taken;
                }
                polled
            }
        };
        to.finish(cx, polled)
    }

    fn held(&self) -> usize {
        match &self.way {
            Way::Unmade => 0,
            Way::Kernel(pipe) => pipe.held(),
            Way::Buffer { start, end, .. } => end - start,
        }
    }

    fn poll_all(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Way::Unmade = self.way {
            self.way = match Pipe::new()? {
                Some(pipe) => Way::Kernel(pipe),
                None => Way::buffer(),
            };
        }
        while !self.ended {
            while self.held() > 0 {
                match ready!(self.poll_empty(cx))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    taken => self.copied += taken as u64,
                }
            }
            match ready!(self.poll_fill(cx)) {
                Ok(0) => self.ended = true,
                Ok(_) => {}
                // The kernel has no way between these two; nothing was taken yet.
                Err(error) if no_way(&error) => {
                    let Way::Kernel(_) = self.way else {
                        return Poll::Ready(Err(error));
                    };
                    self.way = Way::buffer();
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        self.way = Way::Unmade; // its descriptors or its memory are free
        Poll::Ready(Ok(()))
    }

    /// As `poll_all`, and tells the receiver of the end, once.
    fn poll_and_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.ended {
            ready!(self.poll_all(cx))?;
            let to: &Handle = self.to.handle;
            to.stop_writing();
        }
        Poll::Ready(Ok(()))
    }
}

impl Future for Splice<'_> {
    type Output = io::Result<u64>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if !this.ended {
            ready!(this.poll_all(cx))?;
        }
        Poll::Ready(Ok(this.copied))
    }
}

/// Future of [`splice_bidirectional`].
#[derive(Debug)]
#[must_use = "nothing is copied until this is awaited"]
pub struct SpliceBidirectional<'a> {
    forth: Splice<'a>,
    back: Splice<'a>,
    back_first: bool,
}

impl SpliceBidirectional<'_> {
    /// How many bytes have gone from the first to the second so far, and back.
    pub fn copied(&self) -> (u64, u64) {
        (self.forth.copied, self.back.copied)
    }
}

impl Future for SpliceBidirectional<'_> {
    type Output = io::Result<(u64, u64)>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        // One that never has to wait spends all that a poll may do: so each is the first every other time.
        this.back_first = !this.back_first;
        let (forth, back);
        if this.back_first {
            back = this.back.poll_and_close(cx)?;
            forth = this.forth.poll_and_close(cx)?;
        } else {
            forth = this.forth.poll_and_close(cx)?;
            back = this.back.poll_and_close(cx)?;
        }
        if forth.is_pending() || back.is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(Ok(this.copied()))
    }
}

impl fmt::Debug for Splice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Splice")
            .field("from", &self.from)
            .field("to", &self.to)
            .field("copied", &self.copied)
            .field("between", &self.held())
            .finish()
    }
}
