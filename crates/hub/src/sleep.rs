//! Waiting for a time: `sleep` and `sleep_until`.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::batch;
use crate::clock::{NEVER, Nanos, saturating_nanos};
use crate::core::Core;
use crate::remote::{Item, Remote};
use crate::running;
use crate::task::HubId;
use crate::timers::{TimerKey, Timers};
use crate::wait::{WaitKind, WaitsOn, park};

/// Suspends the green thread for at least `duration`.
///
/// The time counts from the first poll, which is when it is awaited. [`Duration::ZERO`] gives the
/// others one turn, like eventlet's `sleep(0)`; [`Duration::MAX`], and whatever else does not fit
/// the clock, never ends. It ends late by at most the hub's slack
/// ([`HubBuilder::timer_slack`](crate::HubBuilder::timer_slack)) and by what others need for their
/// turns; never early.
///
/// # Panics
/// When polled outside a hub.
///
/// # Cancel safety
/// Dropping it frees its timer at once.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use evlet_hub::{now, run, sleep};
/// run(async {
///     let start = now();
///     sleep(Duration::from_millis(5)).await;
///     assert!(now() - start >= Duration::from_millis(5));
/// });
/// ```
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    Sleep {
        state: State::After(duration),
        at: Location::caller(),
    }
}

/// Suspends the green thread until `deadline`; one turn when that has passed.
///
/// # Panics
/// When polled outside a hub.
///
/// # Cancel safety
/// As [`sleep`].
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep {
        state: State::Until(deadline),
        at: Location::caller(),
    }
}

/// The future of [`sleep`] and [`sleep_until`].
///
/// It is plain data (a deadline and a place in the hub's table) and so `Send` and `Sync`; it still
/// has to be polled on a hub's thread.
/// ```
/// fn assert_send_sync<T: Send + Sync>() {}
/// assert_send_sync::<evlet_hub::Sleep>();
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct Sleep {
    state: State,
    at: &'static Location<'static>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    After(Duration),
    Limit(Duration),
    Until(Instant),
    /// Gave the others a turn.
    Yielded,
    Set {
        hub: HubId,
        /// How long it was to be, where that is known.
        after: Nanos,
        key: TimerKey,
    },
    Never,
    Done,
}

impl Sleep {
    /// A sleep that counts from now and not from its first poll.
    pub(crate) fn after_now(
        core: &Core,
        duration: Duration,
        at: &'static Location<'static>,
    ) -> Self {
        let state = match core.clock.instant(core.clock.now()).checked_add(duration) {
            Some(deadline) => State::Until(deadline),
            None => State::Never,
        };
        Sleep { state, at }
    }

    /// A sleep until `deadline`, on behalf of the line `at`.
    pub(crate) fn until(deadline: Instant, at: &'static Location<'static>) -> Self {
        let state = State::Until(deadline);
        Sleep { state, at }
    }

    /// One that limits something else: see [`crate::timers`] for when its time begins.
    pub(crate) fn limit(duration: Duration, at: &'static Location<'static>) -> Self {
        Sleep {
            state: State::Limit(duration),
            at,
        }
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_elapsed(&self) -> bool {
        matches!(self.state, State::Done)
    }

    fn give_up_turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.state = State::Yielded;
        batch::yields();
        cx.waker().wake_by_ref();
        park(WaitsOn::new(WaitKind::Turn, 0), self.at);
        Poll::Pending
    }

    #[inline]
    fn set(
        &mut self,
        core: &Core,
        after: Nanos,
        insert: impl FnOnce(&mut Timers) -> TimerKey,
    ) -> Poll<()> {
        let hub = core.id;
        self.state = match after {
            NEVER => State::Never,
            _ => State::Set {
                hub,
                after,
                key: insert(&mut core.timers.borrow_mut()),
            },
        };
        park(WaitsOn::new(WaitKind::Timer, 0), self.at);
        Poll::Pending
    }

    /// It was carried to another hub, where the rest of its time is spent. A hub on another thread cannot be
    /// asked how much that is: there it begins anew, so that it is never early.
    #[cold]
    fn carry_over(&mut self, hub: HubId, after: Nanos, key: TimerKey) {
        let left = running::with_hub(hub, |old| {
            let now = old.clock.now();
            let deadline = old.timers.borrow().deadline(key);
            deadline.map_or(after, |deadline| deadline.saturating_sub(now))
        });
        self.free();
        self.state = State::After(Duration::from_nanos(left.unwrap_or(after)));
    }

    fn free(&mut self) {
        if let State::Set { hub, key, .. } = self.state {
            let here = running::with_hub(hub, |core| core.timers.borrow_mut().remove(key));
            if here.is_none()
                && let Some(remote) = Remote::find(hub)
            {
                // It was carried to another thread.
                remote.send(Item::FreeTimer(key));
            }
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if let State::After(Duration::ZERO) | State::Limit(Duration::ZERO) = this.state {
            running::expect("sleep");
            return this.give_up_turn(cx);
        }
        let core = running::expect("sleep");
        match this.state {
            State::Limit(duration) => {
                let after = saturating_nanos(duration);
                this.set(&core, after, |timers| {
                    timers.insert_after(after, cx.waker().clone())
                })
            }
            State::After(duration) => {
                let after = saturating_nanos(duration);
                let deadline = core.clock.now().saturating_add(after);
                this.set(&core, after, |timers| {
                    timers.insert(deadline, cx.waker().clone())
                })
            }
            State::Until(instant) => {
                let deadline = core.clock.since_base(instant);
                let now = core.clock.now();
                if deadline <= now {
                    return this.give_up_turn(cx);
                }
                let after = match deadline {
                    NEVER => NEVER,
                    _ => deadline - now,
                };
                this.set(&core, after, |timers| {
                    timers.insert(deadline, cx.waker().clone())
                })
            }
            State::Set { hub, after, key } if hub != core.id => {
                this.carry_over(hub, after, key);
                Pin::new(this).poll(cx)
            }
            State::Set { key, .. } => {
                let updated = core.timers.borrow_mut().update(key, cx.waker());
                match updated {
                    Some(old) => {
                        drop(old);
                        park(WaitsOn::new(WaitKind::Timer, 0), this.at);
                        Poll::Pending
                    }
                    None => {
                        this.state = State::Done;
                        Poll::Ready(())
                    }
                }
            }
            State::Never => {
                park(WaitsOn::new(WaitKind::Timer, 0), this.at);
                Poll::Pending
            }
            State::Yielded | State::Done => {
                this.state = State::Done;
                Poll::Ready(())
            }
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.free();
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("state", &self.state).finish()
    }
}
