//! The attempts one after the other, and the checks between them.

use std::any::Any;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::panic::{AssertUnwindSafe, Location};
use std::pin::{Pin, pin};
use std::time::Duration;

use evlet_hub::{Exit, Hub, timeout, yield_now};
use futures::FutureExt;

use crate::testing::attempt::{Attempting, ways};
use crate::testing::{Attempt, Moment, Place};

/// Makes a future, drops it after its first poll, makes it again, drops it after its second, and so on
/// until it is done; after each attempt, the last one included, runs `check`.
///
/// `make` and `check` may borrow from around the call. The check is told how the attempt went; what it
/// panics with is passed on, with the line of the await at which the future was dropped.
///
/// Nothing happens before it is awaited, or [`run`](CancelAtEveryAwait::run) where no hub runs. It gives
/// the awaits that it found, in order: a test that wants to be sure that its future waits at all looks
/// at their number. Others have a turn between two attempts.
///
/// A future that waits *n* times is made 2*n* + 2 times and polled about *n*² times in all.
///
/// # Panics
/// With the panic of the check or of the future, and the attempt's description before its text. When
/// the future is not done after [`at_most`](CancelAtEveryAwait::at_most) polls, or within
/// [`patience`](CancelAtEveryAwait::patience) of the hub's time: it waits for what never comes.
///
/// # Cancel safety
/// Dropping it drops the future under trial or the check under way; nothing is tried any more.
///
/// # Example
/// ```
/// use evlet_green::{LightQueue, testing::cancel_at_every_await};
///
/// let queue = LightQueue::unbounded();
/// cancel_at_every_await(
///     || {
///         let putting = queue.clone();
///         evlet_hub::spawn_n(async move { putting.put("item").await });
///         queue.get()
///     },
///     async |attempt| {
///         // Whatever happened, the item is in exactly one place.
///         let got = match attempt.output {
///             Some(item) => item,
///             None => queue.get().await,
///         };
///         assert_eq!((got, queue.qsize(), queue.getting()), ("item", 0, 0));
///     },
/// )
/// .run();
/// ```
#[track_caller]
pub fn cancel_at_every_await<'a, F, M, C>(mut make: M, mut check: C) -> CancelAtEveryAwait<'a>
where
    M: FnMut() -> F + 'a,
    F: Future + 'a,
    C: AsyncFnMut(Attempt<F::Output>) + 'a,
{
    CancelAtEveryAwait::new(move |stage| {
        Box::pin(async move {
            let mut places = Vec::new();
            for way in ways() {
                let attempt = stage.attempt(make(), way).await;
                places.extend(fresh(&attempt));
                let is_done = !attempt.was_cut();
                stage.ask(attempt.to_string(), check(attempt)).await;
                if is_done {
                    break;
                }
                yield_now().await;
            }
            places
        })
    })
}

/// [`cancel_at_every_await`] with a world that is made anew for each attempt: `make` works in it and
/// `check` looks at it. It is dropped after the check.
///
/// # Panics
/// As [`cancel_at_every_await`].
///
/// # Cancel safety
/// As [`cancel_at_every_await`].
///
/// # Example
/// ```
/// use evlet_green::{LightQueue, testing::cancel_at_every_await_in};
/// use evlet_hub::{spawn_n, yield_now};
///
/// cancel_at_every_await_in(
///     async || {
///         let (jobs, done) = (LightQueue::unbounded(), LightQueue::unbounded());
///         let boss = jobs.clone();
///         spawn_n(async move { boss.put("sweep").await });
///         (jobs, done)
///     },
///     async |(jobs, done)| {
///         let job = jobs.get().await;
///         done.put_nowait(job).unwrap(); // no await between the two: safe
///     },
///     async |(jobs, done), _| {
///         yield_now().await; // the boss may not have had his turn
///         assert_eq!(jobs.qsize() + done.qsize(), 1);
///     },
/// )
/// .run();
/// ```
#[track_caller]
pub fn cancel_at_every_await_in<'a, W, T, S, M, C>(
    mut world: S,
    mut make: M,
    mut check: C,
) -> CancelAtEveryAwait<'a>
where
    S: AsyncFnMut() -> W + 'a,
    M: AsyncFnMut(&W) -> T + 'a,
    C: AsyncFnMut(&W, Attempt<T>) + 'a,
{
    CancelAtEveryAwait::new(move |stage| {
        Box::pin(async move {
            let mut places = Vec::new();
            for way in ways() {
                let world = world().await;
                let attempt = stage.attempt(make(&world), way).await;
                places.extend(fresh(&attempt));
                let is_done = !attempt.was_cut();
                stage.ask(attempt.to_string(), check(&world, attempt)).await;
                drop(world);
                if is_done {
                    break;
                }
                yield_now().await;
            }
            places
        })
    })
}

