//! What is wrong with what was handed to us.

use std::error::Error;
use std::{fmt, io};

use crate::addr_error::Quoted;

/// Why inherited sockets could not be taken. Whoever started this program has to mend it.
///
/// It comes inside an [`io::Error`] of the kind `InvalidData`.
#[derive(Debug)]
#[non_exhaustive]
pub enum InheritError {
    /// `LISTEN_FDS` or `LISTEN_FDS_FIRST_FD` is no number that can be: the variable, and what it
    /// says.
    BadCount(&'static str, String),
    /// A descriptor is no socket that a program can listen on.
    BadDescriptor {
        /// Which of them, counted from zero.
        index: usize,
        /// How it is called.
        name: String,
        /// What it is instead, or what the kernel said.
        problem: io::Error,
    },
}

impl fmt::Display for InheritError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InheritError::BadCount(variable, says) => write!(
                f,
                "inherited sockets: {variable} is {}, which cannot be; unset it, or correct who \
                 sets it",
                Quoted(says)
            ),
            InheritError::BadDescriptor {
                index,
                name,
                problem,
            } => write!(
                f,
                "inherited socket {index}, called {}, cannot be used: {problem}; check what started \
                 this program (LISTEN_FDS, or the socket unit)",
                Quoted(name)
            ),
        }
    }
}

impl Error for InheritError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            InheritError::BadCount(..) => None,
            InheritError::BadDescriptor { problem, .. } => Some(problem),
        }
    }
}

impl From<InheritError> for io::Error {
    fn from(error: InheritError) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}
