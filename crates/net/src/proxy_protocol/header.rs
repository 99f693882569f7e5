//! What a header says.

use std::net::SocketAddr;

use super::{binary, text};

/// A header of the PROXY protocol.
///
/// ```
/// use evlet_net::proxy_protocol::ProxyHeader;
/// let header = ProxyHeader::proxied(([192, 0, 2, 7], 50000).into(), ([198, 51, 100, 1], 443).into());
/// assert_eq!(
///     header.to_text().as_deref(),
///     Some("PROXY TCP4 192.0.2.7 198.51.100.1 50000 443\r\n")
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyHeader {
    /// The proxy speaks for a client.
    Proxied {
        /// The client.
        source: SocketAddr,
        /// Where it has connected to.
        destination: SocketAddr,
    },
    /// The proxy speaks for a client whose address it does not know, or that has none (a Unix
    /// socket).
    Unknown,
    /// The proxy speaks for itself: it looks whether we are alive.
    Local,
}

impl ProxyHeader {
    /// A header for a client.
    pub fn proxied(source: SocketAddr, destination: SocketAddr) -> ProxyHeader {
        ProxyHeader::Proxied {
            source,
            destination,
        }
    }

    /// The client's address, if it is known.
    pub fn source(&self) -> Option<SocketAddr> {
        match self {
            ProxyHeader::Proxied { source, .. } => Some(*source),
            ProxyHeader::Unknown | ProxyHeader::Local => None,
        }
    }

    /// The address that the client has connected to, if it is known.
    pub fn destination(&self) -> Option<SocketAddr> {
        match self {
            ProxyHeader::Proxied { destination, .. } => Some(*destination),
            ProxyHeader::Unknown | ProxyHeader::Local => None,
        }
    }

    /// As version 1 writes it. `None` where that has no words: addresses of two families, and
    /// [`Local`](Self::Local).
    pub fn to_text(&self) -> Option<String> {
        text::write(self)
    }

    /// As version 2 writes it. Addresses of two families count as [`Unknown`](Self::Unknown).
    pub fn to_bytes(&self) -> Vec<u8> {
        binary::write(self)
    }
}
