//! Why there is no connection.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// A [`ConnectionPool`](crate::ConnectionPool) could not make a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoConnection<E> {
    /// Connecting failed with this error.
    Failed(E),
    /// Connecting took longer than this, the pool's `connect_timeout`.
    TimedOut(Duration),
}

impl<E: fmt::Display> fmt::Display for NoConnection<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoConnection::Failed(error) => write!(f, "the pool could not connect: {error}"),
            NoConnection::TimedOut(limit) => write!(
                f,
                "the pool could not connect within {limit:?}: see whether the other side is up, or \
                 raise `connect_timeout`"
            ),
        }
    }
}

impl<E: Error + 'static> Error for NoConnection<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            NoConnection::Failed(error) => Some(error),
            NoConnection::TimedOut(_) => None,
        }
    }
}
