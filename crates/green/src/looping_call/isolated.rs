//! A looping call on an OS thread of its own.
//!
//! A heartbeat that shares its hub with everything else is late whenever something holds that hub,
//! and then the other side takes a process for dead that is only busy. OpenStack's messaging library
//! went back and forth for years between a green heartbeat, which was late, and one in a native
//! thread, which met locks that were made for green ones. Here the loop gets a thread with a hub of
//! its own, and the types see to it that nothing of one hub reaches the other: what crosses is
//! `Send`.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use evlet_hub::report::Report;
use evlet_hub::wait::{WaitKind, WaitsOn, park};
use evlet_hub::{Hub, HubBuilder};

use crate::looping_call::isolated_handle::{Ending, Shared};
use crate::looping_call::outcome::stopped;
use crate::looping_call::run::tell;
use crate::looping_call::{
    BackOffLoopingCall, DynamicLoopingCall, FixedIntervalLoopingCall,
    FixedIntervalWithTimeoutLoopingCall, IntoBackOffStep, IntoDynamicStep, IntoStep,
    IsolatedLoopingCall, LoopError, LoopingCall,
};

/// A looping call that will run on an OS thread with a hub of its own: see
/// [`FixedIntervalLoopingCall::isolated`].
///
/// # Example
/// ```
/// use evlet_green::FixedIntervalLoopingCall;
/// use std::sync::{Arc, atomic::{AtomicU32, Ordering}};
/// use std::time::Duration;
///
/// evlet_hub::run(async {
///     let beats = Arc::new(AtomicU32::new(0));
///     let count = Arc::clone(&beats);
///     let heart = FixedIntervalLoopingCall::new(move || {
///         count.fetch_add(1, Ordering::Relaxed);
///         async {}
///     })
///     .name("heart")
///     .isolated()
///     .start(Duration::from_millis(1));
///     while beats.load(Ordering::Relaxed) < 5 {
///         // Something that holds this hub.
///     }
///     heart.stop();
///     heart.wait().await.unwrap();
/// });
/// ```
#[must_use = "call `start` to start the loop"]
pub struct Isolated<L> {
    looping: L,
    on_report: Option<OnReport>,
}

type OnReport = Box<dyn Fn(&Report) + Send>;

impl<L> Isolated<L> {
    pub(super) fn new(looping: L) -> Self {
        Isolated {
            looping,
            on_report: None,
        }
    }

    /// Where the loop's hub reports to: what it says of late and slow calls, of errors that nobody
    /// waits for. By default a line goes to standard error. `f` runs on the loop's thread.
    pub fn on_report(mut self, f: impl Fn(&Report) + Send + 'static) -> Self {
        self.on_report = Some(Box::new(f));
        self
    }

    #[track_caller]
    fn launch<R>(
        self,
        name: String,
        start: impl FnOnce(L, &'static Location<'static>) -> LoopingCall<R> + Send + 'static,
    ) -> IsolatedLoopingCall<R>
    where
        L: Send + 'static,
        R: Clone + Send + Sync + 'static,
    {
        let at = Location::caller();
        let shared = Shared::new(name);
        let theirs = Arc::clone(&shared);
        let body = move || {
            let ending = Ending::new(theirs);
            let mut builder = Hub::builder();
            if let Some(on_report) = self.on_report {
                builder = builder.on_report(on_report);
            }
            let looping = self.looping;
            let end = play(builder, ending.shared(), at, || start(looping, at));
            ending.end(end);
        };
        let thread = thread::Builder::new().name("evlet-loop".to_owned());
        if let Err(error) = thread.spawn(body) {
            tell(shared.name(), format!("got no thread: {error}"));
            Ending::new(Arc::clone(&shared)).end(Err(LoopError::Failed(Arc::new(error))));
        }
        IsolatedLoopingCall::new(shared)
    }
}

