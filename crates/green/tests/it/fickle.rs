//! A waiter that changes its mind: it polls a future so many times, and the next time it is woken,
//! or a moment after the last poll, it drops it instead.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// When a [`Fickle`] drops what it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drops {
    /// Right after its last poll.
    AtOnce,
    /// When it is woken again: in the turn of the event it waited for.
    WhenWoken,
}

/// `None` if it gave up.
pub(crate) struct Fickle<F> {
    future: Option<Pin<Box<F>>>,
    polls_left: u32,
    drops: Drops,
}

/// Polls `future` at most `polls` times.
pub(crate) fn fickle<F: Future>(future: F, polls: u32, drops: Drops) -> Fickle<F> {
    Fickle {
        future: Some(Box::pin(future)),
        polls_left: polls,
        drops,
    }
}

impl<F: Future> Future for Fickle<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls_left > 0 {
            self.polls_left -= 1;
            let future = self.future.as_mut().unwrap();
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            if self.polls_left > 0 || self.drops == Drops::WhenWoken {
                return Poll::Pending;
            }
        }
        self.future = None;
        Poll::Ready(None)
    }
}

/// Every way to change one's mind within so many polls.
pub(crate) fn every_way(polls: u32) -> impl Iterator<Item = (u32, Drops)> {
    (0..=polls).flat_map(|k| [(k, Drops::AtOnce), (k, Drops::WhenWoken)])
}
