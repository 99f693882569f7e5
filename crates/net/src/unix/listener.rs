//! A listening Unix socket.

use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::panic::Location;

use evlet_hub::Io;

use super::addr::{ToUnixAddr, UnixAddr};
use super::listen::UnixListenOptions;
use super::path::OwnPath;
use super::stream::{UnixStream, descriptor_local};
use crate::acceptor::{Accept, Acceptor, Accepts};
use crate::descriptor;
use crate::listener::Listener;
use crate::socket::Plug;

/// A Unix socket that listens for connections. [`serve`](crate::serve) takes it as it takes a
/// [`TcpListener`](crate::TcpListener).
///
/// Dropping or closing it removes the path that it made, unless another server has taken the path
/// over meanwhile. A process that is killed leaves the path behind; the next listener takes it.
///
/// ```
/// use evlet_net::{UnixListener, UnixStream, serve};
/// # if !cfg!(target_os = "linux") { return Ok(()); }
/// # let name = format!("@evlet-doc-{}", std::process::id());
/// # let name = name.as_str();
/// evlet_hub::run(async {
///     let listener = UnixListener::bind(name)?; // a path, or "@name"
///     evlet_hub::spawn_n(serve(listener, |stream, _peer| async move {
///         stream.send_all(b"welcome").await
///     }));
///     let client = UnixStream::connect(name).await?;
///     assert_eq!(client.recv(&mut [0; 100]).await?, 7);
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixListener {
    acceptor: Acceptor<UnixAddr>,
    addr: UnixAddr,
    own: Option<OwnPath>,
}

impl UnixListener {
    pub(super) fn new(
        fd: OwnedFd,
        addr: UnixAddr,
        own: Option<OwnPath>,
        at: &'static Location<'static>,
    ) -> io::Result<UnixListener> {
        match Acceptor::new(fd, addr.to_string(), at) {
            Ok(acceptor) => Ok(UnixListener {
                acceptor,
                addr,
                own,
            }),
            Err(error) => {
                if let Some(own) = own {
                    own.remove();
                }
                Err(error)
            }
        }
    }

    /// Listens on `addr`: a path, or `"@name"` for an abstract name (Linux). See
    /// [`UnixListenOptions`] for the backlog and the path's permissions.
    ///
    /// A path that a dead server has left behind is taken over; one on which somebody answers is
    /// not, and neither is a file that is no socket.
    ///
    /// # Errors
    /// [`UnixError`](crate::UnixError) inside an [`io::Error`] names the path and says what to do:
    /// `AddrInUse` when somebody listens there or the file is no socket, `NotFound` when its
    /// directory is missing, `InvalidInput` when it is too long for the kernel.
    #[track_caller]
    pub fn bind(addr: impl ToUnixAddr) -> io::Result<UnixListener> {
        UnixListenOptions::new().listen(addr)
    }

    /// Takes over a listener of the standard library. It becomes non-blocking. Its path is not
    /// ours: nobody removes it.
    ///
    /// # Errors
    /// Outside a running hub, and when the kernel cannot watch one more descriptor.
    #[track_caller]
    pub fn from_std(listener: std::os::unix::net::UnixListener) -> io::Result<UnixListener> {
        let at = Location::caller();
        listener.set_nonblocking(true)?;
        let fd = OwnedFd::from(listener);
        let addr = descriptor_local(&fd)?;
        UnixListener::new(fd, addr, None, at)
    }

    /// Waits for a connection and returns it with the peer's name, which is seldom one. Who it is
    /// tells [`UnixStream::peer_credentials`].
    ///
    /// Errors of one connection and shortages are borne as by
    /// [`TcpListener::accept`](crate::TcpListener::accept).
    ///
    /// # Errors
    /// The same.
    ///
    /// # Cancel safety
    /// Dropping the future loses no connection.
    #[track_caller]
    pub fn accept(&self) -> Accept<'_, UnixListener> {
        Accept::new(self, Location::caller())
    }

    /// What it listens on, as it was given.
    ///
    /// # Errors
    /// None at present.
    pub fn local_addr(&self) -> io::Result<UnixAddr> {
        Ok(self.addr.clone())
    }

    /// Stops listening, also for those that share it by reference, and removes the path.
    pub fn close(&self) {
        self.acceptor.close();
        if let Some(own) = &self.own {
            own.remove();
        }
    }

    /// Leaves the path where it is when this listener ends: for a server that hands its descriptor
    /// to a successor.
    pub fn keep_path(&mut self) {
        self.own = None;
    }

    pub(super) fn own_path(&self) -> Option<&OwnPath> {
        self.own.as_ref()
    }

    pub(super) fn fd(&self) -> &OwnedFd {
        self.acceptor.fd()
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;
    type Peer = UnixAddr;

    fn accept_at(
        &self,
        at: &'static Location<'static>,
    ) -> impl Future<Output = io::Result<(UnixStream, UnixAddr)>> {
        Accept::new(self, at)
    }
}

impl Accepts for UnixListener {
    fn acceptor(&self) -> &Acceptor<UnixAddr> {
        &self.acceptor
    }

    fn take(fd: &OwnedFd) -> io::Result<(OwnedFd, Option<UnixAddr>)> {
        let (fd, peer) = descriptor::accept_any(fd)?;
        Ok((fd, Some(UnixAddr::from_kernel(peer))))
    }

    fn stream(io: Io<Plug>, at: &'static Location<'static>) -> UnixStream {
        UnixStream::new(io, at)
    }
}

impl Drop for UnixListener {
    fn drop(&mut self) {
        if let Some(own) = &self.own {
            own.remove();
        }
    }
}

impl AsFd for UnixListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd().as_fd()
    }
}

impl fmt::Debug for UnixListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnixListener")
            .field("fd", &self.fd().as_raw_fd())
            .field("local", &format_args!("{}", self.addr))
            .finish()
    }
}
