//! What the green thread of one connection does: runs the handler, looks at its end.
//!
//! It is written by hand, because a server holds one for each connection and an `async fn` would keep more: what
//! it was given stays beside what it has made of it, so its link to the server, the peer and the handler's future
//! each had a place of their own twice over. Here they take each other's place, and an IPv4 peer, which most are,
//! stands where the word that tells the states apart has room.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::mem::replace;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread;

use evlet_hub::report::{self, Report};
use pin_project_lite::pin_project;

use crate::serve_place::Place;
use crate::serve_slot::Taken;
use crate::serve_stop::Stop;
use crate::served::{IntoServed, Served, peer_went_away};

/// A connection's handler on its way to the green thread that runs it.
pub(crate) struct Work<F, P> {
    pub(crate) peer: P,
    /// The panic that came instead of the handler's future is that of its green thread.
    pub(crate) made: thread::Result<F>,
}

pin_project! {
    /// See the module's page.
    pub(crate) struct ServeOne<F, P, K> {
        #[pin]
        state: State<F, P>,
        kind: PhantomData<fn(K)>,
    }
}

pin_project! {
    // Fields are dropped in order: the place is given back when the handler has gone.
    #[project = Projection]
    #[project_replace = Replaced]
    enum State<F, P> {
        /// Its place in the caller's pool was taken before there is a connection.
        Waits { taken: Taken<Work<F, P>>, place: Place<P> },
        Serves { ip: Ipv4Addr, port: u16, is_named: bool, #[pin] handler: F, place: Place<P> },
        /// A peer of another kind.
        ServesOther { #[pin] handler: F, other: Box<Other<P>> },
        Panics { payload: Box<dyn Any + Send>, other: Box<Other<P>> },
        Over,
    }
}

struct Other<P> {
    peer: P,
    is_named: bool,
    place: Place<P>,
}

impl<F, P: 'static, K> ServeOne<F, P, K> {
    pub(crate) fn new(work: Work<F, P>, place: Place<P>) -> Self {
        Self::of(State::new(work, place))
    }

    /// One that gets its work later.
    pub(crate) fn waiting(taken: Taken<Work<F, P>>, place: Place<P>) -> Self {
        Self::of(State::Waits { taken, place })
    }

    fn of(state: State<F, P>) -> Self {
        let kind = PhantomData;
        ServeOne { state, kind }
    }
}

impl<F, P: 'static> State<F, P> {
    fn new(work: Work<F, P>, place: Place<P>) -> Self {
        let other = |peer, place| {
            Box::new(Other {
                peer,
                is_named: false,
                place,
            })
        };
        let (peer, handler) = match work.made {
            Ok(handler) => (work.peer, handler),
            Err(payload) => {
                let other = other(work.peer, place);
                return State::Panics { payload, other };
            }
        };
        match (&peer as &dyn Any).downcast_ref() {
            Some(SocketAddr::V4(addr)) => State::Serves {
                ip: *addr.ip(),
                port: addr.port(),
                is_named: false,
                handler,
                place,
            },
            _ => State::ServesOther {
                handler,
                other: other(peer, place),
            },
        }
    }
}

impl<P: 'static> Place<P> {
    /// Names the running green thread after a peer, as servers of `P` do.
    #[cold]
    fn name_after_ipv4(&self, peer: SocketAddrV4) {
        let peer = SocketAddr::from(peer);
        if let Some(peer) = (&peer as &dyn Any).downcast_ref() {
            (self.common.name_after)(peer);
        }
    }
}

impl<P> Other<P> {
    fn name_once(&mut self) {
        if !replace(&mut self.is_named, true) {
            (self.place.common.name_after)(&self.peer);
        }
    }
}

impl<F, P, K> Future for ServeOne<F, P, K>
where
    P: fmt::Display + 'static,
    F: Future,
    F::Output: IntoServed<K>,
{
    type Output = ();

    // What each message of most connections takes; all else is elsewhere.
    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let state = self.as_mut().project().state;
        let Projection::Serves {
            is_named: true,
            handler,
            ..
        } = state.project()
        else {
            return self.poll_otherwise(cx);
        };
        let output = ready!(handler.poll(cx));
        self.end(output)
    }
}

impl<F, P, K> ServeOne<F, P, K>
where
    P: fmt::Display + 'static,
    F: Future,
    F::Output: IntoServed<K>,
{
    #[inline(never)]
    fn poll_otherwise(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match ready!(self.as_mut().project().state.poll(cx)) {
            Some(output) => self.end(output),
            None => Poll::Ready(()),
        }
    }

    #[inline(never)]
    fn end(self: Pin<&mut Self>, output: F::Output) -> Poll<()> {
        // The handler goes first, and with it the connection.
        match self.project().state.project_replace(State::Over) {
            Replaced::Serves {
                ip, port, place, ..
            } => {
                let peer = SocketAddrV4::new(ip, port);
                look_at(output.into_served(), &peer, &place.common.stop);
            }
            Replaced::ServesOther { other, .. } => {
                look_at(output.into_served(), &other.peer, &other.place.common.stop);
            }
            Replaced::Waits { .. } | Replaced::Panics { .. } | Replaced::Over => {}
        }
        Poll::Ready(())
    }
}

impl<F, P> State<F, P>
where
    P: 'static,
    F: Future,
{
    /// `None` is the end of one that has no handler.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        loop {
            match self.as_mut().project() {
                Projection::Serves {
                    ip,
                    port,
                    is_named,
                    handler,
                    place,
                } => {
                    if !replace(is_named, true) {
                        place.name_after_ipv4(SocketAddrV4::new(*ip, *port));
                    }
                    return handler.poll(cx).map(Some);
                }
                Projection::ServesOther { handler, other } => {
                    other.name_once();
                    return handler.poll(cx).map(Some);
                }
                Projection::Waits { taken, .. } => {
                    let work = ready!(Pin::new(taken).poll(cx));
                    let waited = self.as_mut().project_replace(State::Over);
                    let (Some(work), Replaced::Waits { place, .. }) = (work, waited) else {
                        return Poll::Ready(None);
                    };
                    self.set(State::new(work, place));
                }
                Projection::Panics { other, .. } => {
                    other.name_once();
                    match self.project_replace(State::Over) {
                        Replaced::Panics { payload, .. } => resume_unwind(payload),
                        _ => return Poll::Ready(None),
                    }
                }
                Projection::Over => return Poll::Ready(None),
            }
        }
    }
}

fn look_at(served: Served, peer: &dyn fmt::Display, stop: &Stop) {
    match served {
        Served::Done => {}
        Served::Stop => stop.set(),
        Served::Failed(error) if peer_went_away(&*error) => {}
        Served::Failed(error) => {
            let message = format!("its handler failed, and the connection is closed: {error}");
            report::report(Report::notice(format!("connection from {peer}"), message));
        }
    }
}
