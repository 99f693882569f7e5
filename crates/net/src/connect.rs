//! Making a connection.
//!
//! The address is read, resolved if it is a name, and each result is tried in the system's order
//! until one answers. The socket is registered with the hub only if the kernel needs time: on
//! loopback it usually answers within the call.
//!
//! A loopback port in the range from which the kernel picks local ports may connect *to itself*:
//! the kernel picks the very port that is asked for, both ends are one socket, and everything sent
//! comes back. Nobody listens there, so that counts as refused (promise F-6).

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use evlet_hub::{Io, Ticket, sys::CallKind, wait};
use rustix::io::Errno;

use crate::addr::{Addr, Target, ToAddr};
use crate::addr_error::{AddrError, AddrProblem};
use crate::connect_error::ConnectError;
use crate::descriptor;
use crate::resolve::ResolveAddr;
use crate::tcp_stream::TcpStream;
use crate::tries::Try;

/// Connects to `addr` over TCP.
///
/// A name is resolved first ([`resolve`](crate::resolve)); then every address is tried in order.
/// There is no limit in time but the kernel's (about two minutes for each address that never
/// answers): put [`evlet_hub::timeout`] around it for one that covers everything.
///
/// # Errors
/// [`ConnectError`] inside an [`io::Error`] lists every try and says what to do.
/// [`AddrError`] (`InvalidInput`) when the address cannot be read,
/// [`ResolveError`](crate::ResolveError) when its name has no address.
///
/// # Cancel safety
/// Dropping the future closes the socket. A look-up that was under way is abandoned.
///
/// ```
/// use evlet_net::{connect, listen};
/// evlet_hub::run(async {
///     let listener = listen("127.0.0.1:0")?;
///     let stream = connect(listener.local_addr()?).await?;
///     assert_eq!(stream.peer_addr()?, listener.local_addr()?);
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn connect(addr: impl ToAddr) -> Connect {
    let at = Location::caller();
    match addr.to_addr() {
        Ok(addr) => Connect::new(addr, None, at),
        Err(error) => Connect::failed(error.into(), at),
    }
}

/// Connects to `addr` from the local address `bind`, which must be numeric; port 0 takes any port.
/// Addresses of the other family (IPv4, IPv6) than `bind` are left out, with a note in the error.
///
/// # Errors
/// As for [`connect`]; [`AddrError`] when `bind` is a name.
///
/// # Cancel safety
/// As for [`connect`].
///
/// ```
/// use evlet_net::{connect_from, listen};
/// evlet_hub::run(async {
///     let listener = listen("127.0.0.1:0")?;
///     let stream = connect_from(listener.local_addr()?, "127.0.0.2:0").await?;
///     assert_eq!(stream.local_addr()?.ip().to_string(), "127.0.0.2");
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn connect_from(addr: impl ToAddr, bind: impl ToAddr) -> Connect {
    let at = Location::caller();
    let numeric = |bind: Addr| match bind.clone().target() {
        Target::One(bind) => Ok(bind),
        _ => Err(AddrError::new(&bind.to_string(), AddrProblem::NotNumeric)),
    };
    let read = addr.to_addr();
    match read.and_then(|addr| Ok((addr, bind.to_addr().and_then(numeric)?))) {
        Ok((addr, bind)) => Connect::new(addr, Some(bind), at),
        Err(error) => Connect::failed(error.into(), at),
    }
}

/// Future of [`connect`] and [`connect_from`].
#[must_use = "no connection is made until this is awaited"]
pub struct Connect {
    given: String,
    bind: Option<SocketAddr>,
    at: &'static Location<'static>,
    state: State,
}

enum State {
    Failed(io::Error),
    Resolving(ResolveAddr),
    Trying {
        left: std::vec::IntoIter<SocketAddr>,
        /// One attempt that the kernel has not decided yet.
        attempt: Option<(Io<OwnedFd>, Ticket, SocketAddr)>,
        tries: Vec<Try>,
    },
    Done,
}

impl Connect {
    fn new(addr: Addr, bind: Option<SocketAddr>, at: &'static Location<'static>) -> Self {
        Connect {
            given: addr.to_string(),
            bind,
            at,
            state: State::Resolving(ResolveAddr::new(addr, at)),
        }
    }

    fn failed(error: io::Error, at: &'static Location<'static>) -> Self {
        Connect {
            given: String::new(),
            bind: None,
            at,
            state: State::Failed(error),
        }
    }
}

