//! The futures of the queues.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::queue::state::{AllDone, Offer, Take};
use crate::waiting::Waiter;

/// The future of [`LightQueue::get`](crate::LightQueue::get) and [`Queue::get`](crate::Queue::get).
///
/// # Cancel safety
/// Dropping it loses its place in the line and nothing else: no item leaves the queue before this
/// future is done.
#[must_use = "futures do nothing unless awaited"]
pub struct Get<'a, T: 'a>(pub(super) Waiter<'a, Take<VecDeque<T>>>);

impl<T> Future for Get<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        self.0.poll(cx)
    }
}

impl<T> fmt::Debug for Get<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Get").field(&self.0).finish()
    }
}

/// The future of [`LightQueue::put`](crate::LightQueue::put) and [`Queue::put`](crate::Queue::put).
///
/// # Cancel safety
/// Dropping it drops the item, which is then not in the queue and never was.
#[must_use = "futures do nothing unless awaited"]
pub struct Put<'a, T: 'a>(pub(super) Waiter<'a, Offer<VecDeque<T>>>);

impl<T> Future for Put<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll(cx)
    }
}

impl<T> fmt::Debug for Put<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Put").field(&self.0).finish()
    }
}

/// The future of [`Queue::join`](crate::Queue::join).
///
/// # Cancel safety
/// Dropping it changes nothing.
#[must_use = "futures do nothing unless awaited"]
pub struct Join<'a, T: 'a>(pub(super) Waiter<'a, AllDone<VecDeque<T>>>);

impl<T> Future for Join<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll(cx)
    }
}

impl<T> fmt::Debug for Join<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Join").field(&self.0).finish()
    }
}