/// The whole life of the thread.
fn play<R>(
    builder: HubBuilder,
    shared: &Shared<R>,
    at: &'static Location<'static>,
    start: impl FnOnce() -> LoopingCall<R>,
) -> Result<R, LoopError>
where
    R: Clone + Send + Sync + 'static,
{
    let hub = match builder.build() {
        Ok(hub) => hub,
        Err(error) => {
            tell(shared.name(), format!("got no hub: {error}"));
            return Err(LoopError::Failed(Arc::new(error)));
        }
    };
    let end = hub.try_run(async {
        let looping = start();
        shared.runs_in(looping.id());
        let mut wait = pin!(looping.wait());
        let end = poll_fn(|cx| {
            if shared.is_stop_asked(cx) {
                looping.stop();
            }
            let polled = wait.as_mut().poll(cx);
            if polled.is_pending() {
                // A stop may come from any thread, so this is never a deadlock.
                park(WaitsOn::new(WaitKind::Blocking, 0), at);
            }
            polled
        });
        let end = end.await;
        if let Err(error) = &end
            && !matches!(error, LoopError::Stopped)
            && !shared.has_waiters()
        {
            tell(shared.name(), format!("ended: {error}"));
        }
        end
    });
    // What the function held is dropped before anybody hears of the end.
    drop(hub);
    // The function may have stopped its hub.
    end.unwrap_or_else(|_| stopped())
}

impl<F, C> Isolated<FixedIntervalLoopingCall<F>>
where
    F: FnMut() -> C + Send + 'static,
    C: Future<Output: IntoStep> + 'static,
    <C::Output as IntoStep>::Value: Send + Sync,
{
    /// Starts the loop on its thread: see [`FixedIntervalLoopingCall::start`]. Does not wait for the
    /// thread, and may be called where no hub runs.
    #[track_caller]
    pub fn start(self, interval: Duration) -> IsolatedLoopingCall<<C::Output as IntoStep>::Value> {
        let name = self.looping.options().name(Location::caller());
        self.launch(name, move |looping, at| looping.start_at(interval, at))
    }
}

impl<F, C> Isolated<FixedIntervalWithTimeoutLoopingCall<F>>
where
    F: FnMut() -> C + Send + 'static,
    C: Future<Output: IntoStep> + 'static,
    <C::Output as IntoStep>::Value: Send + Sync,
{
    /// Starts the loop on its thread: see [`FixedIntervalWithTimeoutLoopingCall::start`]. Does not
    /// wait for the thread, and may be called where no hub runs.
    #[track_caller]
    pub fn start(self, interval: Duration) -> IsolatedLoopingCall<<C::Output as IntoStep>::Value> {
        let name = self.looping.options().name(Location::caller());
        self.launch(name, move |looping, at| looping.start_at(interval, at))
    }
}

impl<F, C> Isolated<DynamicLoopingCall<F>>
where
    F: FnMut() -> C + Send + 'static,
    C: Future<Output: IntoDynamicStep> + 'static,
    <C::Output as IntoDynamicStep>::Value: Send + Sync,
{
    /// Starts the loop on its thread: see [`DynamicLoopingCall::start`]. Does not wait for the
    /// thread, and may be called where no hub runs.
    #[track_caller]
    pub fn start(self) -> IsolatedLoopingCall<<C::Output as IntoDynamicStep>::Value> {
        let name = self.looping.options().name(Location::caller());
        self.launch(name, |looping, at| looping.start_at(at))
    }
}

impl<F, C> Isolated<BackOffLoopingCall<F>>
where
    F: FnMut() -> C + Send + 'static,
    C: Future<Output: IntoBackOffStep> + 'static,
    <C::Output as IntoBackOffStep>::Value: Send + Sync,
{
    /// Starts the loop on its thread: see [`BackOffLoopingCall::start`]. Does not wait for the
    /// thread, and may be called where no hub runs.
    #[track_caller]
    pub fn start(self) -> IsolatedLoopingCall<<C::Output as IntoBackOffStep>::Value> {
        let name = self.looping.options().name(Location::caller());
        self.launch(name, |looping, at| looping.start_at(at))
    }
}

impl<L: fmt::Debug> fmt::Debug for Isolated<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Isolated")
            .field("looping", &self.looping)
            .field("reports", &self.on_report.is_some())
            .finish()
    }
}
