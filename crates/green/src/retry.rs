//! Trying again what failed, after oslo.service's `RetryDecorator`.
//!
//! The pause before retry *n* is *n* times the increment, up to the maximum: with an increment of
//! 2 s the pauses are 2, 4, 6 s. What is tried is called anew for each attempt, by the green thread
//! that awaits the whole; nothing is spawned.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use evlet_hub::report::{Report, report};
use evlet_hub::{Sleep, random_f64, sleep};
use pin_project_lite::pin_project;

/// Calls `attempt` until what it returns succeeds; gives that success, or the last failure.
///
/// It is a builder and, awaited, the work itself. Without options it tries for ever, whatever the
/// failure, with pauses of 10, 20, 30 s and so on up to 60 s: the decorator's defaults. Each failure
/// that is followed by a retry goes to the hub's report; the last one goes to the caller alone.
///
/// # Panics
/// With the panic of `attempt`, which is not retried. Outside a hub, when it comes to a pause.
///
/// # Cancel safety
/// Dropping the future drops the attempt under way and ends the pause; nothing is tried any more.
///
/// # Example
/// ```
/// use evlet_green::retry;
/// use std::cell::Cell;
/// use std::io;
/// use std::time::Duration;
///
/// # let hub = evlet_hub::Hub::builder().virtual_time(true).build()?;
/// # hub.run(async {
/// let tries = Cell::new(0);
/// let volume = retry(|| async {
///     tries.set(tries.get() + 1);
///     match tries.get() {
///         3 => Ok("volume-7"),
///         _ => Err(io::Error::from(io::ErrorKind::ConnectionRefused)),
///     }
/// })
/// .max_retry_count(5)
/// .inc_sleep_time(Duration::from_millis(200))
/// .retry_if(|error| error.kind() == io::ErrorKind::ConnectionRefused)
/// .await;
/// assert_eq!(volume.unwrap(), "volume-7");
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// Differences from the decorator: there the count is never begun anew, so that a decorated function
/// has fewer tries at each call, and the final failure is logged by the loop underneath as well. Its
/// default retries no error; ours retries all.
#[track_caller]
pub fn retry<F, A, T, E>(attempt: F) -> Retry<F, fn(&E) -> bool>
where
    F: FnMut() -> A,
    A: Future<Output = Result<T, E>>,
{
    Retry {
        attempt,
        retry_if: |_| true,
        policy: Policy {
            max_retry_count: None,
            inc_sleep_time: Duration::from_secs(10),
            max_sleep_time: Duration::from_secs(60),
            jitter: 0.0,
            name: None,
            at: Location::caller(),
        },
    }
}

/// What [`retry`](retry()) gives: set its options, then await it.
#[must_use = "nothing is tried until it is awaited"]
pub struct Retry<F, P> {
    attempt: F,
    retry_if: P,
    policy: Policy,
}

#[derive(Debug)]
struct Policy {
    max_retry_count: Option<u32>,
    inc_sleep_time: Duration,
    max_sleep_time: Duration,
    jitter: f64,
    name: Option<String>,
    at: &'static Location<'static>,
}

impl<F, P> Retry<F, P> {
    /// How often a failure is followed by another attempt: `3` makes up to four attempts, `0` makes
    /// one. `None`, the default, is for ever (the decorator's -1).
    pub fn max_retry_count(mut self, retries: impl Into<Option<u32>>) -> Self {
        self.policy.max_retry_count = retries.into();
        self
    }

    /// By how much each pause is longer than the one before; also the first pause. With zero,
    /// attempts follow each other with one turn for the others. Default: 10 s.
    pub fn inc_sleep_time(mut self, increment: Duration) -> Self {
        self.policy.inc_sleep_time = increment;
        self
    }

    /// The longest pause. Default: 60 s.
    pub fn max_sleep_time(mut self, longest: Duration) -> Self {
        self.policy.max_sleep_time = longest;
        self
    }

    /// Shortens each pause by up to this share of it, drawn from the hub's generator: with 1.0 the
    /// pauses are anything from nothing to their full length. Below 0 and no number count as 0, above
    /// 1 as 1. Default: 0.
    pub fn jitter(mut self, share: f64) -> Self {
        self.policy.jitter = if share.is_nan() {
            0.0
        } else {
            share.clamp(0.0, 1.0)
        };
        self
    }

