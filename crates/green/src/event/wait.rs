//! Waiting for the value of an event.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use evlet_hub::wait::WaitKind;

use crate::event::shared::{Got, Shared, State};
use crate::wait_list::{Left, WaitList};
use crate::waiting::{Claim, Waiter};
use crate::wakers::Wakers;

/// A waiter wants the value.
#[derive(Debug)]
struct Receive<T>(PhantomData<T>);

impl<T> Claim for Receive<T> {
    type State = State<T>;
    type Load = Option<Rc<T>>;
    type Output = Got<T>;
    const KIND: WaitKind = WaitKind::Event;

    fn line<'s>(&self, state: &'s mut State<T>) -> &'s mut WaitList<Option<Rc<T>>> {
        &mut state.waiters
    }

    fn arrive(&mut self, state: &mut State<T>, _: &mut Wakers) -> Option<Got<T>> {
        state.get()
    }

    #[inline]
    fn has_to_wait(&self, state: &State<T>) -> bool {
        !state.is_sent()
    }

    fn load(&mut self) -> Option<Rc<T>> {
        None
    }

    fn called(
        &mut self,
        _: &mut State<T>,
        load: &mut Option<Option<Rc<T>>>,
        _: &mut Wakers,
    ) -> Option<Got<T>> {
        Some(load.take().flatten().map_or(Got::InPlace, Got::Apart))
    }

    fn gave_up(&mut self, state: &mut State<T>, left: &mut Left<Option<Rc<T>>>, _: &mut Wakers) {
        if left.was_called && matches!(left.load, Some(None)) {
            state.readers -= 1;
        }
    }
}

/// The future of [`Event::wait`](crate::Event::wait).
///
/// # Cancel safety
/// Dropping it changes nothing.
#[must_use = "futures do nothing unless awaited"]
pub struct Wait<'a, T> {
    shared: &'a Shared<T>,
    waiter: Waiter<'a, Receive<T>>,
}

impl<'a, T> Wait<'a, T> {
    pub(super) fn new(shared: &'a Shared<T>, at: &'static Location<'static>) -> Self {
        Wait {
            shared,
            waiter: Waiter::new(&shared.state, Receive(PhantomData), at),
        }
    }
}

impl<T> Wait<'_, T> {
    #[inline(never)]
    fn give_up(&mut self) {
        self.waiter.withdraw();
        self.shared.clear();
    }
}

impl<T: Clone> Future for Wait<'_, T> {
    type Output = T;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        self.waiter.poll(cx).map(|got| self.shared.open(got))
    }
}

impl<T> Drop for Wait<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.waiter.is_in_line() {
            self.give_up();
        }
    }
}

impl<T> fmt::Debug for Wait<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Wait").field(&self.waiter).finish()
    }
}
