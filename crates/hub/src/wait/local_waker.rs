//! A waker that stays on its thread, and mostly is no waker.
//!
//! Whoever waits for another green thread of the same thread is woken on that thread. A copy of its
//! [`Waker`] does that, but its counter is atomic: to copy one and to drop it costs 10 ns, a third of
//! a whole switch between two green threads. The hub keeps the waker of each green thread that waits
//! anyway ([`crate::task`]), so where the context's waker is the green thread's own, its number is
//! enough, and nothing is copied. A future that is polled with another waker (inside
//! `FuturesUnordered`, say, or while a deadlock is looked for) leaves a copy of that.

use std::fmt;
use std::marker::PhantomData;
use std::task::{Context, Waker};

use crate::core::Core;
use crate::in_progress;
use crate::running;
use crate::task::{Flags, Key};

/// Wakes the future that was polled with a [`Context`]; for leaf futures whose event comes from the
/// same OS thread.
///
/// It does what a clone of the context's waker does, at less than half of the price.
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
    /// A green thread, whose waker its hub keeps.
    Own(Key),
    Other(Waker),
}

impl LocalWaker {
    #[inline]
    fn of(whom: Whom) -> Self {
        LocalWaker(whom, PhantomData)
    }

    /// That of a green thread whose waker is kept.
    #[inline]
    pub(crate) fn of_key(key: Key) -> Self {
        Self::of(Whom::Own(key))
    }

    #[inline]
    pub(crate) fn of_other(waker: Waker) -> Self {
        Self::of(Whom::Other(waker))
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
        own_key(cx).map(Self::of_key)
    }

    /// Whether it wakes the future that is polled with `cx`. `false` may be wrong, as with
    /// [`Waker::will_wake`].
    #[inline]
    pub fn will_wake(&self, cx: &Context<'_>) -> bool {
        match &self.0 {
            Whom::Own(key) => in_progress::with(|poll| poll.whose(cx.waker())) == Some(*key),
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
            Whom::Own(key) => wake_own(key),
            Whom::Other(waker) => waker.wake(),
        }
    }

    /// Wakes it on behalf of `core`, which is likely to be its hub.
    #[inline]
    pub(crate) fn wake_from(self, core: &Core) {
        match self.0 {
            Whom::Own(key) => {
                if !core.wake_own(key) {
                    wake_elsewhere(key);
                }
            }
            Whom::Other(waker) => core.wake(waker),
        }
    }
}

/// The running green thread, if `cx` has its own waker; from then on that is kept.
#[inline]
pub(crate) fn own_key(cx: &Context<'_>) -> Option<Key> {
    in_progress::with(|poll| {
        let key = poll.whose(cx.waker())?;
        if !poll.has(Flags::HAS_WAKER) {
            keep(cx.waker());
        }
        Some(key)
    })
}

/// It waits for the first time.
#[cold]
fn keep(waker: &Waker) {
    running::with(|core| core.keep_waker(waker));
}

#[inline]
fn wake_own(key: Key) {
    if running::with(|core| core.wake_own(key)) != Some(true) {
        wake_elsewhere(key);
    }
}

/// It is of another hub of this thread, or has ended.
#[cold]
fn wake_elsewhere(key: Key) {
    running::any_hub(|core| core.wake_own(key));
}

impl fmt::Debug for LocalWaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = match &self.0 {
            Whom::Own(key) => key.id.as_u64(),
            Whom::Other(_) => 0,
        };
        f.debug_tuple("LocalWaker").field(&whose).finish()
    }
}
