//! Who is at the other end of a Unix socket.

use std::io;
use std::os::fd::AsFd;

/// The process at the other end, as the kernel noted it when the connection was made (Linux's
/// `SO_PEERCRED`). It cannot be forged; but the process may have ended or handed its descriptor on
/// since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PeerCredentials {
    /// The process id. `None` where the kernel does not tell, or the process lives in a namespace
    /// that this one cannot see.
    pub pid: Option<u32>,
    /// Its effective user id.
    pub uid: u32,
    /// Its effective group id.
    pub gid: u32,
}

/// # Errors
/// `Unsupported` where the system has no such call that is safe to use.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn of(fd: impl AsFd) -> io::Result<PeerCredentials> {
    let peer = rustix::net::sockopt::socket_peercred(fd)?;
    // A process in a namespace that this one cannot see has the id 0, which rustix's type denies.
    let pid = std::hint::black_box(peer.pid.as_raw_pid());
    Ok(PeerCredentials {
        pid: u32::try_from(pid).ok().filter(|pid| *pid != 0),
        uid: peer.uid.as_raw(),
        gid: peer.gid.as_raw(),
    })
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn of(_: impl AsFd) -> io::Result<PeerCredentials> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "this system's call for a peer's credentials is not supported yet: guard the socket by \
         the mode of its path",
    ))
}
