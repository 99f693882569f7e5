//! The futures of the queues.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use evlet_hub::Sleep;

use crate::queue::claims::{AllDone, Offer, Take};
use crate::queue::order::Order;
use crate::queue::{Closed, Empty, Full};
use crate::waiting::Waiter;

/// The future of [`get`](crate::queue::BaseQueue::get).
///
/// # Cancel safety
/// Dropping it loses its place in the line and nothing else: no item leaves the queue before this
/// future is done.
#[must_use = "futures do nothing unless awaited"]
pub struct Get<'a, O: Order + 'a>(pub(super) Waiter<'a, Take<O>>);

impl<O: Order> Future for Get<'_, O> {
    type Output = O::Item;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<O::Item> {
        match ready!(self.0.poll(cx)) {
            Some(item) => Poll::Ready(item),
            None => panic!(
                "the `get` at {} would wait for ever: the queue is closed and drained; `recv` \
                 returns `None` then",
                self.0.at()
            ),
        }
    }
}

/// The future of [`recv`](crate::queue::BaseQueue::recv).
///
/// # Cancel safety
/// Dropping it loses its place in the line and nothing else: no item leaves the queue before this
/// future is done.
#[must_use = "futures do nothing unless awaited"]
pub struct Recv<'a, O: Order + 'a>(pub(super) Waiter<'a, Take<O>>);

impl<O: Order> Future for Recv<'_, O> {
    type Output = Option<O::Item>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<O::Item>> {
        self.0.poll(cx)
    }
}

/// The future of [`get_timeout`](crate::queue::BaseQueue::get_timeout).
///
/// # Cancel safety
/// Dropping it loses its place in the line, frees its timer, and loses no item.
#[must_use = "futures do nothing unless awaited"]
pub struct GetTimeout<'a, O: Order + 'a> {
    pub(super) get: Waiter<'a, Take<O>>,
    pub(super) sleep: Sleep,
}

impl<O: Order> Future for GetTimeout<'_, O> {
    type Output = Result<O::Item, Empty>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // The queue first: what is there at the last moment is taken.
        if let Poll::Ready(item) = self.get.poll(cx) {
            return Poll::Ready(item.ok_or(Empty));
        }
        ready!(Pin::new(&mut self.sleep).poll(cx));
        self.get.withdraw();
        Poll::Ready(Err(Empty))
    }
}

/// The future of [`put`](crate::queue::BaseQueue::put).
///
/// # Cancel safety
/// Dropping it drops the item, which is then not in the queue and never was.
#[must_use = "futures do nothing unless awaited"]
pub struct Put<'a, O: Order + 'a>(pub(super) Waiter<'a, Offer<O>>);

impl<O: Order> Put<'_, O> {
    /// Ends the wait and gives the item back; `None` when the queue has it, or a getter.
    ///
    /// ```
    /// use evlet_green::LightQueue;
    /// let queue = LightQueue::unbounded();
    /// let put = queue.put("item"); // not polled, so not put
    /// assert_eq!(put.into_item(), Some("item"));
    /// assert!(queue.is_empty());
    /// ```
    pub fn into_item(mut self) -> Option<O::Item> {
        self.0.withdraw().0.take()
    }
}

impl<O: Order> Future for Put<'_, O> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match ready!(self.0.poll(cx)) {
            Ok(()) => Poll::Ready(()),
            Err(()) => panic!(
                "the `put` at {} found the queue closed; `send` hands the item back then",
                self.0.at()
            ),
        }
    }
}

/// The future of [`send`](crate::queue::BaseQueue::send).
///
/// # Cancel safety
/// Dropping it drops the item, which is then not in the queue and never was.
#[must_use = "futures do nothing unless awaited"]
pub struct Send<'a, O: Order + 'a>(pub(super) Waiter<'a, Offer<O>>);

impl<O: Order> Send<'_, O> {
    /// Ends the wait and gives the item back; `None` when the queue has it, or a getter.
    pub fn into_item(mut self) -> Option<O::Item> {
        self.0.withdraw().0.take()
    }
}

impl<O: Order> Future for Send<'_, O> {
    type Output = Result<(), Closed<O::Item>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let sent = ready!(self.0.poll(cx));
        Poll::Ready(match (sent, self.0.claim_mut().0.take()) {
            (Err(()), Some(item)) => Err(Closed(item)),
            _ => Ok(()),
        })
    }
}

/// The future of [`put_timeout`](crate::queue::BaseQueue::put_timeout).
///
/// # Cancel safety
/// Dropping it drops the item, which is then not in the queue and never was, and frees its timer.
#[must_use = "futures do nothing unless awaited"]
pub struct PutTimeout<'a, O: Order + 'a> {
    pub(super) put: Waiter<'a, Offer<O>>,
    pub(super) sleep: Sleep,
}

impl<O: Order> Future for PutTimeout<'_, O> {
    type Output = Result<(), Full<O::Item>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // The queue first: room that is there at the last moment is used.
        if self.put.poll(cx).is_pending() {
            ready!(Pin::new(&mut self.sleep).poll(cx));
            self.put.withdraw();
        }
        // Where the item still is, it was not put.
        Poll::Ready(match self.put.claim_mut().0.take() {
            Some(item) => Err(Full(item)),
            None => Ok(()),
        })
    }
}

/// The future of [`join`](crate::queue::BaseQueue::join).
///
/// # Cancel safety
/// Dropping it changes nothing.
#[must_use = "futures do nothing unless awaited"]
pub struct Join<'a, O: Order + 'a>(pub(super) Waiter<'a, AllDone<O>>);

impl<O: Order> Future for Join<'_, O> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll(cx)
    }
}

/// Items need not be printable: where and how it waits is what is shown.
macro_rules! debug_as_waiter {
    ($($future:ident . $waiter:tt),*) => {$(
        impl<O: Order> fmt::Debug for $future<'_, O> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($future)).field(&self.$waiter).finish()
            }
        }
    )*};
}

debug_as_waiter!(
    Get.0,
    Recv.0,
    GetTimeout.get,
    Put.0,
    Send.0,
    PutTimeout.put,
    Join.0
);
