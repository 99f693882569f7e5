//! A queue as a sink for its items.

use std::cell::RefCell;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use evlet_hub::wait::poll_budget;
use futures::Sink;

use crate::queue::Closed;
use crate::queue::claims::Offer;
use crate::queue::order::Order;
use crate::queue::state::State;
use crate::waiting::{self, Stage};
use crate::wakers::Wakers;

/// The sink of [`sink`](crate::queue::BaseQueue::sink).
///
/// It is a handle of the queue, and one putter among others. It holds at most one item that the
/// queue has no room for yet, and is ready for the next one when that has gone in. Flushing waits
/// for that; so does closing the sink, which does not close the queue: others may put on.
///
/// # Errors
/// [`Closed`], with the item in it: the queue is closed, or `start_send` was called without
/// `poll_ready` while the sink held another item.
///
/// # Cancel safety
/// Dropping a future of its `send`, `feed` or `flush` leaves an item that was taken over in the sink,
/// where the next operation goes on with it; one that was not is dropped with the future. Dropping
/// the sink drops the item it holds, which is then not in the queue and never was;
/// [`into_item`](Self::into_item) gives it back.
#[must_use = "sinks do nothing unless polled"]
pub struct QueueSink<O: Order> {
    state: Rc<RefCell<State<O>>>,
    /// The item that is on its way, unless it stands in the line.
    offer: Offer<O>,
    stage: Stage,
    at: &'static Location<'static>,
}

impl<O: Order> QueueSink<O> {
    pub(super) fn new(state: Rc<RefCell<State<O>>>, at: &'static Location<'static>) -> Self {
        QueueSink {
            state,
            offer: Offer(None),
            stage: Stage::Away,
            at,
        }
    }

    /// Ends the sink and gives back the item that has not gone in yet, if there is one.
    pub fn into_item(mut self) -> Option<O::Item> {
        self.withdraw();
        self.offer.0.take()
    }

    fn withdraw(&mut self) {
        waiting::give_up(&mut self.offer, &self.state, &mut self.stage);
    }

    fn is_idle(&self) -> bool {
        self.offer.0.is_none() && !self.stage.is_in_line()
    }

    /// Waits until the item it holds has gone in.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Closed<O::Item>>> {
        if self.is_idle() {
            return Poll::Ready(Ok(()));
        }
        let (offer, state) = (&mut self.offer, &self.state);
        let sent = ready!(waiting::poll(offer, state, &mut self.stage, cx, self.at));
        Poll::Ready(match (sent, self.offer.0.take()) {
            (Err(()), Some(item)) => Err(Closed(item)),
            _ => Ok(()),
        })
    }
}

impl<O: Order> Sink<O::Item> for QueueSink<O> {
    type Error = Closed<O::Item>;

    fn poll_ready(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Closed<O::Item>>> {
        if self.is_idle() {
            // So that feeding one that never waits lets others run.
            return poll_budget(cx).map(Ok);
        }
        self.poll_gone(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, item: O::Item) -> Result<(), Closed<O::Item>> {
        if !self.is_idle() || self.state.borrow().is_closed() {
            return Err(Closed(item));
        }
        let mut wakers = Wakers::default();
        let refused = self.state.borrow_mut().put_nowait(item, &mut wakers).err();
        self.offer.0 = refused;
        wakers.wake();
        Ok(())
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Closed<O::Item>>> {
        self.poll_gone(cx)
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Closed<O::Item>>> {
        self.poll_gone(cx)
    }
}

impl<O: Order> Unpin for QueueSink<O> {}

impl<O: Order> Drop for QueueSink<O> {
    fn drop(&mut self) {
        self.withdraw();
    }
}

impl<O: Order> fmt::Debug for QueueSink<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueSink")
            .field("at", &format_args!("{}", self.at))
            .field("in_line", &self.stage.is_in_line())
            .finish()
    }
}
