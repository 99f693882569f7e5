//! Errors of operations on a connection that are not the kernel's.

use std::error::Error;
use std::time::Duration;
use std::{fmt, io};

use crate::socket::Direction;

/// An operation that did not get on for as long as
/// [`set_timeout`](crate::TcpStream::set_timeout) allows.
///
/// It comes inside an [`io::Error`] of the kind [`TimedOut`](io::ErrorKind::TimedOut).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationTimedOut {
    direction: Direction,
    limit: Duration,
}

impl OperationTimedOut {
    pub(crate) fn new(direction: Direction, limit: Duration) -> Self {
        OperationTimedOut { direction, limit }
    }

    /// The limit that was set.
    pub fn limit(&self) -> Duration {
        self.limit
    }
}

impl fmt::Display for OperationTimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.limit;
        match self.direction {
            Direction::Read => write!(
                f,
                "timed out: the peer sent nothing for {limit:?}, the limit set with set_timeout"
            ),
            Direction::Write => write!(
                f,
                "timed out: the peer took nothing for {limit:?}, the limit set with set_timeout"
            ),
        }
    }
}

impl Error for OperationTimedOut {}

impl From<OperationTimedOut> for io::Error {
    fn from(error: OperationTimedOut) -> Self {
        io::Error::new(io::ErrorKind::TimedOut, error)
    }
}

/// The handle that was used had been closed before, by `close()` on it or by ending its writing.
///
/// It comes inside an [`io::Error`] of the kind [`NotConnected`](io::ErrorKind::NotConnected).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandleClosed;

impl fmt::Display for HandleClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this end was closed before: open a new connection to go on")
    }
}

impl Error for HandleClosed {}

impl From<HandleClosed> for io::Error {
    fn from(error: HandleClosed) -> Self {
        io::Error::new(io::ErrorKind::NotConnected, error)
    }
}
