//! A header that is none.

use std::error::Error;
use std::time::Duration;
use std::{fmt, io};

/// Why a connection's PROXY header was not taken.
///
/// It comes inside an [`io::Error`]: of the kind `TimedOut` or `UnexpectedEof` where the header did not
/// come or not whole, `InvalidData` otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyHeaderError {
    /// The first bytes are of neither version: the peer is no such proxy, or does not send it.
    NotAHeader,
    /// The line of version 1 is not as it has to be; what is wrong with it.
    BadText(&'static str),
    /// The header of version 2 is not as it has to be; what is wrong with it.
    BadBytes(&'static str),
    /// It was not whole within this time.
    TimedOut(Duration),
    /// The connection has ended in the middle of it.
    CutOff,
}

impl ProxyHeaderError {
    fn kind(self) -> io::ErrorKind {
        match self {
            ProxyHeaderError::TimedOut(_) => io::ErrorKind::TimedOut,
            ProxyHeaderError::CutOff => io::ErrorKind::UnexpectedEof,
            _ => io::ErrorKind::InvalidData,
        }
    }
}

impl fmt::Display for ProxyHeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no PROXY header: ")?;
        match self {
            ProxyHeaderError::NotAHeader => f.write_str(
                "the connection begins with something else; let the proxy send one \
                 (send-proxy, proxy_protocol on), or do not ask for it here",
            ),
            ProxyHeaderError::BadText(what) => write!(f, "version 1 with {what}"),
            ProxyHeaderError::BadBytes(what) => write!(f, "version 2 with {what}"),
            ProxyHeaderError::TimedOut(limit) => write!(f, "it was not whole within {limit:?}"),
            ProxyHeaderError::CutOff => f.write_str("the connection ended in the middle of it"),
        }
    }
}

impl Error for ProxyHeaderError {}

impl From<ProxyHeaderError> for io::Error {
    fn from(error: ProxyHeaderError) -> Self {
        io::Error::new(error.kind(), error)
    }
}
