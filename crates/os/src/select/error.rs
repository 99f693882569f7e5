//! What happened to which descriptor.

use std::error::Error;
use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

/// Why [`select`](super::select) cannot wait, inside an [`io::Error`] of the same kind.
///
/// ```
/// use std::{os::fd::AsFd, os::unix::net::UnixStream};
/// use evlet_os::select::{SelectError, select};
/// use futures::FutureExt;
///
/// let (ours, _theirs) = UnixStream::pair()?;
/// let outside_a_hub = select(&[ours.as_fd()], &[], None).now_or_never();
/// let error = outside_a_hub.unwrap().unwrap_err();
/// let inside = error.get_ref().and_then(|e| e.downcast_ref::<SelectError>()).unwrap();
/// assert_eq!(inside.descriptor(), Some(std::os::fd::AsRawFd::as_raw_fd(&ours)));
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct SelectError {
    descriptor: Option<RawFd>,
    error: io::Error,
}

impl SelectError {
    /// The number of the descriptor that it is about.
    pub fn descriptor(&self) -> Option<RawFd> {
        self.descriptor
    }

    /// What was wrong: `EBADF`, as its [`raw_os_error`](io::Error::raw_os_error), for one that is not open.
    pub fn error(&self) -> &io::Error {
        &self.error
    }

    pub(super) fn of(fd: BorrowedFd<'_>, error: io::Error) -> io::Error {
        SelectError {
            descriptor: Some(fd.as_raw_fd()),
            error,
        }
        .boxed()
    }

    pub(super) fn of_all(error: io::Error) -> io::Error {
        SelectError {
            descriptor: None,
            error,
        }
        .boxed()
    }

    fn boxed(self) -> io::Error {
        io::Error::new(self.error.kind(), self)
    }
}

impl fmt::Display for SelectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = &self.error;
        let bad = rustix::io::Errno::BADF.raw_os_error();
        match self.descriptor {
            Some(number) if error.raw_os_error() == Some(bad) => write!(
                f,
                "cannot wait for descriptor {number}: it is not open (closed by somebody else while \
                 it was lent to select?)"
            ),
            Some(number) => write!(f, "cannot wait for descriptor {number}: {error}"),
            None => write!(f, "cannot wait for descriptors: {error}"),
        }
    }
}

impl Error for SelectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}