    /// Retries only failures for which `retry_if` returns true; any other goes to the caller at once.
    pub fn retry_if<E, Q>(self, retry_if: Q) -> Retry<F, Q>
    where
        P: FnMut(&E) -> bool,
        Q: FnMut(&E) -> bool,
    {
        Retry {
            attempt: self.attempt,
            retry_if,
            policy: self.policy,
        }
    }

    /// Names what is tried in reports. By default it is called by the line of the
    /// [`retry`](retry()).
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.policy.name = Some(name.into());
        self
    }
}

impl<F, A, P, T, E> IntoFuture for Retry<F, P>
where
    F: FnMut() -> A,
    A: Future<Output = Result<T, E>>,
    P: FnMut(&E) -> bool,
    E: fmt::Display,
{
    type Output = Result<T, E>;
    type IntoFuture = Retrying<F, P, A>;

    fn into_future(self) -> Retrying<F, P, A> {
        Retrying {
            retry: self,
            retries: 0,
            stage: Stage::Due,
        }
    }
}

pin_project! {
    /// The future of a [`retry`](retry()).
    ///
    /// # Cancel safety
    /// Dropping it drops the attempt under way and ends the pause.
    #[must_use = "futures do nothing unless awaited"]
    pub struct Retrying<F, P, A> {
        retry: Retry<F, P>,
        retries: u32,
        #[pin]
        stage: Stage<A>,
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<A> {
        Due,
        Attempt { #[pin] attempt: A },
        Pause { #[pin] pause: Sleep },
        Done,
    }
}

impl<F, A, P, T, E> Future for Retrying<F, P, A>
where
    F: FnMut() -> A,
    A: Future<Output = Result<T, E>>,
    P: FnMut(&E) -> bool,
    E: fmt::Display,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.stage.as_mut().project() {
                StageProjection::Due => {
                    let attempt = (this.retry.attempt)();
                    this.stage.set(Stage::Attempt { attempt });
                }
                StageProjection::Attempt { attempt } => {
                    let result = ready!(attempt.poll(cx));
                    this.stage.set(Stage::Done);
                    let error = match result {
                        Err(error) if this.retry.tries_again(*this.retries, &error) => error,
                        result => return Poll::Ready(result),
                    };
                    *this.retries = this.retries.saturating_add(1);
                    let pause = this.retry.policy.pause(*this.retries);
                    this.retry.policy.tell(*this.retries, &error, pause);
                    let pause = sleep(pause);
                    this.stage.set(Stage::Pause { pause });
                }
                StageProjection::Pause { pause } => {
                    ready!(pause.poll(cx));
                    this.stage.set(Stage::Due);
                }
                StageProjection::Done => panic!(
                    "the retry created at {} was polled after it was done",
                    this.retry.policy.at
                ),
            }
        }
    }
}

impl<F, P> Retry<F, P> {
    fn tries_again<E>(&mut self, retries: u32, error: &E) -> bool
    where
        P: FnMut(&E) -> bool,
    {
        let may = self.policy.max_retry_count.is_none_or(|max| retries < max);
        may && (self.retry_if)(error)
    }
}

impl Policy {
    /// How long to wait before this retry; the first is 1.
    fn pause(&self, retry: u32) -> Duration {
        let full = self.inc_sleep_time.saturating_mul(retry);
        let full = full.min(self.max_sleep_time);
        if self.jitter == 0.0 {
            return full;
        }
        let share = 1.0 - self.jitter * random_f64();
        Duration::try_from_secs_f64(full.as_secs_f64() * share).unwrap_or(full)
    }

    fn tell(&self, attempt: u32, error: &impl fmt::Display, pause: Duration) {
        let subject = match &self.name {
            Some(name) => name.clone(),
            None => format!("the retry at {}", self.at),
        };
        let message = format!("attempt {attempt} failed, the next comes in {pause:?}: {error}");
        report(Report::notice(subject, message));
    }
}

impl<F, P> fmt::Debug for Retry<F, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl<F, P, A> fmt::Debug for Retrying<F, P, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retrying")
            .field("retry", &self.retry)
            .field("retries", &self.retries)
            .finish_non_exhaustive()
    }
}
