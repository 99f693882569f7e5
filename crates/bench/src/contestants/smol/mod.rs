//! smol on one thread: its `LocalExecutor`, driven by `async-io`, with its channels and locks.

mod net;

use std::future::Future;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use futures::channel::oneshot;
use smol::io::AsyncReadExt;
use smol::{Async, LocalExecutor, Timer, channel, future};

use crate::measure::Absent;
use crate::micro::join::Join;
use crate::micro::runtime::Runtime;
use crate::micro::semaphore_pool::SemaphorePool;
use crate::micro::turns;
pub(crate) use net::SERVERS;

/// smol's local executor.
#[derive(Debug)]
pub(crate) struct Smol;

thread_local! {
    // Never dropped: the process ends with the scenario.
    static EXECUTOR: &'static LocalExecutor<'static> = Box::leak(Box::new(LocalExecutor::new()));
}

/// This thread's executor.
pub(crate) fn executor() -> &'static LocalExecutor<'static> {
    EXECUTOR.with(|executor| *executor)
}

impl Runtime for Smol {
    const NAME: &'static str = "smol";
    type Join<T: Send + 'static> = smol::Task<T>;
    type Sender<T: 'static> = channel::Sender<T>;
    type Receiver<T: 'static> = channel::Receiver<T>;
    type Reply<T: Clone + Send + 'static> = oneshot::Sender<T>;
    type Semaphore = Arc<smol::lock::Semaphore>;
    type Pool = SemaphorePool<Self>;

    fn block_on<F: Future + 'static>(root: F) -> Result<F::Output, Absent> {
        Ok(smol::block_on(executor().run(root)))
    }

    fn spawn<F>(task: F) -> smol::Task<F::Output>
    where
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        executor().spawn(task)
    }

    fn spawn_n<F: Future<Output = ()> + 'static>(task: F) {
        executor().spawn(task).detach();
    }

    fn yield_now() -> impl Future<Output = ()> + 'static {
        future::yield_now()
    }

    async fn sleep(duration: Duration) {
        Timer::after(duration).await;
    }

    fn timeout<F: Future>(limit: Duration, task: F) -> impl Future<Output = Option<F::Output>> {
        let in_time = async { Some(task.await) };
        let late = async move {
            Timer::after(limit).await;
            None
        };
        future::or(in_time, late)
    }

    fn queue<T: 'static>(bound: usize) -> (channel::Sender<T>, channel::Receiver<T>) {
        channel::bounded(bound)
    }

    fn oneshot<T: Clone + Send + 'static>()
    -> (oneshot::Sender<T>, impl Future<Output = T> + 'static) {
        let (reply, answer) = oneshot::channel();
        (reply, Join::new(answer))
    }

    fn semaphore(permits: usize) -> Self::Semaphore {
        Arc::new(smol::lock::Semaphore::new(permits))
    }

    fn pool(size: usize) -> Self::Pool {
        SemaphorePool::new(size)
    }

    fn blocking<F, T>(job: F) -> impl Future<Output = T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        smol::unblock(job)
    }

    async fn turns(number: u64) {
        let (writer, reader) = turns::pair();
        let mut reader: Async<TcpStream> = Async::new(reader).expect("smol takes a socket");
        turns::drive(number, &writer, async |buffer| {
            reader.read(buffer).await.expect("a byte is there")
        })
        .await;
    }
}
