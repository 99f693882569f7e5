//! A waker that stays on its thread, and mostly is no waker.
//!
//! Whoever waits for another green thread of the same thread is woken on that thread. A [`Waker`] does that, but
//! it is an object with a table of functions, behind which any library's code may be. Where the context's waker is the
//! green thread's own, its number is enough ([`crate::task`]): keeping, waking and dropping it run no foreign code,
//! so that they may happen under a borrow. A future that is polled with another waker (inside `FuturesUnordered`, say, or while a
//! deadlock is looked for) leaves a copy of that.

use std::fmt;
use std::marker::PhantomData;
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
pub struct LocalWaker(Whom, PhantomData<*const ()>);

enum Whom {
    /// A green thread.
    Own(Number),
    Other(Waker),
}

impl LocalWaker {
    #[inline]
    fn of(whom: Whom) -> Self {
        LocalWaker(whom, PhantomData)
    }

    /// That of the future polled with `cx`. Clones the context's waker if that is not the running
    /// green thread's own: foreign code.
    #[inline]
    pub fn new(cx: &Context<'_>) -> Self {
        Self::own(cx).unwrap_or_else(|| LocalWaker::of(Whom::Other(cx.waker().clone())))
    }

    /// The same if the context's waker is the running green thread's own, so that no foreign code
    /// runs; `None` otherwise.
    #[inline]
    pub fn own(cx: &Context<'_>) -> Option<Self> {
        let own = in_progress::with(|poll| poll.whose(cx.waker()));
        own.map(|number| LocalWaker::of(Whom::Own(number)))
    }

    /// Whether it wakes the future that is polled with `cx`. `false` may be wrong, as with
    /// [`Waker::will_wake`].
    #[inline]
    pub fn will_wake(&self, cx: &Context<'_>) -> bool {
        match &self.0 {
            Whom::Own(number) => Number::of(cx.waker()) == Some(*number),
            Whom::Other(waker) => waker.will_wake(cx.waker()),
        }
    }

    /// Whether it is a green thread's own, so that [`wake`](Self::wake) and dropping it run no
    /// foreign code: they may happen under a borrow.
    #[inline]
    pub fn is_own(&self) -> bool {
        matches!(self.0, Whom::Own(_))
    }

    /// Wakes it. If it has ended, or its hub has, nothing happens.
    #[inline]
    pub fn wake(self) {
        match self.0 {
            Whom::Own(number) => wake(number),
            Whom::Other(waker) => waker.wake(),
        }
    }

    /// Whether both wake the same future. `false` may be wrong.
    pub(crate) fn wakes_the_same(&self, other: &LocalWaker) -> bool {
        match (&self.0, &other.0) {
            (Whom::Own(one), Whom::Own(other)) => one == other,
            (Whom::Other(one), Whom::Other(other)) => one.will_wake(other),
            _ => false,
        }
    }

    /// Wakes it on behalf of `core`, which is likely to be its hub.
    #[inline]
    pub(crate) fn wake_from(self, core: &Core) {
        match self.0 {
            Whom::Own(number) => wake(number),
            Whom::Other(waker) => core.wake(waker),
        }
    }
}

impl fmt::Debug for LocalWaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Whom::Own(number) => f.debug_tuple("LocalWaker").field(number).finish(),
            Whom::Other(waker) => f.debug_tuple("LocalWaker").field(waker).finish(),
        }
    }
}
