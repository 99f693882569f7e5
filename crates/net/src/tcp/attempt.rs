//! One attempt to connect to one address.
//!
//! A loopback port in the range from which the kernel picks local ports may connect *to itself*:
//! the kernel picks the very port that is asked for, both ends are one socket, and everything sent
//! comes back. Nobody listens there, so that counts as refused (promise F-6).

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::panic::Location;
use std::task::{Context, Poll, ready};

use evlet_hub::{Io, Ticket, sys::CallKind};
use rustix::io::Errno;

use super::connect_options::ConnectOptions;
use crate::descriptor;
use crate::socket::Plug;

/// An attempt that the kernel has not decided yet.
pub(super) struct Attempt {
    pub(super) addr: SocketAddr,
    io: Io<Plug>,
    ticket: Ticket,
}

/// How an attempt begins: on loopback it is usually over at once.
pub(super) enum Start {
    Connected(Io<Plug>),
    Undecided(Attempt),
}

/// Starts to connect to `addr`.
pub(super) fn start(addr: SocketAddr, options: &ConnectOptions) -> io::Result<Start> {
    if let Some(bind) = options.bind
        && bind.is_ipv4() != addr.is_ipv4()
    {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "left out, because the address to connect from ({bind}) is of the other family"
            ),
        ));
    }
    let fd = descriptor::new_tcp(&addr)?;
    options.sockets.apply(&fd, addr.is_ipv6())?;
    if let Some(bind) = options.bind {
        descriptor::again(CallKind::Bind, Some(&fd), || rustix::net::bind(&fd, &bind))?;
    }
    let connected = descriptor::again(CallKind::Connect, Some(&fd), || {
        match rustix::net::connect(&fd, &addr) {
            Ok(()) | Err(Errno::ISCONN) => Ok(true),
            // An interrupted connect goes on in the kernel all the same.
            Err(Errno::INPROGRESS | Errno::ALREADY | Errno::INTR) => Ok(false),
            Err(error) => Err(error),
        }
    });
    let connected = match connected {
        // A test's fault: the answer never comes.
        Err(error) if Errno::from_io_error(&error) == Some(Errno::INPROGRESS) => false,
        connected => connected?,
    };
    let io = Io::new_nonblocking(Plug::from(fd))?;
    if connected {
        not_to_itself(&io, addr)?;
        return Ok(Start::Connected(io));
    }
    let ticket = io.new_ticket();
    Ok(Start::Undecided(Attempt { addr, io, ticket }))
}

impl Attempt {
    /// The kernel's verdict.
    pub(super) fn poll(
        &self,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> Poll<io::Result<()>> {
        ready!(self.io.poll_write_as(self.ticket, cx, at, verdict))?;
        Poll::Ready(not_to_itself(&self.io, self.addr))
    }

    /// Its descriptor's number.
    pub(super) fn fd(&self) -> u64 {
        self.io.get_ref().fd.as_raw_fd() as u64
    }

    pub(super) fn into_io(self) -> Io<Plug> {
        self.io
    }
}

/// `WouldBlock` while there is none.
fn verdict(plug: &Plug) -> io::Result<()> {
    let fd = &plug.fd;
    rustix::net::sockopt::socket_error(fd)??;
    match rustix::net::getpeername(fd) {
        Ok(_) => Ok(()),
        Err(Errno::NOTCONN) => Err(io::ErrorKind::WouldBlock.into()),
        Err(error) => Err(error.into()),
    }
}

fn not_to_itself(io: &Io<Plug>, addr: SocketAddr) -> io::Result<()> {
    match descriptor::local_addr(io.get_ref()) {
        Ok(local) if local == addr => Err(io::Error::new(
            io::ErrorKind::ConnectionRefused,
            "nobody listens there: the socket got connected to itself",
        )),
        _ => Ok(()),
    }
}
