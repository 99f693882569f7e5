//! Asking a server to stop: by one of its handlers, or from outside.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use evlet_green::Event;
use evlet_hub::wait::{self, WaitKind, WaitsOn};
use pin_project_lite::pin_project;

/// Stops servers from outside: [`Serve::stopped_by`](crate::Serve::stopped_by). Clones stop together,
/// and one may stop many servers.
///
/// Handlers that would wait for their peer for long can wait for [`stopped`](Self::stopped) too, and
/// end early.
///
/// ```
/// use std::time::Duration;
/// use evlet_hub::{sleep, spawn};
/// use evlet_net::{Serve, Stopper, connect, listen};
/// evlet_hub::run(async {
///     let stopper = Stopper::new();
///     let listener = listen("127.0.0.1:0")?;
///     let addr = listener.local_addr()?;
///     let serving = Serve::new(listener)
///         .stopped_by(&stopper)
///         .drain(Duration::from_secs(30))
///         .run(|stream, _| async move {
///             sleep(Duration::from_millis(20)).await; // it takes its time
///             stream.send_all(b"done").await
///         });
///     let server = spawn(serving);
///     let client = connect(addr).await?;
///     sleep(Duration::from_millis(5)).await;
///
///     stopper.stop(); // no more connections; the one that is served gets its answer
///     server.await.unwrap()?;
///     assert_eq!(client.recv(&mut [0; 10]).await?, 4);
///     assert!(connect(addr).await.is_err());
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Stopper {
    shared: Rc<Shared>,
}

#[derive(Default)]
struct Shared {
    stopped: Event<()>,
    servers: RefCell<Vec<Weak<Stop>>>,
}

impl Stopper {
    /// One that has stopped nothing yet.
    pub fn new() -> Stopper {
        Stopper::default()
    }

    /// Stops its servers, now and for ever: they accept no more. Doing it again does nothing.
    pub fn stop(&self) {
        if self.shared.stopped.send(()).is_err() {
            return;
        }
        let servers = self.shared.servers.take();
        for server in servers.iter().filter_map(Weak::upgrade) {
            server.set();
        }
    }

    /// Whether it has stopped.
    pub fn is_stopped(&self) -> bool {
        self.shared.stopped.ready()
    }

    /// Waits until it has stopped.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    #[track_caller]
    pub fn stopped(&self) -> impl Future<Output = ()> + '_ {
        self.shared.stopped.wait()
    }

    pub(crate) fn add(&self, server: &Rc<Stop>) {
        if self.is_stopped() {
            server.set();
            return;
        }
        let mut servers = self.shared.servers.borrow_mut();
        servers.retain(|known| known.strong_count() > 0);
        servers.push(Rc::downgrade(server));
    }
}

impl fmt::Debug for Stopper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stopper")
            .field("stopped", &self.is_stopped())
            .finish()
    }
}

/// Whether one server has been asked to stop; and how it is woken.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    asked: Cell<bool>,
    waiter: RefCell<Option<Waker>>,
}

impl Stop {
    pub(crate) fn set(&self) {
        self.asked.set(true);
        self.wake();
    }

    /// Wakes the server, if it waits for what it wants or an order to stop.
    pub(crate) fn wake(&self) {
        let waiter = self.waiter.take();
        if let Some(waker) = waiter {
            waker.wake();
        }
    }

    /// `future`, or `None` once it has been asked to stop.
    pub(crate) fn or<F: Future>(&self, future: F, at: &'static Location<'static>) -> OrStop<'_, F> {
        OrStop {
            stop: self,
            future,
            at,
        }
    }
}

pin_project! {
    pub(crate) struct OrStop<'a, F> {
        stop: &'a Stop,
        #[pin]
        future: F,
        at: &'static Location<'static>,
    }
}

impl<F: Future> Future for OrStop<'_, F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.stop.asked.get() {
            return Poll::Ready(None);
        }
        // First this wait, then the real one: what the hub shows is the last.
        let waker = cx.waker().clone();
        let old = this.stop.waiter.replace(Some(waker));
        drop(old);
        wait::park(WaitsOn::new(WaitKind::Pool, 0), this.at);
        this.future.poll(cx).map(Some)
    }
}
