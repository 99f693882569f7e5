//! A name that is only a peer's address, in eight bytes.
//!
//! A server names the green thread of each connection after its peer. As text that would be four
//! allocations and 200 bytes for each connection, for a name that nobody reads while all is well. So what is
//! kept is the address, and the text is made when somebody asks.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::num::NonZeroU64;

/// An IPv4 address and a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer(NonZeroU64);

/// Above address and port, so that none is zero.
const MARK: u64 = 1 << 48;

impl Peer {
    /// `None` for what does not fit.
    pub(crate) fn new(addr: SocketAddr) -> Option<Self> {
        let SocketAddr::V4(addr) = addr else {
            return None;
        };
        let ip = u64::from(addr.ip().to_bits());
        Self::from_bits(MARK | ip << 16 | u64::from(addr.port()))
    }

    pub(crate) fn from_bits(bits: u64) -> Option<Self> {
        NonZeroU64::new(bits).map(Peer)
    }

    pub(crate) fn bits(self) -> u64 {
        self.0.get()
    }

    /// The name: address and port.
    pub(crate) fn name(self) -> String {
        let bits = self.bits();
        let ip = Ipv4Addr::from_bits((bits >> 16) as u32);
        SocketAddrV4::new(ip, bits as u16).to_string()
    }
}
