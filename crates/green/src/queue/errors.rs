//! Why a queue refused.

use std::error::Error;
use std::fmt;

/// `put_nowait` found no room, or `put_timeout` none in time, or the queue is closed. It holds the
/// item, for the caller to keep, drop, or `put` with waiting.
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
        f.write_str(
            "the queue is full or closed: wait for room with `put`, or try again later; \
             `is_closed` tells which",
        )
    }
}

impl<T> Error for Full<T> {}

/// `get_nowait` found no item that is not promised to a waiting getter, or `get_timeout` got none
/// in time, or the queue is closed and drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Empty;

impl fmt::Display for Empty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the queue is empty: wait for an item with `get`, or try again later, unless \
             `is_closed` says that none will come",
        )
    }
}

impl Error for Empty {}

/// `send`, or a sink, found the queue closed. It holds the item, which was not put.
///
/// ```
/// use evlet_green::{Closed, LightQueue};
/// evlet_hub::run(async {
///     let queue = LightQueue::unbounded();
///     queue.close();
///     let Closed(item) = queue.send("late").await.unwrap_err();
///     assert_eq!(item, "late");
/// });
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Closed<T>(pub T);

impl<T> Closed<T> {
    /// The item that was refused.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Closed(..)")
    }
}

impl<T> fmt::Display for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue is closed: it takes no more items, stop producing them")
    }
}

impl<T> Error for Closed<T> {}

/// `task_done` was called more often than items were put.
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
