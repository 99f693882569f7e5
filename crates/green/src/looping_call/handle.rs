//! A looping call that runs: wait for it, stop it.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use evlet_hub::{GreenThread, GreenThreadId, current};

use crate::event::{Event, Wait};
use crate::looping_call::LoopError;
use crate::looping_call::outcome::stopped;

/// A looping call that has been started.
///
/// A clone is another handle of the same loop. Dropping all handles ends nothing: as in eventlet,
/// the loop goes on until its function says so, or its hub goes.
pub struct LoopingCall<R> {
    shared: Rc<Shared<R>>,
}

/// What the loop and its handles share.
pub(super) struct Shared<R> {
    pub(super) name: String,
    end: Event<Result<R, LoopError>>,
    /// Whether the function runs now, and not the pause between two calls.
    in_call: Cell<bool>,
    stop_asked: Cell<bool>,
    thread: RefCell<Option<GreenThread<()>>>,
    id: Cell<Option<GreenThreadId>>,
}

impl<R: Clone + 'static> LoopingCall<R> {
    pub(super) fn new(shared: Rc<Shared<R>>) -> Self {
        LoopingCall { shared }
    }

    /// Waits until the loop has ended: `Ok` with the value its function was done with. Any number
    /// may wait; each gets a clone.
    ///
    /// # Errors
    /// - [`LoopError::Failed`]: the function returned an error.
    /// - [`LoopError::Panicked`]: it panicked.
    /// - [`LoopError::TimedOut`], [`LoopError::NoInterval`]: of the kinds of loops that have them.
    /// - [`LoopError::Stopped`]: the loop was stopped first. A loop without a value (`R` is `()`)
    ///   gives `Ok(())` then.
    /// - [`LoopError::WaitsForItself`], at once: the function waits for the end of its own loop.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    #[track_caller]
    pub fn wait(&self) -> LoopWait<'_, R> {
        LoopWait {
            shared: &self.shared,
            end: self.shared.end.wait(),
        }
    }

    /// Stops the loop. A pause between two calls, and the initial delay, end at once; a call under
    /// way is not interrupted, but its result is discarded. Stopping twice, or after the end, does
    /// nothing.
    pub fn stop(&self) {
        let shared = &self.shared;
        shared.stop_asked.set(true);
        if !shared.in_call.get() {
            shared.end(stopped());
        }
    }
}

impl<R> LoopingCall<R> {
    /// Whether the loop has not ended. One that was stopped during a call runs until that is over.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.shared.end.ready()
    }

    /// The name that reports use.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }
}

impl<R> LoopingCall<R> {
    /// The green thread that is the loop.
    pub(super) fn id(&self) -> Option<GreenThreadId> {
        self.shared.id.get()
    }
}

impl<R> Shared<R> {
    pub(super) fn new(name: String) -> Rc<Self> {
        Rc::new(Shared {
            name,
            end: Event::new(),
            in_call: Cell::new(false),
            stop_asked: Cell::new(false),
            thread: RefCell::new(None),
            id: Cell::new(None),
        })
    }

    pub(super) fn runs_in(&self, thread: GreenThread<()>) {
        self.id.set(Some(thread.id()));
        self.thread.replace(Some(thread));
    }

    /// Whether the running green thread is the loop's own: the end would wait for the wait.
    fn is_own_call(&self) -> bool {
        !self.end.ready() && self.id.get().is_some() && self.id.get() == current()
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop_asked.get()
    }

    pub(super) fn set_in_call(&self, in_call: bool) {
        self.in_call.set(in_call);
    }

    /// Whether somebody will hear how the loop ends.
    pub(super) fn has_waiters(&self) -> bool {
        self.end.waiting() > 0
    }

    /// Ends the loop, unless it has ended. Its green thread, if it pauses, is gone before a waiter
    /// goes on.
    pub(super) fn end(&self, result: Result<R, LoopError>) {
        let thread = self.thread.take();
        if let Some(thread) = thread {
            thread.kill();
        }
        // Refused when it has ended before: the first end stands.
        let _ = self.end.send(result);
    }
}

impl<R> Clone for LoopingCall<R> {
    fn clone(&self) -> Self {
        LoopingCall {
            shared: Rc::clone(&self.shared),
        }
    }
}

impl<R> fmt::Debug for LoopingCall<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopingCall")
            .field("name", &self.shared.name)
            .field("running", &self.is_running())
            .finish()
    }
}

/// The future of [`LoopingCall::wait`].
///
/// # Cancel safety
/// Dropping it changes nothing.
#[must_use = "futures do nothing unless awaited"]
pub struct LoopWait<'a, R> {
    shared: &'a Shared<R>,
    end: Wait<'a, Result<R, LoopError>>,
}

impl<R: Clone> Future for LoopWait<'_, R> {
    type Output = Result<R, LoopError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.shared.is_own_call() {
            return Poll::Ready(Err(LoopError::WaitsForItself));
        }
        Pin::new(&mut self.end).poll(cx)
    }
}

impl<R> fmt::Debug for LoopWait<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LoopWait").field(&self.end).finish()
    }
}
