//! A line that cannot be handed out as text.

use std::error::Error;
use std::{fmt, io};

/// A line that cannot be handed out. Its bytes stay in the file.
///
/// It comes inside an [`io::Error`] of the kind [`InvalidData`](io::ErrorKind::InvalidData).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineError {
    /// Its end did not come within the limit.
    #[non_exhaustive]
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// It is not UTF-8.
    #[non_exhaustive]
    NotUtf8 {
        /// How many bytes are good, from its beginning.
        good: usize,
        /// How many it has.
        len: usize,
    },
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LineError::TooLong { limit } => write!(
                f,
                "no line ending within {limit} bytes: the peer speaks another protocol, or \
                 set_line_limit has to allow more"
            ),
            LineError::NotUtf8 { good, len } => write!(
                f,
                "the line of {len} bytes is not UTF-8 after its first {good}: read it as bytes, \
                 with read_until(b'\\n', ..)"
            ),
        }
    }
}

impl Error for LineError {}

impl From<LineError> for io::Error {
    fn from(error: LineError) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}
