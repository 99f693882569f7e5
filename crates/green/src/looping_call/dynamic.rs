//! The looping call whose function says when to run next.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::time::Duration;

use evlet_hub::{Sleep, sleep};

use crate::looping_call::run::{Decision, Options, Pace, start};
use crate::looping_call::{IntoDynamicStep, Isolated, LoopError, LoopingCall};

/// Calls a function that says when it wants to be called next.
///
/// The function is called at once (or after [`initial_delay`](Self::initial_delay)). What it returns
/// says how long to wait then, counted from when it returned (see [`IntoDynamicStep`]), at most
/// [`periodic_interval_max`](Self::periodic_interval_max).
///
/// # Example
/// ```
/// use evlet_green::DynamicLoopingCall;
/// use std::{ops::ControlFlow, time::Duration};
///
/// # let hub = evlet_hub::Hub::builder().virtual_time(true).build()?;
/// # hub.run(async {
/// let mut backlog = vec!["a", "b", "c"];
/// let mut done = 0;
/// let draining = DynamicLoopingCall::new(move || {
///     let job = backlog.pop();
///     done += usize::from(job.is_some());
///     let left = backlog.len();
///     async move {
///         match job {
///             Some(_) if left > 0 => ControlFlow::Continue(Some(Duration::from_millis(1))),
///             Some(_) => ControlFlow::Continue(None), // nothing to do: the maximum
///             None => ControlFlow::Break(done),
///         }
///     }
/// })
/// .periodic_interval_max(Duration::from_secs(60))
/// .start();
/// assert_eq!(draining.wait().await.unwrap(), 3);
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// After oslo.service's `DynamicLoopingCall`, with this difference: there a loop that goes on after
/// errors does so without a pause, at full speed.
#[must_use = "call `start` to start the loop"]
pub struct DynamicLoopingCall<F> {
    f: F,
    options: Options,
    max: Option<Duration>,
}

impl<F, C> DynamicLoopingCall<F>
where
    F: FnMut() -> C + 'static,
    C: Future<Output: IntoDynamicStep> + 'static,
{
    /// A loop over `f`, to be started with [`start`](Self::start).
    pub fn new(f: F) -> Self {
        DynamicLoopingCall {
            f,
            options: Options::default(),
            max: None,
        }
    }

    /// Waits this long before the first call. By default it comes at once.
    pub fn initial_delay(mut self, delay: Duration) -> Self {
        self.options.initial_delay = delay;
        self
    }

    /// No pause is longer than this, and it is the pause when the function names none. By default
    /// there is no such limit, and the function must name every pause.
    pub fn periodic_interval_max(mut self, max: Duration) -> Self {
        self.max = Some(max);
        self
    }

    /// Whether an error ends the loop, which it does by default. With `false` it is reported, and
    /// the next call comes after the maximum; without one, after a minute. A panic always ends it.
    pub fn stop_on_error(mut self, stop: bool) -> Self {
        self.options.stop_on_error = stop;
        self
    }

    /// Names the loop in reports. By default it is called by the line that started it.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.options.name = Some(name.into());
        self
    }

    /// Runs the loop on an OS thread with a hub of its own: see
    /// [`FixedIntervalLoopingCall::isolated`](crate::FixedIntervalLoopingCall::isolated).
    pub fn isolated(self) -> Isolated<Self>
    where
        F: Send,
    {
        Isolated::new(self)
    }

    /// Starts the loop in a green thread of its own.
    ///
    /// A call that names no pause in a loop without a maximum ends it with
    /// [`LoopError::NoInterval`].
    ///
    /// # Panics
    /// When no hub runs on this thread.
    #[track_caller]
    pub fn start(self) -> LoopingCall<<C::Output as IntoDynamicStep>::Value> {
        self.start_at(Location::caller())
    }

    pub(super) fn start_at(
        self,
        at: &'static Location<'static>,
    ) -> LoopingCall<<C::Output as IntoDynamicStep>::Value> {
        let pace = Dynamic { max: self.max };
        start(self.options, self.f, pace, at)
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }
}

impl<F> fmt::Debug for DynamicLoopingCall<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamicLoopingCall")
            .field("options", &self.options)
            .field("periodic_interval_max", &self.max)
            .finish_non_exhaustive()
    }
}

/// The calls come when the calls before them said.
#[derive(Debug)]
struct Dynamic {
    max: Option<Duration>,
}

/// The pause after an error, when nothing else says one: oslo.service's own interval for periodic
/// tasks that name none.
const AFTER_ERROR: Duration = Duration::from_secs(60);

impl<O: IntoDynamicStep> Pace<O> for Dynamic {
    type Again = Option<Duration>;
    type Value = O::Value;

    fn read(returned: O) -> Decision<Option<Duration>, O::Value> {
        returned.into_dynamic_step().into()
    }

    fn pause(&mut self, again: Option<Option<Duration>>, _: &str) -> Result<Sleep, LoopError> {
        let pause = match again {
            None => self.max.unwrap_or(AFTER_ERROR),
            Some(None) => self.max.ok_or(LoopError::NoInterval)?,
            Some(Some(pause)) => pause.min(self.max.unwrap_or(Duration::MAX)),
        };
        Ok(sleep(pause))
    }
}
