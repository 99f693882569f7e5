//! The looping call with a fixed interval that gives up after a while.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::time::{Duration, Instant};

use evlet_hub::{Sleep, now};

use crate::looping_call::fixed::Fixed;
use crate::looping_call::run::{Decision, Options, Pace, start};
use crate::looping_call::{IntoStep, Isolated, LoopError, LoopingCall};

/// A [`FixedIntervalLoopingCall`](crate::FixedIntervalLoopingCall) that ends with an error when its
/// function is not done in time.
///
/// The time counts from [`start`](Self::start), the initial delay included. It is looked at after
/// each call; a call under way or a pause is not cut short. (To limit a single call, use
/// [`with_timeout`](crate::with_timeout) in it.)
///
/// # Example
/// ```
/// use evlet_green::{FixedIntervalWithTimeoutLoopingCall, LoopError};
/// use std::{ops::ControlFlow, time::Duration};
///
/// # let hub = evlet_hub::Hub::builder().virtual_time(true).build()?;
/// # hub.run(async {
/// let waiting = FixedIntervalWithTimeoutLoopingCall::new(|| async {
///     ControlFlow::<&str>::Continue(()) // the machine is never up
/// })
/// .timeout(Duration::from_secs(60))
/// .start(Duration::from_millis(500));
/// let end = waiting.wait().await.unwrap_err();
/// assert!(matches!(end, LoopError::TimedOut { .. }));
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// After oslo.service's class of the same name, which reads the wall clock where we read the
/// monotonic one.
#[must_use = "call `start` to start the loop"]
pub struct FixedIntervalWithTimeoutLoopingCall<F> {
    f: F,
    options: Options,
    timeout: Duration,
}

impl<F, C> FixedIntervalWithTimeoutLoopingCall<F>
where
    F: FnMut() -> C + 'static,
    C: Future<Output: IntoStep> + 'static,
{
    /// A loop over `f`, to be started with [`start`](Self::start).
    pub fn new(f: F) -> Self {
        FixedIntervalWithTimeoutLoopingCall {
            f,
            options: Options::default(),
            timeout: Duration::ZERO,
        }
    }

    /// How long the loop may go on. Zero, the default, is no limit.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Waits this long before the first call. By default it comes at once.
    pub fn initial_delay(mut self, delay: Duration) -> Self {
        self.options.initial_delay = delay;
        self
    }

    /// Whether an error ends the loop, which it does by default. With `false` it is reported, and
    /// the loop goes on at its pace, within its time. A panic always ends it.
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

    /// Starts the loop in a green thread of its own: see
    /// [`FixedIntervalLoopingCall::start`](crate::FixedIntervalLoopingCall::start).
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
        let pace = FixedWithTimeout {
            fixed: Fixed::new(interval),
            started: now(),
            timeout: self.timeout,
        };
        start(self.options, self.f, pace, at)
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }
}

impl<F> fmt::Debug for FixedIntervalWithTimeoutLoopingCall<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedIntervalWithTimeoutLoopingCall")
            .field("options", &self.options)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct FixedWithTimeout {
    fixed: Fixed,
    started: Instant,
    timeout: Duration,
}

impl<O: IntoStep> Pace<O> for FixedWithTimeout {
    type Again = ();
    type Value = O::Value;

    fn read(returned: O) -> Decision<(), O::Value> {
        returned.into_step().into()
    }

    fn starts(&mut self, name: &str) {
        Pace::<O>::starts(&mut self.fixed, name);
    }

    fn pause(&mut self, again: Option<()>, name: &str) -> Result<Sleep, LoopError> {
        let after = now().saturating_duration_since(self.started);
        if !self.timeout.is_zero() && after > self.timeout {
            return Err(LoopError::TimedOut {
                after,
                limit: self.timeout,
            });
        }
        Pace::<O>::pause(&mut self.fixed, again, name)
    }
}
