//! A TCP connection.
//!
//! Two ways to use it. The eventlet way: [`recv`](TcpStream::recv), [`send`](TcpStream::send),
//! [`send_all`](TcpStream::send_all) with a limit for each operation
//! ([`set_timeout`](TcpStream::set_timeout)), and a file of lines ([`TcpStream::makefile`]). The
//! way of the async ecosystem: `futures::io::{AsyncRead, AsyncWrite}`, in `stream_traits.rs`.
//!
//! Nagle's delay is off (`TCP_NODELAY` on) from the start, where eventlet and the standard library
//! leave it on: the programs this is made for ask and answer, and a small write that follows
//! another would wait for the peer's delayed acknowledgement, 40 ms each time. Who sends many tiny
//! pieces gathers them in a [`MakeFile`], or calls `set_nodelay(false)`.

use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::panic::Location;
use std::time::Duration;

use evlet_hub::Io;

use crate::chunk::RecvChunk;
use crate::descriptor;
use crate::make_file::MakeFile;
use crate::socket::{Handle, Plug};
use crate::split::{OwnedReadHalf, OwnedWriteHalf, split};
use crate::transfer::{Recv, SendAll, SendOnce};

/// A TCP connection.
///
/// Made by [`connect`](crate::connect), [`TcpListener::accept`](crate::TcpListener::accept) or
/// [`from_std`](TcpStream::from_std). One green thread may receive while another sends. A second
/// one that wants to receive at the same time gets an error that names the first (promise C-4).
///
/// Dropping it closes the connection, unless a file made from it or a half still lives.
///
/// ```
/// use evlet_net::{connect, listen};
///
/// evlet_hub::run(async {
///     let listener = listen("127.0.0.1:0")?;
///     let addr = listener.local_addr()?;
///     evlet_hub::spawn_n(async move {
///         let (stream, _peer) = listener.accept().await.unwrap();
///         stream.send_all(b"welcome\n").await.unwrap();
///     });
///
///     let stream = connect(addr).await?;
///     let mut buf = [0; 100];
///     let n = stream.recv(&mut buf).await?;
///     assert_eq!(&buf[..n], b"welcome\n");
///     assert_eq!(stream.recv(&mut buf).await?, 0); // the peer has ended
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TcpStream {
    pub(crate) handle: Handle,
}

impl TcpStream {
    pub(crate) fn new(io: Io<Plug>, at: &'static Location<'static>) -> TcpStream {
        TcpStream {
            handle: Handle::new(io, at),
        }
    }

    /// Takes over a connection of the standard library. It becomes non-blocking; its options stay
    /// as they are.
    ///
    /// # Errors
    /// Outside a running hub, and when the kernel cannot watch one more descriptor.
    #[track_caller]
    pub fn from_std(stream: std::net::TcpStream) -> io::Result<TcpStream> {
        let at = Location::caller();
        let lingers = rustix::net::sockopt::socket_linger(&stream)?.is_some_and(|t| !t.is_zero());
        let stream = TcpStream::new(Io::new(Plug::from(OwnedFd::from(stream)))?, at);
        stream.handle.closes_elsewhere(lingers);
        Ok(stream)
    }

    /// Receives what has arrived, up to the size of `buf`, and waits if nothing has. Zero means
    /// that the peer has ended its side.
    ///
    /// An empty `buf` gives zero at once. (eventlet waits for data then.)
    ///
    /// # Errors
    /// The kernel's. A connection that the peer reset gives `ConnectionReset`, once, and end of
    /// stream from then on; eventlet turns the reset itself into an end of stream, so that a cut
    /// transfer looks like a complete one. `TimedOut` after [`set_timeout`](Self::set_timeout);
    /// `NotConnected` after [`close`](Self::close); an error that names the other when another
    /// green thread is receiving.
    ///
    /// # Cancel safety
    /// Dropping the future loses no byte.
    #[track_caller]
    #[inline]
    pub fn recv<'a>(&'a self, buf: &'a mut [u8]) -> Recv<'a> {
        Recv::new(&self.handle, Location::caller(), buf)
    }

