//! The handshake: part of the first operation, or waited for by itself.
//!
//! Either half of a stream may drive it, and go away in the middle: all of it is in the stream. It has a
//! time limit, and a server has a bound on how many it does at once (`places`).

use std::future::Future;
use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use evlet_hub::{sleep, wait};
use futures::io::{AsyncRead, AsyncWrite};

use super::duplex_waker::Half;
use super::error::{Cause, TlsError};
use super::link::Link;
use super::places::Place;
use super::stream::{State, TlsStream};

/// How much of the handshake is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// Until text can be read and written. The last that we have to say may go with what comes next.
    Agreed,
    /// Until the peer was sent everything.
    Said,
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream<S> {
    /// Goes on with the handshake, for whichever half asks.
    pub(super) fn poll_handshake(
        &mut self,
        half: Half,
        until: Until,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if let State::Fresh(..) = self.state {
            self.begin();
        }
        let TlsStream {
            state,
            wakers,
            timer,
            place,
            limit,
            side,
            ..
        } = self;
        let link = match state {
            State::Open(_) => return Poll::Ready(Ok(())),
            State::Failed(error) => {
                ready!(wait::poll_budget(cx));
                return Poll::Ready(Err(error.clone().into()));
            }
            State::InHandshake(link) => link,
            State::Fresh(..) => return Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        };
        let done = ready!(wakers.poll(half, cx, |cx| {
            if let Err(error) = wait::check_running("a TLS handshake") {
                return Poll::Ready(Err(TlsError::of(side, true, error)));
            }
            // The timer first, so that the hub shows the stream as what is waited for.
            let timer = timer.get_or_insert_with(|| sleep(*limit));
            let late = Pin::new(timer).poll(cx).is_ready();
            match poll_steps(link, place.as_mut(), until, cx) {
                Poll::Ready(Ok(())) => Poll::Ready(Ok(())),
                Poll::Ready(Err(error)) => Poll::Ready(Err(TlsError::of(side, true, error))),
                Poll::Pending if late => {
                    let cause = match place.as_ref().and_then(Place::waits_among) {
                        Some(bound) => Cause::NoPlace(*limit, bound),
                        None => Cause::TimedOut(*limit),
                    };
                    Poll::Ready(Err(TlsError::new(side.clone(), true, cause)))
                }
                Poll::Pending => Poll::Pending,
            }
        }));
        *timer = None;
        *place = None;
        let failed = done.clone().err();
        let cause = failed.unwrap_or_else(|| TlsError::new(side.clone(), true, Cause::Closed));
        if let State::InHandshake(link) = mem::replace(state, State::Failed(cause))
            && done.is_ok()
        {
            *state = State::Open(link);
        }
        self.wakers.wake_other(half);
        Poll::Ready(done.map_err(io::Error::from))
    }

    /// Makes the first step of the handshake possible.
    fn begin(&mut self) {
        let closed = TlsError::new(self.side.clone(), true, Cause::Closed);
        self.state = match mem::replace(&mut self.state, State::Failed(closed)) {
            State::Fresh(stream, ready) => match ready.connection() {
                Ok(tls) => State::InHandshake(Box::new(Link::new(stream, tls))),
                Err(error) => {
                    let cause = Cause::Tls(error);
                    State::Failed(TlsError::new(self.side.clone(), true, cause))
                }
            },
            other => other,
        };
    }
}

/// The handshake, as far as it comes now.
fn poll_steps<S: AsyncRead + AsyncWrite + Unpin>(
    link: &mut Link<S>,
    place: Option<&mut Place>,
    until: Until,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    if let Some(place) = place
        && !place.is_taken()
    {
        // A client that says nothing takes no place, nor does one that is gone.
        if ready!(link.poll_heard(cx))? {
            ready!(place.poll(cx));
        }
    }
    ready!(link.poll_handshake(cx))?;
    match until {
        Until::Agreed => Poll::Ready(Ok(())),
        Until::Said => link.poll_flush(cx),
    }
}

/// The stream in the hands of an operation of ours. One that is given up waits in no line: nobody polls the stream to
/// take the place that it would be called to.
#[derive(Debug)]
pub(super) struct InHand<'a, S>(pub(super) &'a mut TlsStream<S>);

impl<S> Drop for InHand<'_, S> {
    fn drop(&mut self) {
        if let Some(place) = &mut self.0.place {
            place.leave_the_line();
        }
    }
}

/// Future of [`TlsStream::handshake`].
#[derive(Debug)]
#[must_use = "the handshake waits for the first operation unless this is awaited"]
pub struct Handshake<'a, S> {
    pub(super) stream: InHand<'a, S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Handshake<'_, S> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let InHand(stream) = &mut self.get_mut().stream;
        stream.poll_handshake(Half::Reader, Until::Said, cx)
    }
}