impl Future for Connect {
    type Output = io::Result<TcpStream>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        ready!(wait::poll_budget(cx));
        loop {
            match &mut this.state {
                State::Resolving(resolving) => {
                    let addrs = ready!(Pin::new(resolving).poll(cx));
                    this.state = match addrs {
                        Ok(addrs) => State::Trying {
                            left: addrs.into_iter(),
                            attempt: None,
                            tries: Vec::new(),
                        },
                        Err(error) => State::Failed(error),
                    };
                }
                State::Trying {
                    left,
                    attempt,
                    tries,
                } => {
                    let tried = match attempt {
                        Some((io, ticket, addr)) => {
                            let decided = io.poll_write_as(*ticket, cx, this.at, verdict);
                            let decided = ready!(decided);
                            let addr = *addr;
                            match attempt.take() {
                                Some((io, ..)) => (addr, decided.map(|()| io)),
                                None => continue,
                            }
                        }
                        None => match left.next() {
                            Some(addr) => match start(addr, this.bind) {
                                Ok(Start::Connected(io)) => (addr, Ok(io)),
                                Ok(Start::Undecided(io)) => {
                                    let ticket = io.new_ticket();
                                    *attempt = Some((io, ticket, addr));
                                    continue;
                                }
                                Err(error) => (addr, Err(error)),
                            },
                            None => {
                                let tries = std::mem::take(tries);
                                let given = std::mem::take(&mut this.given);
                                this.state = State::Done;
                                return Poll::Ready(Err(ConnectError::new(given, tries).into()));
                            }
                        },
                    };
                    match tried {
                        (addr, Ok(io)) => match not_to_itself(&io, addr) {
                            Ok(()) => {
                                this.state = State::Done;
                                return Poll::Ready(Ok(TcpStream::new(io, this.at)));
                            }
                            Err(error) => tries.push(Try { addr, error }),
                        },
                        (addr, Err(error)) => tries.push(Try { addr, error }),
                    }
                }
                State::Failed(_) | State::Done => {
                    let error = match std::mem::replace(&mut this.state, State::Done) {
                        State::Failed(error) => error,
                        _ => io::Error::other("this connect is over: make a new one"),
                    };
                    return Poll::Ready(Err(error));
                }
            }
        }
    }
}

enum Start {
    Connected(Io<OwnedFd>),
    Undecided(Io<OwnedFd>),
}

/// Starts to connect to one address.
fn start(addr: SocketAddr, bind: Option<SocketAddr>) -> io::Result<Start> {
    if let Some(bind) = bind
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
    descriptor::set_nodelay(&fd, true)?;
    if let Some(bind) = bind {
        descriptor::again(CallKind::Bind, Some(&fd), || rustix::net::bind(&fd, &bind))?;
    }
    let connected = descriptor::again(CallKind::Connect, Some(&fd), || {
        match rustix::net::connect(&fd, &addr) {
            Ok(()) | Err(Errno::ISCONN) => Ok(true),
            // An interrupted connect goes on in the kernel all the same.
            Err(Errno::INPROGRESS | Errno::ALREADY | Errno::INTR) => Ok(false),
            Err(error) => Err(error),
        }
    })?;
    let io = Io::new_nonblocking(fd)?;
    Ok(match connected {
        true => Start::Connected(io),
        false => Start::Undecided(io),
    })
}

/// The kernel's verdict on an attempt; `WouldBlock` while there is none.
fn verdict(fd: &OwnedFd) -> io::Result<()> {
    rustix::net::sockopt::socket_error(fd)??;
    match rustix::net::getpeername(fd) {
        Ok(_) => Ok(()),
        Err(Errno::NOTCONN) => Err(io::ErrorKind::WouldBlock.into()),
        Err(error) => Err(error.into()),
    }
}

fn not_to_itself(io: &Io<OwnedFd>, addr: SocketAddr) -> io::Result<()> {
    match descriptor::local_addr(io.get_ref()) {
        Ok(local) if local == addr => Err(io::Error::new(
            io::ErrorKind::ConnectionRefused,
            "nobody listens there: the socket got connected to itself",
        )),
        _ => Ok(()),
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Failed(_) => "failed",
            State::Resolving(_) => "resolving",
            State::Trying { .. } => "trying",
            State::Done => "done",
        };
        f.debug_struct("Connect")
            .field("to", &self.given)
            .field("state", &state)
            .field("at", &format_args!("{}", self.at))
            .finish()
    }
}
