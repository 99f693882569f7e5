//! Options that a socket gets before it connects or listens. Accepted connections inherit theirs
//! from the listener: one call there saves one for each of them.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use evlet_hub::sys::CallKind;
use rustix::net::sockopt;

use super::keep_alive::{self, KeepAlive};
use crate::descriptor;

/// What is set on a TCP socket. `None` leaves the system's choice.
#[derive(Debug, Clone)]
pub(crate) struct SocketOptions {
    pub(crate) nodelay: bool,
    pub(crate) reuse_addr: bool,
    pub(crate) reuse_port: bool,
    pub(crate) only_v6: Option<bool>,
    pub(crate) keep_alive: Option<KeepAlive>,
    pub(crate) user_timeout: Option<Duration>,
    pub(crate) recv_buffer: Option<usize>,
    pub(crate) send_buffer: Option<usize>,
}

impl Default for SocketOptions {
    fn default() -> Self {
        SocketOptions {
            nodelay: true,
            reuse_addr: false,
            reuse_port: false,
            only_v6: None,
            keep_alive: None,
            user_timeout: None,
            recv_buffer: None,
            send_buffer: None,
        }
    }
}

impl SocketOptions {
    pub(crate) fn apply(&self, fd: &OwnedFd, is_v6: bool) -> io::Result<()> {
        descriptor::again(CallKind::SetOption, Some(fd), || {
            if self.reuse_addr {
                sockopt::set_socket_reuseaddr(fd, true)?;
            }
            if self.reuse_port {
                sockopt::set_socket_reuseport(fd, true)?;
            }
            if let (true, Some(on)) = (is_v6, self.only_v6) {
                sockopt::set_ipv6_v6only(fd, on)?;
            }
            // Buffers before the connection: the window is agreed on when it begins.
            if let Some(bytes) = self.recv_buffer {
                sockopt::set_socket_recv_buffer_size(fd, bytes)?;
            }
            if let Some(bytes) = self.send_buffer {
                sockopt::set_socket_send_buffer_size(fd, bytes)?;
            }
            if self.keep_alive.is_some() {
                keep_alive::set(fd, self.keep_alive)?;
            }
            if self.user_timeout.is_some() {
                user_timeout::set(fd, self.user_timeout)?;
            }
            sockopt::set_tcp_nodelay(fd, self.nodelay)
        })
    }
}

/// `TCP_USER_TIMEOUT`, which Linux has.
pub(super) mod user_timeout {
    use super::*;
    use rustix::io::Errno;

    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(in crate::tcp) fn set(fd: &OwnedFd, limit: Option<Duration>) -> rustix::io::Result<()> {
        // Zero is the system's choice there: the shortest is a millisecond.
        let millis = limit.map_or(0, |limit| limit.as_millis().max(1));
        let millis = u32::try_from(millis).map_err(|_| Errno::INVAL)?;
        sockopt::set_tcp_user_timeout(fd, millis)
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(in crate::tcp) fn get(fd: &OwnedFd) -> rustix::io::Result<Option<Duration>> {
        let millis = sockopt::tcp_user_timeout(fd)?;
        Ok((millis > 0).then(|| Duration::from_millis(millis.into())))
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(in crate::tcp) fn set(_: &OwnedFd, _: Option<Duration>) -> rustix::io::Result<()> {
        Err(Errno::OPNOTSUPP)
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(in crate::tcp) fn get(_: &OwnedFd) -> rustix::io::Result<Option<Duration>> {
        Ok(None)
    }
}
