//! tokio on one thread: its current-thread runtime with `tokio::spawn`, what most of its programs have,
//! and its `LocalRuntime` with `spawn_local`.

mod assert_send;
mod net;

use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::measure::Absent;
use crate::micro::join::Join;
use crate::micro::runtime::{Receiver, Reply, Runtime, Semaphore, Sender};
use crate::micro::semaphore_pool::SemaphorePool;
use crate::micro::turns;
use assert_send::AssertSend;
pub(crate) use net::{LOCAL_SERVERS, SERVERS};

/// Where its tasks are spawned.
pub(crate) trait Spawner: 'static {
    const NAME: &'static str;
    fn block_on<F: Future>(root: F) -> std::io::Result<F::Output>;
    fn spawn<F>(task: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: Send + 'static;
}

/// `tokio::spawn`.
#[derive(Debug)]
pub(crate) struct Plain;

/// `spawn_local`.
#[derive(Debug)]
pub(crate) struct Local;

impl Spawner for Plain {
    const NAME: &'static str = "tokio";

    fn block_on<F: Future>(root: F) -> std::io::Result<F::Output> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(runtime.block_on(root))
    }

    fn spawn<F>(task: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        tokio::spawn(AssertSend::new(task))
    }
}

impl Spawner for Local {
    const NAME: &'static str = "tokio-local";

    fn block_on<F: Future>(root: F) -> std::io::Result<F::Output> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())?;
        Ok(runtime.block_on(root))
    }

    fn spawn<F>(task: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        tokio::task::spawn_local(task)
    }
}

/// tokio with either.
#[derive(Debug)]
pub(crate) struct Tokio<S = Plain>(PhantomData<S>);

impl<S: Spawner> Runtime for Tokio<S> {
    const NAME: &'static str = S::NAME;
    type Join<T: Send + 'static> = Join<JoinHandle<T>>;
    type Sender<T: 'static> = mpsc::Sender<T>;
    type Receiver<T: 'static> = mpsc::Receiver<T>;
    type Reply<T: Clone + Send + 'static> = oneshot::Sender<T>;
    type Semaphore = Arc<tokio::sync::Semaphore>;
    type Pool = SemaphorePool<Self>;

    fn block_on<F: Future + 'static>(root: F) -> Result<F::Output, Absent> {
        S::block_on(root).map_err(|e| Absent::because(format!("no tokio runtime: {e}")))
    }

    fn spawn<F>(task: F) -> Self::Join<F::Output>
    where
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        Join::new(S::spawn(task))
    }

    fn spawn_n<F: Future<Output = ()> + 'static>(task: F) {
        drop(S::spawn(task));
    }

    fn yield_now() -> impl Future<Output = ()> + 'static {
        tokio::task::yield_now()
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static {
        tokio::time::sleep(duration)
    }

    async fn timeout<F: Future>(limit: Duration, task: F) -> Option<F::Output> {
        tokio::time::timeout(limit, task).await.ok()
    }

    fn queue<T: 'static>(bound: usize) -> (mpsc::Sender<T>, mpsc::Receiver<T>) {
        mpsc::channel(bound)
    }

    fn oneshot<T: Clone + Send + 'static>()
    -> (oneshot::Sender<T>, impl Future<Output = T> + 'static) {
        let (reply, answer) = oneshot::channel();
        (reply, Join::new(answer))
    }

    fn semaphore(permits: usize) -> Self::Semaphore {
        Arc::new(tokio::sync::Semaphore::new(permits))
    }

    fn pool(size: usize) -> Self::Pool {
        SemaphorePool::new(size)
    }

    fn blocking<F, T>(job: F) -> impl Future<Output = T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        Join::new(tokio::task::spawn_blocking(job))
    }

    async fn turns(number: u64) {
        let (writer, reader) = turns::pair();
        let mut reader = tokio::net::TcpStream::from_std(reader).expect("tokio takes a socket");
        turns::drive(number, &writer, async |buffer| {
            reader.read(buffer).await.expect("a byte is there")
        })
        .await;
    }
}

impl<T: 'static> Sender<T> for mpsc::Sender<T> {
    async fn send(&self, item: T) {
        let sent = mpsc::Sender::send(self, item).await;
        assert!(sent.is_ok(), "the receiver is there");
    }
}

impl<T: 'static> Receiver<T> for mpsc::Receiver<T> {
    async fn recv(&mut self) -> T {
        let received = mpsc::Receiver::recv(self).await;
        received.expect("a sender is there")
    }
}

impl<T: Clone + Send + 'static> Reply<T> for oneshot::Sender<T> {
    fn send(self, value: T) {
        let sent = oneshot::Sender::send(self, value);
        assert!(sent.is_ok(), "the receiver is there");
    }
}

impl Semaphore for Arc<tokio::sync::Semaphore> {
    type Owned = OwnedSemaphorePermit;

    async fn acquire(&self) -> impl Sized {
        tokio::sync::Semaphore::acquire(self).await
    }

    async fn acquire_owned(&self) -> OwnedSemaphorePermit {
        let permit = self.clone().acquire_owned().await;
        permit.expect("the semaphore is open")
    }
}
