//! Accepting, the same for every kind of listener.
//!
//! Errors of `accept` are sorted here (`accept_error.rs`): a connection that broke before it was
//! accepted is passed over, a shortage is waited out (`shortage.rs`), and only what ends the
//! listener for good reaches the caller. So a loop over `accept` needs no error handling of its own
//! to be safe, and neither spins nor goes deaf.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::io;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use evlet_hub::{Io, Ticket};

use crate::accept_error::{self, Verdict};
use crate::descriptor;
use crate::listener::Listener;
use crate::shortage::{self, Pause, Shortage};
use crate::socket::Plug;
use crate::tcp_listener::TcpListener;

type Site = &'static Location<'static>;

/// What differs from one kind of listener to another. Only ours have it.
pub trait Accepts: Listener + Sized {
    /// Its books.
    fn acceptor(&self) -> &Acceptor<Self::Peer>;
    /// Takes one connection from the backlog. `None` for the peer: it is gone already.
    fn take(fd: &OwnedFd) -> io::Result<(OwnedFd, Option<Self::Peer>)>;
    /// The stream of a connection.
    fn stream(io: Io<Plug>, at: Site) -> Self::Stream;
}

/// A listening descriptor with the books on its errors.
#[derive(Debug)]
pub struct Acceptor<P> {
    io: Io<OwnedFd>,
    /// What it listens on, as reports and errors call it.
    on: String,
    at: Site,
    shortage: Shortage,
    /// Connections in a row that broke before they were accepted.
    broken: Cell<u32>,
    /// One was taken since the hub told of some.
    has_taken: Cell<bool>,
    /// Accepted, but the hub could not watch it yet.
    unwatched: RefCell<Option<(OwnedFd, P)>>,
}

impl<P> Acceptor<P> {
    pub(crate) fn new(fd: OwnedFd, on: String, at: Site) -> io::Result<Acceptor<P>> {
        Ok(Acceptor {
            io: Io::new_nonblocking(fd)?,
            on,
            at,
            shortage: Shortage::default(),
            broken: Cell::new(0),
            has_taken: Cell::new(false),
            unwatched: RefCell::new(None),
        })
    }

    pub(crate) fn fd(&self) -> &OwnedFd {
        self.io.get_ref()
    }

    /// Stops listening; who waits wakes with `NotConnected`.
    pub(crate) fn close(&self) {
        self.io.close();
        let _ = descriptor::shutdown(self.io.get_ref(), Shutdown::Both);
        let unwatched = self.unwatched.take();
        drop(unwatched);
    }

    /// How it is called in reports and errors.
    fn name(&self) -> String {
        format!("listener {} (opened at {})", self.on, self.at)
    }

    /// One try at a connection.
    fn poll_take<L: Accepts<Peer = P>>(
        &self,
        cx: &mut Context<'_>,
        at: Site,
        ticket: Ticket,
    ) -> Poll<io::Result<(L::Stream, P)>> {
        let kept = self.unwatched.take();
        let (fd, peer) = match kept {
            Some(kept) => kept,
            None => {
                let one = |fd: &OwnedFd| self.take_next::<L>(fd);
                let taken = ready!(self.io.poll_read_as(ticket, cx, at, one))?;
                match taken {
                    (fd, Some(peer)) => (fd, peer),
                    // The peer went away so early that not even its address is left.
                    (_, None) => return Poll::Ready(Err(rustix::io::Errno::CONNABORTED.into())),
                }
            }
        };
        match Io::try_new_nonblocking(Plug::from(fd)) {
            Ok(io) => {
                // Whether the peer has sent something already the next wait tells: being registered
                // made the kernel look. A read that comes before that would mostly find nothing.
                io.drained();
                Poll::Ready(Ok((L::stream(io, at), peer)))
            }
            Err((error, plug)) => {
                // It is accepted and must not be lost: keep it for the next try.
                self.unwatched.replace(Some((plug.fd, peer)));
                Poll::Ready(Err(error))
            }
        }
    }

    /// Takes the next connection. Behind one that was taken there mostly is no other, and to ask costs a tenth
    /// of an accept that finds nothing: that one makes a descriptor first (decision 0098).
    fn take_next<L: Accepts<Peer = P>>(&self, fd: &OwnedFd) -> io::Result<(OwnedFd, Option<P>)> {
        if self.has_taken.take() && !descriptor::is_readable(fd)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let taken = L::take(fd)?;
        self.has_taken.set(true);
        Ok(taken)
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

impl<P> Drop for Acceptor<P> {
    fn drop(&mut self) {
        shortage::descriptor_freed();
    }
}

/// Future of [`TcpListener::accept`] and of [`UnixListener::accept`](crate::UnixListener::accept).
#[must_use = "no connection is accepted until this is awaited"]
pub struct Accept<'a, L: Accepts = TcpListener> {
    acceptor: &'a Acceptor<L::Peer>,
    at: Site,
    ticket: Ticket,
    pause: Option<Pause>,
    registered: bool,
}

impl<'a, L: Accepts> Accept<'a, L> {
    pub(crate) fn new(listener: &'a L, at: Site) -> Self {
        let acceptor = listener.acceptor();
        Accept {
            acceptor,
            at,
            ticket: acceptor.io.new_ticket(),
            pause: None,
            registered: false,
        }
    }
}

impl<L: Accepts> Future for Accept<'_, L> {
    type Output = io::Result<(L::Stream, L::Peer)>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let acceptor = this.acceptor;
        loop {
            if let Some(pause) = &mut this.pause {
                ready!(pause.poll(cx, this.at));
                this.pause = None;
            }
            let polled = acceptor.poll_take::<L>(cx, this.at, this.ticket);
            this.registered = polled.is_pending();
            let error = match ready!(polled) {
                Ok(connection) => {
                    acceptor.broken.set(0);
                    acceptor.shortage.over(|| acceptor.name());
                    return Poll::Ready(Ok(connection));
                }
                Err(error) => error,
            };
            match acceptor.judge(&error) {
                // Each try spends from the budget: a long row of them gives others their turn.
                Verdict::NextConnection => {}
                Verdict::Later => {
                    let pause = acceptor.shortage.failed(|| acceptor.name(), &error);
                    this.pause = Some(pause);
                }
                Verdict::Fatal => {
                    let text = format!("{}: {error}", acceptor.name());
                    return Poll::Ready(Err(io::Error::new(error.kind(), text)));
                }
            }
        }
    }
}

impl<L: Accepts> Drop for Accept<'_, L> {
    fn drop(&mut self) {
        if self.registered {
            self.acceptor.io.forget_reader(self.ticket);
        }
    }
}

impl<L: Accepts> fmt::Debug for Accept<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accept")
            .field("listener", &self.acceptor.on)
            .field("at", &format_args!("{}", self.at))
            .finish()
    }
}
