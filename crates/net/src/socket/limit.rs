//! How long an operation may wait: the limit that `set_timeout` sets.
//!
//! A future of ours holds its timer itself and makes it when it has to wait. Operations polled
//! through the futures traits have no future of ours, so their timers live in the handle, in a box
//! that connections without a limit never make.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use evlet_hub::wait::{self, WaitKind, WaitsOn};
use evlet_hub::{Sleep, sleep};

use super::{Direction, Handle, Site, Who};
use crate::operation_error::OperationTimedOut;

/// The timers of `poll_read` and `poll_write`.
#[derive(Default)]
pub(super) struct Timers(RefCell<Option<Box<Both>>>);

#[derive(Default)]
struct Both {
    read: Option<Sleep>,
    write: Option<Sleep>,
}

impl Timers {
    /// Drops both: the limit has changed.
    fn clear(&self) {
        let timers = self.0.take();
        drop(timers); // after the borrow
    }

    fn take(&self, direction: Direction) -> Option<Sleep> {
        let mut timers = self.0.borrow_mut();
        let timers = timers.as_mut()?;
        match direction {
            Direction::Read => timers.read.take(),
            Direction::Write => timers.write.take(),
        }
    }

    fn put(&self, direction: Direction, timer: Option<Sleep>) {
        let mut timers = self.0.borrow_mut();
        let timers = timers.get_or_insert_default();
        let old = match direction {
            Direction::Read => std::mem::replace(&mut timers.read, timer),
            Direction::Write => std::mem::replace(&mut timers.write, timer),
        };
        debug_assert!(old.is_none(), "it was taken to be polled");
    }
}

impl Handle {
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.socket.timeout.get()
    }

    pub(crate) fn set_timeout(&self, timeout: Option<Duration>) {
        self.socket.timeout.set(timeout);
        self.timers.clear();
    }

    /// What a future does with an operation that has to wait: keep the limit, say where it waits.
    pub(crate) fn poll_limit(
        &self,
        cx: &mut Context<'_>,
        at: Site,
        direction: Direction,
        timer: &mut Option<Sleep>,
    ) -> Poll<io::Error> {
        let Some(limit) = self.timeout() else {
            return Poll::Pending;
        };
        let timer = timer.get_or_insert_with(|| sleep(limit));
        if Pin::new(timer).poll(cx).is_ready() {
            return Poll::Ready(OperationTimedOut::new(direction, limit).into());
        }
        // The timer put itself down as what is waited for; the descriptor is more telling.
        let kind = match direction {
            Direction::Read => WaitKind::Readable,
            Direction::Write => WaitKind::Writable,
        };
        wait::park(WaitsOn::new(kind, self.fd().as_raw_fd() as u64), at);
        Poll::Pending
    }

    /// The end of each `poll_read` and `poll_write` of the futures traits: no future of ours holds
    /// their timer, so the handle does.
    pub(crate) fn finish_poll<T>(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        who: Who,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if let Who::Owner = who {
            self.left(direction, polled.is_pending());
        }
        if polled.is_ready() {
            let timer = self.timers.take(direction);
            drop(timer);
            return polled;
        }
        if self.timeout().is_none() {
            return Poll::Pending;
        }
        // The timer is taken out while it is polled: no borrow is held over a waker's clone.
        let mut timer = self.timers.take(direction);
        match self.poll_limit(cx, self.at, direction, &mut timer) {
            Poll::Pending => {
                self.timers.put(direction, timer);
                Poll::Pending
            }
            Poll::Ready(error) => {
                self.forget(direction, who);
                Poll::Ready(Err(error))
            }
        }
    }
}
