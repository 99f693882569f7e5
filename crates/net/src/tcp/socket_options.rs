//! Options that a socket gets before it connects or listens. Accepted connections inherit theirs
//! from the listener: one call there saves one for each of them.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use evlet_hub::sys::{self, CallKind};
use rustix::net::sockopt;

use super::keep_alive::{self, KeepAlive};
use super::unsupported::UnsupportedOption;
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
    pub(crate) fast_open: Option<FastOpen>,
}

/// On which side bytes go with the first packet.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FastOpen {
    Connect,
    Listen { queue: u32 },
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
            fast_open: None,
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
            sockopt::set_tcp_nodelay(fd, self.nodelay)
        })?;
        if self.user_timeout.is_some() {
            user_timeout::set(fd, self.user_timeout)?;
        }
        self.fast_open.map_or(Ok(()), |side| side.apply(fd))
    }
}

impl FastOpen {
    fn apply(self, fd: &OwnedFd) -> io::Result<()> {
        let set = descriptor::again_io(CallKind::SetOption, Some(fd), || match self {
            FastOpen::Connect => sys::set_fast_open_connect(fd, true),
            FastOpen::Listen { queue } => sys::set_fast_open_queue(fd, queue),
        });
        set.map_err(|error| match self {
            FastOpen::Connect => UnsupportedOption::FAST_OPEN_CONNECT.name(error),
            FastOpen::Listen { .. } => UnsupportedOption::FAST_OPEN.name(error),
        })
    }
}

/// `TCP_USER_TIMEOUT`, which Linux has.
pub(super) mod user_timeout {
    use super::*;

    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(in crate::tcp) fn set(fd: &OwnedFd, limit: Option<Duration>) -> io::Result<()> {
        // Zero is the system's choice there: the shortest is a millisecond.
        let millis = limit.map_or(0, |limit| limit.as_millis().max(1));
        let millis = u32::try_from(millis).map_err(|_| rustix::io::Errno::INVAL)?;
        let set = descriptor::again(CallKind::SetOption, Some(fd), || {
            sockopt::set_tcp_user_timeout(fd, millis)
        });
        set.map_err(|error| UnsupportedOption::USER_TIMEOUT.name(error))
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(in crate::tcp) fn get(fd: &OwnedFd) -> io::Result<Option<Duration>> {
        let millis = sockopt::tcp_user_timeout(fd)?;
        Ok((millis > 0).then(|| Duration::from_millis(millis.into())))
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(in crate::tcp) fn set(_: &OwnedFd, _: Option<Duration>) -> io::Result<()> {
        Err(UnsupportedOption::USER_TIMEOUT.into())
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(in crate::tcp) fn get(_: &OwnedFd) -> io::Result<Option<Duration>> {
        Ok(None)
    }
}
