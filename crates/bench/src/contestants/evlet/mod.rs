//! evlet, with everything on that is on by default.

mod net;

use std::future::Future;
use std::time::Duration;

use evlet::{Event, GreenPool, GreenThread, Hub, HubBuilder, LightQueue, Permit, TcpStream};

use crate::measure::Absent;
use crate::micro::join::Join;
use crate::micro::runtime::{Pool, Receiver, Reply, Runtime, Semaphore, Sender};
use crate::micro::turns;
pub(crate) use net::SERVERS;

/// evlet's hub.
#[derive(Debug)]
pub(crate) struct Evlet;

/// A hub as a program gets it.
pub(crate) fn hub() -> HubBuilder {
    Hub::builder().watchdog(Duration::from_secs(1))
}

fn run<F: Future>(hub: HubBuilder, root: F) -> Result<F::Output, Absent> {
    let hub = hub
        .build()
        .map_err(|e| Absent::because(format!("no hub: {e}")))?;
    Ok(hub.run(root))
}

impl Runtime for Evlet {
    const NAME: &'static str = "evlet";
    type Join<T: Send + 'static> = Join<GreenThread<T>>;
    type Sender<T: 'static> = LightQueue<T>;
    type Receiver<T: 'static> = LightQueue<T>;
    type Reply<T: Clone + Send + 'static> = Event<T>;
    type Semaphore = evlet::Semaphore;
    type Pool = GreenPool;

    fn block_on<F: Future + 'static>(root: F) -> Result<F::Output, Absent> {
        run(hub(), root)
    }

    fn block_on_precise<F: Future + 'static>(root: F) -> Result<F::Output, Absent> {
        run(hub().timer_slack(Duration::ZERO), root)
    }

    fn spawn<F>(task: F) -> Self::Join<F::Output>
    where
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        Join::new(evlet::spawn(task))
    }

    fn spawn_n<F: Future<Output = ()> + 'static>(task: F) {
        evlet::spawn_n(task);
    }

    fn yield_now() -> impl Future<Output = ()> + 'static {
        evlet::yield_now()
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static {
        evlet::sleep(duration)
    }

    async fn timeout<F: Future>(limit: Duration, task: F) -> Option<F::Output> {
        evlet::timeout(limit, task).await.ok()
    }

    fn queue<T: 'static>(bound: usize) -> (LightQueue<T>, LightQueue<T>) {
        let queue = LightQueue::bounded(bound);
        (queue.clone(), queue)
    }

    fn oneshot<T: Clone + Send + 'static>() -> (Event<T>, impl Future<Output = T> + 'static) {
        let event = Event::new();
        let reply = event.clone();
        (reply, async move { event.wait().await })
    }

    fn semaphore(permits: usize) -> evlet::Semaphore {
        evlet::Semaphore::new(permits)
    }

    fn pool(size: usize) -> GreenPool {
        GreenPool::new(size)
    }

    fn blocking<F, T>(job: F) -> impl Future<Output = T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        evlet::tpool::execute(job)
    }

    async fn turns(number: u64) {
        let (writer, reader) = turns::pair();
        let reader = TcpStream::from_std(reader).expect("a hub takes a socket");
        turns::drive(number, &writer, async |buffer| {
            reader.recv(buffer).await.expect("a byte is there")
        })
        .await;
    }
}

impl<T: 'static> Sender<T> for LightQueue<T> {
    fn send(&self, item: T) -> impl Future<Output = ()> {
        self.put(item)
    }
}

impl<T: 'static> Receiver<T> for LightQueue<T> {
    fn recv(&mut self) -> impl Future<Output = T> {
        self.get()
    }
}

impl<T: Clone + 'static> Reply<T> for Event<T> {
    fn send(self, value: T) {
        let sent = Event::send(&self, value);
        assert!(sent.is_ok(), "an event of a scenario is sent once");
    }
}

impl Semaphore for evlet::Semaphore {
    type Owned = Permit;

    fn acquire(&self) -> impl Future<Output = impl Sized> {
        evlet::Semaphore::acquire(self)
    }

    async fn acquire_owned(&self) -> Permit {
        evlet::Semaphore::acquire(self).await
    }
}

impl Pool for GreenPool {
    fn spawn_n<F: Future<Output = ()> + 'static>(&self, task: F) -> impl Future<Output = ()> {
        GreenPool::spawn_n(self, task)
    }

    async fn wait_all(&self) {
        self.waitall().await;
    }
}
