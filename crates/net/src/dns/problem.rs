//! Why the name servers could not help.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;
use std::{fmt, io};

/// What kept a [`Resolver`](super::Resolver) from finding an address.
///
/// It is the `source` of a [`ResolveError`](crate::ResolveError), which names the host. The
/// [`io::Error`] around both is `NotFound` where the name servers have spoken, `TimedOut` and
/// `HostUnreachable` where they have not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DnsProblem {
    /// The name servers say that there is no such name.
    NoSuchName,
    /// The name exists, but has no address.
    NoAddress,
    /// The whole look-up took longer than this.
    TimedOut(Duration),
    /// No server gave an answer: each that was asked, and what became of it.
    NoServer(Vec<(SocketAddr, String)>),
}

impl DnsProblem {
    pub(super) fn kind(&self) -> io::ErrorKind {
        match self {
            DnsProblem::NoSuchName | DnsProblem::NoAddress => io::ErrorKind::NotFound,
            DnsProblem::TimedOut(_) => io::ErrorKind::TimedOut,
            DnsProblem::NoServer(_) => io::ErrorKind::HostUnreachable,
        }
    }
}

impl fmt::Display for DnsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DnsProblem::NoSuchName => f.write_str("there is no such name"),
            DnsProblem::NoAddress => f.write_str("the name exists but has no address"),
            DnsProblem::TimedOut(limit) => write!(f, "no answer within {limit:?}"),
            DnsProblem::NoServer(tries) => {
                f.write_str("no name server gave an answer (")?;
                for (n, (server, what)) in tries.iter().enumerate() {
                    let comma = if n == 0 { "" } else { "; " };
                    write!(f, "{comma}{server}: {what}")?;
                }
                f.write_str(")")
            }
        }
    }
}

impl Error for DnsProblem {}
