//! A UDP socket.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::panic::Location;
use std::time::Duration;

use evlet_hub::Io;
use rustix::net::{RecvFlags, SocketAddrAny, sockopt};

use super::address;
use super::batch::{DatagramBatch, RecvBatch};
use super::connect::ConnectUdp;
use super::options::UdpOptions;
use crate::addr::ToAddr;
use crate::datagram::{RecvDatagram, RecvFrom, SendDatagram, SendTo};
use crate::descriptor;
use crate::socket::{Handle, Plug};

/// A UDP socket. One green thread may receive while another sends.
///
/// ```
/// use evlet_net::UdpSocket;
///
/// evlet_hub::run(async {
///     let server = UdpSocket::bind("127.0.0.1:0")?;
///     let addr = server.local_addr()?;
///     evlet_hub::spawn_n(async move {
///         let mut buf = [0; 1500];
///         while let Ok((n, from)) = server.recv_from(&mut buf).await {
///             let _ = server.send_to(&buf[..n], from).await;
///         }
///     });
///
///     let client = UdpSocket::bind("127.0.0.1:0")?;
///     client.connect(addr).await?;
///     client.send(b"echo").await?;
///     let mut buf = [0; 1500];
///     assert_eq!(client.recv(&mut buf).await?, 4);
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UdpSocket {
    handle: Handle,
}

impl UdpSocket {
    pub(super) fn new(fd: OwnedFd, at: &'static Location<'static>) -> io::Result<UdpSocket> {
        Ok(UdpSocket {
            handle: Handle::new(Io::new_nonblocking(Plug::from(fd))?, at),
        })
    }

    /// A socket that receives what is sent to `addr`: numeric, `localhost`, or `":53"`, which is
    /// every IPv4 address of this machine. Port 0 takes any that is free. [`UdpOptions`] has more.
    ///
    /// # Errors
    /// [`ListenError`](crate::ListenError) inside an [`io::Error`] names the address and says what
    /// to do; [`AddrError`](crate::AddrError) when it cannot be read or is a name. Outside a
    /// running hub: an error that says so.
    #[track_caller]
    pub fn bind(addr: impl ToAddr) -> io::Result<UdpSocket> {
        UdpOptions::new().bind(addr)
    }

    /// Takes over a socket of the standard library. It becomes non-blocking.
    ///
    /// # Errors
    /// Outside a running hub, and when the kernel cannot watch one more descriptor.
    #[track_caller]
    pub fn from_std(socket: std::net::UdpSocket) -> io::Result<UdpSocket> {
        let at = Location::caller();
        socket.set_nonblocking(true)?;
        UdpSocket::new(OwnedFd::from(socket), at)
    }

    /// Sends to `addr` from now on with [`send`](Self::send), and receives only from there. Only
    /// then does the kernel tell when nobody listens: the next operation gives
    /// `ConnectionRefused`. It may be called again, with another address.
    ///
    /// # Errors
    /// [`ConnectError`](crate::ConnectError) inside an [`io::Error`] lists the addresses and why
    /// none of them will do; [`ResolveError`](crate::ResolveError) when the name has none.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, it has changed nothing.
    #[track_caller]
    pub fn connect(&self, addr: impl ToAddr) -> ConnectUdp<'_> {
        ConnectUdp::new(&self.handle, addr)
    }

    /// Receives a datagram and returns its length and its sender. Zero is the length of an empty
    /// one, never an end.
    ///
    /// # Errors
    /// [`DatagramCut`](crate::DatagramCut) inside an [`io::Error`] when it is longer than `buf`:
    /// its beginning is there, the rest is lost. The kernel's; `ConnectionRefused` on a
    /// [connected](Self::connect) socket when nobody listened to what was sent. `TimedOut` after
    /// [`set_timeout`](Self::set_timeout); `NotConnected` after [`close`](Self::close); an error
    /// that names the other when another green thread is receiving.
    ///
    /// # Cancel safety
    /// Dropping the future loses no datagram.
    #[track_caller]
    pub fn recv_from<'a>(&'a self, buf: &'a mut [u8]) -> RecvFrom<'a> {
        RecvFrom::new(&self.handle, Location::caller(), buf, RecvFlags::empty())
    }

    /// Like [`recv_from`](Self::recv_from), and leaves the datagram to be received again. One that
    /// is longer than `buf` is no error.
    ///
    /// # Errors
    /// As for [`recv_from`](Self::recv_from).
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    #[track_caller]
    pub fn peek_from<'a>(&'a self, buf: &'a mut [u8]) -> RecvFrom<'a> {
        RecvFrom::new(&self.handle, Location::caller(), buf, RecvFlags::PEEK)
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

    /// Waits for a datagram, then takes it and all that have arrived with it, as far as `batch` has
    /// room. Returns how many there are; the batch has them.
    ///
    /// # Errors
    /// As for [`recv_from`](Self::recv_from), but that one which did not fit is an error in its
    /// place in the batch.
    ///
    /// # Cancel safety
    /// Dropping the future loses no datagram.
    #[track_caller]
    pub fn recv_batch<'a>(&'a self, batch: &'a mut DatagramBatch) -> RecvBatch<'a> {
        RecvBatch::new(&self.handle, Location::caller(), batch)
    }

    /// Sends `data` as one datagram to `addr`, which must be numeric: a name would have to be asked
    /// for each time. [`resolve_addr`](crate::resolve_addr) it once, or [`connect`](Self::connect).
    ///
    /// # Errors
    /// [`AddrError`](crate::AddrError) when `addr` cannot be read or is a name. The kernel's:
    /// "message too long" above 65,507 bytes, `PermissionDenied` for a broadcast address without
    /// [`set_broadcast`](Self::set_broadcast).
    ///
    /// # Cancel safety
    /// Dropped before it is ready, it has sent nothing.
    #[track_caller]
    pub fn send_to<'a>(&'a self, data: &'a [u8], addr: impl ToAddr) -> SendTo<'a> {
        let to = address::to_send_to(addr).map(SocketAddrAny::from);
        SendTo::new(&self.handle, Location::caller(), data, to)
    }

    /// Sends `data` as one datagram to where [`connect`](Self::connect) led.
    ///
    /// # Errors
    /// The kernel's: "destination address required" before `connect`, `ConnectionRefused` when
    /// nobody listened to what was sent before.
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

    /// This socket's address, with the port that port 0 became.
    ///
    /// # Errors
    /// The kernel's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        descriptor::local_addr(self.fd())
    }

    /// Where [`connect`](Self::connect) led.
    ///
    /// # Errors
    /// `NotConnected` before that.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        descriptor::peer_addr(self.fd())
    }

    /// The size of the kernel's buffer for what has arrived, as the kernel counts it (Linux: twice
    /// what was asked for).
    ///
    /// # Errors
    /// The kernel's.
    pub fn recv_buffer(&self) -> io::Result<usize> {
        Ok(sockopt::socket_recv_buffer_size(self.fd())?)
    }

    /// Ends the use of this socket, also for those that share it by reference: who waits on it
    /// wakes with `NotConnected`. The port is free when the value is dropped, which by itself
    /// closes as well.
    pub fn close(&self) {
        self.handle.close();
    }

    pub(super) fn fd(&self) -> &OwnedFd {
        self.handle.fd()
    }
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd().as_fd()
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("UdpSocket");
        debug.field("fd", &self.fd().as_raw_fd());
        if let Ok(local) = self.local_addr() {
            debug.field("local", &local);
        }
        if let Ok(peer) = self.peer_addr() {
            debug.field("peer", &peer);
        }
        debug.finish()
    }
}
