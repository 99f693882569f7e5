//! The path of a listening Unix socket: taken, guarded, and given back.
//!
//! A server that was killed leaves its path behind, and the kernel refuses to bind to it again. So
//! a path that is taken is looked at: one that is a socket on which nobody answers is removed, once;
//! one that answers, or is no socket at all, is somebody else's and stays (promise F-7). (A live
//! server sees a connection that ends at once.) Between the
//! look and the removal another program may do the same; the path is compared once more right
//! before, which leaves a moment that Unix has no way to close.
//!
//! What we made we remove, if it is still what we made: another server may have taken the path over
//! meanwhile, and a forked child must not remove its parent's.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use evlet_hub::sys::CallKind;
use rustix::io::Errno;
use rustix::net::SocketAddrUnix;

use super::addr::UnixAddr;
use super::{connect, stream};
use crate::descriptor;

/// A path that was bound by this process.
#[derive(Debug)]
pub(super) struct OwnPath {
    /// Absolute: the working directory may change.
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
    process: u32,
}

impl OwnPath {
    fn new(path: &Path) -> io::Result<OwnPath> {
        let path = std::path::absolute(path)?;
        let identity = identity(&fs::symlink_metadata(&path)?);
        Ok(OwnPath {
            path,
            identity,
            process: std::process::id(),
        })
    }

    /// Who may connect: on most systems the right to write to the socket.
    pub(super) fn set_mode(&self, mode: u32) -> io::Result<()> {
        fs::set_permissions(&self.path, fs::Permissions::from_mode(mode))
    }

    /// Removes it, if it is still the one that was made here, by this process.
    pub(super) fn remove(&self) {
        let here = std::process::id() == self.process;
        let found = fs::symlink_metadata(&self.path);
        if here && found.is_ok_and(|found| identity(&found) == self.identity) {
            let _ = fs::remove_file(&self.path); // a directory may have become read-only
        }
    }
}

fn identity(of: &fs::Metadata) -> (u64, u64) {
    (of.dev(), of.ino())
}

/// Binds `fd` to `addr`, and removes a dead socket from the path for it if `replace` says so.
pub(super) fn bind(fd: &OwnedFd, addr: &UnixAddr, replace: bool) -> io::Result<Option<OwnPath>> {
    let kernel = addr.to_kernel()?;
    match (bind_once(fd, &kernel), addr.as_path()) {
        (Ok(()), _) => {}
        (Err(error), Some(path)) if replace && error.kind() == io::ErrorKind::AddrInUse => {
            remove_dead(path, &kernel)?;
            bind_once(fd, &kernel)?;
        }
        (Err(error), _) => return Err(error),
    }
    addr.as_path().map(OwnPath::new).transpose()
}

fn bind_once(fd: &OwnedFd, addr: &SocketAddrUnix) -> io::Result<()> {
    descriptor::again(CallKind::Bind, Some(fd), || rustix::net::bind(fd, addr))
}

/// Removes `path` if nobody answers there.
fn remove_dead(path: &Path, addr: &SocketAddrUnix) -> io::Result<()> {
    let in_use = |why: &str| io::Error::new(io::ErrorKind::AddrInUse, why.to_owned());
    let found = fs::symlink_metadata(path)?;
    if !found.file_type().is_socket() {
        return Err(in_use("there is a file of this name that is no socket"));
    }
    let caller = stream::new_socket()?;
    let answer = connect::connect(&caller, addr);
    match answer.as_ref().err().and_then(Errno::from_io_error) {
        Some(Errno::CONNREFUSED) => {}
        Some(Errno::NOENT) => return Ok(()), // it went away by itself
        // Connected, or its backlog is full, or it is alive and of another type.
        _ => return Err(in_use("a live socket has this name")),
    }
    let still = fs::symlink_metadata(path);
    if still.is_ok_and(|still| identity(&still) == identity(&found)) {
        fs::remove_file(path)?;
    }
    Ok(())
}
