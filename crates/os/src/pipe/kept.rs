//! A descriptor, and whether it was blocking when it came to us.
//!
//! The mode is put back on every way out, also during a panic: that is what `Drop` is for. Putting
//! it back cannot be done by a process that is killed outright; the shells that people use set the
//! mode they need themselves.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

#[derive(Debug)]
pub(crate) struct Kept {
    /// `None` only once it has been handed out.
    fd: Option<OwnedFd>,
    was_blocking: bool,
}

impl Kept {
    /// One that is ours alone and non-blocking already.
    pub(crate) fn own(fd: OwnedFd) -> Kept {
        Kept {
            fd: Some(fd),
            was_blocking: false,
        }
    }

    /// Makes a descriptor non-blocking until it is dropped.
    pub(crate) fn borrowed_mode(fd: OwnedFd) -> io::Result<Kept> {
        let flags = fcntl_getfl(&fd)?;
        let was_blocking = !flags.contains(OFlags::NONBLOCK);
        if was_blocking {
            fcntl_setfl(&fd, flags | OFlags::NONBLOCK)?;
        }
        Ok(Kept {
            fd: Some(fd),
            was_blocking,
        })
    }

    /// The descriptor, in the mode in which it came.
    pub(crate) fn hand_out(mut self) -> Option<OwnedFd> {
        self.put_back();
        self.fd.take()
    }

    fn put_back(&mut self) {
        let Some(fd) = &self.fd else { return };
        if std::mem::take(&mut self.was_blocking)
            && let Ok(flags) = fcntl_getfl(fd)
        {
            // Closed behind our back: there is nothing to put back.
            let _ = fcntl_setfl(fd, flags & !OFlags::NONBLOCK);
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.put_back();
    }
}

impl AsFd for Kept {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.fd {
            Some(fd) => fd.as_fd(),
            None => unreachable!("handing out consumes the value"),
        }
    }
}
