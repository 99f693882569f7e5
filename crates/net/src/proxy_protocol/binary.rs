//! Version 2: bytes.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::error::ProxyHeaderError;
use super::header::ProxyHeader;

/// What it begins with: nothing else does.
pub(super) const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Signature, version with command, family with transport, length of the rest.
pub(super) const FIXED: usize = 16;

/// Of the rest. Proxies add certificates and names there; what is longer is an attack on memory.
const LONGEST_REST: usize = 4096;

const LOCAL: u8 = 0;
const PROXY: u8 = 1;

const UNSPECIFIED: u8 = 0;
const INET: u8 = 1;
const INET6: u8 = 2;
const UNIX: u8 = 3;

const NO_TRANSPORT: u8 = 0;
const STREAM: u8 = 1;

/// The length of the rest.
pub(super) fn rest(fixed: &[u8; FIXED]) -> Result<usize, ProxyHeaderError> {
    let len = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    match len {
        0..=LONGEST_REST => Ok(len),
        _ => Err(ProxyHeaderError::BadBytes("more than 4096 bytes")),
    }
}

/// Reads a whole header.
pub(super) fn read(fixed: &[u8; FIXED], rest: &[u8]) -> Result<ProxyHeader, ProxyHeaderError> {
    let bad = ProxyHeaderError::BadBytes;
    let (version, command) = (fixed[12] >> 4, fixed[12] & 0x0f);
    let (family, transport) = (fixed[13] >> 4, fixed[13] & 0x0f);
    if version != 2 {
        return Err(bad("another version in it"));
    }
    match command {
        LOCAL => return Ok(ProxyHeader::Local), // whatever else it says
        PROXY => {}
        _ => return Err(bad("a command that is neither LOCAL nor PROXY")),
    }
    let size = match family {
        UNSPECIFIED => 0,
        INET => 12,
        INET6 => 36,
        UNIX => 216,
        _ => return Err(bad("an unknown family of addresses")),
    };
    match transport {
        NO_TRANSPORT | STREAM => {}
        _ => return Err(bad("another transport than a stream")),
    }
    if (family == UNSPECIFIED) != (transport == NO_TRANSPORT) {
        return Err(bad("a family and a transport that do not go together"));
    }
    let Some((addresses, more)) = rest.split_at_checked(size) else {
        return Err(bad("less room than its addresses need"));
    };
    if family != UNSPECIFIED {
        check_values(more)?;
    }
    Ok(match addresses {
        [a, b, c, d, e, f, g, h, ports @ ..] if family == INET => ProxyHeader::proxied(
            (Ipv4Addr::new(*a, *b, *c, *d), port(ports, 0)).into(),
            (Ipv4Addr::new(*e, *f, *g, *h), port(ports, 2)).into(),
        ),
        _ if family == INET6 => ProxyHeader::proxied(
            (v6(&addresses[..16]), port(addresses, 32)).into(),
            (v6(&addresses[16..32]), port(addresses, 34)).into(),
        ),
        _ => ProxyHeader::Unknown,
    })
}

/// What follows the addresses: type, length, value, one after the other, and nothing else.
fn check_values(mut more: &[u8]) -> Result<(), ProxyHeaderError> {
    while !more.is_empty() {
        let len = match more {
            [_, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])),
            _ => usize::MAX,
        };
        more = len
            .checked_add(3)
            .and_then(|len| more.get(len..))
            .ok_or(ProxyHeaderError::BadBytes("a value that is cut off"))?;
    }
    Ok(())
}

fn v6(bytes: &[u8]) -> Ipv6Addr {
    let mut octets = [0; 16];
    octets.copy_from_slice(bytes);
    Ipv6Addr::from(octets)
}

fn port(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

pub(super) fn write(header: &ProxyHeader) -> Vec<u8> {
    let mut rest = Vec::new();
    let (command, kind) = match header {
        ProxyHeader::Local => (LOCAL, 0),
        ProxyHeader::Unknown => (PROXY, 0),
        ProxyHeader::Proxied {
            source,
            destination,
        } => match (source, destination) {
            (SocketAddr::V4(from), SocketAddr::V4(to)) => {
                rest.extend_from_slice(&from.ip().octets());
                rest.extend_from_slice(&to.ip().octets());
                (PROXY, INET << 4 | STREAM)
            }
            (SocketAddr::V6(from), SocketAddr::V6(to)) => {
                rest.extend_from_slice(&from.ip().octets());
                rest.extend_from_slice(&to.ip().octets());
                (PROXY, INET6 << 4 | STREAM)
            }
            _ => (PROXY, 0),
        },
    };
    if let (
        ProxyHeader::Proxied {
            source,
            destination,
        },
        false,
    ) = (header, rest.is_empty())
    {
        rest.extend_from_slice(&source.port().to_be_bytes());
        rest.extend_from_slice(&destination.port().to_be_bytes());
    }
    let mut bytes = SIGNATURE.to_vec();
    bytes.extend_from_slice(&[0x20 | command, kind, 0, rest.len() as u8]); // 36 at most
    bytes.extend_from_slice(&rest);
    bytes
}
