//! One waker for both directions of a stream that is not simply two streams.
//!
//! TLS writes while it reads (answers to key updates, alerts) and reads while it writes (the
//! handshake). When two green threads hold the two halves, either may leave its waker with the
//! stream below for a direction that the other needs. So the stream below always gets the same
//! waker, which wakes both. A wake-up too many costs a poll; one too few would hang a connection.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Which half polls.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Half {
    Reader,
    Writer,
}

/// The wakers of whoever polled last, in each direction.
#[derive(Debug)]
pub(crate) struct DuplexWaker {
    wakers: Arc<Wakers>,
    /// `wakers` as a waker, made once.
    both: Waker,
}

#[derive(Debug, Default)]
struct Wakers(Mutex<[Option<Waker>; 2]>);

impl Wakers {
    fn set(&self, half: Half, waker: &Waker) {
        let known = |slot: &Option<Waker>| slot.as_ref().is_some_and(|w| w.will_wake(waker));
        if known(&self.lock()[half as usize]) {
            return;
        }
        // Cloned and dropped outside the lock: both may be anybody's code.
        let waker = waker.clone();
        let old = self.lock()[half as usize].replace(waker);
        drop(old);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, [Option<Waker>; 2]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let both = std::mem::take(&mut *self.lock());
        both.into_iter().flatten().for_each(Waker::wake);
    }
}

impl DuplexWaker {
    pub(crate) fn new() -> Self {
        let wakers = Arc::new(Wakers::default());
        let both = Waker::from(Arc::clone(&wakers));
        DuplexWaker { wakers, both }
    }

    /// Notes that `half` polls with `cx`, and runs `poll` with the waker of both. Once it is ready,
    /// that half waits for nothing any more.
    pub(crate) fn poll<R>(
        &self,
        half: Half,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        self.wakers.set(half, cx.waker());
        let polled = poll(&mut Context::from_waker(&self.both));
        if polled.is_ready() {
            let done = self.wakers.lock()[half as usize].take();
            drop(done);
        }
        polled
    }

    /// Wakes the other half.
    pub(crate) fn wake_other(&self, half: Half) {
        let other = self.wakers.lock()[1 - half as usize].take();
        if let Some(waker) = other {
            waker.wake();
        }
    }
}
