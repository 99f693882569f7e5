//! What is finished before a kill takes effect.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::core::Core;
use crate::in_progress;
use crate::running;
use crate::task::{Flags, HubId, Key};

/// Runs `future` to its end before a kill of the green thread takes effect: for a step that must not be left
/// half done.
///
/// A [`kill`](crate::GreenThread::kill()) that arrives meanwhile is remembered. When `future` is done and
/// no other shield of the green thread is left, the kill takes effect at this very `.await`: what comes after
/// it does not run, and what `future` returned is dropped. Without a kill it changes nothing.
///
/// Others do not stop for it: a [`timeout`](crate::timeout()) or a `select!` around it drops it
/// with `future`, a panic passes through, and the end of the hub does not wait. In code that runs in no
/// green thread it does nothing, and the future given to `run` cannot be killed. A future that is shielded
/// for ever makes its green thread one that cannot be killed: mind its limits.
///
/// # Cancel safety
/// Dropping it drops `future`; a kill that was remembered then takes effect at the next `.await`.
///
/// # Example
/// ```
/// use std::{cell::Cell, rc::Rc};
/// use evlet_hub::{run, shield, spawn, yield_now};
///
/// run(async {
///     let paid = Rc::new(Cell::new(0));
///     let account = Rc::clone(&paid);
///     let clerk = spawn(async move {
///         shield(async {
///             account.set(1);
///             yield_now().await;
///             account.set(2);
///         })
///         .await;
///         account.set(3);
///     });
///     yield_now().await;
///     clerk.kill();
///     assert!(clerk.wait().await.is_err());
///     assert_eq!(paid.get(), 2);
/// });
/// ```
pub fn shield<F: Future>(future: F) -> Shield<F> {
    Shield {
        future,
        shielded: None,
        is_done: false,
    }
}

pin_project! {
    /// The future of [`shield`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct Shield<F> {
        #[pin]
        future: F,
        shielded: Option<Shielded>,
        is_done: bool,
    }
}

impl<F: Future> Future for Shield<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if *this.is_done {
            // Its green thread was killed and ends after this poll.
            return Poll::Pending;
        }
        let current = in_progress::current();
        if this.shielded.as_ref().map(|shielded| shielded.key) != current {
            // Its first poll, or it was carried to another green thread.
            *this.shielded = Shielded::new();
        }
        let output = ready!(this.future.poll(cx));
        *this.is_done = true;
        *this.shielded = None;
        match in_progress::with(|poll| poll.has(Flags::KILLED) && !poll.has(Flags::SHIELDED)) {
            true => Poll::Pending,
            false => Poll::Ready(output),
        }
    }
}

impl<F> fmt::Debug for Shield<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shield")
            .field("is_done", &self.is_done)
            .finish_non_exhaustive()
    }
}

/// One shield over a green thread.
struct Shielded {
    hub: HubId,
    key: Key,
}

impl Shielded {
    fn new() -> Option<Self> {
        let key = in_progress::current()?;
        let hub = running::with(|core| {
            core.add_shield(key);
            core.id
        })?;
        Some(Shielded { hub, key })
    }
}

impl Drop for Shielded {
    fn drop(&mut self) {
        running::with_hub(self.hub, |core| core.remove_shield(self.key));
    }
}

impl Core {
    fn add_shield(&self, key: Key) {
        self.with_slot_mut(key, |slot, cold| {
            slot.set(Flags::SHIELDED.and(Flags::HAS_MORE));
            cold.extra().shields += 1;
        });
        in_progress::with(|poll| {
            if poll.is_of(key) {
                poll.set(Flags::SHIELDED);
            }
        });
    }

    fn remove_shield(&self, key: Key) {
        let is_last = self.with_slot_mut(key, |slot, cold| {
            let extra = cold.extra();
            extra.shields = extra.shields.saturating_sub(1);
            let is_last = extra.shields == 0;
            if is_last {
                slot.clear(Flags::SHIELDED);
            }
            is_last
        });
        in_progress::with(|poll| {
            if is_last == Some(true) && poll.is_of(key) {
                poll.clear(Flags::SHIELDED);
            }
        });
    }
}
