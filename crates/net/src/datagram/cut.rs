//! A datagram that did not fit.

use std::error::Error;
use std::{fmt, io};

/// A datagram was longer than the buffer it was to be received in. Its beginning is in the buffer,
/// the rest is lost, and the next receive gives the next datagram.
///
/// It comes inside an [`io::Error`] of the kind [`InvalidData`](io::ErrorKind::InvalidData).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatagramCut {
    pub(crate) kept: usize,
    pub(crate) len: Option<usize>,
}

impl DatagramCut {
    /// How many bytes are in the buffer: all it holds.
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// How many bytes the datagram had, where the kernel tells (Linux).
    pub fn whole(&self) -> Option<usize> {
        self.len
    }
}

impl fmt::Display for DatagramCut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.kept;
        match self.len {
            Some(len) => write!(
                f,
                "a datagram of {len} bytes was cut to the {kept} of the buffer: give a larger one"
            ),
            None => write!(
                f,
                "a datagram was cut to the {kept} bytes of the buffer: give a larger one"
            ),
        }
    }
}

impl Error for DatagramCut {}

impl From<DatagramCut> for io::Error {
    fn from(cut: DatagramCut) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, cut)
    }
}