    /// Receives what has arrived, up to `max` bytes and [`CHUNK_LIMIT`](crate::CHUNK_LIMIT), in a buffer that is lent when there
    /// are some: a connection that waits holds none. An empty chunk means that the peer has ended its side.
    ///
    /// This is eventlet's `recv(size)`. With many connections it is also what is quickest: the buffer that the last one
    /// gave back is still in the processor's cache. A `max` of zero gives an empty chunk at once.
    ///
    /// # Errors
    /// As for [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Dropping the future loses no byte.
    ///
    /// ```
    /// # use evlet_net::{connect, listen, serve};
    /// # evlet_hub::run(async {
    /// # let listener = listen("127.0.0.1:0")?;
    /// # let addr = listener.local_addr()?;
    /// evlet_hub::spawn_n(serve(listener, |stream, _peer| async move {
    ///     loop {
    ///         let chunk = stream.recv_chunk(16 * 1024).await?;
    ///         if chunk.is_empty() {
    ///             return Ok::<(), std::io::Error>(());
    ///         }
    ///         stream.send_all(&chunk).await?;
    ///     }
    /// }));
    /// # let stream = connect(addr).await?;
    /// # stream.send_all(b"again").await?;
    /// # assert_eq!(&*stream.recv_chunk(100).await?, b"again");
    /// # Ok::<(), std::io::Error>(())
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    #[inline]
    pub fn recv_chunk(&self, max: usize) -> RecvChunk<'_> {
        RecvChunk::new(&self.handle, Location::caller(), max)
    }

    /// Like [`recv`](Self::recv), and leaves the bytes to be received again.
    ///
    /// # Errors
    /// As for `recv`.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    #[track_caller]
    pub fn peek<'a>(&'a self, buf: &'a mut [u8]) -> Recv<'a> {
        Recv::peek(&self.handle, Location::caller(), buf)
    }

    /// Sends as much of `data` as the kernel takes in one go, and waits if it takes nothing.
    /// Returns how much that was.
    ///
    /// # Errors
    /// The kernel's: `BrokenPipe` or `ConnectionReset` when the peer is gone. Never a signal. Those
    /// of [`recv`](Self::recv) otherwise.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, it has sent nothing.
    #[track_caller]
    #[inline]
    pub fn send<'a>(&'a self, data: &'a [u8]) -> SendOnce<'a> {
        SendOnce::new(&self.handle, Location::caller(), data)
    }

    /// Sends all of `data`. The limit of [`set_timeout`](Self::set_timeout) starts anew with each
    /// part that the kernel takes, as in eventlet.
    ///
    /// # Errors
    /// As for [`send`](Self::send); a part may have been sent.
    ///
    /// # Cancel safety
    /// A part may have been sent. [`SendAll::sent`] tells how much: keep the future to ask it.
    ///
    /// ```
    /// # use evlet_net::{connect, listen};
    /// # evlet_hub::run(async {
    /// # let listener = listen("127.0.0.1:0")?;
    /// # let stream = connect(listener.local_addr()?).await?;
    /// let data = vec![7; 20_000_000]; // more than the kernel buffers
    /// stream.set_timeout(std::time::Duration::from_millis(20));
    /// let mut sending = stream.send_all(&data);
    /// let error = (&mut sending).await.unwrap_err(); // nobody receives
    /// assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    /// assert!(0 < sending.sent() && sending.sent() < data.len());
    /// # Ok::<(), std::io::Error>(())
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn send_all<'a>(&'a self, data: &'a [u8]) -> SendAll<'a> {
        SendAll::new(&self.handle, Location::caller(), data)
    }

    /// A file of lines over this connection: buffered, with `read_line`, `write` and `flush`.
    ///
    /// It shares the socket. Closing or dropping either leaves the other working; the connection
    /// ends when both are gone, as in eventlet. What the file has read ahead is not there for
    /// [`recv`](Self::recv) any more.
    ///
    /// # Panics
    /// Never: a file made from a closed stream gives errors when it is used.
    #[track_caller]
    pub fn makefile(&self) -> MakeFile<TcpStream> {
        let at = Location::caller();
        MakeFile::new(TcpStream {
            handle: self.handle.share(at),
        })
    }

    /// Ends one or both directions. `Shutdown::Write` tells the peer that no more comes;
    /// receiving goes on.
    ///
    /// It acts on the socket itself, whoever shares it, and wakes who waits on it. A connection
    /// that is gone already has nothing to end: that is `Ok`, as with eventlet's `shutdown_safe`.
    ///
    /// # Errors
    /// The kernel's.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if self.handle.is_closed() {
            return Ok(());
        }
        descriptor::shutdown(self.handle.fd(), how)
    }

    /// Limits how long each operation may wait without getting on. `None` waits for ever, which
    /// is the default; zero never waits and gives `WouldBlock` instead.
    ///
    /// The limit belongs to the connection, and files and halves made from it keep it too. Through
    /// `AsyncRead` and `AsyncWrite` it runs from the first poll that has to wait to the next byte
    /// that moves: such a read that is given up and taken up again later does not start anew.
    ///
    /// ```
    /// # use evlet_net::{connect, listen};
    /// use std::{io::ErrorKind, time::Duration};
    /// # evlet_hub::run(async {
    /// # let listener = listen("127.0.0.1:0")?;
    /// # let stream = connect(listener.local_addr()?).await?;
    /// stream.set_timeout(Duration::from_millis(10));
    /// assert_eq!(stream.recv(&mut [0]).await.unwrap_err().kind(), ErrorKind::TimedOut);
    /// stream.set_timeout(Duration::ZERO);
    /// assert_eq!(stream.recv(&mut [0]).await.unwrap_err().kind(), ErrorKind::WouldBlock);
    /// stream.set_timeout(None);
    /// # Ok::<(), std::io::Error>(())
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_timeout(&self, limit: impl Into<Option<Duration>>) {
        self.handle.set_timeout(limit.into());
    }

    /// The limit set with [`set_timeout`](Self::set_timeout).
    pub fn timeout(&self) -> Option<Duration> {
        self.handle.timeout()
    }

    /// Whether small pieces are sent at once instead of being gathered. On by default; see the top
    /// of the module for why.
    ///
    /// # Errors
    /// The kernel's.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        descriptor::set_nodelay(self.handle.fd(), on)
    }

    /// Whether small pieces are sent at once.
    ///
    /// # Errors
    /// The kernel's.
    pub fn nodelay(&self) -> io::Result<bool> {
        Ok(rustix::net::sockopt::tcp_nodelay(self.handle.fd())?)
    }

    /// The other end's address.
    ///
    /// # Errors
    /// `NotConnected` when the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        descriptor::peer_addr(self.handle.fd())
    }

    /// This end's address.
    ///
    /// # Errors
    /// The kernel's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        descriptor::local_addr(self.handle.fd())
    }

    /// Ends the use of this stream, also for those that share it by reference: who waits on it
    /// wakes with `NotConnected`, what comes later fails so too, and the peer gets its end of
    /// stream. A file made from it lives on; then the connection ends with the file.
    ///
    /// Doing it twice is doing it once. The descriptor number is free when the stream is dropped,
    /// which by itself closes as well: call this to close while someone else holds a reference.
    ///
    /// (`AsyncWriteExt::close` of the futures crate is another thing: it ends only the writing.)
    pub fn close(&self) {
        self.handle.close();
    }

    /// Two owned halves, for two green threads.
    ///
    /// Dropping the write half tells the peer that no more comes. Both together make the stream
    /// again ([`OwnedReadHalf::reunite`]).
    #[track_caller]
    pub fn split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        split(self.handle, Location::caller())
    }

    /// The same as [`split`](Self::split), which elsewhere lends its halves. To lend a stream to two
    /// futures of one green thread take `&stream` twice: references read and write as well.
    #[track_caller]
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        self.split()
    }
}

impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.fd().as_fd()
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("TcpStream");
        debug.field("fd", &self.handle.fd().as_raw_fd());
        if let Ok(local) = self.local_addr() {
            debug.field("local", &local);
        }
        if let Ok(peer) = self.peer_addr() {
            debug.field("peer", &peer);
        }
        debug.finish()
    }
}
