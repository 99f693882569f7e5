//! What went wrong with a Unix socket, and what to do about it.

use std::error::Error;
use std::{fmt, io};

use super::addr::UnixAddr;

/// A Unix socket that could not be connected to, listened on or bound.
///
/// It comes inside an [`io::Error`] that keeps the kind:
///
/// ```
/// use evlet_net::{UnixError, UnixStream};
/// evlet_hub::run(async {
///     let error = UnixStream::connect("/nobody/is/here.sock").await.unwrap_err();
///     assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
///     let inside = error.get_ref().unwrap().downcast_ref::<UnixError>().unwrap();
///     assert_eq!(inside.addr().to_string(), "/nobody/is/here.sock");
/// });
/// ```
#[derive(Debug)]
pub struct UnixError {
    step: UnixStep,
    addr: UnixAddr,
    error: io::Error,
}

/// What was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnixStep {
    /// Connecting to the address.
    Connect,
    /// Listening on it.
    Listen,
    /// Giving it to a datagram socket.
    Bind,
    /// Sending a datagram to it.
    Send,
}

impl UnixError {
    pub(super) fn io(step: UnixStep, addr: UnixAddr, error: io::Error) -> io::Error {
        let kind = error.kind();
        io::Error::new(kind, UnixError { step, addr, error })
    }

    /// What was tried.
    pub fn step(&self) -> UnixStep {
        self.step
    }

    /// With which address.
    pub fn addr(&self) -> &UnixAddr {
        &self.addr
    }

    fn advice(&self) -> Option<&'static str> {
        use io::ErrorKind::*;
        Some(match (self.step, self.error.kind()) {
            (UnixStep::Connect | UnixStep::Send, NotFound) => {
                "There is no such socket: is the server up, and is the path the one it listens on?"
            }
            (UnixStep::Connect | UnixStep::Send, ConnectionRefused) => {
                "The path is there but nobody listens: the server has ended without removing it"
            }
            (UnixStep::Connect | UnixStep::Send, PermissionDenied) => {
                "This user may not write to the socket: see its mode and its directories'"
            }
            (UnixStep::Listen | UnixStep::Bind, AddrInUse) => {
                "Somebody answers there already: stop that program or choose another path"
            }
            (UnixStep::Listen | UnixStep::Bind, NotFound) => "Its directory is not there: make it",
            (UnixStep::Listen | UnixStep::Bind, PermissionDenied) => {
                "This user may not write to its directory"
            }
            _ => return None,
        })
    }
}

impl fmt::Display for UnixError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match self.step {
            UnixStep::Connect => "connect to",
            UnixStep::Listen => "listen on",
            UnixStep::Bind => "bind to",
            UnixStep::Send => "send to",
        };
        write!(f, "cannot {step} {}: {}", self.addr, self.error)?;
        match self.advice() {
            Some(advice) => write!(f, ". {advice}"),
            None => Ok(()),
        }
    }
}

impl Error for UnixError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}
