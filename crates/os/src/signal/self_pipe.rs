//! The pipe between a signal handler and the hub.
//!
//! Both ends are non-blocking: the handler must never wait for a reader that is slow (a full pipe
//! already says that the signal came), and the reader reads until there is nothing left. Both close
//! on `exec`, from the call that makes them where the system can do that: a child started by
//! another thread in between would inherit them.

use std::io;
use std::os::fd::OwnedFd;

/// Its reading and its writing end.
#[cfg(not(target_vendor = "apple"))]
pub(super) fn self_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::pipe::{PipeFlags, pipe_with};
    Ok(pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?)
}

/// Its reading and its writing end. These systems have no `pipe2`.
#[cfg(target_vendor = "apple")]
pub(super) fn self_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};
    let (read, write) = rustix::pipe::pipe()?;
    for end in [&read, &write] {
        fcntl_setfd(end, FdFlags::CLOEXEC)?;
        ioctl_fionbio(end, true)?;
    }
    Ok((read, write))
}
