//! The side of a hub that other threads may hold.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::channel::oneshot;
use futures::task::AtomicWaker;

use crate::core::Core;
use crate::in_progress;
use crate::remote::{Item, Remote};
use crate::report::{Report, message_of, report};
use crate::running;
use crate::task::{Exit, Flags, GreenThreadId};

/// A handle of a hub for any thread: spawn there, stop it.
///
/// It may be cloned, sent and outlive the hub.
///
/// # Example
/// ```
/// let hub = evlet_hub::Hub::new()?;
/// let handle = hub.handle();
/// let other = std::thread::spawn(move || handle.spawn(async { 6 * 7 }));
/// let answer = hub.run(async move { other.join().unwrap().await });
/// assert_eq!(answer.unwrap(), 42);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct HubHandle {
    remote: Arc<Remote>,
}

/// A handle of the running hub.
///
/// # Panics
/// When no hub runs on this thread.
#[track_caller]
#[must_use]
pub fn handle() -> HubHandle {
    HubHandle::new(&running::expect("handle").remote)
}

impl HubHandle {
    pub(crate) fn new(remote: &Arc<Remote>) -> Self {
        remote.handles.fetch_add(1, Ordering::SeqCst);
        HubHandle {
            remote: Arc::clone(remote),
        }
    }

    /// Starts a green thread on the hub, from any thread.
    ///
    /// It starts when the hub next takes what other threads sent, in the order of sending. If the
    /// hub is gone, or goes first, the future is dropped and the result is [`Exit::Killed`]. So it is in a
    /// process that was forked from the hub's.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> RemoteGreenThread<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let site = Location::caller();
        let (give, result) = oneshot::channel();
        let kill = Arc::new(KillMark::default());
        let thread = RemoteGreenThread {
            result,
            kill: Arc::clone(&kill),
        };
        if self.remote.is_closed() || !self.remote.birthplace.is_here() {
            return thread;
        }
        let guarded = Guarded {
            future,
            kill,
            spawned_at: site,
        };
        self.remote.send(Item::Job(Box::new(move |core| {
            start(core, site, guarded, give);
        })));
        thread
    }

    /// Ends the hub's `run`: [`Hub::try_run`](crate::Hub::try_run) gives
    /// [`RunError::Stopped`](crate::RunError::Stopped) and [`Hub::run`](crate::Hub::run) panics.
    ///
    /// The root future is dropped; other green threads stay as they are until the hub is dropped
    /// or run again. If the hub is not running, its next run ends at once. In a process that was forked
    /// from the hub's, nothing happens.
    pub fn stop(&self) {
        if !self.remote.birthplace.is_here() {
            return;
        }
        self.remote.stop.store(true, Ordering::SeqCst);
        self.remote.notify();
    }
}

fn start<F>(
    core: &Rc<Core>,
    site: &'static Location<'static>,
    guarded: Guarded<F>,
    give: oneshot::Sender<Letter<F::Output>>,
) where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let body = async move {
        let result = AssertUnwindSafe(guarded).catch_unwind().await;
        let result = result.map_err(Exit::Panicked);
        let id = in_progress::current();
        let letter = Letter {
            result: Some(result),
            from: id.map(|key| (key.id, site)),
        };
        // Nobody may be waiting; the letter knows what to do.
        let _ = give.send(letter);
    };
    let flags = crate::task::Flags::DETACHED;
    // Nothing is inherited: the one who spawned it runs elsewhere.
    drop(crate::task::start(core, site, body, flags, None));
}

impl Clone for HubHandle {
    fn clone(&self) -> Self {
        HubHandle::new(&self.remote)
    }
}

impl Drop for HubHandle {
    fn drop(&mut self) {
        if self.remote.handles.fetch_sub(1, Ordering::SeqCst) == 1 {
            // The hub may now be in a deadlock that this handle could have ended.
            self.remote.notify();
        }
    }
}

impl fmt::Debug for HubHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubHandle")
            .field("hub", &self.remote.hub)
            .field("gone", &self.remote.is_closed())
            .finish()
    }
}

/// A green thread that was spawned from another thread: a future of its result.
///
/// It may be awaited on any thread, by any executor. Dropping it detaches the green thread.
///
/// # Cancel safety
/// Dropping it detaches; the green thread goes on.
#[must_use = "dropping it detaches the green thread"]
pub struct RemoteGreenThread<T> {
    result: oneshot::Receiver<Letter<T>>,
    kill: Arc<KillMark>,
}

impl<T> RemoteGreenThread<T> {
    /// Ends the green thread: its future is dropped on the hub's thread at its next turn.
    pub fn kill(&self) {
        self.kill.killed.store(true, Ordering::SeqCst);
        self.kill.waker.wake();
    }
}

impl<T> Future for RemoteGreenThread<T> {
    type Output = Result<T, Exit>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = &mut self.get_mut().result;
        let sent = std::task::ready!(Pin::new(result).poll(cx));
        // The sender may have been dropped: with the hub, or with the future.
        let result = sent.ok().and_then(|mut letter| letter.result.take());
        Poll::Ready(result.unwrap_or(Err(Exit::Killed)))
    }
}

impl<T> fmt::Debug for RemoteGreenThread<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteGreenThread").finish_non_exhaustive()
    }
}

/// A result on its way to another thread. A panic that nobody takes out of it is reported.
struct Letter<T> {
    result: Option<Result<T, Exit>>,
    from: Option<(GreenThreadId, &'static Location<'static>)>,
}

impl<T> Drop for Letter<T> {
    fn drop(&mut self) {
        if let (Some(Err(Exit::Panicked(payload))), Some((id, site))) = (&self.result, self.from) {
            report(Report::Panicked {
                id,
                name: None,
                spawned_at: Some(site),
                place: "it",
                message: message_of(&**payload),
            });
        }
    }
}

#[derive(Debug, Default)]
struct KillMark {
    killed: AtomicBool,
    waker: AtomicWaker,
}

pin_project_lite::pin_project! {
    /// A future whose green thread is killed when its mark is set.
    struct Guarded<F> {
        #[pin]
        future: F,
        kill: Arc<KillMark>,
        spawned_at: &'static Location<'static>,
    }
}

impl<F: Future> Future for Guarded<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let has = |flag| in_progress::with(|poll| poll.has(flag));
        let this = self.project();
        this.kill.waker.register(cx.waker());
        if this.kill.killed.load(Ordering::SeqCst) && !has(Flags::KILLED) {
            // From here on it is a kill like any other: it may be shielded, and the body ends it.
            if let Some(key) = in_progress::current() {
                running::with(|core| core.kill(key, None, this.spawned_at));
            }
        }
        if has(Flags::KILLED) && !has(Flags::SHIELDED) {
            return Poll::Pending;
        }
        this.future.poll(cx)
    }
}
