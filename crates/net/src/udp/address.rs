//! Addresses for calls that do not wait, and so cannot ask for a name.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use crate::addr::{Target, ToAddr};
use crate::addr_error::{AddrError, AddrProblem};

/// The address to send to: numeric, or `localhost`, which is 127.0.0.1.
pub(super) fn to_send_to(addr: impl ToAddr) -> io::Result<SocketAddr> {
    let addr = addr.to_addr()?;
    if let Target::One(addr) = addr.clone().target() {
        return Ok(addr);
    }
    let given = addr.to_string();
    match addr.target() {
        Target::Name { host, port } if host.eq_ignore_ascii_case("localhost") => {
            Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        }
        Target::Many(addrs) => addrs
            .first()
            .copied()
            .ok_or_else(|| AddrError::new(&given, AddrProblem::NoAddress).into()),
        Target::Any { .. } => Err(AddrError::new(&given, AddrProblem::NoHost).into()),
        _ => Err(AddrError::new(&given, AddrProblem::NotNumeric).into()),
    }
}

/// The addresses to bind to, to be tried in this order: `":53"` is every IPv4 address.
pub(super) fn to_bind_to(addr: impl ToAddr) -> io::Result<(String, Vec<SocketAddr>)> {
    let addr = addr.to_addr()?;
    let given = addr.to_string();
    let addrs = match addr.target() {
        Target::One(addr) => vec![addr],
        Target::Many(addrs) => addrs,
        Target::Any { port } => vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))],
        Target::Name { host, port } if host.eq_ignore_ascii_case("localhost") => {
            vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))]
        }
        Target::Name { .. } => return Err(AddrError::new(&given, AddrProblem::NotNumeric).into()),
    };
    Ok((given, addrs))
}
