//! Waiting for an item.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use futures::future::LocalBoxFuture;

use crate::resources::Item;
use crate::resources::places::Place;
use crate::resources::shared::{Held, Shared};
use crate::waiting::Waiter;

/// The future of [`Pool::get`](crate::Pool::get).
///
/// # Cancel safety
/// Dropping it loses its place in the line; an item or a place just given to it goes to the next.
/// An item that was being made or looked at is dropped, and its place goes to the next.
#[must_use = "futures do nothing unless awaited"]
pub struct Get<'a, T: 'static, E: 'static> {
    shared: &'a Rc<Shared<T, E>>,
    stage: Stage<'a, T, E>,
}

enum Stage<'a, T: 'static, E: 'static> {
    Waiting(Waiter<'a, Place<T>>),
    /// It has a place; the item is being made, or looked at.
    Filling(LocalBoxFuture<'static, Result<T, E>>),
}

impl<'a, T, E> Get<'a, T, E> {
    pub(super) fn new(shared: &'a Rc<Shared<T, E>>, at: &'static Location<'static>) -> Self {
        let waiter = Waiter::new(&shared.places, Place::wanted(), at);
        Get {
            shared,
            stage: Stage::Waiting(waiter),
        }
    }

    /// For who puts a guard around the item.
    pub(super) fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, E>> {
        let this = self;
        if let Stage::Waiting(waiter) = &mut this.stage {
            let free = ready!(waiter.poll(cx));
            let held = Held::new(this.shared, free);
            match held.ready() {
                Ok(item) => return Poll::Ready(Ok(item)),
                Err(held) => this.stage = Stage::Filling(Box::pin(held.fill())),
            }
        }
        match &mut this.stage {
            Stage::Filling(filling) => filling.as_mut().poll(cx),
            Stage::Waiting(_) => Poll::Pending,
        }
    }
}

impl<T, E> Future for Get<'_, T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, E>> {
        let item = ready!(self.poll_item(cx));
        if item.is_ok() {
            self.shared.places.borrow_mut().goes_by_hand();
        }
        Poll::Ready(item)
    }
}

impl<T, E> Drop for Get<'_, T, E> {
    fn drop(&mut self) {
        if let Stage::Waiting(waiter) = &mut self.stage
            && waiter.is_in_line()
        {
            waiter.withdraw();
            self.shared.give_up_promise();
        }
    }
}

impl<T, E> fmt::Debug for Get<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage: &dyn fmt::Debug = match &self.stage {
            Stage::Waiting(waiter) => waiter,
            Stage::Filling(_) => &"an item is being made or looked at",
        };
        f.debug_struct("Get").field("stage", stage).finish()
    }
}

/// The future of [`Pool::item`](crate::Pool::item).
///
/// # Cancel safety
/// As [`Get`].
#[must_use = "futures do nothing unless awaited"]
pub struct GetItem<'a, T: 'static, E: 'static>(pub(super) Get<'a, T, E>);

impl<T, E> Future for GetItem<'_, T, E> {
    type Output = Result<Item<T, E>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let item = ready!(self.0.poll_item(cx));
        Poll::Ready(item.map(|item| Item::new(self.0.shared, item)))
    }
}

impl<T, E> fmt::Debug for GetItem<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GetItem").field(&self.0).finish()
    }
}
