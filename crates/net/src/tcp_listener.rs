//! A socket that listens for TCP connections.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::panic::Location;

use evlet_hub::Io;

use crate::acceptor::{Accept, Acceptor, Accepts};
use crate::descriptor;
use crate::listener::Listener;
use crate::socket::Plug;
use crate::tcp_stream::TcpStream;

/// A socket that listens for TCP connections. Made by [`listen`](crate::listen) and
/// [`ListenOptions`](crate::ListenOptions).
///
/// Dropping it closes it; connections that wait in its backlog are reset by the kernel.
pub struct TcpListener {
    acceptor: Acceptor<SocketAddr>,
    local: SocketAddr,
}

impl TcpListener {
    pub(crate) fn new(fd: OwnedFd, at: &'static Location<'static>) -> io::Result<TcpListener> {
        let local = descriptor::local_addr(&fd)?;
        Ok(TcpListener {
            acceptor: Acceptor::new(fd, local.to_string(), at)?,
            local,
        })
    }

    /// Takes over a listener of the standard library. It becomes non-blocking; its options stay
    /// as they are.
    ///
    /// # Errors
    /// Outside a running hub, and when the kernel cannot watch one more descriptor.
    #[track_caller]
    pub fn from_std(listener: std::net::TcpListener) -> io::Result<TcpListener> {
        let at = Location::caller();
        listener.set_nonblocking(true)?;
        TcpListener::new(OwnedFd::from(listener), at)
    }

    /// Waits for a connection and returns it with the peer's address.
    ///
    /// Errors that concern one connection are passed over. When descriptors or memory run out it
    /// waits (5 ms to 1 s, or until a socket of this hub is closed), tells the operator once
    /// through the hub's report, and goes on; the connections stay in the backlog.
    ///
    /// # Errors
    /// Those that end the listener: it was closed, or its descriptor is no listening socket. An
    /// error that names the other when another green thread is accepting from it.
    ///
    /// # Cancel safety
    /// Dropping the future loses no connection: accepting is its last step.
    ///
    /// ```
    /// # use evlet_net::{connect, listen};
    /// # evlet_hub::run(async {
    /// let listener = listen("127.0.0.1:0")?;
    /// let client = connect(listener.local_addr()?).await?;
    /// let (stream, peer) = listener.accept().await?;
    /// assert_eq!(peer, client.local_addr()?);
    /// # drop(stream);
    /// # Ok::<(), std::io::Error>(())
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn accept(&self) -> Accept<'_> {
        Accept::new(self, Location::caller())
    }

    /// The address it listens on, with the port that port 0 became.
    ///
    /// # Errors
    /// None at present: the address was asked for when the listener was made.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    /// Stops listening, also for those that share it by reference: who waits in `accept` gets
    /// `NotConnected`, and new connections are refused. The port is free when the value is dropped,
    /// which by itself closes as well.
    pub fn close(&self) {
        self.acceptor.close();
    }
}

impl Listener for TcpListener {
    type Stream = TcpStream;
    type Peer = SocketAddr;

    fn accept_at(
        &self,
        at: &'static Location<'static>,
    ) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> {
        Accept::new(self, at)
    }

    fn name_after(peer: &SocketAddr) {
        evlet_hub::set_name_to_peer(*peer);
    }
}

impl Accepts for TcpListener {
    fn acceptor(&self) -> &Acceptor<SocketAddr> {
        &self.acceptor
    }

    fn take(fd: &OwnedFd) -> io::Result<(OwnedFd, Option<SocketAddr>)> {
        descriptor::accept(fd)
    }

    fn stream(io: Io<Plug>, at: &'static Location<'static>) -> TcpStream {
        TcpStream::new(io, at)
    }
}

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.acceptor.fd().as_fd()
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener")
            .field("fd", &self.acceptor.fd().as_raw_fd())
            .field("local", &self.local)
            .finish()
    }
}
