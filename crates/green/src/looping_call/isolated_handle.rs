//! An isolated looping call that runs: wait for it and stop it, from any thread.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use evlet_hub::wait::{WaitKind, WaitsOn, park, poll_budget};
use evlet_hub::{GreenThreadId, current};
use futures::task::AtomicWaker;

use crate::looping_call::LoopError;
use crate::looping_call::outcome::stopped;
use crate::wait_list::{Key, WaitList};
use crate::wakers::Wakers;

/// A looping call that has been started on a thread of its own.
///
/// It may be sent, shared and cloned; a clone is another handle of the same loop. Dropping all
/// handles ends nothing: the loop goes on until its function says so, until it is stopped, or until
/// the process ends. It is not tied to the hub that started it.
pub struct IsolatedLoopingCall<R> {
    shared: Arc<Shared<R>>,
}

/// What the loop's thread and the handles share.
pub(super) struct Shared<R> {
    name: String,
    end: OnceLock<Result<R, LoopError>>,
    waiters: Mutex<WaitList<(), Waker>>,
    stop_asked: AtomicBool,
    /// The loop's thread, for a stop.
    thread: AtomicWaker,
    /// The green thread that is the loop, on its own hub.
    id: OnceLock<GreenThreadId>,
}

impl<R: Clone + Send + Sync + 'static> IsolatedLoopingCall<R> {
    pub(super) fn new(shared: Arc<Shared<R>>) -> Self {
        IsolatedLoopingCall { shared }
    }

    /// Waits until the loop has ended: `Ok` with the value its function was done with. Any number
    /// may wait, on any thread and in any executor; each gets a clone. Everything that the function
    /// held has been dropped by then.
    ///
    /// # Errors
    /// As [`LoopingCall::wait`](crate::LoopingCall::wait). [`LoopError::Failed`] also when there was
    /// no thread or no hub to be had, which is reported too.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    #[track_caller]
    pub fn wait(&self) -> IsolatedLoopWait<'_, R> {
        IsolatedLoopWait {
            shared: &self.shared,
            place: None,
            at: Location::caller(),
        }
    }

    /// Stops the loop. A pause between two calls, and the initial delay, end at once; a call under
    /// way is not interrupted, but its result is discarded. Stopping twice, or after the end, does
    /// nothing. Does not wait, and may be called on any thread.
    pub fn stop(&self) {
        self.shared.stop_asked.store(true, Ordering::SeqCst);
        self.shared.thread.wake();
    }

    /// Whether the loop has not ended. One that was stopped runs until its thread has seen it.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.shared.end.get().is_none()
    }

    /// The name that reports use.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }
}

impl<R> Clone for IsolatedLoopingCall<R> {
    fn clone(&self) -> Self {
        IsolatedLoopingCall {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<R> fmt::Debug for IsolatedLoopingCall<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IsolatedLoopingCall")
            .field("name", &self.shared.name)
            .field("running", &self.shared.end.get().is_none())
            .finish()
    }
}

impl<R> Shared<R> {
    pub(super) fn new(name: String) -> Arc<Self> {
        Arc::new(Shared {
            name,
            end: OnceLock::new(),
            waiters: Mutex::new(WaitList::new()),
            stop_asked: AtomicBool::new(false),
            thread: AtomicWaker::new(),
            id: OnceLock::new(),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn runs_in(&self, id: Option<GreenThreadId>) {
        if let Some(id) = id {
            // Called once.
            let _ = self.id.set(id);
        }
    }

    /// Whether the loop is to stop; if not, `cx` is woken when it is.
    pub(super) fn is_stop_asked(&self, cx: &Context<'_>) -> bool {
        self.thread.register(cx.waker());
        self.stop_asked.load(Ordering::SeqCst)
    }

    /// Whether somebody will hear how the loop ends.
    pub(super) fn has_waiters(&self) -> bool {
        !self.waiters().is_empty()
    }

    /// Whether the running green thread is the loop's own: the end would wait for the wait.
    fn is_own_call(&self) -> bool {
        self.id.get().is_some() && self.id.get().copied() == current()
    }

    fn waiters(&self) -> MutexGuard<'_, WaitList<(), Waker>> {
        // Nothing under this lock panics.
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sees to it that waiters never hang: whichever way the thread ends, the loop has ended.
pub(super) struct Ending<R: Clone + 'static>(Arc<Shared<R>>);

impl<R: Clone + 'static> Ending<R> {
    pub(super) fn new(shared: Arc<Shared<R>>) -> Self {
        Ending(shared)
    }

    pub(super) fn shared(&self) -> &Shared<R> {
        &self.0
    }

    pub(super) fn end(self, end: Result<R, LoopError>) {
        let _ = self.0.end.set(end);
    }
}

impl<R: Clone + 'static> Drop for Ending<R> {
    fn drop(&mut self) {
        // Refused when it has ended as it should.
        let _ = self.0.end.set(stopped());
        let mut wakers = Wakers::default();
        self.0.waiters().call_all(&mut wakers);
        wakers.wake();
    }
}

/// The future of [`IsolatedLoopingCall::wait`].
///
/// # Cancel safety
/// Dropping it changes nothing.
#[must_use = "futures do nothing unless awaited"]
pub struct IsolatedLoopWait<'a, R> {
    shared: &'a Shared<R>,
    place: Option<Key>,
    at: &'static Location<'static>,
}

impl<R: Clone> Future for IsolatedLoopWait<'_, R> {
    type Output = Result<R, LoopError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(poll_budget(cx));
        let this = &mut *self;
        let shared = this.shared;
        // Cloned where nothing is locked: a waker and a value are code of others.
        let waker = cx.waker().clone();
        if shared.end.get().is_none() && shared.is_own_call() {
            return Poll::Ready(Err(LoopError::WaitsForItself));
        }
        let mut waiters = shared.waiters();
        // The end is set before anybody is called, so whoever misses it here is called.
        if let Some(end) = shared.end.get() {
            drop(waiters);
            return Poll::Ready(end.clone());
        }
        let old = match &this.place {
            Some(key) => waiters.renew(key, waker),
            None => {
                this.place = Some(waiters.push_back(waker, ()));
                None
            }
        };
        drop(waiters);
        drop(old);
        park(WaitsOn::new(WaitKind::Blocking, 0), this.at);
        Poll::Pending
    }
}

impl<R> Drop for IsolatedLoopWait<'_, R> {
    fn drop(&mut self) {
        if let Some(key) = self.place.take() {
            let left = self.shared.waiters().remove(key);
            drop(left);
        }
    }
}

impl<R> fmt::Debug for IsolatedLoopWait<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IsolatedLoopWait")
            .field("at", &format_args!("{}", self.at))
            .field("in_line", &self.place.is_some())
            .finish()
    }
}
