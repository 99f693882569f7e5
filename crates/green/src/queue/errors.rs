//! Why a queue refused.

use std::error::Error;
use std::fmt;

/// [`put_nowait`](crate::LightQueue::put_nowait) found no room. It holds the item, for the caller to
/// keep, drop, or `put` with waiting.
///
/// ```
/// use evlet_green::{Full, LightQueue};
/// let queue = LightQueue::bounded(1);
/// queue.put_nowait("first").unwrap();
/// let Full(item) = queue.put_nowait("second").unwrap_err();
/// assert_eq!(item, "second");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Full<T>(pub T);

impl<T> Full<T> {
    /// The item that found no room.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Full(..)")
    }
}

impl<T> fmt::Display for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue is full: wait for room with `put`, or try again later")
    }
}

impl<T> Error for Full<T> {}

/// [`get_nowait`](crate::LightQueue::get_nowait) found no item that is not promised to a waiting
/// getter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Empty;

impl fmt::Display for Empty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue is empty: wait for an item with `get`, or try again later")
    }
}

impl Error for Empty {}

/// [`task_done`](crate::Queue::task_done) was called more often than items were put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyDone;

impl fmt::Display for TooManyDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "task_done was called more often than items were put: call it once for each item \
             that was got",
        )
    }
}

impl Error for TooManyDone {}
