//! Handing control over and waiting to get it back.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use evlet_hub::wait::{WaitKind, WaitsOn, park, poll_budget};

use crate::greenlet::GreenletError;
use crate::greenlet::family::{Message, Shared, Stage};
use crate::waiting::address;

/// The future of [`Greenlet::switch`](crate::greenlet::Greenlet::switch) and
/// [`Greenlet::throw`](crate::greenlet::Greenlet::throw).
///
/// # Cancel safety
/// See [`switch`](crate::greenlet::Greenlet::switch).
#[must_use = "futures do nothing unless awaited"]
pub struct Switch<'a, T: 'static> {
    target: &'a Rc<Shared<T>>,
    /// What to hand over; `None` once that is done.
    message: Option<Message<T>>,
    /// Who waits to get control back. Not a handle: it would keep itself alive.
    me: Option<Rc<Shared<T>>>,
    at: &'static Location<'static>,
}

impl<'a, T: 'static> Switch<'a, T> {
    pub(super) fn new(
        target: &'a Rc<Shared<T>>,
        message: Message<T>,
        at: &'static Location<'static>,
    ) -> Self {
        Switch {
            target,
            message: Some(message),
            me: None,
            at,
        }
    }

    /// Hands control over. `Some`: it comes back, or stays, at once.
    fn begin(&mut self, message: Message<T>) -> Option<Message<T>> {
        let me = Shared::current(self.at);
        if Rc::ptr_eq(&me, self.target) {
            return Some(message);
        }
        me.stage.set(Stage::Parked);
        if let Err(refused) = self.target.hand_over(message, &me) {
            me.stage.set(Stage::Running);
            return Some(Err(refused));
        }
        self.me = Some(me);
        None
    }

    fn poll_back(&mut self, cx: &mut Context<'_>) -> Poll<Message<T>> {
        let Some(me) = &self.me else {
            return Poll::Ready(Err(GreenletError::Dead));
        };
        let message = me.inbox.take();
        if let Some(message) = message {
            me.stage.set(Stage::Running);
            self.me = None;
            return Poll::Ready(message);
        }
        let fresh = cx.waker().clone();
        let old = me.waker.replace(Some(fresh));
        drop(old);
        if me.handles.get() == 0 {
            me.abandon();
        }
        park(WaitsOn::new(WaitKind::Greenlet, address(&**me)), self.at);
        Poll::Pending
    }
}

impl<T: 'static> Future for Switch<'_, T> {
    type Output = Result<T, GreenletError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(poll_budget(cx));
        let this = &mut *self;
        if let Some(message) = this.message.take()
            && let Some(answer) = this.begin(message)
        {
            return Poll::Ready(answer);
        }
        this.poll_back(cx)
    }
}

impl<T: 'static> Unpin for Switch<'_, T> {}

impl<T: 'static> Drop for Switch<'_, T> {
    fn drop(&mut self) {
        let Some(me) = &self.me else { return };
        let waker = me.waker.take();
        drop(waker);
        // It goes on without having been switched to.
        if me.stage.get() == Stage::Parked {
            me.stage.set(Stage::Running);
        }
    }
}

impl<T: 'static> fmt::Debug for Switch<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Switch")
            .field("at", &format_args!("{}", self.at))
            .field("handed_over", &self.message.is_none())
            .finish()
    }
}
