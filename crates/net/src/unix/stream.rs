//! A connection over a Unix socket.

use std::fmt;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::panic::Location;
use std::time::Duration;

use evlet_hub::Io;
use rustix::net::{AddressFamily, SocketType};

use super::addr::{ToUnixAddr, UnixAddr};
use super::connect::ConnectUnix;
use super::credentials::{self, PeerCredentials};
use super::rights::{RecvFds, SendFds};
use crate::chunk::RecvChunk;
use crate::descriptor;
use crate::make_file::MakeFile;
use crate::socket::{Handle, Plug};
use crate::split::{OwnedReadHalf, OwnedWriteHalf, split};
use crate::transfer::{Recv, SendAll, SendOnce};

/// A connection over a Unix socket: a [`TcpStream`](crate::TcpStream) in all that both have, with
/// the peer's credentials and the passing of descriptors beside it.
///
/// ```
/// use evlet_net::{UnixListener, UnixStream};
///
/// evlet_hub::run(async {
///     let (one, other) = UnixStream::pair()?;
///     one.send_all(b"between us").await?;
///     let mut buf = [0; 100];
///     let n = other.recv(&mut buf).await?;
///     assert_eq!(&buf[..n], b"between us");
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixStream {
    pub(crate) handle: Handle,
}

impl UnixStream {
    pub(super) fn new(io: Io<Plug>, at: &'static Location<'static>) -> UnixStream {
        UnixStream {
            handle: Handle::with_short_reads(io, at),
        }
    }

    /// Connects to the socket that is called `addr`: a path, or `"@name"` for an abstract name.
    ///
    /// A server whose backlog is full lets it wait: the kernel offers nothing to wait on there, so
    /// it asks again after 1 ms, then 2, up to 100. Put [`evlet_hub::timeout`] around it.
    ///
    /// # Errors
    /// [`UnixError`](crate::UnixError) inside an [`io::Error`] names the address and says what to
    /// do: `NotFound` when there is no such path, `ConnectionRefused` when nobody listens there.
    ///
    /// # Cancel safety
    /// Dropping the future closes the socket.
    #[track_caller]
    pub fn connect(addr: impl ToUnixAddr) -> ConnectUnix {
        ConnectUnix::new(addr.to_unix_addr(), Location::caller())
    }

