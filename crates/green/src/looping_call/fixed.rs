//! The looping call with a fixed interval.
//!
//! # Pacing
//!
//! Calls start `interval` apart. Each start is planned from the planned start before it, not from
//! when the hub got round to it, so small delays of wake-ups do not add up (promise D-8). Two things
//! shift the plan:
//!
//! - A call that takes longer than the interval: it is reported, the others get one turn, and the
//!   next call starts the plan anew. With an interval of 0.1 s and one call of 0.3 s, the gaps
//!   between starts are 0.1, 0.3, 0.1: no burst to catch up (promise B-5).
//! - A hub so busy that a whole interval went by before the call could start: the next call comes
//!   one interval after that late start.
//!
//! oslo.service computes the pause as interval minus run time and rounds it to 10 ms. Without delays
//! that is the same plan; we do not round.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location};
use std::rc::Rc;
use std::time::{Duration, Instant};

use evlet_hub::report::{Report, report};
use evlet_hub::{Exit, now, sleep, sleep_until, spawn_at};
use futures::FutureExt;

use crate::looping_call::handle::Shared;
use crate::looping_call::outcome::stopped;
use crate::looping_call::{IntoStep, LoopError, LoopingCall, Step};

/// Calls a function at a fixed interval.
///
/// The function is called at once (or after [`initial_delay`](Self::initial_delay)), then every
/// interval, counted from start to start, until it says that it is done (see [`IntoStep`]), fails,
/// or the loop is [stopped](LoopingCall::stop). It never overlaps with itself. A call that takes
/// longer than the interval is reported, by the loop's name, and followed by the next after one turn
/// for the others.
///
/// # Example
/// ```
/// use evlet_green::FixedIntervalLoopingCall;
/// use std::{ops::ControlFlow, time::Duration};
///
/// # let hub = evlet_hub::Hub::builder().virtual_time(true).build()?;
/// # hub.run(async {
/// let mut polls = 0;
/// let waiting = FixedIntervalLoopingCall::new(move || {
///     polls += 1;
///     async move {
///         // Ask the hypervisor whether the machine is up...
///         if polls == 4 { ControlFlow::Break("running") } else { ControlFlow::Continue(()) }
///     }
/// })
/// .start(Duration::from_millis(500));
/// assert_eq!(waiting.wait().await.unwrap(), "running");
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// After oslo.service's `FixedIntervalLoopingCall`. A loop is started once, which the types see to.
#[must_use = "call `start` to start the loop"]
pub struct FixedIntervalLoopingCall<F> {
    f: F,
    initial_delay: Duration,
    stop_on_error: bool,
    name: Option<String>,
}

impl<F, P> FixedIntervalLoopingCall<F>
where
    F: FnMut() -> P + 'static,
    P: Future<Output: IntoStep> + 'static,
{
    /// A loop over `f`, to be started with [`start`](Self::start).
    pub fn new(f: F) -> Self {
        FixedIntervalLoopingCall {
            f,
            initial_delay: Duration::ZERO,
            stop_on_error: true,
            name: None,
        }
    }

    /// Waits this long before the first call. By default it comes at once.
    pub fn initial_delay(mut self, delay: Duration) -> Self {
        self.initial_delay = delay;
        self
    }

    /// Whether an error ends the loop, which it does by default. With `false` it is reported, and
    /// the loop goes on at its pace. A panic always ends it.
    pub fn stop_on_error(mut self, stop: bool) -> Self {
        self.stop_on_error = stop;
        self
    }

    /// Names the loop in reports. By default it is called by the line that started it.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Starts the loop in a green thread of its own.
    ///
    /// With an interval of zero, calls follow each other with one turn for the others between them.
    ///
    /// # Panics
    /// When no hub runs on this thread.
    #[track_caller]
    pub fn start(self, interval: Duration) -> LoopingCall<<P::Output as IntoStep>::Value> {
        let at = Location::caller();
        let name = self.name.clone();
        let name = name.unwrap_or_else(|| format!("the looping call started at {at}"));
        let shared = Shared::new(name.clone());
        let looping = run(self, interval, Ending(Rc::clone(&shared)));
        let thread = spawn_at(at, looping).named(name);
        shared.runs_in(thread);
        LoopingCall::new(shared)
    }
}

