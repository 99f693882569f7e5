//! The floor: the least that can be written around `async-task`, to show what a runtime could cost.
//!
//! No names, no links, no kills, no report of panics, no other threads, no order of shutdown.

mod executor;

use std::future::Future;

use crate::measure::Absent;
use crate::micro::Runtime;

/// The hand-written executor.
#[derive(Debug)]
pub(crate) struct Floor;

impl Runtime for Floor {
    type Join<T: Send + 'static> = async_task::Task<T>;

    fn block_on<F>(root: F) -> Result<F::Output, Absent>
    where
        F: Future + 'static,
    {
        Ok(executor::block_on(root))
    }

    fn spawn<F>(task: F) -> Self::Join<F::Output>
    where
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        executor::spawn(task)
    }

    fn yield_now() -> impl Future<Output = ()> + 'static {
        executor::YieldNow::default()
    }
}
