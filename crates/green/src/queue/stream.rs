//! A queue as a stream of its items.

use std::cell::RefCell;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use futures::Stream;
use futures::stream::FusedStream;

use crate::queue::claims::Take;
use crate::queue::order::Order;
use crate::queue::state::State;
use crate::waiting::{self, Stage};

/// The stream of [`stream`](crate::queue::BaseQueue::stream); it ends when the queue is closed and
/// drained.
///
/// It is a handle of the queue, and one getter among others: each item goes to one of them.
/// Between its polls it keeps its place in the line of getters, and what it was called for.
///
/// # Cancel safety
/// Dropping it, or a future of its `next`, loses no item: none leaves the queue before it is
/// returned.
#[must_use = "streams do nothing unless polled"]
pub struct QueueStream<O: Order> {
    state: Rc<RefCell<State<O>>>,
    stage: Stage,
    has_ended: bool,
    at: &'static Location<'static>,
}

impl<O: Order> QueueStream<O> {
    pub(super) fn new(state: Rc<RefCell<State<O>>>, at: &'static Location<'static>) -> Self {
        QueueStream {
            state,
            stage: Stage::Away,
            has_ended: false,
            at,
        }
    }
}

impl<O: Order> Stream for QueueStream<O> {
    type Item = O::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<O::Item>> {
        let this = &mut *self;
        let (claim, state) = (&mut Take::new(), &this.state);
        let item = ready!(waiting::poll(claim, state, &mut this.stage, cx, this.at));
        this.has_ended = item.is_none();
        Poll::Ready(item)
    }
}

impl<O: Order> FusedStream for QueueStream<O> {
    fn is_terminated(&self) -> bool {
        self.has_ended
    }
}

impl<O: Order> Unpin for QueueStream<O> {}

impl<O: Order> Drop for QueueStream<O> {
    fn drop(&mut self) {
        waiting::give_up(&mut Take::new(), &self.state, &mut self.stage);
    }
}

impl<O: Order> fmt::Debug for QueueStream<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueStream")
            .field("at", &format_args!("{}", self.at))
            .field("in_line", &self.stage.is_in_line())
            .field("has_ended", &self.has_ended)
            .finish()
    }
}
