//! What is known of one datagram of many.

use std::net::SocketAddr;

/// One datagram of those that [`recv_many`](super::recv_many) took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// How many bytes it had, which may be more than there was room for.
    pub len: usize,
    /// Whether it had more than there was room for.
    pub cut: bool,
    /// Who sent it. `None`: the kernel told no address of IPv4 or IPv6.
    pub from: Option<SocketAddr>,
}
