//! glommio, one executor, with its local channels and its semaphore.

mod net;

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use futures::channel::oneshot;
use glommio::channels::local_channel::{self, LocalReceiver, LocalSender};
use glommio::sync::StaticPermit;
use glommio::{LocalExecutorBuilder, Placement, Task};

use crate::measure::Absent;
use crate::micro::join::Join;
use crate::micro::runtime::{Receiver, Runtime, Semaphore, Sender};
use crate::micro::semaphore_pool::SemaphorePool;
pub(crate) use net::SERVERS;

/// glommio's executor.
#[derive(Debug)]
pub(crate) struct Glommio;

impl Runtime for Glommio {
    const NAME: &'static str = "glommio";
    type Join<T: Send + 'static> = Task<T>;
    type Sender<T: 'static> = Rc<LocalSender<T>>;
    type Receiver<T: 'static> = LocalReceiver<T>;
    type Reply<T: Clone + Send + 'static> = oneshot::Sender<T>;
    type Semaphore = Rc<glommio::sync::Semaphore>;
    type Pool = SemaphorePool<Self>;

    fn lacks(scenario: &str) -> Option<&'static str> {
        (scenario == "turn").then_some("not written for it")
    }

    fn block_on<F: Future + 'static>(root: F) -> Result<F::Output, Absent> {
        let executor = LocalExecutorBuilder::new(Placement::Fixed(crate::pin::MEASURED))
            .make()
            .map_err(|e| Absent::because(format!("no glommio executor: {e}")))?;
        Ok(executor.run(root))
    }

    fn spawn<F>(task: F) -> Task<F::Output>
    where
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        glommio::spawn_local(task)
    }

    fn spawn_n<F: Future<Output = ()> + 'static>(task: F) {
        glommio::spawn_local(task).detach();
    }

    async fn yield_now() {
        glommio::executor().yield_now().await;
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static {
        glommio::timer::sleep(duration)
    }

    async fn timeout<F: Future>(limit: Duration, task: F) -> Option<F::Output> {
        let task = async { Ok(task.await) };
        glommio::timer::timeout(limit, task).await.ok()
    }

    fn queue<T: 'static>(bound: usize) -> (Rc<LocalSender<T>>, LocalReceiver<T>) {
        let (sender, receiver) = local_channel::new_bounded(bound);
        (Rc::new(sender), receiver)
    }

    fn oneshot<T: Clone + Send + 'static>()
    -> (oneshot::Sender<T>, impl Future<Output = T> + 'static) {
        let (reply, answer) = oneshot::channel();
        (reply, Join::new(answer))
    }

    fn semaphore(permits: usize) -> Self::Semaphore {
        Rc::new(glommio::sync::Semaphore::new(permits as u64))
    }

    fn pool(size: usize) -> Self::Pool {
        SemaphorePool::new(size)
    }

    async fn blocking<F, T>(job: F) -> T
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        glommio::executor().spawn_blocking(job).await
    }
}

impl<T: 'static> Sender<T> for Rc<LocalSender<T>> {
    async fn send(&self, item: T) {
        let sent = LocalSender::send(self, item).await;
        assert!(sent.is_ok(), "the receiver is there");
    }
}

impl<T: 'static> Receiver<T> for LocalReceiver<T> {
    async fn recv(&mut self) -> T {
        let received = LocalReceiver::recv(self).await;
        received.expect("a sender is there")
    }
}

impl Semaphore for Rc<glommio::sync::Semaphore> {
    type Owned = StaticPermit;

    async fn acquire(&self) -> impl Sized {
        self.acquire_permit(1).await
    }

    async fn acquire_owned(&self) -> StaticPermit {
        let permit = self.acquire_static_permit(1).await;
        permit.expect("the semaphore is open")
    }
}
