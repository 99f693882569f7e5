//! Datagrams over Unix sockets.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::panic::Location;
use std::time::Duration;

use evlet_hub::Io;
use rustix::net::{AddressFamily, RecvFlags, SocketAddrAny, SocketType};

use super::addr::{ToUnixAddr, UnixAddr};
use super::connect;
use super::error::{UnixError, UnixStep};
use super::path::{self, OwnPath};
use super::send_to::SendToUnix;
use super::stream::{descriptor_local, descriptor_peer};
use crate::datagram::{FromKernel, RecvDatagram, RecvFrom, SendDatagram};
use crate::descriptor;
use crate::socket::{Handle, Plug};

/// A socket for datagrams to and from others on this machine. They arrive in order and none is
/// lost: a full receiver makes the sender wait.
///
/// Dropping it removes the path that it made, as [`UnixListener`](crate::UnixListener) does.
///
/// ```
/// use evlet_net::UnixDatagram;
/// # if !cfg!(target_os = "linux") { return Ok(()); }
/// # let name = format!("@evlet-doc-datagram-{}", std::process::id());
/// # let name = name.as_str();
/// evlet_hub::run(async {
///     let log = UnixDatagram::bind(name)?; // a path, or "@name"
///     let sender = UnixDatagram::unbound()?;
///     sender.send_to(b"it happened", name).await?;
///     let mut buf = [0; 1000];
///     let (n, from) = log.recv_from(&mut buf).await?;
///     assert_eq!(&buf[..n], b"it happened");
///     assert!(from.is_unnamed());
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixDatagram {
    handle: Handle,
    own: Option<OwnPath>,
}

impl UnixDatagram {
    fn new(fd: OwnedFd, at: &'static Location<'static>) -> io::Result<UnixDatagram> {
        Ok(UnixDatagram {
            handle: Handle::new(Io::new_nonblocking(Plug::from(fd))?, at),
            own: None,
        })
    }

    /// A socket that receives what is sent to `addr`: a path, or `"@name"` for an abstract name.
    /// A dead socket's path is taken over, a live one's is not.
    ///
    /// # Errors
    /// [`UnixError`](crate::UnixError) inside an [`io::Error`], as for
    /// [`UnixListener::bind`](crate::UnixListener::bind).
    #[track_caller]
    pub fn bind(addr: impl ToUnixAddr) -> io::Result<UnixDatagram> {
        let addr = addr.to_unix_addr();
        let mut socket = UnixDatagram::unbound()?;
        match path::bind(socket.handle.fd(), &addr, true) {
            Ok(own) => socket.own = own,
            Err(error) => return Err(UnixError::io(UnixStep::Bind, addr, error)),
        }
        Ok(socket)
    }

    /// A socket without a name: it sends, and nobody can answer.
    ///
    /// # Errors
    /// When descriptors run out, and outside a running hub.
    #[track_caller]
    pub fn unbound() -> io::Result<UnixDatagram> {
        UnixDatagram::new(new_socket()?, Location::caller())
    }

