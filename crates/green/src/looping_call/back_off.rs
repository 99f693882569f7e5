//! The looping call whose pauses grow while nothing is achieved.
//!
//! # The pauses
//!
//! After a call that achieved nothing, the pause is *interval × 2 × J*, at least the minimum and at
//! most the maximum, and the interval grows to *interval × 2 × jitter*. After one that achieved
//! something, the interval is the starting one again and the pause *interval × J*. *J* is drawn anew
//! each time from a normal distribution around *jitter*, and taken without its sign: a negative one
//! made time run backwards in an early oslo.service. The interval grows by the mean and not by the
//! draw, since by draws it may drift to nothing. So with the default jitter, 0.75, it grows by
//! a half each time.
//!
//! The interval is kept as seconds in an `f64`, as there, so that the numbers are the same; whatever
//! does not fit a [`Duration`] means never.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::time::Duration;

use evlet_hub::{Sleep, random_f64, sleep};

use crate::looping_call::run::{Decision, Options, Pace, start};
use crate::looping_call::{IntoBackOffStep, Isolated, LoopError, LoopingCall};

/// Calls a function with growing pauses until it achieves something.
///
/// What the function returns says whether it did (see [`IntoBackOffStep`]): then the pauses begin
/// anew, otherwise each is about half as long again as the one before, between
/// [`min_interval`](Self::min_interval) and [`max_interval`](Self::max_interval). When the pauses of
/// a row of failures add up to more than [`timeout`](Self::timeout), the loop ends with
/// [`LoopError::TimedOut`]. Every pause is varied at random, so that many clients of one server that
/// fell over do not come back at the same instant; the numbers come from the hub's generator, so a
/// seeded hub repeats them.
///
/// # Example
/// ```
/// use evlet_green::BackOffLoopingCall;
/// use std::{ops::ControlFlow, time::Duration};
///
/// # let hub = evlet_hub::Hub::builder().virtual_time(true).build()?;
/// # hub.run(async {
/// let mut asked = 0;
/// let reachable = BackOffLoopingCall::new(move || {
///     asked += 1;
///     async move {
///         // Try to connect...
///         if asked == 5 { ControlFlow::Break(asked) } else { ControlFlow::Continue(false) }
///     }
/// })
/// .starting_interval(Duration::from_millis(100))
/// .timeout(Duration::from_secs(60))
/// .start();
/// assert_eq!(reachable.wait().await.unwrap(), 5);
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// After oslo.service's `BackOffLoopingCall`, with its defaults.
#[must_use = "call `start` to start the loop"]
pub struct BackOffLoopingCall<F> {
    f: F,
    options: Options,
    back_off: BackOff,
}

impl<F, C> BackOffLoopingCall<F>
where
    F: FnMut() -> C + 'static,
    C: Future<Output: IntoBackOffStep> + 'static,
{
    /// A loop over `f`, to be started with [`start`](Self::start).
    pub fn new(f: F) -> Self {
        BackOffLoopingCall {
            f,
            options: Options::default(),
            back_off: BackOff::default(),
        }
    }

    /// Waits this long before the first call. By default it comes at once.
    pub fn initial_delay(mut self, delay: Duration) -> Self {
        self.options.initial_delay = delay;
        self
    }

    /// Where the interval begins, and begins anew after a success. Default: 1 s.
    pub fn starting_interval(mut self, interval: Duration) -> Self {
        self.back_off.starting_interval = interval;
        self
    }

    /// The longest sum of pauses without a success; zero is no limit. The time that calls take is
    /// not counted. Default: 300 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.back_off.timeout = timeout;
        self
    }

    /// The longest pause; where it contradicts the minimum, it wins. Default: 300 s.
    pub fn max_interval(mut self, interval: Duration) -> Self {
        self.back_off.max_interval = interval;
        self
    }

    /// The shortest pause after a call that achieved nothing. Default: 1 ms.
    pub fn min_interval(mut self, interval: Duration) -> Self {
        self.back_off.min_interval = interval;
        self
    }

    /// The mean of the factors by which pauses are varied; twice that is how the interval grows.
    /// Their deviation is 0.1. Taken without its sign; what is no number is 1. Default: 0.75.
    pub fn jitter(mut self, mean: f64) -> Self {
        self.back_off.jitter = factor(mean);
        self
    }

    /// Takes the factors from `draw` instead of drawing them around the mean: `|| 1.0` for pauses
    /// that do not vary. Taken without their sign; what is no number is 1. A panic of it ends the loop as one of its
    /// function does.
    pub fn jitter_from(mut self, draw: impl FnMut() -> f64 + Send + 'static) -> Self {
        self.back_off.draw = Some(Box::new(draw));
        self
    }

    /// Whether an error ends the loop, which it does by default. With `false` it is reported, and
    /// is a call that achieved nothing. A panic always ends it.
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
    /// # Panics
    /// When no hub runs on this thread.
    #[track_caller]
    pub fn start(self) -> LoopingCall<<C::Output as IntoBackOffStep>::Value> {
        self.start_at(Location::caller())
    }

    pub(super) fn start_at(
        self,
        at: &'static Location<'static>,
    ) -> LoopingCall<<C::Output as IntoBackOffStep>::Value> {
        start(self.options, self.f, self.back_off, at)
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }
}

