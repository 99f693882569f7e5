//! compio with either driver. It has no channels or locks; its users take local-sync as monoio's do.

mod net;

use std::future::Future;
use std::marker::PhantomData;
use std::rc::Rc;
use std::time::Duration;

use compio::driver::{DriverType, ProactorBuilder};
use compio::runtime::{JoinHandle, RuntimeBuilder};
use local_sync::{mpsc::bounded, oneshot};

use crate::measure::Absent;
use crate::micro::join::Join;
use crate::micro::runtime::Runtime;
use crate::micro::semaphore_pool::SemaphorePool;
pub(crate) use net::{POLLING_SERVERS, URING_SERVERS};

/// Which driver.
pub(crate) trait Driver: 'static {
    const NAME: &'static str;
    const TYPE: DriverType;
}

/// epoll, through polling.
#[derive(Debug)]
pub(crate) struct Polling;

/// io_uring.
#[derive(Debug)]
pub(crate) struct Uring;

impl Driver for Polling {
    const NAME: &'static str = "compio-poll";
    const TYPE: DriverType = DriverType::Poll;
}

impl Driver for Uring {
    const NAME: &'static str = "compio-uring";
    const TYPE: DriverType = DriverType::IoUring;
}

/// compio on a driver.
#[derive(Debug)]
pub(crate) struct Compio<D>(PhantomData<D>);

/// A runtime on that driver.
pub(crate) fn runtime<D: Driver>() -> Result<compio::runtime::Runtime, Absent> {
    let mut proactor = ProactorBuilder::new();
    proactor.driver_type(D::TYPE);
    let runtime = RuntimeBuilder::new()
        .with_proactor(proactor)
        .build()
        .map_err(|e| Absent::because(format!("no compio runtime: {e}")))?;
    if runtime.driver_type() == D::TYPE {
        Ok(runtime)
    } else {
        Err(Absent::because("compio chose its other driver"))
    }
}

impl<D: Driver> Runtime for Compio<D> {
    const NAME: &'static str = D::NAME;
    type Join<T: Send + 'static> = Join<JoinHandle<T>>;
    type Sender<T: 'static> = bounded::Tx<T>;
    type Receiver<T: 'static> = bounded::Rx<T>;
    type Reply<T: Clone + Send + 'static> = oneshot::Sender<T>;
    type Semaphore = Rc<local_sync::semaphore::Semaphore>;
    type Pool = SemaphorePool<Self>;

    fn lacks(scenario: &str) -> Option<&'static str> {
        (scenario == "turn").then_some("not written for it")
    }

    fn block_on<F: Future + 'static>(root: F) -> Result<F::Output, Absent> {
        Ok(runtime::<D>()?.block_on(root))
    }

    fn spawn<F>(task: F) -> Self::Join<F::Output>
    where
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        Join::new(compio::runtime::spawn(task))
    }

    fn spawn_n<F: Future<Output = ()> + 'static>(task: F) {
        compio::runtime::spawn(task).detach();
    }

    fn yield_now() -> impl Future<Output = ()> + 'static {
        smol::future::yield_now()
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static {
        compio::time::sleep(duration)
    }

    async fn timeout<F: Future>(limit: Duration, task: F) -> Option<F::Output> {
        compio::time::timeout(limit, task).await.ok()
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

    fn blocking<F, T>(job: F) -> impl Future<Output = T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        Join::new(compio::runtime::spawn_blocking(job))
    }
}
