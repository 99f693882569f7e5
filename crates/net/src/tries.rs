//! What was tried, address by address, before an operation gave up.

use std::net::SocketAddr;
use std::{fmt, io};

/// One address that was tried, and why it did not work.
#[derive(Debug)]
pub struct Try {
    pub(crate) addr: SocketAddr,
    pub(crate) error: io::Error,
}

impl Try {
    /// The address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The kernel's answer.
    pub fn error(&self) -> &io::Error {
        &self.error
    }
}

/// "127.0.0.1:80: Connection refused; [::1]:80: ..."; the address is left out where it would only
/// repeat what was given.
pub(crate) struct Tries<'a> {
    pub(crate) given: &'a str,
    pub(crate) tries: &'a [Try],
}

impl fmt::Display for Tries<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        for (i, one) in self.tries.iter().take(SHOWN).enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            if one.addr.to_string() != self.given {
                write!(f, "{}: ", one.addr)?;
            }
            write!(f, "{}", one.error)?;
        }
        match self.tries.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "; and {more} more addresses"),
        }
    }
}

/// The try that tells most: the first that got farther than "no way there from here", which is all
/// that the addresses of a family without a route can say.
pub(crate) fn telling(tries: &[Try]) -> io::ErrorKind {
    let dull = |kind| {
        use io::ErrorKind::*;
        matches!(
            kind,
            NetworkUnreachable | HostUnreachable | AddrNotAvailable | Unsupported | InvalidInput
        )
    };
    let kinds = || tries.iter().map(|one| one.error.kind());
    kinds()
        .find(|kind| !dull(*kind))
        .or_else(|| kinds().next_back())
        .unwrap_or(io::ErrorKind::NotFound)
}
