//! The places of one server: how many of its handlers may run at once, and what they share with it.
//!
//! A handler holds its place by one pointer, which also leads to the order to stop, since a server has one of these for each
//! connection. As members of a [`GreenPool`](evlet_green::GreenPool) they would hold another pointer, and
//! note with each turn that they are. That is for servers that were given a pool, to share it with others: such a one has
//! its own places, and here there are as many as are asked for.

use std::cell::Cell;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use evlet_hub::wait::{self, WaitKind, WaitsOn};

use crate::serve_stop::Stop;

/// What a server of peers of this kind and its handlers share.
#[derive(Debug)]
pub(crate) struct Common<P> {
    pub(crate) stop: Rc<Stop>,
    /// Names the running green thread after a peer.
    pub(crate) name_after: fn(&P),
    size: usize,
    taken: Cell<usize>,
    /// The server waits for a place.
    is_awaited: Cell<bool>,
}

/// A place that is taken; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place<P> {
    pub(crate) common: Rc<Common<P>>,
}

/// Waits for a place. Only the server does, and one at a time.
pub(crate) struct Wait<'a, P> {
    common: &'a Rc<Common<P>>,
    at: &'static Location<'static>,
}

impl<P> Common<P> {
    /// `None` for the size: there is always another place.
    pub(crate) fn new(size: Option<usize>, name_after: fn(&P)) -> Rc<Self> {
        Rc::new(Common {
            stop: Rc::default(),
            name_after,
            size: size.unwrap_or(usize::MAX),
            taken: Cell::new(0),
            is_awaited: Cell::new(false),
        })
    }

    /// Takes a place as soon as there is one.
    pub(crate) fn place(self: &Rc<Self>, at: &'static Location<'static>) -> Wait<'_, P> {
        Wait { common: self, at }
    }
}

impl<P> Future for Wait<'_, P> {
    type Output = Place<P>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Place<P>> {
        ready!(wait::poll_budget(cx));
        let common = self.common;
        let taken = common.taken.get();
        if taken < common.size {
            common.taken.set(taken + 1);
            let common = Rc::clone(common);
            return Poll::Ready(Place { common });
        }
        // Woken as by an order to stop, for which it waits too.
        common.is_awaited.set(true);
        let subject = Rc::as_ptr(common).addr() as u64;
        wait::park(WaitsOn::new(WaitKind::Pool, subject), self.at);
        Poll::Pending
    }
}

impl<P> Drop for Place<P> {
    fn drop(&mut self) {
        let common = &*self.common;
        common.taken.set(common.taken.get() - 1);
        if common.is_awaited.take() {
            common.stop.wake();
        }
    }
}
