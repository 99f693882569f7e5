//! What a scenario asks of a runtime.
//!
//! Functions, not methods: every runtime here lives in a thread-local while its `block_on` runs. A
//! runtime's own primitives are used where it has some, the usual companions of its users where not.

use std::future::Future;
use std::time::Duration;

use crate::measure::Absent;

/// A single-threaded runtime.
pub(crate) trait Runtime: Sized + 'static {
    /// As in the list of contestants.
    const NAME: &'static str;
    /// Waits for a task's output. Dropping it must not be what a scenario relies on: some detach, some
    /// cancel.
    type Join<T: Send + 'static>: Future<Output = T> + 'static;
    type Sender<T: 'static>: Sender<T>;
    type Receiver<T: 'static>: Receiver<T>;
    type Reply<T: Clone + Send + 'static>: Reply<T>;
    type Semaphore: Semaphore;
    type Pool: Pool;

    /// Why it cannot run a scenario, if so.
    fn lacks(scenario: &str) -> Option<&'static str> {
        let _ = scenario;
        None
    }

    /// Why its figure in a scenario must not be compared with others', if so.
    fn caveat(scenario: &str) -> Option<&'static str> {
        let _ = scenario;
        None
    }

    /// Makes the runtime, runs `root` on it, ends it.
    fn block_on<F>(root: F) -> Result<F::Output, Absent>
    where
        F: Future + 'static;

    /// The same with timers as precise as they can be.
    fn block_on_precise<F>(root: F) -> Result<F::Output, Absent>
    where
        F: Future + 'static,
    {
        drop(root);
        Err(Absent::because("has no slack that could be taken away"))
    }

    /// A task whose output somebody waits for. (`Send` is for tokio's handles; the task stays here.)
    fn spawn<F>(task: F) -> Self::Join<F::Output>
    where
        F: Future + 'static,
        F::Output: Send + 'static;

    /// A task that nobody waits for.
    fn spawn_n<F>(task: F)
    where
        F: Future<Output = ()> + 'static;

    /// Lets every other ready task run once.
    fn yield_now() -> impl Future<Output = ()> + 'static;

    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static;

    /// The task's output, or nothing when that took longer than `limit`.
    fn timeout<F: Future>(limit: Duration, task: F) -> impl Future<Output = Option<F::Output>>;

    /// A queue of at most so many items.
    fn queue<T: 'static>(bound: usize) -> (Self::Sender<T>, Self::Receiver<T>);

    /// One value from one task to another.
    fn oneshot<T: Clone + Send + 'static>() -> (Self::Reply<T>, impl Future<Output = T> + 'static);

    fn semaphore(permits: usize) -> Self::Semaphore;

    /// At most so many tasks at a time.
    fn pool(size: usize) -> Self::Pool;

    /// Runs a function on another thread.
    fn blocking<F, T>(job: F) -> impl Future<Output = T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static;

    /// So many turns in which nothing is ready but one descriptor; each turn writes and reads one byte,
    /// and what remains are the turn's own system calls.
    fn turns(number: u64) -> impl Future<Output = ()> + 'static {
        async move { panic!("{number} turns: not written for this runtime") }
    }
}

/// The putting end of a queue.
pub(crate) trait Sender<T>: Clone + 'static {
    fn send(&self, item: T) -> impl Future<Output = ()>;
}

/// The taking end of a queue.
pub(crate) trait Receiver<T>: 'static {
    fn recv(&mut self) -> impl Future<Output = T>;
}

/// The sending end of a oneshot.
pub(crate) trait Reply<T>: 'static {
    fn send(self, value: T);
}

/// Permits, each given back when dropped.
pub(crate) trait Semaphore: Clone + 'static {
    /// A permit that may go into a task.
    type Owned: 'static;

    fn acquire(&self) -> impl Future<Output = impl Sized>;
    fn acquire_owned(&self) -> impl Future<Output = Self::Owned>;
}

/// Tasks, so many at a time.
pub(crate) trait Pool: 'static {
    /// Waits for room, then spawns.
    fn spawn_n<F>(&self, task: F) -> impl Future<Output = ()>
    where
        F: Future<Output = ()> + 'static;

    /// Waits until none runs.
    fn wait_all(&self) -> impl Future<Output = ()>;
}
