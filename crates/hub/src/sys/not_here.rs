//! Systems that have not what Linux has: each call says so, and its caller has another way.

use std::io;
use std::os::fd::AsFd;

use rustix::io::Errno;

use super::Received;

/// How many datagrams one [`recv_many`] takes at most.
pub const RECV_AT_ONCE: usize = 64;

/// Linux's `recvmmsg`, which is not here.
///
/// # Errors
/// `ENOSYS`, always.
pub fn recv_many(
    _fd: impl AsFd,
    _room: &mut [u8],
    _size: usize,
    _each: impl FnMut(Received),
) -> io::Result<usize> {
    Err(Errno::NOSYS.into())
}

/// Linux's `TCP_FASTOPEN`, which is not here in the same form.
///
/// # Errors
/// `EOPNOTSUPP`, always.
pub fn set_fast_open_queue(_fd: impl AsFd, _length: u32) -> io::Result<()> {
    Err(Errno::OPNOTSUPP.into())
}

/// Linux's `TCP_FASTOPEN_CONNECT`, which is not here.
///
/// # Errors
/// `EOPNOTSUPP`, always.
pub fn set_fast_open_connect(_fd: impl AsFd, _on: bool) -> io::Result<()> {
    Err(Errno::OPNOTSUPP.into())
}