/// The place of an attempt, once for each.
fn fresh<T>(attempt: &Attempt<T>) -> Option<Place> {
    let is_first = attempt.moment == Moment::AtOnce;
    attempt.place.filter(|_| is_first)
}

/// What [`cancel_at_every_await`] gives: options, and awaited or [`run`](Self::run) the work itself.
#[must_use = "nothing is tried until it is awaited or `run`"]
pub struct CancelAtEveryAwait<'a> {
    play: Box<dyn FnOnce(Stage) -> Playing<'a> + 'a>,
    stage: Stage,
}

type Playing<'a> = Pin<Box<dyn Future<Output = Vec<Place>> + 'a>>;

impl<'a> CancelAtEveryAwait<'a> {
    #[track_caller]
    fn new(play: impl FnOnce(Stage) -> Playing<'a> + 'a) -> Self {
        CancelAtEveryAwait {
            play: Box::new(play),
            stage: Stage {
                at_most: 1000,
                patience: Duration::from_secs(3600),
                called_at: Location::caller(),
            },
        }
    }

    /// How many polls the future may need. Default: 1000.
    pub fn at_most(mut self, polls: u32) -> Self {
        self.stage.at_most = polls;
        self
    }

    /// How long one attempt may take by the hub's clock, which is virtual in a test. Default: an hour.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.stage.patience = patience;
        self
    }

    /// Plays on a hub of its own, in virtual time. What is left of the green threads that were spawned
    /// is dropped with it.
    ///
    /// # Panics
    /// Inside of a hub: await it there. When the system has no descriptors for a hub. As
    /// [`cancel_at_every_await`].
    #[track_caller]
    pub fn run(self) -> Vec<Place> {
        match Hub::builder().virtual_time(true).build() {
            Ok(hub) => hub.run(self.into_future()),
            Err(error) => panic!("evlet: no hub could be made: {error}"),
        }
    }
}

impl<'a> IntoFuture for CancelAtEveryAwait<'a> {
    type Output = Vec<Place>;
    type IntoFuture = Pin<Box<dyn Future<Output = Vec<Place>> + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        (self.play)(self.stage)
    }
}

impl fmt::Debug for CancelAtEveryAwait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelAtEveryAwait")
            .field("called_at", &format_args!("{}", self.stage.called_at))
            .field("at_most", &self.stage.at_most)
            .field("patience", &self.stage.patience)
            .finish_non_exhaustive()
    }
}

/// What holds for all attempts.
#[derive(Clone, Copy)]
struct Stage {
    at_most: u32,
    patience: Duration,
    called_at: &'static Location<'static>,
}

impl Stage {
    async fn attempt<F: Future>(self, future: F, way: (u32, Moment)) -> Attempt<F::Output> {
        let (polls, _) = way;
        let mut attempting = pin!(Attempting::new(future, way));
        let limited = timeout(self.patience, attempting.as_mut());
        let result = AssertUnwindSafe(limited).catch_unwind().await;
        let result = result.unwrap_or_else(|payload| {
            self.fail("the future panicked before it could be dropped", payload)
        });
        let Ok(attempt) = result else {
            let place = attempting.place();
            let place = place.map_or_else(String::new, |place| format!(", and waits {place}"));
            self.refuse(&format!(
                "the future is not done within {:?} of the hub's time{place}; give it what it waits \
                 for, or more `patience`",
                self.patience
            ))
        };
        if attempt.was_cut() && polls >= self.at_most {
            self.refuse(&format!(
                "the future is not done after {polls} polls: it was {attempt}; if it needs more, say \
                 so with `at_most`"
            ));
        }
        attempt
    }

    /// Runs the check of an attempt that is described by `story`.
    async fn ask(self, story: String, check: impl Future<Output = ()>) {
        if let Err(payload) = AssertUnwindSafe(check).catch_unwind().await {
            self.fail(
                &format!("the check failed after the future had been {story}"),
                payload,
            );
        }
    }

    fn fail(self, what: &str, payload: Box<dyn Any + Send>) -> ! {
        match Exit::Panicked(payload).panic_message() {
            Some(message) => self.refuse(&format!("{what}:\n{message}")),
            None => self.refuse(what),
        }
    }

    fn refuse(self, why: &str) -> ! {
        panic!("cancel_at_every_await, called at {}: {why}", self.called_at)
    }
}
