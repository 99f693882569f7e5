//! How to make a connection.

use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::time::Duration;

use super::connect::Connect;
use super::keep_alive::KeepAlive;
use super::socket_options::{FastOpen, SocketOptions};
use crate::addr::{Target, ToAddr};
use crate::addr_error::{AddrError, AddrProblem};

/// How long an attempt is waited for before the next address is tried beside it: 250 ms, as RFC
/// 8305 advises.
pub const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Connects to `addr` over TCP.
///
/// A name is resolved first ([`resolve`](crate::resolve())). Its addresses are tried as RFC 8305
/// ("Happy Eyeballs") says: IPv6 and IPv4 in turn, the next one when the one before has failed or
/// has not answered within [`ATTEMPT_DELAY`]; the first that answers wins, and the others are
/// closed. So a family that does not work, or a host that is down, costs a quarter of a second
/// and not two minutes.
///
/// There is no limit in time but the kernel's (about two minutes for an address that never
/// answers): [`ConnectOptions::timeout`] sets one that covers everything.
///
/// # Errors
/// [`ConnectError`](crate::ConnectError) inside an [`io::Error`] lists every try and says what to
/// do. [`AddrError`] (`InvalidInput`) when the address cannot be read,
/// [`ResolveError`](crate::ResolveError) when its name has no address.
///
/// # Cancel safety
/// Dropping the future closes the sockets. A look-up that was under way is abandoned.
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
    ConnectOptions::new().connect(addr)
}

/// Connects to `addr` from the local address `bind`: [`ConnectOptions::bind`].
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
    match (addr.to_addr(), ConnectOptions::new().bind(bind)) {
        (Ok(addr), Ok(options)) => Connect::new(addr, options, at),
        (Err(error), _) => Connect::failed(error.into(), at),
        (_, Err(error)) => Connect::failed(error, at),
    }
}

/// How to make a connection; [`connect`] has the defaults.
///
/// ```
/// use std::time::Duration;
/// use evlet_net::{ConnectOptions, KeepAlive, listen};
/// evlet_hub::run(async {
///     let listener = listen("127.0.0.1:0")?;
///     let stream = ConnectOptions::new()
///         .timeout(Duration::from_secs(5)) // the name, and all addresses
///         .bind("127.0.0.2:0")?
///         .keep_alive(KeepAlive::default())
///         .recv_buffer(1 << 20)
///         .connect(listener.local_addr()?)
///         .await?;
///     assert_eq!(stream.local_addr()?.ip().to_string(), "127.0.0.2");
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "options do nothing until `connect` is called on them"]
pub struct ConnectOptions {
    pub(super) bind: Option<SocketAddr>,
    pub(super) timeout: Option<Duration>,
    pub(super) attempt_delay: Duration,
    pub(super) sockets: SocketOptions,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        ConnectOptions {
            bind: None,
            timeout: None,
            attempt_delay: ATTEMPT_DELAY,
            sockets: SocketOptions::default(),
        }
    }
}

impl ConnectOptions {
    /// The defaults: those of [`connect`].
    pub fn new() -> Self {
        ConnectOptions::default()
    }

    /// The local address to connect from, which must be numeric; port 0 takes any port. Addresses
    /// of the other family (IPv4, IPv6) than this one are left out, with a note in the error.
    ///
    /// # Errors
    /// [`AddrError`] inside an [`io::Error`] when it cannot be read or is a name.
    pub fn bind(mut self, addr: impl ToAddr) -> io::Result<Self> {
        let addr = addr.to_addr()?;
        let given = addr.to_string();
        match addr.target() {
            Target::One(addr) => self.bind = Some(addr),
            _ => return Err(AddrError::new(&given, AddrProblem::NotNumeric).into()),
        }
        Ok(self)
    }

    /// How long everything together may take, the look-up of the name and all addresses: then the
    /// error is a [`ConnectError`](crate::ConnectError) of the kind `TimedOut`, with what was tried
    /// by then. No limit unless set.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// How long an attempt is waited for before the next address is tried beside it:
    /// [`ATTEMPT_DELAY`] unless set. `Duration::MAX` tries one after the other.
    pub fn attempt_delay(mut self, delay: Duration) -> Self {
        self.attempt_delay = delay;
        self
    }

    /// Whether small pieces are sent at once (`TCP_NODELAY`). On unless set; see
    /// [`TcpStream::set_nodelay`](crate::TcpStream::set_nodelay).
    pub fn nodelay(mut self, on: bool) -> Self {
        self.sockets.nodelay = on;
        self
    }

    /// Whether the address of [`bind`](Self::bind) may be taken while old connections of it linger
    /// (`SO_REUSEADDR`). Off unless set.
    pub fn reuse_addr(mut self, on: bool) -> Self {
        self.sockets.reuse_addr = on;
        self
    }

    /// Whether the port of [`bind`](Self::bind) is shared with others that ask for it
    /// (`SO_REUSEPORT`): several connections from one port. Off unless set.
    pub fn reuse_port(mut self, on: bool) -> Self {
        self.sockets.reuse_port = on;
        self
    }

    /// As [`TcpStream::set_keep_alive`](crate::TcpStream::set_keep_alive).
    pub fn keep_alive(mut self, keep_alive: KeepAlive) -> Self {
        self.sockets.keep_alive = Some(keep_alive);
        self
    }

    /// As [`TcpStream::set_user_timeout`](crate::TcpStream::set_user_timeout); on Linux it also
    /// limits how long an attempt may go without an answer.
    pub fn user_timeout(mut self, limit: Duration) -> Self {
        self.sockets.user_timeout = Some(limit);
        self
    }

    /// The kernel's buffer for what has arrived, in bytes, in effect from the first byte.
    pub fn recv_buffer(mut self, bytes: usize) -> Self {
        self.sockets.recv_buffer = Some(bytes);
        self
    }

    /// The kernel's buffer for what is to be sent, in bytes.
    pub fn send_buffer(mut self, bytes: usize) -> Self {
        self.sockets.send_buffer = Some(bytes);
        self
    }

    /// Sends the first bytes along with the first packet, to servers that have been met before and take
    /// them so (TCP Fast Open, RFC 7413): a round trip less. Off unless set. Linux has it.
    ///
    /// For such a server the connect is over at once, before anything is sent: it is the first
    /// [`send`](crate::TcpStream::send) that begins the connection and tells if nobody listens there, and
    /// no other address is tried then. Until it, [`peer_addr`](crate::TcpStream::peer_addr) gives
    /// `NotConnected` and nothing is received. So it is for clients that speak first, and whose first
    /// bytes may arrive twice without harm. With others a connection is made in the usual way.
    ///
    /// On other systems, and where it is switched off, connecting fails with
    /// [`UnsupportedOption`](crate::UnsupportedOption) as what was wrong with each address.
    pub fn fast_open(mut self, on: bool) -> Self {
        self.sockets.fast_open = on.then_some(FastOpen::Connect);
        self
    }

    /// Connects to `addr`.
    ///
    /// # Errors
    /// As for [`connect`], and those of the options that the kernel refuses.
    ///
    /// # Cancel safety
    /// As for [`connect`].
    #[track_caller]
    pub fn connect(&self, addr: impl ToAddr) -> Connect {
        let at = Location::caller();
        match addr.to_addr() {
            Ok(addr) => Connect::new(addr, self.clone(), at),
            Err(error) => Connect::failed(error.into(), at),
        }
    }
}
