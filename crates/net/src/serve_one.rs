//! What the green thread of one connection does: waits for its connection, runs the handler, looks at its end.
//!
//! It is written by hand, because a server holds one for each connection and an `async fn` would keep more: what
//! it was given stays beside what it has made of it, so its link to the server, the peer and the handler's future
//! each had a place of their own twice over. Here they take each other's place, and an IPv4 peer, which most are,
//! stands where the word that tells the states apart has room.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use evlet_hub::report::{self, Report};
use pin_project_lite::pin_project;

use crate::serve_place::Place;
use crate::serve_slot::Taken;
use crate::served::{IntoServed, Served, peer_went_away};

/// A connection's handler on its way to the green thread that runs it.
pub(crate) struct Work<F, P> {
    pub(crate) peer: P,
    /// Names this green thread.
    pub(crate) call_after: fn(&P),
    pub(crate) made: std::thread::Result<F>,
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
        Waits { taken: Taken<Work<F, P>>, place: Place },
        Serves { ip: Ipv4Addr, port: u16, #[pin] handler: F, place: Place },
        /// A peer of another kind.
        ServesOther { #[pin] handler: F, other: Box<Other<P>> },
        Over,
    }
}

struct Other<P> {
    peer: P,
    place: Place,
}

impl<F, P: 'static, K> ServeOne<F, P, K> {
    pub(crate) fn new(taken: Taken<Work<F, P>>, place: Place) -> Self {
        ServeOne {
            state: State::Waits { taken, place },
            kind: PhantomData,
        }
    }
}

impl<F, P: 'static> State<F, P> {
    fn serving(handler: F, peer: P, place: Place) -> Self {
        match (&peer as &dyn Any).downcast_ref() {
            Some(SocketAddr::V4(addr)) => State::Serves {
                ip: *addr.ip(),
                port: addr.port(),
                handler,
                place,
            },
            _ => State::ServesOther {
                handler,
                other: Box::new(Other { peer, place }),
            },
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
        let Projection::Serves { handler, .. } = self.as_mut().project().state.project() else {
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
        match self.as_mut().project().state.project() {
            Projection::Waits { .. } => self.begin(cx),
            Projection::ServesOther { handler, .. } => {
                let output = ready!(handler.poll(cx));
                self.end(output)
            }
            Projection::Serves { .. } | Projection::Over => Poll::Ready(()),
        }
    }

    /// Waits for a connection, then serves it.
    fn begin(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.as_mut().project().state;
        let Projection::Waits { taken, .. } = state.as_mut().project() else {
            return Poll::Ready(());
        };
        let work = ready!(Pin::new(taken).poll(cx));
        let waited = state.as_mut().project_replace(State::Over);
        let (Some(work), Replaced::Waits { place, .. }) = (work, waited) else {
            return Poll::Ready(());
        };
        (work.call_after)(&work.peer);
        let handler = work.made.unwrap_or_else(|payload| resume_unwind(payload));
        state.set(State::serving(handler, work.peer, place));
        self.poll(cx)
    }

    #[inline(never)]
    fn end(self: Pin<&mut Self>, output: F::Output) -> Poll<()> {
        // The handler goes first, and with it the connection.
        match self.project().state.project_replace(State::Over) {
            Replaced::Serves {
                ip, port, place, ..
            } => {
                let peer = SocketAddrV4::new(ip, port);
                look_at(output.into_served(), &peer, &place);
            }
            Replaced::ServesOther { other, .. } => {
                look_at(output.into_served(), &other.peer, &other.place);
            }
            Replaced::Waits { .. } | Replaced::Over => {}
        }
        Poll::Ready(())
    }
}

fn look_at(served: Served, peer: &dyn fmt::Display, place: &Place) {
    match served {
        Served::Done => {}
        Served::Stop => place.common.stop.set(),
        Served::Failed(error) if peer_went_away(&*error) => {}
        Served::Failed(error) => {
            let message = format!("its handler failed, and the connection is closed: {error}");
            report::report(Report::notice(format!("connection from {peer}"), message));
        }
    }
}
