//! The batch of polls between two looks at timers and descriptors, and why it also ends by time.
//!
//! A batch ends after so many polls. Where each of them is long that is too late: sixty-one that each
//! compute for a slice before they yield would keep timers and descriptors waiting for most of a
//! second. So it also ends when those who gave up their turn have had a time slice together. The
//! clock is read where a turn is given up, and there not each time: the coarse clock costs 5 ns, a
//! quarter of a whole yield. As long as the clock is seen to stand still between two readings, the next is
//! put off further, to at most each eighth yield; when it has moved, each yield reads it again.

use std::cell::Cell;
use std::time::Duration;

use crate::clock::coarse;
use crate::{in_progress, running};

/// The most yields from one reading of the clock to the next.
const MOST: u32 = 8;

#[derive(Debug, Default)]
pub(crate) struct Batch {
    is_over: Cell<bool>,
    /// Yields between the last two readings.
    stride: Cell<u32>,
    last: Cell<Duration>,
    /// The first reading of this batch.
    since: Cell<Option<Duration>>,
}

impl Batch {
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.get()
    }

    /// Ends it before it is full.
    pub(crate) fn end(&self) {
        self.is_over.set(true);
    }

    /// Timers and descriptors have been seen to: the next one begins.
    pub(crate) fn begin(&self) {
        self.since.set(None);
        self.is_over.set(false);
    }

    /// Looks at the clock, since a green thread gives up its turn and stays ready; tells how many more
    /// may do so before the next look. `slice` is what such ones have together.
    pub(crate) fn read(&self, slice: Duration) -> u32 {
        let now = coarse();
        let stride = match self.last.replace(now) == now {
            true => (self.stride.get() * 2).clamp(1, MOST),
            false => 1,
        };
        self.stride.set(stride);
        match self.since.get() {
            None => self.since.set(Some(now)),
            Some(since) if now.saturating_sub(since) < slice => {}
            Some(_) => self.end(),
        }
        stride - 1
    }
}

/// A green thread that stays ready gives up its turn.
#[inline]
pub(crate) fn yields() {
    in_progress::with(|poll| {
        let left = poll.unread_yields.get();
        let left = match left.checked_sub(1) {
            Some(left) => left,
            None => read_clock(),
        };
        poll.unread_yields.set(left);
    });
}

#[cold]
#[inline(never)]
fn read_clock() -> u32 {
    running::with(|core| core.reads_clock_at_yield()).unwrap_or(0)
}
