//! Giving the others a turn.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::batch;
use crate::wait::{WaitKind, WaitsOn, park};

/// Goes to the end of the line: everybody who is ready now runs before this green thread goes on.
///
/// # Cancel safety
/// Dropping it has no effect.
///
/// # Example
/// ```
/// use evlet_hub::{run, spawn_n, yield_now};
/// use std::{cell::Cell, rc::Rc};
/// run(async {
///     let ran = Rc::new(Cell::new(false));
///     let seen = ran.clone();
///     spawn_n(async move { ran.set(true) });
///     assert!(!seen.get(), "spawning never switches");
///     yield_now().await;
///     assert!(seen.get());
/// });
/// ```
#[track_caller]
pub fn yield_now() -> YieldNow {
    YieldNow {
        at: Some(Location::caller()),
    }
}

/// The future of [`yield_now`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct YieldNow {
    /// The line that yields, until it has: one word, so that it travels in a register.
    at: Option<&'static Location<'static>>,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at.take() else {
            return Poll::Ready(());
        };
        batch::yields();
        cx.waker().wake_by_ref();
        park(WaitsOn::new(WaitKind::Turn, 0), at);
        Poll::Pending
    }
}
