//! Values without the failures, and failures without the values.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::stream::{Next, Stream, StreamExt};

use crate::dagpool::state::Key;
use crate::dagpool::{PropagateError, Results};

/// What [`DagPool::wait_each_success`](crate::DagPool::wait_each_success) gives: a [`Stream`] of the pairs
/// that are no failures, each as soon as it is there.
#[must_use = "streams do nothing unless polled"]
pub struct Successes<K: Key, V>(pub(super) Results<K, V>);

impl<K: Key, V: Clone> Successes<K, V> {
    /// Waits for the next pair; `None` when all keys have been seen.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    #[expect(
        clippy::should_implement_trait,
        reason = "it is the `next` of a stream, as in futures' StreamExt"
    )]
    #[track_caller]
    pub fn next(&mut self) -> Next<'_, Self> {
        self.0.waits_at(Location::caller());
        StreamExt::next(self)
    }
}

impl<K: Key, V: Clone> Stream for Successes<K, V> {
    type Item = (K, V);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<(K, V)>> {
        loop {
            match ready!(self.0.poll_next_unpin(cx)) {
                Some(Ok(pair)) => return Poll::Ready(Some(pair)),
                Some(Err(_)) => {}
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<K: Key, V> fmt::Debug for Successes<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Successes").field(&self.0).finish()
    }
}

/// What [`DagPool::wait_each_exception`](crate::DagPool::wait_each_exception) gives: a [`Stream`] of the
/// failures, each as soon as it is there.
#[must_use = "streams do nothing unless polled"]
pub struct Failures<K: Key, V>(pub(super) Results<K, V>);

impl<K: Key, V: Clone> Failures<K, V> {
    /// Waits for the next failure; `None` when all keys have been seen.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    #[expect(
        clippy::should_implement_trait,
        reason = "it is the `next` of a stream, as in futures' StreamExt"
    )]
    #[track_caller]
    pub fn next(&mut self) -> Next<'_, Self> {
        self.0.waits_at(Location::caller());
        StreamExt::next(self)
    }
}

impl<K: Key, V: Clone> Stream for Failures<K, V> {
    type Item = PropagateError<K>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(self.0.poll_next_unpin(cx)) {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Some(error)),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<K: Key, V> fmt::Debug for Failures<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Failures").field(&self.0).finish()
    }
}