impl<F> fmt::Debug for FixedIntervalLoopingCall<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedIntervalLoopingCall")
            .field("name", &self.name)
            .field("initial_delay", &self.initial_delay)
            .field("stop_on_error", &self.stop_on_error)
            .finish_non_exhaustive()
    }
}

async fn run<F, P>(
    mut call: FixedIntervalLoopingCall<F>,
    interval: Duration,
    ending: Ending<<P::Output as IntoStep>::Value>,
) where
    F: FnMut() -> P,
    P: Future<Output: IntoStep>,
{
    let shared = &ending.0;
    if !call.initial_delay.is_zero() {
        sleep(call.initial_delay).await;
    }
    let mut pace = Pace::new(interval);
    loop {
        pace.starts();
        let result = one_call(&mut call.f, shared).await;
        if shared.is_stopped() {
            break;
        }
        match result {
            Ok(Step::Again) => {}
            Ok(Step::Done(value)) => {
                shared.end(Ok(value));
                break;
            }
            Ok(Step::Failed(error)) if call.stop_on_error => {
                if !shared.has_waiters() {
                    tell(&shared.name, format!("ended: {error}"));
                }
                shared.end(Err(LoopError::Failed(error)));
                break;
            }
            Ok(Step::Failed(error)) => tell(&shared.name, format!("failed, goes on: {error}")),
            Err(payload) => {
                let message = Exit::Panicked(payload).panic_message().unwrap_or_default();
                if !shared.has_waiters() {
                    tell(
                        &shared.name,
                        format!("ended: its function panicked: {message}"),
                    );
                }
                shared.end(Err(LoopError::Panicked(message)));
                break;
            }
        }
        pace.pause(&shared.name).await;
    }
}

/// Calls the function and waits for what it returns; a panic of either is a value.
async fn one_call<F, P, R>(f: &mut F, shared: &Shared<R>) -> Result<Step<R>, Box<dyn Any + Send>>
where
    F: FnMut() -> P,
    P: Future<Output: IntoStep<Value = R>>,
{
    shared.set_in_call(true);
    let call = AssertUnwindSafe(async { f().await.into_step() });
    let result = call.catch_unwind().await;
    shared.set_in_call(false);
    result
}

/// Sees to it that waiters never hang: whichever way the green thread ends, and if it never
/// starts, the loop has ended.
struct Ending<R: Clone + 'static>(Rc<Shared<R>>);

impl<R: Clone + 'static> Drop for Ending<R> {
    fn drop(&mut self) {
        self.0.end(stopped());
    }
}

/// When the calls start.
struct Pace {
    interval: Duration,
    /// When this call was to start, and when it did.
    planned: Instant,
    started: Instant,
}

impl Pace {
    fn new(interval: Duration) -> Self {
        let now = now();
        Pace {
            interval,
            planned: now,
            started: now,
        }
    }

    fn starts(&mut self) {
        self.started = now();
    }

    /// Waits until the next call is due: at least one turn.
    async fn pause(&mut self, name: &str) {
        let now = now();
        let ran = now.saturating_duration_since(self.started);
        let interval = self.interval;
        if ran > interval && !interval.is_zero() {
            let message = format!("took {ran:?}, longer than its interval of {interval:?}");
            tell(name, message);
        }
        let after = |start: Instant| start.checked_add(interval);
        let (Some(on_time), Some(after_late_start)) = (after(self.planned), after(self.started))
        else {
            // The interval does not fit the clock: never.
            return sleep(Duration::MAX).await;
        };
        let next = [on_time, after_late_start]
            .into_iter()
            .find(|next| *next >= now);
        self.planned = next.unwrap_or(now);
        sleep_until(self.planned).await;
    }
}

fn tell(name: &str, message: String) {
    report(Report::notice(name, message));
}
