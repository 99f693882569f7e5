//! Making descriptors: close-on-exec and non-blocking from the call that makes them (promise C-8).
//!
//! A descriptor that is made first and marked afterwards is, for a moment, one that a program
//! started by another thread inherits. On Linux and most other systems the kernel takes the marks
//! along (`SOCK_CLOEXEC`, `SOCK_NONBLOCK`, `accept4`). Apple's has no such flags; there the marks
//! follow at once, and that moment stays. This file is the only one that knows the difference.
//!
//! Every call passes the gate of [`evlet_hub::sys`] first, so that a test can make it fail.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use evlet_hub::sys::{self, Call, CallKind};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::addr::SocketAddrArg;
use rustix::net::{
    AddressFamily, Protocol, RecvAncillaryBuffer, RecvFlags, RecvMsg, SendAncillaryBuffer,
    SendFlags, SocketAddrAny, SocketType, ipproto,
};

/// A new TCP socket for addresses of the kind of `addr`.
pub(crate) fn new_tcp(addr: &SocketAddr) -> io::Result<OwnedFd> {
    let family = match addr {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    new_socket(family, SocketType::STREAM, Some(ipproto::TCP))
}

/// A new socket.
pub(crate) fn new_socket(
    family: AddressFamily,
    kind: SocketType,
    protocol: Option<Protocol>,
) -> io::Result<OwnedFd> {
    again(CallKind::Socket, None, || {
        marked::socket(family, kind, protocol)
    })
}

/// Two Unix sockets, connected to each other.
pub(crate) fn new_pair(kind: SocketType) -> io::Result<(OwnedFd, OwnedFd)> {
    again(CallKind::Socket, None, || marked::pair(kind))
}

/// Takes one connection from the backlog. `None` for the address: the peer is gone already.
pub(crate) fn accept(fd: &OwnedFd) -> io::Result<(OwnedFd, Option<SocketAddr>)> {
    gate(CallKind::Accept, fd)?;
    let (fd, peer) = marked::accept(fd)?;
    let peer = peer.and_then(|addr| SocketAddr::try_from(addr).ok());
    Ok((fd, peer))
}

/// Takes one connection of any family from the backlog.
pub(crate) fn accept_any(fd: &OwnedFd) -> io::Result<(OwnedFd, Option<SocketAddrAny>)> {
    gate(CallKind::Accept, fd)?;
    marked::accept(fd)
}

/// Whether something can be read, or accepted, now; or has failed.
pub(crate) fn is_readable(fd: &OwnedFd) -> io::Result<bool> {
    gate(CallKind::Other, fd)?;
    let mut fds = [PollFd::new(fd, PollFlags::IN)];
    let found = retry_on_intr(|| rustix::event::poll(&mut fds, Some(&Timespec::default())))?;
    Ok(found > 0)
}

/// One `recv`.
pub(crate) fn recv(fd: &OwnedFd, buf: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
    gate(CallKind::Read, fd)?;
    recv_past_the_gate(fd, buf, flags)
}

/// The same where the gate is known to be open, since [`Io::begin`](evlet_hub::Io::begin) has said so.
#[inline]
pub(crate) fn recv_past_the_gate(
    fd: &OwnedFd,
    buf: &mut [u8],
    flags: RecvFlags,
) -> io::Result<usize> {
    let (taken, _) = rustix::net::recv(fd, buf, flags)?;
    Ok(taken)
}

/// One `send`, which never raises SIGPIPE (promise F-11).
pub(crate) fn send(fd: &OwnedFd, data: &[u8]) -> io::Result<usize> {
    gate(CallKind::Write, fd)?;
    send_past_the_gate(fd, data)
}

/// The same where the gate is known to be open.
#[inline]
pub(crate) fn send_past_the_gate(fd: &OwnedFd, data: &[u8]) -> io::Result<usize> {
    rustix::net::send(fd, data, marked::SEND).map_err(not_yet)
}

/// One gathering `send` of at most [`MAX_SLICES`] slices.
pub(crate) fn send_vectored(fd: &OwnedFd, data: &[io::IoSlice<'_>]) -> io::Result<usize> {
    gate(CallKind::Write, fd)?;
    let mut control = rustix::net::SendAncillaryBuffer::default();
    rustix::net::sendmsg(fd, data, &mut control, marked::SEND).map_err(not_yet)
}

/// A connection that begins with its first bytes (fast open) may turn out to begin in the usual way: they
/// can be sent when it is there.
#[cold]
fn not_yet(error: Errno) -> io::Error {
    match error {
        Errno::INPROGRESS => io::ErrorKind::WouldBlock.into(),
        error => error.into(),
    }
}

/// One scattering read into at most [`MAX_SLICES`] slices.
pub(crate) fn recv_vectored(fd: &OwnedFd, bufs: &mut [io::IoSliceMut<'_>]) -> io::Result<usize> {
    gate(CallKind::Read, fd)?;
    Ok(rustix::io::readv(fd, bufs)?)
}

/// One gathering `send` with something beside the bytes.
pub(crate) fn sendmsg(
    fd: &OwnedFd,
    data: &[io::IoSlice<'_>],
    control: &mut SendAncillaryBuffer<'_, '_, '_>,
) -> io::Result<usize> {
    gate(CallKind::Write, fd)?;
    Ok(rustix::net::sendmsg(fd, data, control, marked::SEND)?)
}

/// One scattering `recv` that tells what came beside the bytes. Descriptors that come are
/// close-on-exec.
pub(crate) fn recvmsg(
    fd: &OwnedFd,
    bufs: &mut [io::IoSliceMut<'_>],
    control: &mut RecvAncillaryBuffer<'_>,
    flags: RecvFlags,
) -> io::Result<RecvMsg> {
    gate(CallKind::Read, fd)?;
    Ok(rustix::net::recvmsg(
        fd,
        bufs,
        control,
        flags | marked::RECV,
    )?)
}

/// One `recvmmsg`: as many datagrams as have arrived and fit, up to
/// [`sys::RECV_AT_ONCE`].
pub(crate) fn recv_many(
    fd: &OwnedFd,
    room: &mut [u8],
    size: usize,
    each: impl FnMut(sys::Received),
) -> io::Result<usize> {
    gate(CallKind::Read, fd)?;
    sys::recv_many(fd, room, size, each)
}

/// One `sendto`.
pub(crate) fn send_to(fd: &OwnedFd, data: &[u8], to: &impl SocketAddrArg) -> io::Result<usize> {
    gate(CallKind::Write, fd)?;
    Ok(rustix::net::sendto(fd, data, marked::SEND, to)?)
}

/// Ends one or both directions. A socket that is not connected any more has nothing to end.
pub(crate) fn shutdown(fd: &OwnedFd, how: std::net::Shutdown) -> io::Result<()> {
    let how = match how {
        std::net::Shutdown::Read => rustix::net::Shutdown::Read,
        std::net::Shutdown::Write => rustix::net::Shutdown::Write,
        std::net::Shutdown::Both => rustix::net::Shutdown::Both,
    };
    again(
        CallKind::Shutdown,
        Some(fd),
        || match rustix::net::shutdown(fd, how) {
            Err(Errno::NOTCONN) => Ok(()),
            done => done,
        },
    )
}

pub(crate) fn set_nodelay(fd: &OwnedFd, on: bool) -> io::Result<()> {
    again(CallKind::SetOption, Some(fd), || {
        rustix::net::sockopt::set_tcp_nodelay(fd, on)
    })
}

pub(crate) fn local_addr(fd: impl AsFd) -> io::Result<SocketAddr> {
    Ok(SocketAddr::try_from(rustix::net::getsockname(fd)?)?)
}

pub(crate) fn peer_addr(fd: impl AsFd) -> io::Result<SocketAddr> {
    let peer = rustix::net::getpeername(fd)?.ok_or(io::ErrorKind::NotConnected)?;
    Ok(SocketAddr::try_from(peer)?)
}

fn gate(kind: CallKind, fd: &OwnedFd) -> io::Result<()> {
    sys::gate(Call::new(kind, fd.as_raw_fd()))
}

/// Makes a call again while it is interrupted (promise C-7). The operations that an `Io` runs need
/// no such care: it does that itself.
pub(crate) fn again<T>(
    kind: CallKind,
    fd: Option<&OwnedFd>,
    mut call: impl FnMut() -> rustix::io::Result<T>,
) -> io::Result<T> {
    again_io(kind, fd, || Ok(call()?))
}

/// As [`again`], for a call of [`evlet_hub::sys`].
pub(crate) fn again_io<T>(
    kind: CallKind,
    fd: Option<&OwnedFd>,
    mut call: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    let number = fd.map_or(-1, AsRawFd::as_raw_fd);
    loop {
        let made = sys::gate(Call::new(kind, number)).and_then(|()| call());
        match made {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            made => return made,
        }
    }
}

/// The kernel refuses more slices in one call.
pub(crate) const MAX_SLICES: usize = 1024;

#[cfg(not(target_vendor = "apple"))]
mod marked {
    use super::*;
    use rustix::net::SocketFlags;

    pub(super) const SEND: SendFlags = SendFlags::NOSIGNAL;
    pub(super) const RECV: RecvFlags = RecvFlags::CMSG_CLOEXEC;

    fn marks() -> SocketFlags {
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK
    }

    pub(super) fn socket(
        family: AddressFamily,
        kind: SocketType,
        protocol: Option<Protocol>,
    ) -> rustix::io::Result<OwnedFd> {
        rustix::net::socket_with(family, kind, marks(), protocol)
    }

    pub(super) fn pair(kind: SocketType) -> rustix::io::Result<(OwnedFd, OwnedFd)> {
        rustix::net::socketpair(AddressFamily::UNIX, kind, marks(), None)
    }

    pub(super) fn accept(fd: &OwnedFd) -> io::Result<(OwnedFd, Option<SocketAddrAny>)> {
        Ok(rustix::net::acceptfrom_with(fd, marks())?)
    }
}

#[cfg(target_vendor = "apple")]
mod marked {
    use super::*;

    // No flag here; `mark` sets SO_NOSIGPIPE on the socket instead.
    pub(super) const SEND: SendFlags = SendFlags::empty();
    pub(super) const RECV: RecvFlags = RecvFlags::empty();

    pub(super) fn socket(
        family: AddressFamily,
        kind: SocketType,
        protocol: Option<Protocol>,
    ) -> rustix::io::Result<OwnedFd> {
        mark(rustix::net::socket(family, kind, protocol)?)
    }

    pub(super) fn pair(kind: SocketType) -> rustix::io::Result<(OwnedFd, OwnedFd)> {
        use rustix::net::SocketFlags;
        let made = rustix::net::socketpair(AddressFamily::UNIX, kind, SocketFlags::empty(), None)?;
        Ok((mark(made.0)?, mark(made.1)?))
    }

    pub(super) fn accept(fd: &OwnedFd) -> io::Result<(OwnedFd, Option<SocketAddrAny>)> {
        let (fd, peer) = rustix::net::acceptfrom(fd)?;
        Ok((mark(fd)?, peer))
    }

    fn mark(fd: OwnedFd) -> rustix::io::Result<OwnedFd> {
        rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&fd, true)?;
        rustix::net::sockopt::set_socket_nosigpipe(&fd, true)?;
        Ok(fd)
    }
}
