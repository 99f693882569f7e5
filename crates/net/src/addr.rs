//! Addresses as people write them, and what can be wrong with them.
//!
//! [`ToAddr`] is what [`connect`](crate::connect) and [`listen`](crate::listen) take: text such as
//! `"localhost:8080"` or `"[::1]:80"`, a host with a port beside it, or addresses that are ready to
//! use. Reading it never asks anybody: a name stays a name ([`Addr`]) until someone resolves it.
//! So a typing error is found before the first packet, and the message quotes what was written.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use crate::addr_error::{AddrError, AddrProblem};

/// Something that names a peer or a place to listen.
///
/// | type | example | means |
/// |---|---|---|
/// | `&str`, `String` | `"example.com:80"`, `"10.0.0.1:80"`, `"[::1]:80"` | host and port |
/// | | `":80"`, `"*:80"` | every address of this machine (to listen on) |
/// | `(&str, u16)`, `(String, u16)` | `("example.com", 80)`, `("::1", 80)` | the same, no brackets needed |
/// | `(IpAddr, u16)` and its two kinds | `(Ipv4Addr::LOCALHOST, 80)` | one address |
/// | `SocketAddr` and its two kinds | | one address |
/// | `[SocketAddr]`, `Vec`, arrays | | to be tried in this order |
///
/// References to all of them work too. Implement it for a type of your own, a line of a
/// configuration file for example, with the constructors of [`Addr`].
///
/// ```
/// use evlet_net::ToAddr;
/// assert_eq!("localhost:80".to_addr()?.to_string(), "localhost:80");
/// assert_eq!(("::1", 80).to_addr()?.to_string(), "[::1]:80");
///
/// let wrong = "::1:80".to_addr().unwrap_err();
/// assert!(wrong.to_string().contains("[::1]:80"), "{wrong}");
/// # Ok::<(), evlet_net::AddrError>(())
/// ```
pub trait ToAddr {
    /// Reads the address, without asking anybody.
    ///
    /// # Errors
    /// [`AddrError`] quotes the text and says what was expected.
    fn to_addr(&self) -> Result<Addr, AddrError>;
}

/// An address that was read: ready to use, or still a name.
///
/// Its `Display` is the address as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addr(Target);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    One(SocketAddr),
    Many(Vec<SocketAddr>),
    Name { host: String, port: u16 },
    Any { port: u16 },
}

impl Addr {
    /// Addresses that are ready to use, to be tried in this order.
    pub fn sockets(addrs: impl Into<Vec<SocketAddr>>) -> Addr {
        let addrs = addrs.into();
        match addrs.as_slice() {
            [one] => Addr(Target::One(*one)),
            _ => Addr(Target::Many(addrs)),
        }
    }

    /// A host, by name or number, and a port. An empty host or `*` means every address of this
    /// machine.
    ///
    /// # Errors
    /// [`AddrError`] when `host` can be neither a name nor an address.
    pub fn host(host: &str, port: u16) -> Result<Addr, AddrError> {
        target_of(host, port, || format!("{host}, {port}")).map(Addr)
    }

    pub(crate) fn target(self) -> Target {
        self.0
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Target::One(addr) => addr.fmt(f),
            Target::Many(addrs) if addrs.is_empty() => f.write_str("(no address)"),
            Target::Many(addrs) => {
                for (i, addr) in addrs.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    write!(f, "{comma}{addr}")?;
                }
                Ok(())
            }
            Target::Name { host, port } => write!(f, "{host}:{port}"),
            Target::Any { port } => write!(f, "*:{port}"),
        }
    }
}

impl ToAddr for Addr {
    fn to_addr(&self) -> Result<Addr, AddrError> {
        Ok(self.clone())
    }
}

impl<T: ToAddr + ?Sized> ToAddr for &T {
    fn to_addr(&self) -> Result<Addr, AddrError> {
        (**self).to_addr()
    }
}

impl ToAddr for str {
    fn to_addr(&self) -> Result<Addr, AddrError> {
        read(self).map(Addr)
    }
}

impl ToAddr for String {
    fn to_addr(&self) -> Result<Addr, AddrError> {
        read(self).map(Addr)
    }
}

impl ToAddr for (&str, u16) {
    fn to_addr(&self) -> Result<Addr, AddrError> {
        Addr::host(self.0, self.1)
    }
}

impl ToAddr for (String, u16) {
    fn to_addr(&self) -> Result<Addr, AddrError> {
        Addr::host(&self.0, self.1)
    }
}

/// Types that are one socket address already.
macro_rules! one_address {
    ($($type:ty),*) => { $(
        impl ToAddr for $type {
            fn to_addr(&self) -> Result<Addr, AddrError> {
                Ok(Addr(Target::One(SocketAddr::from(*self))))
            }
        }
    )* };
}
one_address!(SocketAddr, SocketAddrV4, SocketAddrV6);
one_address!((IpAddr, u16), (Ipv4Addr, u16), (Ipv6Addr, u16));

