//! A listening socket, and accepting from it.
//!
//! Errors of `accept` are sorted here (`accept_error.rs`): a connection that broke before it was
//! accepted is passed over, a shortage is waited out (`shortage.rs`), and only what ends the
//! listener for good reaches the caller. So a loop over [`TcpListener::accept`] needs no error
//! handling of its own to be safe, and neither spins nor goes deaf.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use evlet_hub::{Io, Ticket};

use crate::accept_error::{self, Verdict};
use crate::descriptor;
use crate::shortage::{self, Pause, Shortage};
use crate::tcp_stream::TcpStream;

/// A socket that listens for TCP connections. Made by [`listen`](crate::listen) and
/// [`ListenOptions`](crate::ListenOptions).
///
/// Dropping it closes it; connections that wait in its backlog are reset by the kernel.
pub struct TcpListener {
    io: Io<OwnedFd>,
    local: SocketAddr,
    at: &'static Location<'static>,
    shortage: Shortage,
    /// Connections in a row that broke before they were accepted.
    broken: Cell<u32>,
    /// Accepted, but the hub could not watch it yet.
    unwatched: RefCell<Option<(OwnedFd, SocketAddr)>>,
}

impl TcpListener {
    pub(crate) fn new(fd: OwnedFd, at: &'static Location<'static>) -> io::Result<TcpListener> {
        let local = descriptor::local_addr(&fd)?;
        Ok(TcpListener {
            io: Io::new_nonblocking(fd)?,
            local,
            at,
            shortage: Shortage::default(),
            broken: Cell::new(0),
            unwatched: RefCell::new(None),
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
        self.accept_at(Location::caller())
    }

    pub(crate) fn accept_at(&self, at: &'static Location<'static>) -> Accept<'_> {
        Accept {
            listener: self,
            at,
            ticket: self.io.new_ticket(),
            pause: None,
            registered: false,
        }
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
        self.io.close();
        let _ = descriptor::shutdown(self.io.get_ref(), Shutdown::Both);
        let unwatched = self.unwatched.take();
        drop(unwatched);
    }

    /// How it is called in reports and errors.
    fn name(&self) -> String {
        format!("listener {} (opened at {})", self.local, self.at)
    }

    /// One try at a connection.
    fn poll_take(
        &self,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
        ticket: Ticket,
    ) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let kept = self.unwatched.take();
        let (fd, peer) = match kept {
            Some(kept) => kept,
            None => {
                let taken = self.io.poll_read_as(ticket, cx, at, descriptor::accept);
                let taken = ready!(taken)?;
                match taken {
                    (fd, Some(peer)) => (fd, peer),
                    // The peer went away so early that not even its address is left.
                    (_, None) => return Poll::Ready(Err(rustix::io::Errno::CONNABORTED.into())),
                }
            }
        };
        match Io::try_new_nonblocking(fd) {
            Ok(io) => Poll::Ready(Ok((TcpStream::new(io, at), peer))),
            Err((error, fd)) => {
                // It is accepted and must not be lost: keep it for the next try.
                self.unwatched.replace(Some((fd, peer)));
                Poll::Ready(Err(error))
            }
        }
    }

    /// What a failed try means; many broken connections in a row count as a shortage, so that a
    /// kernel that gives the same error for ever cannot make the listener spin.
    fn judge(&self, error: &io::Error) -> Verdict {
        const MANY: u32 = 1000;
        let verdict = match self.unwatched.borrow().is_some() {
            true => Verdict::Later,
            false => accept_error::class(error),
        };
        if verdict == Verdict::NextConnection {
            self.broken.set(self.broken.get().saturating_add(1));
            if self.broken.get() > MANY {
                return Verdict::Later;
            }
        }
        verdict
    }
}

/// Future of [`TcpListener::accept`].
#[must_use = "no connection is accepted until this is awaited"]
pub struct Accept<'a> {
    listener: &'a TcpListener,
    at: &'static Location<'static>,
    ticket: Ticket,
    pause: Option<Pause>,
    registered: bool,
}

impl Future for Accept<'_> {
    type Output = io::Result<(TcpStream, SocketAddr)>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let listener = this.listener;
        loop {
            if let Some(pause) = &mut this.pause {
                ready!(pause.poll(cx, this.at));
                this.pause = None;
            }
            let polled = listener.poll_take(cx, this.at, this.ticket);
            this.registered = polled.is_pending();
            let error = match ready!(polled) {
                Ok(connection) => {
                    listener.broken.set(0);
                    listener.shortage.over(|| listener.name());
                    return Poll::Ready(Ok(connection));
                }
                Err(error) => error,
            };
            match listener.judge(&error) {
                // Each try spends from the budget: a long row of them gives others their turn.
                Verdict::NextConnection => {}
                Verdict::Later => {
                    let pause = listener.shortage.failed(|| listener.name(), &error);
                    this.pause = Some(pause);
                }
                Verdict::Fatal => {
                    let text = format!("{}: {error}", listener.name());
                    return Poll::Ready(Err(io::Error::new(error.kind(), text)));
                }
            }
        }
    }
}

impl Drop for Accept<'_> {
    fn drop(&mut self) {
        if self.registered {
            self.listener.io.forget_reader(self.ticket);
        }
    }
}

impl Drop for TcpListener {
    fn drop(&mut self) {
        shortage::descriptor_freed();
    }
}

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.get_ref().as_fd()
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener")
            .field("fd", &self.io.get_ref().as_raw_fd())
            .field("local", &self.local)
            .finish()
    }
}

impl fmt::Debug for Accept<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accept")
            .field("listener", &self.listener.local)
            .field("at", &format_args!("{}", self.at))
            .finish()
    }
}
