//! The descriptor of a connection, with the marks that fit beside it.
//!
//! A descriptor is four bytes and stands in a word, in the `Io` that every connection has. What is
//! marked of the connection and of its first handle fits into the other four.

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::Marks;

/// See the module's page.
#[derive(Debug)]
pub struct Plug {
    pub(crate) fd: OwnedFd,
    /// Of the first handle.
    pub(super) marks: Cell<Marks>,
    /// A short read does not tell that the kernel has no more.
    pub(super) short_reads: Cell<bool>,
    /// Its close waits for the peer, and is not for the hub's thread.
    pub(super) lingers: Cell<bool>,
}

const _: () = assert!(size_of::<Plug>() == 8);

impl From<OwnedFd> for Plug {
    fn from(fd: OwnedFd) -> Plug {
        Plug {
            fd,
            marks: Cell::default(),
            short_reads: Cell::new(false),
            lingers: Cell::new(false),
        }
    }
}

impl AsFd for Plug {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
