//! Serving: a green thread for each connection, at most so many at once.
//!
//! The handler's place is taken before the connection is accepted (`serve_place.rs`; `serve_slot.rs` where it is one in the
//! caller's pool), so at the bound the kernel's backlog holds who comes next, and nobody is accepted only to wait.
//!
//! Where eventlet ends `serve` with a handler's exception, a handler's error here ends its own
//! connection and is reported: one bad peer must not stop a server. Asking to stop is explicit
//! ([`StopServe`](crate::StopServe)).

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::time::Duration;

use evlet_green::{GreenPool, PoolFull};
use evlet_hub::{GreenThread, spawn_n_at};
use futures::future::{Either, LocalBoxFuture};

use crate::listener::Listener;
use crate::serve_drain::Handlers;
use crate::serve_one::{ServeOne, Work};
use crate::serve_place::Common;
use crate::serve_slot::slot;
use crate::serve_stop::Stopper;
use crate::served::IntoServed;

/// How many connections [`serve`] handles at once: 1000, as eventlet.
pub const CONCURRENCY: usize = 1000;

/// Accepts connections and runs `handle` for each in a green thread of its own, at most
/// [`CONCURRENCY`] at once; more wait in the listener's backlog. [`Serve`] has other settings.
///
/// It goes on until a handler returns [`StopServe`](crate::StopServe), which makes it `Ok(())`, or
/// the listener ends. The listener is given by value or by reference. A handler's green thread is
/// named after its peer; the connection closes when the handler drops it, at its end at the latest.
///
/// A handler that returns an error or panics ends its own connection: the operator is told through
/// the hub's report, except when the peer merely went away (reset, broken pipe).
///
/// # Errors
/// Those that end the listener; see [`TcpListener::accept`](crate::TcpListener::accept). Running out
/// of descriptors does not: it is waited out.
///
/// # Cancel safety
/// Dropping the future stops accepting and loses no connection; handlers go on.
///
/// ```
/// use evlet_net::{connect, listen, serve};
/// evlet_hub::run(async {
///     let listener = listen("127.0.0.1:0")?;
///     let addr = listener.local_addr()?;
///     let server = evlet_hub::spawn(serve(listener, |stream, _peer| async move {
///         let mut buf = [0; 1024];
///         loop {
///             match stream.recv(&mut buf).await? {
///                 0 => return Ok::<(), std::io::Error>(()),
///                 n => stream.send_all(&buf[..n]).await?,
///             }
///         }
///     }));
///
///     let client = connect(addr).await?;
///     client.send_all(b"echo").await?;
///     let mut buf = [0; 10];
///     assert_eq!(client.recv(&mut buf).await?, 4);
///     server.kill();
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn serve<L, H, F, K: 'static>(listener: L, handle: H) -> impl Future<Output = io::Result<()>>
where
    L: Listener,
    H: FnMut(L::Stream, L::Peer) -> F,
    F: Future + 'static,
    F::Output: IntoServed<K>,
{
    Serve::new(listener).run(handle)
}

/// [`serve`] with settings.
///
/// ```
/// # use evlet_net::{Serve, StopServe, connect, listen};
/// # evlet_hub::run(async {
/// let listener = listen("127.0.0.1:0")?;
/// # let client = connect(listener.local_addr()?).await?;
/// Serve::new(&listener)
///     .concurrency(50)
///     .run(|_stream, _peer| async { Err::<(), _>(StopServe) })
///     .await?;
/// // The listener is still there.
/// assert_ne!(listener.local_addr()?.port(), 0);
/// # Ok::<(), std::io::Error>(())
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "nothing is served until `run` is awaited"]
pub struct Serve<L> {
    listener: L,
    pool: Pool,
    stopper: Option<Stopper>,
    drain: Option<Duration>,
}

enum Pool {
    Of(usize),
    Given(GreenPool),
}

impl<L: Listener> Serve<L> {
    /// Serves `listener`, given by value or by reference.
    pub fn new(listener: L) -> Self {
        Serve {
            listener,
            pool: Pool::Of(CONCURRENCY),
            stopper: None,
            drain: None,
        }
    }

    /// How many connections are handled at once; [`CONCURRENCY`] unless set. Zero counts as one.
    pub fn concurrency(mut self, connections: usize) -> Self {
        self.pool = Pool::Of(connections.max(1));
        self
    }

