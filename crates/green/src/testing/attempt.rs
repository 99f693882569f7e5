//! One future, polled so many times and then dropped.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use evlet_hub::wait::{WaitsOn, parked};

/// How one attempt went: what the check of [`cancel_at_every_await`](crate::testing::cancel_at_every_await)
/// is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt<T> {
    /// What the future gave; `None` if it was dropped before it was done. There is exactly one attempt
    /// that was not, and it is the last.
    pub output: Option<T>,
    /// How often the future was polled.
    pub polls: u32,
    /// When it was dropped, or was to be.
    pub moment: Moment,
    /// Where it waited when it was dropped; `None` before its first poll, and if it was done.
    pub place: Option<Place>,
}

/// When a future is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// Right after its last poll, or before its first.
    AtOnce,
    /// When it is woken, instead of the next poll: in the turn of the event it waited for.
    WhenWoken,
}

/// An await at which a future stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The line of the call that was awaited; `None` if it told the hub nothing: a future of another
    /// library, or a turn that was given up for want of budget.
    pub at: Option<&'static Location<'static>>,
    /// What it waited on.
    pub on: WaitsOn,
}

impl<T> Attempt<T> {
    /// Whether the future was dropped before it was done.
    pub fn was_cut(&self) -> bool {
        self.output.is_none()
    }
}

impl Place {
    /// Where the future that was polled last stands.
    fn now() -> Self {
        match parked() {
            Some((on, at)) => Place { at: Some(at), on },
            None => Place {
                at: None,
                on: WaitsOn::default(),
            },
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(at) => write!(f, "at {at} for {}", self.on),
            None => write!(f, "for {}", self.on),
        }
    }
}

impl<T> fmt::Display for Attempt<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.output.is_some() {
            return write!(f, "done in poll {}", self.polls);
        }
        match (self.polls, self.moment) {
            (0, _) => f.write_str("dropped before its first poll")?,
            (n, Moment::AtOnce) => write!(f, "dropped right after poll {n}")?,
            (n, Moment::WhenWoken) => write!(f, "dropped when it was woken after poll {n}")?,
        }
        match &self.place {
            Some(place) => write!(f, ", while it waited {place}"),
            None => Ok(()),
        }
    }
}

/// Every way to give a future up, in the order in which they are tried. It has no end.
pub(super) fn ways() -> impl Iterator<Item = (u32, Moment)> {
    let later = (1..).flat_map(|polls| [(polls, Moment::AtOnce), (polls, Moment::WhenWoken)]);
    std::iter::once((0, Moment::AtOnce)).chain(later)
}

/// Polls a future so many times, then drops it.
pub(super) struct Attempting<F> {
    /// `None` once it was dropped.
    future: Option<Pin<Box<F>>>,
    polls: u32,
    /// How often to poll it.
    allowed: u32,
    moment: Moment,
    place: Option<Place>,
}

impl<F: Future> Attempting<F> {
    pub(super) fn new(future: F, (allowed, moment): (u32, Moment)) -> Self {
        Attempting {
            future: Some(Box::pin(future)),
            polls: 0,
            allowed,
            moment,
            place: None,
        }
    }

    /// Where it waits now.
    pub(super) fn place(&self) -> Option<Place> {
        self.place
    }

    fn end(&mut self, output: Option<F::Output>) -> Poll<Attempt<F::Output>> {
        self.future = None;
        let place = self.place.take().filter(|_| output.is_none());
        Poll::Ready(Attempt {
            output,
            polls: self.polls,
            moment: self.moment,
            place,
        })
    }
}

impl<F: Future> Future for Attempting<F> {
    type Output = Attempt<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if this.polls == this.allowed {
            return this.end(None);
        }
        let Some(future) = &mut this.future else {
            return Poll::Pending;
        };
        this.polls += 1;
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return this.end(Some(output));
        }
        this.place = Some(Place::now());
        if this.polls == this.allowed && this.moment == Moment::AtOnce {
            return this.end(None);
        }
        Poll::Pending
    }
}
