//! A cheap yield for loops that compute.
//!
//! A loop without an `.await` keeps the hub, and heartbeats come late. [`yield_now`](crate::yield_now) in each round
//! cures that at the price of a switch each time. A checkpoint yields only when the green thread
//! has had its slice of time, and otherwise costs a reading of the kernel's coarse clock: about
//! 5 ns, where the fine one takes 23. The coarse clock moves in steps of a few milliseconds, so a
//! slice is exact to that; the first checkpoint of a poll starts it.
//!
//! Virtual time does not move while a green thread runs, so there a slice is a number of
//! checkpoints.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::clock::coarse;
use crate::core::Core;
use crate::running;
use crate::wait::{WaitKind, WaitsOn, park};

/// Under virtual time: checkpoints in a slice.
const VIRTUAL_SLICE: Duration = Duration::from_nanos(64);

/// Yields if this green thread has held the hub for longer than its time slice (10 ms unless set
/// with [`HubBuilder::time_slice`](crate::HubBuilder::time_slice)); costs a few nanoseconds
/// otherwise. Outside a hub it does nothing.
///
/// # Cancel safety
/// Dropping it has no effect.
///
/// # Example
/// ```
/// evlet_hub::run(async {
///     let mut sum = 0u64;
///     for n in 0..100_000u64 {
///         sum = sum.wrapping_add(n * n);
///         evlet_hub::checkpoint().await; // heartbeats go on meanwhile
///     }
///     # assert!(sum > 0);
/// });
/// ```
#[track_caller]
pub fn checkpoint() -> Checkpoint {
    Checkpoint {
        yielded: false,
        at: Location::caller(),
    }
}

/// The future of [`checkpoint`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Checkpoint {
    yielded: bool,
    at: &'static Location<'static>,
}

impl Future for Checkpoint {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded || running::with(|core| slice_is_over(core)) != Some(true) {
            return Poll::Ready(());
        }
        self.yielded = true;
        // A whole slice is gone: timers and descriptors come before the rest of the batch.
        running::with(|core| core.batch.end());
        cx.waker().wake_by_ref();
        park(WaitsOn::new(WaitKind::Turn, 0), self.at);
        Poll::Pending
    }
}

fn slice_is_over(core: &Core) -> bool {
    let poll = core.counters.polls.get();
    let (slice_poll, start) = core.slice.get();
    if core.clock.is_virtual() {
        let count = if slice_poll == poll {
            start
        } else {
            Duration::ZERO
        };
        let count = count + Duration::from_nanos(1);
        core.slice.set((poll, count));
        return count > VIRTUAL_SLICE;
    }
    let now = coarse();
    if slice_poll != poll {
        core.slice.set((poll, now));
        return false;
    }
    now.saturating_sub(start) >= core.config.time_slice
}
