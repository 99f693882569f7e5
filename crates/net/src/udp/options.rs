//! How a UDP socket is made.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::panic::Location;

use evlet_hub::sys::CallKind;
use rustix::net::{AddressFamily, SocketType, ipproto, sockopt};

use super::address;
use super::socket::UdpSocket;
use crate::addr::ToAddr;
use crate::descriptor;
use crate::listen_error::ListenError;
use crate::tries::Try;

/// How to bind a UDP socket.
///
/// ```
/// use evlet_net::UdpOptions;
/// evlet_hub::run(async {
///     // Two programs that listen to the same multicast group share its port.
///     let options = UdpOptions::new().reuse_addr(true).reuse_port(true);
///     let first = options.bind("127.0.0.1:0")?;
///     let second = options.bind(first.local_addr()?)?;
///     assert_eq!(first.local_addr()?, second.local_addr()?);
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "options do nothing until `bind` is called on them"]
pub struct UdpOptions {
    reuse_addr: bool,
    reuse_port: bool,
    broadcast: bool,
    only_v6: Option<bool>,
    recv_buffer: Option<usize>,
    send_buffer: Option<usize>,
}

impl UdpOptions {
    /// The defaults: those of [`UdpSocket::bind`].
    pub fn new() -> Self {
        UdpOptions::default()
    }

    /// Whether others that ask for it too may bind to the same address (`SO_REUSEADDR`): each of
    /// them gets what is sent to a multicast group, and one of them what is sent to the address.
    /// Off unless set.
    pub fn reuse_addr(mut self, on: bool) -> Self {
        self.reuse_addr = on;
        self
    }

    /// Whether several sockets share the port (`SO_REUSEPORT`): on Linux the kernel spreads the
    /// senders over them. Off unless set.
    pub fn reuse_port(mut self, on: bool) -> Self {
        self.reuse_port = on;
        self
    }

    /// Whether it may send to a broadcast address. Off unless set.
    pub fn broadcast(mut self, on: bool) -> Self {
        self.broadcast = on;
        self
    }

    /// Whether an IPv6 socket leaves IPv4 alone. The system's choice unless set.
    pub fn only_v6(mut self, on: bool) -> Self {
        self.only_v6 = Some(on);
        self
    }

    /// The kernel's buffer for what has arrived, in bytes; what does not fit is lost. The kernel
    /// has an upper limit (`net.core.rmem_max` on Linux), and counts its own books in.
    pub fn recv_buffer(mut self, bytes: usize) -> Self {
        self.recv_buffer = Some(bytes);
        self
    }

    /// The kernel's buffer for what is to be sent, in bytes.
    pub fn send_buffer(mut self, bytes: usize) -> Self {
        self.send_buffer = Some(bytes);
        self
    }

    /// Makes a socket that is bound to `addr`.
    ///
    /// # Errors
    /// As for [`UdpSocket::bind`].
    #[track_caller]
    pub fn bind(&self, addr: impl ToAddr) -> io::Result<UdpSocket> {
        let at = Location::caller();
        let (given, addrs) = address::to_bind_to(addr)?;
        let mut tries = Vec::new();
        for addr in addrs {
            match self.open(addr) {
                Ok(fd) => return UdpSocket::new(fd, at),
                Err(error) => tries.push(Try { addr, error }),
            }
        }
        Err(ListenError::new(given, tries).into())
    }

    fn open(&self, addr: SocketAddr) -> io::Result<OwnedFd> {
        let family = match addr {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        };
        let made = descriptor::new_socket(family, SocketType::DGRAM, Some(ipproto::UDP))?;
        let fd = &made;
        descriptor::again(CallKind::SetOption, Some(fd), || {
            if self.reuse_addr {
                sockopt::set_socket_reuseaddr(fd, true)?;
            }
            if self.reuse_port {
                sockopt::set_socket_reuseport(fd, true)?;
            }
            if self.broadcast {
                sockopt::set_socket_broadcast(fd, true)?;
            }
            if let (true, Some(on)) = (addr.is_ipv6(), self.only_v6) {
                sockopt::set_ipv6_v6only(fd, on)?;
            }
            if let Some(bytes) = self.recv_buffer {
                sockopt::set_socket_recv_buffer_size(fd, bytes)?;
            }
            if let Some(bytes) = self.send_buffer {
                sockopt::set_socket_send_buffer_size(fd, bytes)?;
            }
            Ok(())
        })?;
        descriptor::again(CallKind::Bind, Some(fd), || rustix::net::bind(fd, &addr))?;
        Ok(made)
    }
}
