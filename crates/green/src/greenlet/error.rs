//! Why a switch brought no value.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// What a [`switch`](crate::greenlet::Greenlet::switch) gives instead of a value.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum GreenletError {
    /// The greenlet that was switched to has ended; or the one that control was handed to was
    /// killed before it handed it on.
    Dead,
    /// The greenlet that was switched to is not waiting in a switch: it runs, or waits for
    /// something else.
    Busy,
    /// Somebody threw this error here with [`throw`](crate::greenlet::Greenlet::throw).
    Thrown(Arc<dyn Error + Send + Sync>),
    /// A greenlet panicked with this message, and this is its parent.
    Panicked(String),
}

impl fmt::Display for GreenletError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GreenletError::Dead => f.write_str("the greenlet has ended: it cannot be switched to"),
            GreenletError::Busy => f.write_str(
                "the greenlet is not waiting in a switch: it can be switched to only while it is",
            ),
            GreenletError::Thrown(error) => write!(f, "thrown into the greenlet: {error}"),
            GreenletError::Panicked(message) => write!(f, "a greenlet panicked: {message}"),
        }
    }
}

impl Error for GreenletError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            GreenletError::Thrown(error) => Some(&**error),
            _ => None,
        }
    }
}