impl ToAddr for [SocketAddr] {
    fn to_addr(&self) -> Result<Addr, AddrError> {
        if self.is_empty() {
            return Err(AddrError::new("", AddrProblem::NoAddress));
        }
        Ok(Addr::sockets(self))
    }
}

impl ToAddr for Vec<SocketAddr> {
    fn to_addr(&self) -> Result<Addr, AddrError> {
        self.as_slice().to_addr()
    }
}

impl<const N: usize> ToAddr for [SocketAddr; N] {
    fn to_addr(&self) -> Result<Addr, AddrError> {
        self.as_slice().to_addr()
    }
}

/// Reads "host:port".
fn read(text: &str) -> Result<Target, AddrError> {
    if let Ok(addr) = text.parse::<SocketAddr>() {
        return Ok(Target::One(addr));
    }
    let fail = |problem| Err(AddrError::new(text, problem));
    if text.is_empty() {
        return fail(AddrProblem::Empty);
    }
    if text.contains("://") {
        return fail(AddrProblem::Url);
    }
    if let Some(rest) = text.strip_prefix('[') {
        let Some((inside, after)) = rest.split_once(']') else {
            return fail(AddrProblem::Brackets);
        };
        let Some(port) = after.strip_prefix(':') else {
            return fail(if after.is_empty() {
                AddrProblem::NoPort
            } else {
                AddrProblem::Brackets
            });
        };
        let port = port_of(port).or_else(fail_with(text))?;
        return match scoped_v6(inside) {
            true => target_of(inside, port, || text.to_owned()),
            false => fail(AddrProblem::Brackets),
        };
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return fail(AddrProblem::NoPort);
    };
    if host.contains(':') {
        return fail(match text.parse::<Ipv6Addr>() {
            Ok(_) => AddrProblem::BareV6,
            Err(_) => AddrProblem::Colons,
        });
    }
    let port = port_of(port).or_else(fail_with(text))?;
    target_of(host, port, || text.to_owned())
}

fn fail_with<T>(text: &str) -> impl FnOnce(AddrProblem) -> Result<T, AddrError> {
    |problem| Err(AddrError::new(text, problem))
}

/// Digits only: the standard parser would take a plus sign.
fn port_of(text: &str) -> Result<u16, AddrProblem> {
    if text.is_empty() {
        return Err(AddrProblem::NoPort);
    }
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(AddrProblem::BadPort);
    }
    text.parse().map_err(|_| AddrProblem::BadPort)
}

fn target_of(host: &str, port: u16, text: impl FnOnce() -> String) -> Result<Target, AddrError> {
    if host.is_empty() || host == "*" {
        return Ok(Target::Any { port });
    }
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(Target::One(SocketAddr::new(ip, port)));
    }
    let named = |host: &str| Target::Name {
        host: host.to_owned(),
        port,
    };
    if scoped_v6(bare) {
        // The scope is an interface's name: the system's resolver turns it into a number.
        return Ok(named(bare));
    }
    match check_name(host) {
        Ok(()) => Ok(named(host)),
        Err(problem) => Err(AddrError::new(&text(), problem)),
    }
}

/// An IPv6 address, perhaps with an interface behind a percent sign.
fn scoped_v6(text: &str) -> bool {
    let (addr, scope) = text.split_once('%').unwrap_or((text, "0"));
    let good_scope = !scope.is_empty()
        && scope.len() < 64
        && scope.bytes().all(|b| b.is_ascii_graphic() && b != b'%');
    good_scope && addr.parse::<Ipv6Addr>().is_ok()
}

/// Whether `host` can be a host's name. Looser than the letters-digits-hyphen rule, since hosts
/// files and service discovery use underscores; strict where a mistake is certain.
pub(crate) fn check_name(host: &str) -> Result<(), AddrProblem> {
    if host.contains("://") || host.contains('/') {
        return Err(AddrProblem::Url);
    }
    if host.contains(':') {
        return Err(AddrProblem::Colons);
    }
    if !host.is_ascii() {
        return Err(AddrProblem::NotAscii);
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let labels_good = name
        .split('.')
        .all(|label| (1..=63).contains(&label.len()) && label.bytes().all(good));
    if name.len() > 253 || !labels_good {
        return Err(AddrProblem::BadName);
    }
    // A name whose last label is a number is an IPv4 address with a mistake in it (the same rule
    // as in the URL standard). Old C libraries would read 10.1 as 10.0.0.1.
    let last = name.rsplit('.').next().unwrap_or(name);
    if last.bytes().all(|b| b.is_ascii_digit()) {
        return Err(AddrProblem::BadV4);
    }
    Ok(())
}
