//! What a scenario asks of a runtime.
//!
//! Functions, not methods: every runtime here lives in a thread-local while its `block_on` runs. A
//! runtime's own primitives are used where it has some, the usual companions of its users where not.

use std::future::Future;

use crate::measure::Absent;

/// A single-threaded runtime.
pub(crate) trait Runtime: 'static {
    /// Waits for a task's output. Dropping it must not be what a scenario relies on: some detach, some
    /// cancel.
    type Join<T: Send + 'static>: Future<Output = T> + 'static;

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

    /// A task whose output somebody waits for. (`Send` is for tokio's handles; the task stays here.)
    fn spawn<F>(task: F) -> Self::Join<F::Output>
    where
        F: Future + 'static,
        F::Output: Send + 'static;

    /// Lets every other ready task run once.
    fn yield_now() -> impl Future<Output = ()> + 'static;
}
