//! A pair of ends, non-blocking and close-on-exec from the call that makes them (promise C-8).
//!
//! A descriptor that is marked only afterwards is, for a moment, one that a program started by
//! another thread inherits. Apple's systems have no `pipe2`: there that moment stays.
//!
//! Signals use such a pair too: a handler must never wait for a reader that is slow, and a full
//! pipe already says that the signal came.

use std::io;
use std::os::fd::OwnedFd;

/// Its reading and its writing end.
#[cfg(not(target_vendor = "apple"))]
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::pipe::{PipeFlags, pipe_with};
    Ok(pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?)
}

/// Its reading and its writing end.
#[cfg(target_vendor = "apple")]
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};
    let (read, write) = rustix::pipe::pipe()?;
    for end in [&read, &write] {
        fcntl_setfd(end, FdFlags::CLOEXEC)?;
        ioctl_fionbio(end, true)?;
    }
    Ok((read, write))
}
