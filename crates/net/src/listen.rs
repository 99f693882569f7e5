//! Opening a listening socket.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::panic::Location;
use std::time::Duration;

use evlet_hub::report::{self, Report};
use evlet_hub::sys::CallKind;

use crate::addr::{Target, ToAddr};
use crate::addr_error::{AddrError, AddrProblem};
use crate::descriptor;
use crate::listen_error::ListenError;
use crate::tcp::{FastOpen, KeepAlive, SocketOptions};
use crate::tcp_listener::TcpListener;
use crate::tries::Try;

/// Listens on `addr` with the options that eventlet's `listen` has: a backlog of 50 and
/// `SO_REUSEADDR`. See [`ListenOptions`] for others, and for what can be listened on.
///
/// # Errors
/// [`ListenError`] inside an [`io::Error`] names the address and says what to do; [`AddrError`]
/// when it cannot be read or is a name. Outside a running hub: an error that says so.
///
/// ```
/// evlet_hub::run(async {
///     let listener = evlet_net::listen("127.0.0.1:0")?;
///     println!("listening on {}", listener.local_addr()?);
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn listen(addr: impl ToAddr) -> io::Result<TcpListener> {
    ListenOptions::new().listen(addr)
}

/// How to listen.
///
/// What can be listened on: numeric addresses, `localhost` (which is 127.0.0.1), and `":80"` or
/// `"*:80"`, which is 0.0.0.0, every IPv4 address of this machine, as in eventlet. `[::]:80` takes
/// IPv6 and, unless [`only_v6`](ListenOptions::only_v6) says otherwise, IPv4 as well. Of a list the
/// first address that works is taken. Other names are refused, since asking for them takes time
/// and this call does not wait: [`resolve_addr`](crate::resolve_addr) them first.
///
/// ```
/// use evlet_net::ListenOptions;
/// evlet_hub::run(async {
///     let options = ListenOptions::new().backlog(1024).reuse_port(true);
///     let first = options.listen("127.0.0.1:0")?;
///     let second = options.listen(first.local_addr()?)?; // they share the port
///     assert_eq!(first.local_addr()?, second.local_addr()?);
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "options do nothing until `listen` is called on them"]
pub struct ListenOptions {
    backlog: u32,
    sockets: SocketOptions,
}

impl Default for ListenOptions {
    fn default() -> Self {
        ListenOptions {
            backlog: 50,
            sockets: SocketOptions {
                reuse_addr: true,
                ..SocketOptions::default()
            },
        }
    }
}

impl ListenOptions {
    /// The defaults: those of [`listen`].
    pub fn new() -> Self {
        ListenOptions::default()
    }

    /// How many connections the kernel holds until they are accepted: 50 unless set, as in
    /// eventlet. The kernel has an upper limit of its own (`net.core.somaxconn` on Linux).
    pub fn backlog(mut self, connections: u32) -> Self {
        self.backlog = connections;
        self
    }

    /// Whether the port may be taken while old connections of it linger (`SO_REUSEADDR`). On
    /// unless set.
    pub fn reuse_addr(mut self, on: bool) -> Self {
        self.sockets.reuse_addr = on;
        self
    }

    /// Whether several listeners share the port (`SO_REUSEPORT`); all of them have to ask for it.
    /// Off unless set. (eventlet asks for it whenever the port is not 0; but connections that wait
    /// at one such listener are reset when it closes.)
    pub fn reuse_port(mut self, on: bool) -> Self {
        self.sockets.reuse_port = on;
        self
    }

    /// Whether an IPv6 listener leaves IPv4 alone. The system's choice unless set, which is to
    /// take both on Linux.
    pub fn only_v6(mut self, on: bool) -> Self {
        self.sockets.only_v6 = Some(on);
        self
    }

    /// Whether accepted connections send small pieces at once (`TCP_NODELAY`). On unless set; see
    /// [`TcpStream::set_nodelay`](crate::TcpStream::set_nodelay).
    pub fn nodelay(mut self, on: bool) -> Self {
        self.sockets.nodelay = on;
        self
    }

    /// As [`TcpStream::set_keep_alive`](crate::TcpStream::set_keep_alive), for accepted connections.
    pub fn keep_alive(mut self, keep_alive: KeepAlive) -> Self {
        self.sockets.keep_alive = Some(keep_alive);
        self
    }

    /// As [`TcpStream::set_user_timeout`](crate::TcpStream::set_user_timeout), for accepted
    /// connections.
    pub fn user_timeout(mut self, limit: Duration) -> Self {
        self.sockets.user_timeout = Some(limit);
        self
    }

    /// The kernel's buffer for what has arrived on accepted connections, in bytes.
    pub fn recv_buffer(mut self, bytes: usize) -> Self {
        self.sockets.recv_buffer = Some(bytes);
        self
    }

    /// The kernel's buffer for what is to be sent on accepted connections, in bytes.
    pub fn send_buffer(mut self, bytes: usize) -> Self {
        self.sockets.send_buffer = Some(bytes);
        self
    }

    /// Takes connections whose first bytes come with their first packet, from clients that have been
    /// here before (TCP Fast Open, RFC 7413): a round trip less for each. `queue` is how many of
    /// those may wait to be accepted; zero is none, the default. Linux has it, where the second bit of
    /// `net.ipv4.tcp_fastopen` switches it on for the machine: without it connections are
    /// made in the usual way.
    ///
    /// The first bytes may come twice, since packets do: only for protocols where a request that is
    /// repeated does no harm. On other systems [`listen`](Self::listen) fails with
    /// [`UnsupportedOption`](crate::UnsupportedOption).
    pub fn fast_open(mut self, queue: u32) -> Self {
        self.sockets.fast_open = (queue > 0).then_some(FastOpen::Listen { queue });
        self
    }

    /// Listens on `addr`.
    ///
    /// # Errors
    /// As for [`listen`].
    #[track_caller]
    pub fn listen(&self, addr: impl ToAddr) -> io::Result<TcpListener> {
        let at = Location::caller();
        let addr = addr.to_addr()?;
        let given = addr.to_string();
        let addrs = match addr.target() {
            Target::One(addr) => vec![addr],
            Target::Many(addrs) => addrs,
            Target::Any { port } => vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))],
            Target::Name { host, port } if host.eq_ignore_ascii_case("localhost") => {
                vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))]
            }
            Target::Name { .. } => {
                return Err(AddrError::new(&given, AddrProblem::NotNumeric).into());
            }
        };
        if self.sockets.reuse_port && addrs.iter().any(|addr| addr.port() == 0) {
            report::report(Report::notice(
                format!("listen on {given}"),
                "reuse_port has no use with port 0: each listener gets a port of its own",
            ));
        }
        let mut tries = Vec::new();
        for addr in addrs {
            match self.open(addr) {
                // Not a matter of the address: no need to try others.
                Ok(fd) => return TcpListener::new(fd, at),
                Err(error) => tries.push(Try { addr, error }),
            }
        }
        Err(ListenError::new(given, tries).into())
    }

    fn open(&self, addr: SocketAddr) -> io::Result<OwnedFd> {
        let made = descriptor::new_tcp(&addr)?;
        let fd = &made;
        self.sockets.apply(fd, addr.is_ipv6())?;
        descriptor::again(CallKind::Bind, Some(fd), || rustix::net::bind(fd, &addr))?;
        let backlog = i32::try_from(self.backlog).unwrap_or(i32::MAX);
        descriptor::again(CallKind::Listen, Some(fd), || {
            rustix::net::listen(fd, backlog)
        })?;
        Ok(made)
    }
}