    /// Two sockets, connected to each other.
    ///
    /// # Errors
    /// When descriptors run out, and outside a running hub.
    #[track_caller]
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let at = Location::caller();
        let (one, other) = descriptor::new_pair(SocketType::DGRAM)?;
        Ok((UnixDatagram::new(one, at)?, UnixDatagram::new(other, at)?))
    }

    /// Takes over a socket of the standard library. It becomes non-blocking; nobody removes its
    /// path.
    ///
    /// # Errors
    /// Outside a running hub, and when the kernel cannot watch one more descriptor.
    #[track_caller]
    pub fn from_std(socket: std::os::unix::net::UnixDatagram) -> io::Result<UnixDatagram> {
        let at = Location::caller();
        socket.set_nonblocking(true)?;
        UnixDatagram::new(OwnedFd::from(socket), at)
    }

    /// Sends to `addr` from now on with [`send`](Self::send), and receives only from there. It may
    /// be called again, with another address.
    ///
    /// # Errors
    /// [`UnixError`](crate::UnixError) inside an [`io::Error`].
    pub fn connect(&self, addr: impl ToUnixAddr) -> io::Result<()> {
        let addr = addr.to_unix_addr();
        let connected = addr
            .to_kernel()
            .and_then(|kernel| connect::connect(self.handle.fd(), &kernel));
        connected.map_err(|error| UnixError::io(UnixStep::Connect, addr, error))
    }

    /// Receives a datagram and returns its length and its sender. Zero is the length of an empty
    /// one, never an end.
    ///
    /// # Errors
    /// [`DatagramCut`](crate::DatagramCut) inside an [`io::Error`] when it is longer than `buf`.
    /// The kernel's; `TimedOut` after [`set_timeout`](Self::set_timeout); `NotConnected` after
    /// [`close`](Self::close).
    ///
    /// # Cancel safety
    /// Dropping the future loses no datagram.
    #[track_caller]
    pub fn recv_from<'a>(&'a self, buf: &'a mut [u8]) -> RecvFrom<'a, UnixAddr> {
        RecvFrom::new(&self.handle, Location::caller(), buf, RecvFlags::empty())
    }

    /// As [`recv_from`](Self::recv_from), without the sender.
    ///
    /// # Errors
    /// The same.
    ///
    /// # Cancel safety
    /// Dropping the future loses no datagram.
    #[track_caller]
    pub fn recv<'a>(&'a self, buf: &'a mut [u8]) -> RecvDatagram<'a> {
        RecvDatagram::new(&self.handle, Location::caller(), buf, RecvFlags::empty())
    }

    /// Sends `data` as one datagram to `addr`, and waits while the receiver's queue is full.
    ///
    /// # Errors
    /// [`UnixError`](crate::UnixError) inside an [`io::Error`]: `NotFound` and `ConnectionRefused`
    /// when nobody is there, the kernel's "message too long" when it does not fit into the buffer.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, it has sent nothing.
    #[track_caller]
    pub fn send_to<'a>(&'a self, data: &'a [u8], addr: impl ToUnixAddr) -> SendToUnix<'a> {
        SendToUnix::new(&self.handle, Location::caller(), data, addr.to_unix_addr())
    }

    /// Sends `data` as one datagram to where [`connect`](Self::connect) led.
    ///
    /// # Errors
    /// The kernel's: `NotConnected` before `connect`, `ConnectionRefused` when the receiver is gone.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, it has sent nothing.
    #[track_caller]
    pub fn send<'a>(&'a self, data: &'a [u8]) -> SendDatagram<'a> {
        SendDatagram::new(&self.handle, Location::caller(), data)
    }

    /// How long each operation may wait: see
    /// [`TcpStream::set_timeout`](crate::TcpStream::set_timeout).
    pub fn set_timeout(&self, limit: impl Into<Option<Duration>>) {
        self.handle.set_timeout(limit.into());
    }

    /// The limit set with [`set_timeout`](Self::set_timeout).
    pub fn timeout(&self) -> Option<Duration> {
        self.handle.timeout()
    }

    /// What this socket is called.
    ///
    /// # Errors
    /// The kernel's.
    pub fn local_addr(&self) -> io::Result<UnixAddr> {
        descriptor_local(self.handle.fd())
    }

    /// What the connected one is called.
    ///
    /// # Errors
    /// `NotConnected` before [`connect`](Self::connect).
    pub fn peer_addr(&self) -> io::Result<UnixAddr> {
        descriptor_peer(self.handle.fd())
    }

    /// Ends the use of this socket, also for those that share it by reference, and removes its
    /// path. Who waits on it wakes with `NotConnected`.
    pub fn close(&self) {
        self.handle.close();
        if let Some(own) = &self.own {
            own.remove();
        }
    }
}

/// A new datagram socket.
fn new_socket() -> io::Result<OwnedFd> {
    descriptor::new_socket(AddressFamily::UNIX, SocketType::DGRAM, None)
}

impl FromKernel for UnixAddr {
    fn from_kernel(addr: Option<SocketAddrAny>) -> io::Result<UnixAddr> {
        Ok(UnixAddr::from_kernel(addr))
    }
}

impl Drop for UnixDatagram {
    fn drop(&mut self) {
        if let Some(own) = &self.own {
            own.remove();
        }
    }
}

impl AsFd for UnixDatagram {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.fd().as_fd()
    }
}

impl fmt::Debug for UnixDatagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("UnixDatagram");
        debug.field("fd", &self.handle.fd().as_raw_fd());
        if let Ok(local) = self.local_addr() {
            debug.field("local", &format_args!("{local}"));
        }
        debug.finish()
    }
}
