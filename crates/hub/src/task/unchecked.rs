//! The calls that make a task, and why they may leave out checks.
//!
//! `async_task::Builder::spawn_local` notes the thread that spawns and compares it with the present one at each
//! poll and at the drop, and panics where they differ. That is eight bytes in each task and a look at a
//! thread-local each time; with them `yield_now` among a thousand is 12 % dearer and spawn 6 %. The hub
//! keeps tasks on their thread by construction, so it asks for none of that.

use std::future::{Future, ready};

use async_task::{Builder, Runnable};

use crate::remote::schedule;
use crate::task::body::Body;
use crate::task::{Exit, Meta, Task};

/// A task around `future`, scheduled to the run queue of the hub named in `meta`.
#[inline]
pub(super) fn make_task<F>(meta: Meta, future: F) -> (Runnable<Meta>, Task<F::Output>)
where
    F: Future + 'static,
    F::Output: 'static,
{
    let body = move |_: &Meta| Body::new(future);
    // SAFETY: `spawn_unchecked` asks for four things.
    //
    // - The future is not `Send`, so its `Runnable` must be run and dropped on this thread. A `Runnable`
    //   comes into being here and in a waker's call of `schedule`, which may happen on any thread.
    //   `schedule` does one of three things with it: on the hub's thread it goes into the hub's run
    //   queue, which never leaves that thread; on another thread it goes into the hub's remote
    //   queue, which only the hub's thread takes from; or, when the hub is gone, it is forgotten. What is
    //   left in the remote queue when the hub ends is taken out by the hub's thread
    //   (`shutdown`), or by the sender, who forgets it (`Remote::clear`). None is run or dropped
    //   elsewhere.
    // - The output is not `Send` either; it is dropped where the task completes or where the `Task` is
    //   dropped. The first is in `run`, on this thread; the second is a `GreenThread`'s, which is not
    //   `Send`.
    // - The future is `'static`.
    // - The schedule function is a plain function: `Send`, `Sync` and `'static`.
    //
    // The last waker may go on another thread: `async-task` then frees the memory of a task that has
    // ended, whose future and output are gone, and whose metadata is plain data; a task that has not
    // ended it schedules once more, see above.
    unsafe {
        Builder::new()
            .metadata(meta)
            .spawn_unchecked(body, schedule)
    }
}

/// A task that has returned `result` already: for a handle whose result was looked at, and for one that
/// never had anything to wait for.
pub(super) fn make_ended<T>(meta: Meta, result: Result<T, Exit>) -> Task<T> {
    let body = move |_: &Meta| ready(result);
    // SAFETY: as above. The `Runnable` is run here, and its future is done with that: it is
    // scheduled by nobody, leaves no waker, and need not be `'static`. The output is dropped with the
    // `Task`, whose type says how long it may live.
    let (runnable, task) = unsafe {
        Builder::new()
            .metadata(meta)
            .spawn_unchecked(body, schedule)
    };
    runnable.run();
    task
}
