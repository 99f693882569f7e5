//! Why a descriptor's place serves no more, as its users are told.

use std::fmt;
use std::io;
use std::os::fd::RawFd;

/// See the module's page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    /// Closed with `Io::close`.
    Closed,
    /// The number was closed by somebody else.
    BehindOurBack,
    /// The hub it was registered with has ended.
    Hub,
}

impl Gone {
    #[cold]
    pub(crate) fn error(self, fd: RawFd) -> io::Error {
        let kind = io::ErrorKind::NotConnected;
        io::Error::new(kind, GoneError { gone: self, fd })
    }
}

#[derive(Debug)]
struct GoneError {
    gone: Gone,
    fd: RawFd,
}

impl fmt::Display for GoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fd = self.fd;
        match self.gone {
            Gone::Closed => write!(f, "descriptor {fd} was closed while waiting, or before"),
            Gone::BehindOurBack => write!(
                f,
                "descriptor {fd} was closed while waiting, and not by its owner: look for a raw \
                 close(2) or a library that closes what it does not own"
            ),
            Gone::Hub => write!(
                f,
                "descriptor {fd} belongs to a hub that has ended: make it anew on the running one"
            ),
        }
    }
}

impl std::error::Error for GoneError {}
