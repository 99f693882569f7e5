//! The floor: the least that can be written around `async-task`, to show what a runtime could cost.
//!
//! No names, no links, no kills, no report of panics, no other threads, no order of shutdown.

pub(crate) mod executor;
mod primitives;
pub(crate) mod reactor;
mod timers;

use std::future::Future;
use std::io::Read;
use std::time::Duration;

use async_task::Task;

use crate::measure::Absent;
use crate::micro::runtime::Runtime;
use crate::micro::semaphore_pool::SemaphorePool;
use crate::micro::turns;
use primitives::{Place, Queue, Semaphore};

/// The hand-written executor.
#[derive(Debug)]
pub(crate) struct Floor;

impl Runtime for Floor {
    const NAME: &'static str = "floor";
    type Join<T: Send + 'static> = Task<T>;
    type Sender<T: 'static> = Queue<T>;
    type Receiver<T: 'static> = Queue<T>;
    type Reply<T: Clone + Send + 'static> = Place<T>;
    type Semaphore = Semaphore;
    type Pool = SemaphorePool<Self>;

    fn lacks(scenario: &str) -> Option<&'static str> {
        matches!(scenario, "thread-wake" | "blocking").then_some("knows no other threads")
    }

    fn block_on<F: Future + 'static>(root: F) -> Result<F::Output, Absent> {
        Ok(executor::block_on(root))
    }

    fn block_on_precise<F: Future + 'static>(root: F) -> Result<F::Output, Absent> {
        Ok(executor::block_on(root))
    }

    fn spawn<F>(task: F) -> Task<F::Output>
    where
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        executor::spawn(task)
    }

    fn spawn_n<F: Future<Output = ()> + 'static>(task: F) {
        executor::spawn(task).detach();
    }

    fn yield_now() -> impl Future<Output = ()> + 'static {
        executor::YieldNow::default()
    }

    async fn sleep(duration: Duration) {
        match duration {
            Duration::ZERO => executor::YieldNow::default().await,
            duration => timers::Sleep::new(duration).await,
        }
    }

    fn timeout<F: Future>(limit: Duration, task: F) -> impl Future<Output = Option<F::Output>> {
        timers::Timeout::new(limit, task)
    }

    fn queue<T: 'static>(bound: usize) -> (Queue<T>, Queue<T>) {
        let queue = Queue::new(bound);
        (queue.clone(), queue)
    }

    fn oneshot<T: Clone + Send + 'static>() -> (Place<T>, impl Future<Output = T> + 'static) {
        let place = Place::default();
        (place.clone(), place)
    }

    fn semaphore(permits: usize) -> Semaphore {
        Semaphore::new(permits)
    }

    fn pool(size: usize) -> Self::Pool {
        SemaphorePool::new(size)
    }

    async fn blocking<F, T>(job: F) -> T
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        job()
    }

    async fn turns(number: u64) {
        let (writer, reader) = turns::pair();
        let source = reactor::Source::new(&reader);
        turns::drive(number, &writer, async |buffer| {
            let read = || (&reader).read(buffer);
            let read = source.read_with(read).await.expect("a byte is there");
            source.was_short();
            read
        })
        .await;
    }
}