    /// Two streams, connected to each other.
    ///
    /// # Errors
    /// When descriptors run out, and outside a running hub.
    #[track_caller]
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let at = Location::caller();
        let (one, other) = descriptor::new_pair(SocketType::STREAM)?;
        let one = UnixStream::new(Io::new_nonblocking(Plug::from(one))?, at);
        Ok((
            one,
            UnixStream::new(Io::new_nonblocking(Plug::from(other))?, at),
        ))
    }

    /// Takes over a connection of the standard library. It becomes non-blocking.
    ///
    /// # Errors
    /// Outside a running hub, and when the kernel cannot watch one more descriptor.
    #[track_caller]
    pub fn from_std(stream: std::os::unix::net::UnixStream) -> io::Result<UnixStream> {
        let at = Location::caller();
        Ok(UnixStream::new(
            Io::new(Plug::from(OwnedFd::from(stream)))?,
            at,
        ))
    }

    /// As [`TcpStream::recv`](crate::TcpStream::recv). Descriptors that come along with the bytes
    /// are closed by the kernel: call [`recv_fds`](Self::recv_fds) where some are expected.
    ///
    /// # Errors
    /// The same.
    ///
    /// # Cancel safety
    /// Dropping the future loses no byte.
    #[track_caller]
    pub fn recv<'a>(&'a self, buf: &'a mut [u8]) -> Recv<'a> {
        Recv::new(&self.handle, Location::caller(), buf)
    }

    /// As [`TcpStream::recv_chunk`](crate::TcpStream::recv_chunk), and as [`recv`](Self::recv) for descriptors.
    ///
    /// # Errors
    /// The same.
    ///
    /// # Cancel safety
    /// Dropping the future loses no byte.
    #[track_caller]
    pub fn recv_chunk(&self, max: usize) -> RecvChunk<'_> {
        RecvChunk::new(&self.handle, Location::caller(), max)
    }

    /// As [`TcpStream::peek`](crate::TcpStream::peek).
    ///
    /// # Errors
    /// The same.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    #[track_caller]
    pub fn peek<'a>(&'a self, buf: &'a mut [u8]) -> Recv<'a> {
        Recv::peek(&self.handle, Location::caller(), buf)
    }

    /// As [`TcpStream::send`](crate::TcpStream::send).
    ///
    /// # Errors
    /// The same.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, it has sent nothing.
    #[track_caller]
    pub fn send<'a>(&'a self, data: &'a [u8]) -> SendOnce<'a> {
        SendOnce::new(&self.handle, Location::caller(), data)
    }

    /// As [`TcpStream::send_all`](crate::TcpStream::send_all).
    ///
    /// # Errors
    /// The same.
    ///
    /// # Cancel safety
    /// A part may have been sent; [`SendAll::sent`] tells how much.
    #[track_caller]
    pub fn send_all<'a>(&'a self, data: &'a [u8]) -> SendAll<'a> {
        SendAll::new(&self.handle, Location::caller(), data)
    }

    /// Sends `data`, which may not be empty, with descriptors: the peer gets copies of them, as
    /// `dup` makes. Returns how many bytes were taken; the descriptors go with the first of them.
    ///
    /// # Errors
    /// `InvalidInput` when `data` is empty or there are more than [`FDS_AT_ONCE`](crate::FDS_AT_ONCE)
    /// descriptors; otherwise as for [`send`](Self::send).
    ///
    /// # Cancel safety
    /// Dropped before it is ready, it has sent nothing.
    ///
    /// ```
    /// use std::io::Read;
    /// use std::os::fd::AsFd;
    /// use evlet_net::UnixStream;
    ///
    /// evlet_hub::run(async {
    ///     let (one, other) = UnixStream::pair()?;
    ///     let null = std::fs::File::open("/dev/null")?;
    ///     one.send_fds(b"a file", &[null.as_fd()]).await?;
    ///
    ///     let mut buf = [0; 100];
    ///     let (n, mut fds) = other.recv_fds(&mut buf).await?;
    ///     assert_eq!(&buf[..n], b"a file");
    ///     let mut file = std::fs::File::from(fds.remove(0));
    ///     assert_eq!(file.read(&mut [0; 1])?, 0);
    ///     Ok::<(), std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn send_fds<'a>(&'a self, data: &'a [u8], fds: &'a [BorrowedFd<'a>]) -> SendFds<'a> {
        SendFds::new(&self.handle, Location::caller(), data, fds)
    }

    /// Receives bytes, and the descriptors that came with them, which are close-on-exec.
    ///
    /// # Errors
    /// `InvalidInput` when `buf` is empty; `InvalidData` when the peer sent more than
    /// [`FDS_AT_ONCE`](crate::FDS_AT_ONCE) descriptors or this process may not have more: none is
    /// kept then. Otherwise as for [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Dropping the future loses no byte and no descriptor.
    #[track_caller]
    pub fn recv_fds<'a>(&'a self, buf: &'a mut [u8]) -> RecvFds<'a> {
        RecvFds::new(&self.handle, Location::caller(), buf)
    }

    /// As [`TcpStream::makefile`](crate::TcpStream::makefile).
    #[track_caller]
    pub fn makefile(&self) -> MakeFile<UnixStream> {
        MakeFile::new(UnixStream {
            handle: self.handle.share(Location::caller()),
        })
    }

    /// As [`TcpStream::shutdown`](crate::TcpStream::shutdown).
    ///
    /// # Errors
    /// The kernel's.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if self.handle.is_closed() {
            return Ok(());
        }
        descriptor::shutdown(self.handle.fd(), how)
    }

    /// As [`TcpStream::set_timeout`](crate::TcpStream::set_timeout).
    pub fn set_timeout(&self, limit: impl Into<Option<Duration>>) {
        self.handle.set_timeout(limit.into());
    }

    /// The limit set with [`set_timeout`](Self::set_timeout).
    pub fn timeout(&self) -> Option<Duration> {
        self.handle.timeout()
    }

    /// Who is at the other end: see [`PeerCredentials`].
    ///
    /// # Errors
    /// `Unsupported` on other systems than Linux, for now.
    ///
    /// ```
    /// # evlet_hub::run(async {
    /// # if !cfg!(target_os = "linux") { return Ok(()); }
    /// let (one, _other) = evlet_net::UnixStream::pair()?;
    /// assert_eq!(one.peer_credentials()?.pid, Some(std::process::id()));
    /// # Ok::<(), std::io::Error>(())
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peer_credentials(&self) -> io::Result<PeerCredentials> {
        credentials::of(self.handle.fd())
    }

    /// What the other end is called: usually nothing, if it is the one that connected.
    ///
    /// # Errors
    /// The kernel's.
    pub fn peer_addr(&self) -> io::Result<UnixAddr> {
        descriptor_peer(self.handle.fd())
    }

    /// What this end is called.
    ///
    /// # Errors
    /// The kernel's.
    pub fn local_addr(&self) -> io::Result<UnixAddr> {
        descriptor_local(self.handle.fd())
    }

    /// As [`TcpStream::close`](crate::TcpStream::close).
    pub fn close(&self) {
        self.handle.close();
    }

    /// Two owned halves, as of [`TcpStream::split`](crate::TcpStream::split).
    #[track_caller]
    pub fn split(self) -> (OwnedReadHalf<UnixStream>, OwnedWriteHalf<UnixStream>) {
        split(self.handle, Location::caller())
    }

    /// The same as [`split`](Self::split); see [`TcpStream::into_split`](crate::TcpStream::into_split).
    #[track_caller]
    pub fn into_split(self) -> (OwnedReadHalf<UnixStream>, OwnedWriteHalf<UnixStream>) {
        self.split()
    }
}

pub(super) fn descriptor_peer(fd: impl AsFd) -> io::Result<UnixAddr> {
    Ok(UnixAddr::from_kernel(rustix::net::getpeername(fd)?))
}

pub(super) fn descriptor_local(fd: impl AsFd) -> io::Result<UnixAddr> {
    Ok(UnixAddr::from_kernel(Some(rustix::net::getsockname(fd)?)))
}

/// A new stream socket.
pub(super) fn new_socket() -> io::Result<OwnedFd> {
    descriptor::new_socket(AddressFamily::UNIX, SocketType::STREAM, None)
}

impl AsFd for UnixStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.fd().as_fd()
    }
}

impl fmt::Debug for UnixStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("UnixStream");
        debug.field("fd", &self.handle.fd().as_raw_fd());
        if let Ok(peer) = self.peer_addr() {
            debug.field("peer", &format_args!("{peer}"));
        }
        debug.finish()
    }
}
