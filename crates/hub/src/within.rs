//! A deadline that everything below sees: what is done for a request must be done in the request's time.
//!
//! The deadline stands in a local ([`crate::local`]) that is inherited, so it costs nothing where nobody
//! sets one. It stands there while the limited future is polled and not between its polls: two of them
//! in one green thread, one beside the other, see each their own.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;

use crate::clock::now;
use crate::sleep::Sleep;
use crate::task::{GreenThreadId, current};
use crate::timeout::Elapsed;

crate::__green_local! {
    /// The tightest deadline around the code that runs now.
    #[inherit]
    static DEADLINE: Cell<Option<Deadline>> = Cell::new(None);
}

#[derive(Debug, Clone, Copy)]
struct Deadline {
    at: Instant,
    limit: Duration,
    set_at: &'static Location<'static>,
    /// In whose poll it was set: who inherits it is another one.
    owner: Option<GreenThreadId>,
}

/// What is left of the time that [`within`] gives to the code that runs now: the tightest limit
/// around it, or around the code that spawned it. `None` where there is no limit, zero where it has
/// passed.
///
/// ```
/// use std::time::Duration;
/// use evlet_hub::{Hub, remaining, sleep, spawn, within};
///
/// let hub = Hub::builder().virtual_time(true).build()?;
/// hub.run(async {
///     assert_eq!(remaining(), None);
///     let limited = within(Duration::from_secs(5), async {
///         sleep(Duration::from_secs(2)).await;
///         assert_eq!(remaining(), Some(Duration::from_secs(3)));
///         spawn(async { remaining() }).await.unwrap()
///     });
///     assert_eq!(limited.await.unwrap(), Some(Duration::from_secs(3)));
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn remaining() -> Option<Duration> {
    let deadline = standing()?;
    Some(deadline.at.saturating_duration_since(now()))
}

fn standing() -> Option<Deadline> {
    // In a destructor at the end of a green thread it may be gone.
    DEADLINE.try_with(Cell::get).ok().flatten()
}

/// Runs `future` for at most `limit`, and lets all that it does know: [`remaining`] tells what is left, in
/// it and in the green threads that it spawns.
///
/// The time counts from the first poll, which reads the clock; where nobody asks for what remains,
/// [`timeout`](crate::timeout()) is cheaper. As there, `future` is asked first, so one that is ready in the turn
/// in which the limit is reached keeps its result; a zero limit gives it one turn, and a limit of centuries
/// never ends it.
///
/// # Nested limits
/// Each ends its own future, and its [`Elapsed`] names its own limit and line: when the outer one is
/// the tighter, the inner one does not end, so code between the two cannot take the one for the other.
/// [`remaining`] tells the tighter one.
///
/// # Spawned green threads
/// They inherit the deadline and are *not* ended by it: a green thread is ended by its own code, or by a kill.
/// Work that one request begins often serves others too, such as the keeper of a pool. What one does
/// inside a `within` of its own is bounded by what it has inherited: there the tighter one of the two
/// ends it, and the [`Elapsed`] names the one that did. `within(Duration::MAX, ..)` is
/// therefore how a spawned green thread ends with whoever spawned it. One that is to live on
/// begins with [`without_deadline`]. Work that is to end
/// together is the children of a scope (crate `evlet-green`).
///
/// # Panics
/// When polled outside a hub, if `future` has to wait.
///
/// # Cancel safety
/// Dropping it drops `future` and frees the timer.
///
/// # Example
/// ```
/// use std::{future::pending, time::Duration};
/// use evlet_hub::{Hub, spawn, within};
///
/// let hub = Hub::builder().virtual_time(true).build()?;
/// hub.run(async {
///     let request = within(Duration::from_secs(1), async {
///         spawn(async {
///             // A minute is fine here, but the request has only a second.
///             within(Duration::from_secs(60), pending::<()>()).await
///         })
///     });
///     let part = request.await.unwrap();
///     let elapsed = part.await.unwrap().unwrap_err();
///     assert_eq!(elapsed.limit(), Duration::from_secs(1));
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn within<F: Future>(limit: Duration, future: F) -> Within<F> {
    Within {
        future,
        limit,
        set_at: Location::caller(),
        begun: None,
    }
}

/// Runs `future` as if there were no deadline around it: for work that outlives what began it. See [`within`].
///
/// # Cancel safety
/// Dropping it drops `future`.
///
/// ```
/// use std::time::Duration;
/// use evlet_hub::{remaining, run, spawn, within, without_deadline};
/// run(async {
///     let limited = within(Duration::from_secs(1), async {
///         spawn(without_deadline(async { remaining() })).await.unwrap()
///     });
///     assert_eq!(limited.await.unwrap(), None);
/// });
/// ```
pub fn without_deadline<F: Future>(future: F) -> AtDeadline<F> {
    let deadline = None;
    AtDeadline { future, deadline }
}