    /// Runs the handlers in `pool`, which others may use too. One of its places is taken while the
    /// server waits for a connection.
    pub fn pool(mut self, pool: GreenPool) -> Self {
        self.pool = Pool::Given(pool);
        self
    }

    /// Ends with `Ok(())` when `stopper` stops, as it does when a handler returns
    /// [`StopServe`](crate::StopServe).
    pub fn stopped_by(mut self, stopper: &Stopper) -> Self {
        self.stopper = Some(stopper.clone());
        self
    }

    /// Lets the server, once it has been stopped, wait until its handlers have ended, for `limit` at
    /// most; those that are left then are killed, and the operator is told how many. Its listener,
    /// if it was given by value, is closed first, so that new connections are refused meanwhile.
    /// Without this, the server ends at once and its handlers go on.
    pub fn drain(mut self, limit: Duration) -> Self {
        self.drain = Some(limit);
        self
    }

    /// Serves. See [`serve`].
    ///
    /// # Errors
    /// As for [`serve`].
    ///
    /// # Cancel safety
    /// As for [`serve`].
    #[track_caller]
    pub fn run<H, F, K: 'static>(self, mut handle: H) -> impl Future<Output = io::Result<()>>
    where
        H: FnMut(L::Stream, L::Peer) -> F,
        F: Future + 'static,
        F::Output: IntoServed<K>,
    {
        let at = Location::caller();
        async move {
            let listener = self.listener;
            let (pool, size) = match self.pool {
                Pool::Of(size) => (None, Some(size)),
                Pool::Given(pool) => (Some(pool), None),
            };
            let common = Common::new(size, L::name_after);
            let stop = &common.stop;
            if let Some(stopper) = &self.stopper {
                stopper.add(stop);
            }
            let handlers = self.drain.map(Handlers::new);
            while let Some(place) = stop.or(common.place(at), at).await {
                let place = match &pool {
                    None => Either::Left(place),
                    Some(pool) => {
                        let (slot, taken) = slot(at);
                        let worker = counted(&handlers, ServeOne::waiting(taken, place));
                        match stop.or(place_in(pool, worker), at).await {
                            Some(()) => Either::Right(slot),
                            None => break,
                        }
                    }
                };
                let Some(accepted) = stop.or(listener.accept_at(at), at).await else {
                    break;
                };
                let (stream, peer) = accepted?;
                // The handler's own code runs here until its future is made. A panic in it is
                // carried to the green thread of its connection, like one that comes later.
                let name = peer.clone();
                let made = catch_unwind(AssertUnwindSafe(|| handle(stream, peer)));
                let work = Work { peer: name, made };
                match place {
                    Either::Left(place) => {
                        spawn_n_at(at, counted(&handlers, ServeOne::new(work, place)));
                    }
                    Either::Right(slot) => slot.give(work),
                }
            }
            drop(listener);
            if let Some(handlers) = handlers {
                handlers.drain(&format!("server started at {at}")).await;
            }
            Ok(())
        }
    }
}

/// `worker`, counted if the server waits for its handlers.
fn counted<F: Future<Output = ()> + 'static>(
    handlers: &Option<Handlers>,
    worker: F,
) -> Either<F, LocalBoxFuture<'static, ()>> {
    match handlers {
        None => Either::Left(worker),
        Some(handlers) => Either::Right(handlers.counted(worker)),
    }
}

/// Starts `worker` in a pool that may be the caller's own.
///
/// A member of a full pool that spawns in it runs the job itself, at once. This job waits for a
/// connection that only its spawner can bring: it would wait for ever. So a full pool is asked from
/// outside.
async fn place_in<F: Future<Output = ()> + 'static>(pool: &GreenPool, worker: F) {
    let Err(PoolFull(worker)) = pool.try_spawn(worker) else {
        return;
    };
    let pool = pool.clone();
    let asking = evlet_hub::spawn(async move {
        pool.spawn_n(worker).await;
    });
    let asking = Asking(asking);
    let _ = asking.0.wait().await;
}

struct Asking(GreenThread<()>);

impl Drop for Asking {
    fn drop(&mut self) {
        drop(self.0.kill()); // takes effect without being awaited
    }
}

impl<L> fmt::Debug for Serve<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve").finish_non_exhaustive()
    }
}
