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
//! - A hub so busy that a whole interval went by before the call could start: that is reported, and
//!   the next call comes one interval after that late start.
//!
//! oslo.service computes the pause as interval minus run time and rounds it to 10 ms. Without delays
//! that is the same plan; we do not round.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::time::{Duration, Instant};

use evlet_hub::{Sleep, now, sleep, sleep_until};

use crate::looping_call::run::{Decision, Options, Pace, start, tell};
use crate::looping_call::{IntoStep, Isolated, LoopError, LoopingCall};

/// Calls a function at a fixed interval.
///
/// The function is called at once (or after [`initial_delay`](Self::initial_delay)), then every
/// interval, counted from start to start, until it says that it is done (see [`IntoStep`]), fails,
/// or the loop is [stopped](LoopingCall::stop). It never overlaps with itself. A call that takes
/// longer than the interval is reported, by the loop's name, and followed by the next after one turn
/// for the others. So is one that starts an interval late because something held the hub.
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
/// After oslo.service's `FixedIntervalLoopingCall`. A loop is started once, which the types see to:
/// ```compile_fail
/// # use evlet_green::FixedIntervalLoopingCall;
/// # use std::time::Duration;
/// # evlet_hub::run(async {
/// let looping = FixedIntervalLoopingCall::new(|| async {});
/// looping.start(Duration::from_secs(1));
/// looping.start(Duration::from_secs(1)); // error: use of moved value
/// # });
/// ```
#[must_use = "call `start` to start the loop"]
pub struct FixedIntervalLoopingCall<F> {
    f: F,
    options: Options,
}

impl<F, C> FixedIntervalLoopingCall<F>
where
    F: FnMut() -> C + 'static,
    C: Future<Output: IntoStep> + 'static,
{
    /// A loop over `f`, to be started with [`start`](Self::start).
    pub fn new(f: F) -> Self {
        FixedIntervalLoopingCall {
            f,
            options: Options::default(),
        }
    }

    /// Waits this long before the first call. By default it comes at once.
    pub fn initial_delay(mut self, delay: Duration) -> Self {
        self.options.initial_delay = delay;
        self
    }

    /// Whether an error ends the loop, which it does by default. With `false` it is reported, and
    /// the loop goes on at its pace. A panic always ends it.
    pub fn stop_on_error(mut self, stop: bool) -> Self {
        self.options.stop_on_error = stop;
        self
    }

    /// Names the loop in reports. By default it is called by the line that started it.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.options.name = Some(name.into());
        self
    }

    /// Runs the loop on an OS thread with a hub of its own, so that nothing that holds this hub makes
    /// it late: for a heartbeat, by which others tell whether this process lives.
    ///
    /// The function is made here and called there, so it has to be `Send`; what it returns is made and
    /// awaited there, and may be anything. It shares with this hub only what threads may share: a
    /// primitive of this crate does not compile in it. The time of the loop is real, also when this
    /// hub's is virtual.
    ///
    /// ```
    /// use evlet_green::FixedIntervalLoopingCall;
    /// use std::{ops::ControlFlow, time::Duration};
    ///
    /// evlet_hub::run(async {
    ///     let mut beats = 0;
    ///     let heart = FixedIntervalLoopingCall::new(move || {
    ///         beats += 1;
    ///         async move { if beats == 3 { ControlFlow::Break(beats) } else { ControlFlow::Continue(()) } }
    ///     })
    ///     .isolated()
    ///     .start(Duration::from_millis(1));
    ///     assert_eq!(heart.wait().await.unwrap(), 3);
    /// });
    /// ```
    pub fn isolated(self) -> Isolated<Self>
    where
        F: Send,
    {
        Isolated::new(self)
    }

    /// Starts the loop in a green thread of its own.
    ///
    /// With an interval of zero, calls follow each other with one turn for the others between them.
    /// With one that does not fit the clock ([`Duration::MAX`]) there is one call.
    ///
    /// # Panics
    /// When no hub runs on this thread.
    #[track_caller]
    pub fn start(self, interval: Duration) -> LoopingCall<<C::Output as IntoStep>::Value> {
        self.start_at(interval, Location::caller())
    }

    pub(super) fn start_at(
        self,
        interval: Duration,
        at: &'static Location<'static>,
    ) -> LoopingCall<<C::Output as IntoStep>::Value> {
        start(self.options, self.f, Fixed::new(interval), at)
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }
}

impl<F> fmt::Debug for FixedIntervalLoopingCall<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedIntervalLoopingCall")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// When the calls of a loop with a fixed interval start.
#[derive(Debug)]
pub(super) struct Fixed {
    interval: Duration,
    /// When this call was to start, and when it did. `None` before the first.
    last: Option<Start>,
}

#[derive(Debug, Clone, Copy)]
struct Start {
    planned: Instant,
    real: Instant,
}

/// A start that is less late than this is not worth a word: oslo.service's own limit for overruns.
const LATE: Duration = Duration::from_millis(5);

impl Fixed {
    pub(super) fn new(interval: Duration) -> Self {
        Fixed {
            interval,
            last: None,
        }
    }
}

impl<O: IntoStep> Pace<O> for Fixed {
    type Again = ();
    type Value = O::Value;

    fn read(returned: O) -> Decision<(), O::Value> {
        returned.into_step().into()
    }

    fn starts(&mut self, name: &str) {
        let now = now();
        let Some(start) = &mut self.last else {
            self.last = Some(Start {
                planned: now,
                real: now,
            });
            return;
        };
        start.real = now;
        let late = now.saturating_duration_since(start.planned);
        if late >= self.interval.max(LATE) && !self.interval.is_zero() {
            tell(name, format!("is {late:?} late: something held the hub"));
        }
    }

    /// Ends when the next call is due, after at least one turn.
    fn pause(&mut self, _: Option<()>, name: &str) -> Result<Sleep, LoopError> {
        let (now, interval) = (now(), self.interval);
        let Some(start) = &mut self.last else {
            return Ok(sleep(interval));
        };
        let ran = now.saturating_duration_since(start.real);
        if ran > interval && !interval.is_zero() {
            let message = format!("took {ran:?}, longer than its interval of {interval:?}");
            tell(name, message);
        }
        let after = |start: Instant| start.checked_add(interval);
        let (Some(on_time), Some(after_late_start)) = (after(start.planned), after(start.real))
        else {
            // The interval does not fit the clock: never.
            return Ok(sleep(Duration::MAX));
        };
        let next = [on_time, after_late_start]
            .into_iter()
            .find(|next| *next >= now);
        start.planned = next.unwrap_or(now);
        Ok(sleep_until(start.planned))
    }
}
