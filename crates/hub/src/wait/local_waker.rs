//! A waker that stays on its thread, and mostly is only a number.
//!
//! Whoever waits for another green thread of the same thread is woken on that thread. A [`Waker`] does that, but
//! it is an object with a table of functions, behind which any library's code may be. Where the context's waker is the
//! green thread's own, its number is enough ([`crate::task`]): keeping, waking and dropping it run no foreign code,
//! so that they may happen under a borrow. A future that is polled with another waker (inside `FuturesUnordered`, say, or while a
//! deadlock is looked for) leaves a copy of that.
//!
//! It is a [`Waker`] in the inside, and not an enum of number and waker: two words travel in registers and are stored as
//! they will be read. The enum was put together in memory word by word and copied from there by wider loads, for which the
//! processor waits until the stores are done: three times for each place in a line, a fifth of a whole ping-pong.

use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::task::{Context, Waker};

use crate::core::Core;
use crate::in_progress;
use crate::task::{Number, wake};

/// Wakes the future that was polled with a [`Context`]; for leaf futures whose event comes from the
/// same OS thread.
///
/// It does what a clone of the context's waker does, and costs less.
///
/// ```
/// use evlet_hub::wait::LocalWaker;
/// use std::{cell::RefCell, future::poll_fn, rc::Rc, task::Poll};
///
/// evlet_hub::run(async {
///     let waiting: Rc<RefCell<Option<LocalWaker>>> = Rc::default();
///     let other = Rc::clone(&waiting);
///     evlet_hub::spawn_n(async move {
///         let waker = other.take(); // no borrow is held while a waker runs
///         waker.expect("the other one waits").wake();
///     });
///     let mut is_first = true;
///     poll_fn(|cx| {
///         if !std::mem::take(&mut is_first) {
///             return Poll::Ready(());
///         }
///         let waker = LocalWaker::new(cx);
///         waiting.replace(Some(waker));
///         Poll::Pending
///     })
///     .await;
/// });
/// ```
///
/// It stays on its thread:
/// ```compile_fail
/// fn assert_send<T: Send>() {}
/// assert_send::<evlet_hub::wait::LocalWaker>();
/// ```
pub struct LocalWaker {
    waker: ManuallyDrop<Waker>,
    on_this_thread: PhantomData<*const ()>,
}

impl LocalWaker {
    #[inline]
    fn of(waker: Waker) -> Self {
        LocalWaker {
            waker: ManuallyDrop::new(waker),
            on_this_thread: PhantomData,
        }
    }

    /// That of the green thread with this number.
    #[inline]
    pub(crate) fn of_number(number: Number) -> Self {
        LocalWaker::of(number.waker())
    }

    /// The number of the green thread whose own it is.
    #[inline]
    pub(crate) fn own_number(&self) -> Option<Number> {
        Number::of(&self.waker)
    }

    /// The waker itself, to be woken or dropped.
    #[inline]
    fn into_waker(mut self) -> Waker {
        let waker = std::mem::replace(&mut *self.waker, Number::NOBODY.waker());
        std::mem::forget(self);
        waker
    }

    /// That of the future polled with `cx`. Clones the context's waker if that is not the running
    /// green thread's own: foreign code.
    #[inline]
    #[must_use]
    pub fn new(cx: &Context<'_>) -> Self {
        Self::own(cx).unwrap_or_else(|| LocalWaker::of(cx.waker().clone()))
    }

    /// The same if the context's waker is the running green thread's own, so that no foreign code
    /// runs; `None` otherwise.
    #[inline]
    #[must_use]
    pub fn own(cx: &Context<'_>) -> Option<Self> {
        let own = in_progress::with(|poll| poll.whose(cx.waker()));
        own.map(LocalWaker::of_number)
    }

    /// Whether it wakes the future that is polled with `cx`. `false` may be wrong, as with
    /// [`Waker::will_wake`].
    #[inline]
    #[must_use]
    pub fn will_wake(&self, cx: &Context<'_>) -> bool {
        self.waker.will_wake(cx.waker())
    }

    /// Whether it is a green thread's own, so that [`wake`](Self::wake) and dropping it run no
    /// foreign code: they may happen under a borrow.
    #[inline]
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.own_number().is_some()
    }

    /// Wakes it. If it has ended, or its hub has, nothing happens.
    #[inline]
    pub fn wake(self) {
        match self.own_number() {
            Some(number) => wake(number),
            None => self.into_waker().wake(),
        }
    }

    /// Wakes it if it is a green thread's own, which runs no foreign code and so may happen under a borrow; otherwise
    /// gives it back.
    ///
    /// # Errors
    /// The waker itself, of which nothing was done.
    #[inline(always)]
    pub fn wake_if_own(self) -> Result<(), Self> {
        match self.own_number() {
            Some(number) => {
                wake(number);
                Ok(())
            }
            None => Err(self),
        }
    }

    /// Whether both wake the same future. `false` may be wrong.
    pub(crate) fn wakes_the_same(&self, other: &LocalWaker) -> bool {
        self.waker.will_wake(&other.waker)
    }

    /// Wakes it on behalf of `core`, which reports the panic of a foreign waker.
    #[inline]
    pub(crate) fn wake_from(self, core: &Core) {
        match self.own_number() {
            Some(number) => wake(number),
            None => core.wake(self.into_waker()),
        }
    }
}

impl Drop for LocalWaker {
    #[inline]
    fn drop(&mut self) {
        // A number holds nothing.
        if !self.is_own() {
            drop(std::mem::replace(&mut *self.waker, Number::NOBODY.waker()));
        }
    }
}

impl fmt::Debug for LocalWaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.own_number() {
            Some(number) => f.debug_tuple("LocalWaker").field(&number).finish(),
            None => f.debug_tuple("LocalWaker").field(&*self.waker).finish(),
        }
    }
}
