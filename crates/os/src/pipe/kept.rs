//! A descriptor, and whether it was blocking when it came to us.
//!
//! A socket can be left as it is: each call on it may say by itself that it does not want to wait. Other
//! descriptors have to be non-blocking, which everybody sees who shares the open file.
//!
//! The mode is put back on every way out, also during a panic: that is what `Drop` is for. Putting
//! it back cannot be done by a process that is killed outright; the shells that people use set the
//! mode they need themselves.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::net::{RecvFlags, SendFlags, recv, send};

/// Where there is none, SIGPIPE is ignored, as Rust's programs do.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const NO_SIGNAL: SendFlags = SendFlags::empty();
#[cfg(any(target_os = "linux", target_os = "android"))]
const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;

#[derive(Debug)]
pub(crate) struct Kept {
    /// `None` only once it has been handed out.
    fd: Option<OwnedFd>,
    was_blocking: bool,
    /// A socket whose mode is somebody else's.
    is_as_it_was: bool,
}

impl Kept {
    /// One that is ours alone and non-blocking already.
    pub(crate) fn own(fd: OwnedFd) -> Kept {
        Kept {
            fd: Some(fd),
            was_blocking: false,
            is_as_it_was: false,
        }
    }

    /// A socket that stays in the mode in which it came.
    pub(crate) fn socket(fd: OwnedFd) -> Kept {
        Kept {
            fd: Some(fd),
            was_blocking: false,
            is_as_it_was: true,
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
            is_as_it_was: false,
        })
    }

    pub(super) fn read(&self, buf: &mut [u8]) -> rustix::io::Result<usize> {
        match self.is_as_it_was {
            true => Ok(recv(self, buf, RecvFlags::DONTWAIT)?.0),
            false => rustix::io::read(self, buf),
        }
    }

    pub(super) fn readv(&self, bufs: &mut [IoSliceMut<'_>]) -> rustix::io::Result<usize> {
        match bufs.iter_mut().find(|buf| !buf.is_empty()) {
            Some(first) if self.is_as_it_was => self.read(first),
            _ => rustix::io::readv(self, bufs),
        }
    }

    pub(super) fn write(&self, data: &[u8]) -> rustix::io::Result<usize> {
        match self.is_as_it_was {
            true => send(self, data, SendFlags::DONTWAIT | NO_SIGNAL),
            false => rustix::io::write(self, data),
        }
    }

    pub(super) fn writev(&self, data: &[IoSlice<'_>]) -> rustix::io::Result<usize> {
        match data.iter().find(|data| !data.is_empty()) {
            Some(first) if self.is_as_it_was => self.write(first),
            _ => rustix::io::writev(self, data),
        }
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
