//! Waiting until a pool is empty.

use std::cell::RefCell;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use evlet_hub::current;

use crate::pool::member::is_inside;
use crate::pool::slots::{AllDone, Slots};
use crate::waiting::Waiter;

/// The future of [`GreenPool::waitall`](crate::GreenPool::waitall).
///
/// # Cancel safety
/// Dropping it changes nothing.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct WaitAll<'a> {
    slots: &'a Rc<RefCell<Slots>>,
    /// Made at the first poll, which is when it is known who waits.
    waiter: Option<Waiter<'a, AllDone>>,
    at: &'static Location<'static>,
}

impl<'a> WaitAll<'a> {
    pub(super) fn new(slots: &'a Rc<RefCell<Slots>>, at: &'static Location<'static>) -> Self {
        WaitAll {
            slots,
            waiter: None,
            at,
        }
    }
}

impl Future for WaitAll<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let (slots, at) = (self.slots, self.at);
        let waiter = self.waiter.get_or_insert_with(|| {
            let member = if is_inside(slots) { current() } else { None };
            Waiter::new(slots, AllDone(member), at)
        });
        waiter.poll(cx)
    }
}
