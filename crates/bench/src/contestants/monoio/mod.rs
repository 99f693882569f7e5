//! monoio with either driver, and local-sync, which its authors wrote for it.

mod net;

use std::future::Future;
use std::marker::PhantomData;
use std::rc::Rc;
use std::time::Duration;

use local_sync::{mpsc::bounded, oneshot};
use monoio::blocking::DefaultThreadPool;
use monoio::{IoUringDriver, LegacyDriver, RuntimeBuilder};

use crate::measure::Absent;
use crate::micro::join::Join;
use crate::micro::runtime::Runtime;
use crate::micro::semaphore_pool::SemaphorePool;
pub(crate) use net::{EPOLL_SERVERS, URING_SERVERS};

/// Which driver.
pub(crate) trait Driver: 'static {
    const NAME: &'static str;
    fn block_on<F: Future>(root: F) -> std::io::Result<F::Output>;
}

/// epoll, through mio.
#[derive(Debug)]
pub(crate) struct Epoll;

/// io_uring.
#[derive(Debug)]
pub(crate) struct Uring;

impl Driver for Epoll {
    const NAME: &'static str = "monoio-epoll";

    fn block_on<F: Future>(root: F) -> std::io::Result<F::Output> {
        let mut runtime = RuntimeBuilder::<LegacyDriver>::new()
            .enable_all()
            .attach_thread_pool(Box::new(DefaultThreadPool::new(1)))
            .build()?;
        Ok(runtime.block_on(root))
    }
}

impl Driver for Uring {
    const NAME: &'static str = "monoio-uring";

    fn block_on<F: Future>(root: F) -> std::io::Result<F::Output> {
        let mut runtime = RuntimeBuilder::<IoUringDriver>::new()
            .enable_all()
            .attach_thread_pool(Box::new(DefaultThreadPool::new(1)))
            .build()?;
        Ok(runtime.block_on(root))
    }
}

/// monoio on a driver.
#[derive(Debug)]
pub(crate) struct Monoio<D>(PhantomData<D>);

impl<D: Driver> Runtime for Monoio<D> {
    const NAME: &'static str = D::NAME;
    type Join<T: Send + 'static> = monoio::task::JoinHandle<T>;
    type Sender<T: 'static> = bounded::Tx<T>;
    type Receiver<T: 'static> = bounded::Rx<T>;
    type Reply<T: Clone + Send + 'static> = oneshot::Sender<T>;
    type Semaphore = Rc<local_sync::semaphore::Semaphore>;
    type Pool = SemaphorePool<Self>;

    fn lacks(scenario: &str) -> Option<&'static str> {
        (scenario == "turn").then_some("not written for it")
    }

    fn caveat(scenario: &str) -> Option<&'static str> {
        let yields = ["yield-1000", "yield-lone", "semaphore-contended", "pool"];
        yields.contains(&scenario).then_some(
            "a task that wakes itself is put before all others: a yield that gives nobody a turn",
        )
    }

    fn block_on<F: Future + 'static>(root: F) -> Result<F::Output, Absent> {
        D::block_on(root).map_err(|e| Absent::because(format!("no monoio runtime: {e}")))
    }

    fn spawn<F>(task: F) -> Self::Join<F::Output>
    where
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        monoio::spawn(task)
    }

    fn spawn_n<F: Future<Output = ()> + 'static>(task: F) {
        drop(monoio::spawn(task));
    }

    /// It has none of its own.
    fn yield_now() -> impl Future<Output = ()> + 'static {
        smol::future::yield_now()
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static {
        monoio::time::sleep(duration)
    }

    async fn timeout<F: Future>(limit: Duration, task: F) -> Option<F::Output> {
        monoio::time::timeout(limit, task).await.ok()
    }

    fn queue<T: 'static>(bound: usize) -> (bounded::Tx<T>, bounded::Rx<T>) {
        bounded::channel(bound)
    }

    fn oneshot<T: Clone + Send + 'static>()
    -> (oneshot::Sender<T>, impl Future<Output = T> + 'static) {
        let (reply, answer) = oneshot::channel();
        (reply, Join::new(answer))
    }

    fn semaphore(permits: usize) -> Self::Semaphore {
        Rc::new(local_sync::semaphore::Semaphore::new(permits))
    }

    fn pool(size: usize) -> Self::Pool {
        SemaphorePool::new(size)
    }

    async fn blocking<F, T>(job: F) -> T
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        match monoio::spawn_blocking(job).await {
            Ok(done) => done,
            Err(error) => panic!("a job of a scenario ended: {error:?}"),
        }
    }
}
