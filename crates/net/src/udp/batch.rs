//! Many datagrams in one turn.
//!
//! A busy receiver would give the hub its turn back after each datagram. A batch waits for the
//! first and takes what else has arrived: on Linux with one system call for 64 of them
//! (`recvmmsg`), elsewhere one for each (see decision 0060).

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use evlet_hub::sys;
use rustix::io::Errno;
use rustix::net::RecvFlags;

use crate::datagram::{DatagramCut, FromKernel, recv_one};
use crate::descriptor;
use crate::socket::{Direction, Handle};
use crate::transfer::Waiting;

/// Room for a number of datagrams, and those that were received last. It is allocated once and
/// used again.
///
/// ```
/// use evlet_net::{DatagramBatch, UdpSocket};
/// evlet_hub::run(async {
///     let receiver = UdpSocket::bind("127.0.0.1:0")?;
///     let sender = UdpSocket::bind("127.0.0.1:0")?;
///     for word in ["one", "two", "three"] {
///         sender.send_to(word.as_bytes(), receiver.local_addr()?).await?;
///     }
///     let mut batch = DatagramBatch::new(64, 1500);
///     let mut words = Vec::new();
///     while words.len() < 3 {
///         receiver.recv_batch(&mut batch).await?;
///         for (datagram, from) in batch.iter() {
///             assert_eq!(from, sender.local_addr()?);
///             words.push(String::from_utf8(datagram?.to_vec()).unwrap());
///         }
///     }
///     assert_eq!(words, ["one", "two", "three"]);
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct DatagramBatch {
    room: Vec<u8>,
    size: usize,
    most: usize,
    taken: Vec<Taken>,
}

#[derive(Debug, Clone, Copy)]
struct Taken {
    len: usize,
    cut: Option<DatagramCut>,
    from: SocketAddr,
}

impl DatagramBatch {
    /// Room for `most` datagrams of up to `size` bytes each. Zero counts as one for both.
    pub fn new(most: usize, size: usize) -> DatagramBatch {
        let (most, size) = (most.max(1), size.max(1));
        DatagramBatch {
            room: vec![0; most.saturating_mul(size)],
            size,
            most,
            taken: Vec::with_capacity(most),
        }
    }

    /// How many datagrams were received last.
    pub fn len(&self) -> usize {
        self.taken.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }

    /// The datagrams that were received last, in order, each with its sender. One that did not fit
    /// is its error.
    pub fn iter(&self) -> Datagrams<'_> {
        Datagrams {
            batch: self,
            next: 0,
        }
    }

    /// Takes what has arrived, as far as there is room.
    fn fill(&mut self, fd: &OwnedFd) -> io::Result<usize> {
        self.taken.clear();
        while self.taken.len() < self.most {
            match self.take_some(fd) {
                Ok(More::Perhaps) => {}
                Ok(More::No) => break,
                // What has come is handed out; an error that stays comes again.
                Err(_) if !self.taken.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(self.taken.len())
    }

    /// One system call, for as many as it takes.
    fn take_some(&mut self, fd: &OwnedFd) -> io::Result<More> {
        let (size, have) = (self.size, self.taken.len());
        let room = &mut self.room[have * size..self.most * size];
        let taken = &mut self.taken;
        let mut stranger = false;
        let many = descriptor::recv_many(fd, room, size, |one| match one.from {
            Some(from) => taken.push(Taken::of(&one, from, size)),
            None => stranger = true,
        });
        match many {
            Ok(_) if stranger => Err(Errno::AFNOSUPPORT.into()),
            Ok(got) if got < (self.most - have).min(sys::RECV_AT_ONCE) => Ok(More::No),
            Ok(_) => Ok(More::Perhaps),
            // Not every system has the call, nor every sandbox.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::NOSYS) => self.take_one(fd),
            Err(error) => Err(error),
        }
    }

    fn take_one(&mut self, fd: &OwnedFd) -> io::Result<More> {
        let start = self.taken.len() * self.size;
        let room = &mut self.room[start..start + self.size];
        let got = recv_one(fd, room, RecvFlags::empty())?;
        self.taken.push(Taken {
            len: got.kept,
            cut: got.cut,
            from: SocketAddr::from_kernel(got.from)?,
        });
        Ok(More::Perhaps)
    }
}

/// Whether the kernel may have more.
enum More {
    Perhaps,
    No,
}

impl Taken {
    fn of(one: &sys::Received, from: SocketAddr, size: usize) -> Taken {
        let kept = one.len.min(size);
        let cut = one.cut.then(|| DatagramCut {
            kept,
            len: (one.len > size).then_some(one.len),
        });
        Taken {
            len: kept,
            cut,
            from,
        }
    }
}

impl<'a> IntoIterator for &'a DatagramBatch {
    type Item = (Result<&'a [u8], DatagramCut>, SocketAddr);
    type IntoIter = Datagrams<'a>;

    fn into_iter(self) -> Datagrams<'a> {
        self.iter()
    }
}

/// The datagrams of a [`DatagramBatch`].
#[derive(Debug, Clone)]
pub struct Datagrams<'a> {
    batch: &'a DatagramBatch,
    next: usize,
}

impl<'a> Iterator for Datagrams<'a> {
    type Item = (Result<&'a [u8], DatagramCut>, SocketAddr);

    fn next(&mut self) -> Option<Self::Item> {
        let taken = self.batch.taken.get(self.next)?;
        let start = self.next * self.batch.size;
        self.next += 1;
        let datagram = match taken.cut {
            Some(cut) => Err(cut),
            None => Ok(&self.batch.room[start..start + taken.len]),
        };
        Some((datagram, taken.from))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.batch.taken.len() - self.next.min(self.batch.taken.len());
        (left, Some(left))
    }
}

impl ExactSizeIterator for Datagrams<'_> {}

/// Future of [`UdpSocket::recv_batch`](crate::UdpSocket::recv_batch): how many datagrams.
#[must_use = "nothing is received until this is awaited"]
pub struct RecvBatch<'a> {
    waiting: Waiting<'a>,
    batch: &'a mut DatagramBatch,
}

impl<'a> RecvBatch<'a> {
    pub(super) fn new(
        handle: &'a Handle,
        at: &'static Location<'static>,
        batch: &'a mut DatagramBatch,
    ) -> Self {
        batch.taken.clear();
        RecvBatch {
            waiting: Waiting::new(handle, at, Direction::Read),
            batch,
        }
    }
}

impl Future for RecvBatch<'_> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let batch = &mut *this.batch;
        let polled = this.waiting.poll_read(cx, |fd| batch.fill(fd));
        this.waiting.finish(cx, polled)
    }
}

impl fmt::Debug for DatagramBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramBatch")
            .field("most", &self.most)
            .field("size", &self.size)
            .field("taken", &self.taken.len())
            .finish()
    }
}

impl fmt::Debug for RecvBatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvBatch")
            .field("waiting", &self.waiting)
            .field("batch", &self.batch)
            .finish()
    }
}
