//! Timers in a tree, fired at their own nanosecond.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;

type Key = (Instant, u64);

thread_local! {
    // Never dropped: timers that are left at the end look for this.
    static TIMERS: ManuallyDrop<RefCell<BTreeMap<Key, Waker>>> =
        const { ManuallyDrop::new(RefCell::new(BTreeMap::new())) };
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

fn with<T>(f: impl FnOnce(&mut BTreeMap<Key, Waker>) -> T) -> T {
    TIMERS.with(|timers| f(&mut timers.borrow_mut()))
}

/// Wakes those that are due.
pub(super) fn fire() {
    with(|timers| {
        if timers.is_empty() {
            return;
        }
        let now = Instant::now();
        while let Some(first) = timers.first_entry()
            && first.key().0 <= now
        {
            first.remove().wake();
        }
    });
}

/// Until the first one is due.
pub(super) fn until_next() -> Option<Duration> {
    with(|timers| {
        let ((due, _), _) = timers.first_key_value()?;
        Some(due.saturating_duration_since(Instant::now()))
    })
}

/// Ready when its time has come; counts from its first poll.
#[derive(Debug)]
pub(super) struct Sleep {
    duration: Duration,
    key: Option<Key>,
}

impl Sleep {
    pub(super) fn new(duration: Duration) -> Self {
        Sleep {
            duration,
            key: None,
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.key {
            None => {
                let key = (Instant::now() + self.duration, NEXT.get());
                NEXT.set(NEXT.get() + 1);
                with(|timers| timers.insert(key, cx.waker().clone()));
                self.key = Some(key);
                Poll::Pending
            }
            Some(key) if with(|timers| timers.contains_key(&key)) => Poll::Pending,
            Some(_) => Poll::Ready(()),
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            with(|timers| timers.remove(&key));
        }
    }
}

pin_project! {
    /// The task first, the clock only if that is pending.
    #[derive(Debug)]
    pub(super) struct Timeout<F> {
        #[pin]
        task: F,
        sleep: Sleep,
    }
}

impl<F> Timeout<F> {
    pub(super) fn new(limit: Duration, task: F) -> Self {
        Timeout {
            task,
            sleep: Sleep::new(limit),
        }
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Option<F::Output>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        let this = self.project();
        if let Poll::Ready(output) = this.task.poll(cx) {
            return Poll::Ready(Some(output));
        }
        Pin::new(this.sleep).poll(cx).map(|()| None)
    }
}
