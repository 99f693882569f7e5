//! Timeouts that are never reached.

use std::cell::Cell;
use std::future::{Future, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::Runtime;
use super::runtime::Reply as _;
use crate::measure::{Figures, repeat};

const LIMIT: Duration = Duration::from_secs(1);
const TIMEOUTS: u64 = 50_000;

/// Around a future that is ready at once.
pub(super) async fn at_once<R: Runtime>() -> Figures {
    repeat(TIMEOUTS, async || {
        for n in 0..TIMEOUTS {
            assert_eq!(R::timeout(LIMIT, ready(n)).await, Some(n));
        }
    })
    .await
}

/// Around a future that waits once, so that the timer is set and taken back; with so many other timers
/// pending.
pub(super) async fn cancelled<R: Runtime>(others: u64) -> Figures {
    pending_timers::<R>(others).await;
    repeat(TIMEOUTS, async || {
        for _ in 0..TIMEOUTS {
            assert_eq!(R::timeout(LIMIT, WaitsOnce::default()).await, Some(()));
        }
    })
    .await
}

/// Tasks that sleep for an hour and more.
async fn pending_timers<R: Runtime>(number: u64) {
    if number == 0 {
        return;
    }
    let left = Rc::new(Cell::new(number));
    let (all, are_asleep) = R::oneshot();
    let all = Rc::new(Cell::new(Some(all)));
    for n in 0..number {
        let (left, all) = (left.clone(), all.clone());
        R::spawn_n(async move {
            left.set(left.get() - 1);
            if left.get() == 0
                && let Some(all) = all.take()
            {
                all.send(());
            }
            R::sleep(Duration::from_millis(3_600_000 + n)).await;
        });
    }
    are_asleep.await;
}

/// Wakes its own task and waits, once.
#[derive(Debug, Default)]
struct WaitsOnce {
    waited: bool,
}

impl Future for WaitsOnce {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.waited {
            return Poll::Ready(());
        }
        self.waited = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