/// Runs `future` with the deadline of the code that calls this, wherever it is polled: for those who hand a
/// future to somebody else to be polled. A tighter deadline there stands.
///
/// As for a spawned green thread, the deadline is known and does not end it: see [`within`].
///
/// # Cancel safety
/// Dropping it drops `future`.
///
/// ```
/// use std::time::Duration;
/// use evlet_hub::{carry_deadline, remaining, run, within};
/// run(async {
///     let job = within(Duration::from_secs(9), async { carry_deadline(async { remaining() }) });
///     let job = job.await.unwrap();
///     assert_eq!(remaining(), None);
///     assert!(job.await.unwrap() <= Duration::from_secs(9));
/// });
/// ```
pub fn carry_deadline<F: Future>(future: F) -> AtDeadline<F> {
    let deadline = standing().map(|standing| Deadline {
        owner: None,
        ..standing
    });
    let deadline = Some(deadline);
    AtDeadline { future, deadline }
}

pin_project! {
    /// The future of [`within`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct Within<F> {
        #[pin]
        future: F,
        limit: Duration,
        set_at: &'static Location<'static>,
        begun: Option<Begun>,
    }
}

struct Begun {
    own: Deadline,
    /// Ends at the own one or at the inherited one.
    ends: Deadline,
    sleep: Sleep,
}

impl Begun {
    fn now(limit: Duration, set_at: &'static Location<'static>) -> Self {
        let at = far(now(), limit);
        let owner = current();
        let own = Deadline {
            at,
            limit,
            set_at,
            owner,
        };
        let inherited = standing().filter(|outer| outer.owner != owner);
        let ends = tighter(Some(own), inherited).unwrap_or(own);
        let sleep = Sleep::until(ends.at, set_at);
        Begun { own, ends, sleep }
    }
}

/// The first one where they are at once.
fn tighter(one: Option<Deadline>, other: Option<Deadline>) -> Option<Deadline> {
    match (one, other) {
        (Some(one), Some(other)) if other.at < one.at => Some(other),
        (None, other) => other,
        (one, _) => one,
    }
}

/// `limit` from `start`, or so late that it makes no difference.
fn far(start: Instant, limit: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);
    let at = start.checked_add(limit);
    at.or_else(|| start.checked_add(CENTURY)).unwrap_or(start)
}

impl<F: Future> Future for Within<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (limit, set_at) = (*this.limit, *this.set_at);
        let begun = this.begun.get_or_insert_with(|| Begun::now(limit, set_at));
        let polled = {
            let owner = begun.own.owner;
            let tighter = tighter(Some(begun.own), standing());
            // Inside of it, it is this future that ends at that time.
            let _standing = Standing::new(tighter.map(|tighter| Deadline { owner, ..tighter }));
            this.future.poll(cx)
        };
        if let Poll::Ready(value) = polled {
            return Poll::Ready(Ok(value));
        }
        std::task::ready!(Pin::new(&mut begun.sleep).poll(cx));
        let Deadline { limit, set_at, .. } = begun.ends;
        Poll::Ready(Err(Elapsed::new(limit, set_at)))
    }
}

impl<F> fmt::Debug for Within<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Within")
            .field("limit", &self.limit)
            .field("set_at", &format_args!("{}", self.set_at))
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`without_deadline`] and of [`carry_deadline`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct AtDeadline<F> {
        #[pin]
        future: F,
        // What it carries; nothing, to have none whatever stands around it.
        deadline: Option<Option<Deadline>>,
    }
}

impl<F: Future> Future for AtDeadline<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let around = standing();
        let deadline = match *self.as_ref().project_ref().deadline {
            None => None,
            Some(carried) => tighter(carried, around),
        };
        let _standing = (deadline.is_some() || around.is_some()).then(|| Standing::new(deadline));
        self.project().future.poll(cx)
    }
}

impl<F> fmt::Debug for AtDeadline<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtDeadline")
            .field(
                "deadline",
                &self.deadline.flatten().map(|deadline| deadline.limit),
            )
            .finish_non_exhaustive()
    }
}

/// Puts another deadline in place for as long as it lives.
struct Standing {
    before: Option<Deadline>,
}

impl Standing {
    fn new(deadline: Option<Deadline>) -> Self {
        let before = DEADLINE.try_with(|cell| cell.replace(deadline));
        Standing {
            before: before.ok().flatten(),
        }
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        let _ = DEADLINE.try_with(|cell| cell.set(self.before));
    }
}