impl<F> fmt::Debug for BackOffLoopingCall<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackOffLoopingCall")
            .field("options", &self.options)
            .field("back_off", &self.back_off)
            .finish_non_exhaustive()
    }
}

/// Where the draws of a loop come from, if not from the hub.
type Draw = Box<dyn FnMut() -> f64 + Send>;

struct BackOff {
    starting_interval: Duration,
    timeout: Duration,
    max_interval: Duration,
    min_interval: Duration,
    jitter: f64,
    draw: Option<Draw>,
    /// In seconds.
    interval: f64,
    /// The sum of the pauses since the last success.
    paused: Duration,
}

impl Default for BackOff {
    fn default() -> Self {
        BackOff {
            starting_interval: Duration::from_secs(1),
            timeout: Duration::from_secs(300),
            max_interval: Duration::from_secs(300),
            min_interval: Duration::from_millis(1),
            jitter: 0.75,
            draw: None,
            interval: 0.0,
            paused: Duration::ZERO,
        }
    }
}

impl BackOff {
    fn begin_anew(&mut self) {
        self.interval = self.starting_interval.as_secs_f64();
        self.paused = Duration::ZERO;
    }

    fn next_pause(&mut self, progress: bool) -> Result<Duration, LoopError> {
        let drawn = match &mut self.draw {
            Some(draw) => draw(),
            None => normal(self.jitter, DEVIATION),
        };
        let drawn = factor(drawn);
        if progress {
            self.begin_anew();
            return Ok(seconds(self.interval * drawn));
        }
        let (min, max) = (self.min_interval, self.max_interval);
        let pause = seconds(self.interval * 2.0 * drawn).max(min).min(max);
        // An endless interval times nothing is no number, hence the upper bound.
        let grown = (self.interval * 2.0 * self.jitter).min(ENDLESS);
        self.interval = grown.max(min.as_secs_f64());
        let paused = self.paused.saturating_add(pause);
        if !self.timeout.is_zero() && paused > self.timeout {
            return Err(LoopError::TimedOut {
                after: paused,
                limit: self.timeout,
            });
        }
        self.paused = paused;
        Ok(pause)
    }
}

impl<O: IntoBackOffStep> Pace<O> for BackOff {
    type Again = bool;
    type Value = O::Value;

    fn read(returned: O) -> Decision<bool, O::Value> {
        returned.into_back_off_step().into()
    }

    fn begin(&mut self) {
        self.begin_anew();
    }

    fn pause(&mut self, again: Option<bool>, _: &str) -> Result<Sleep, LoopError> {
        let progress = again.unwrap_or(false);
        self.next_pause(progress).map(sleep)
    }
}

impl fmt::Debug for BackOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackOff")
            .field("starting_interval", &self.starting_interval)
            .field("timeout", &self.timeout)
            .field("max_interval", &self.max_interval)
            .field("min_interval", &self.min_interval)
            .field("jitter", &self.jitter)
            .finish_non_exhaustive()
    }
}

/// A number by which time can be multiplied.
fn factor(x: f64) -> f64 {
    if x.is_nan() {
        1.0
    } else {
        x.abs().min(ENDLESS)
    }
}

/// A draw from the normal distribution, by the polar form of two even ones (Box and Muller).
fn normal(mean: f64, deviation: f64) -> f64 {
    let (radius, angle) = (1.0 - random_f64(), random_f64());
    let standard = (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos();
    mean + deviation * standard
}

/// So many seconds; never, where that does not fit.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

const DEVIATION: f64 = 0.1;

/// More seconds than a [`Duration`] has, and far from the end of `f64`.
const ENDLESS: f64 = 1e30;
