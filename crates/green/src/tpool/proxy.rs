//! An object whose calls run on the pool's threads.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use evlet_hub::wait::{WaitKind, WaitsOn, park};
use evlet_hub::{ClockHold, hold_clock};

use crate::tpool::execute::{Execute, execute_at};
use crate::tpool::turns::Turns;
use crate::wait_list::Key;

/// An object that blocks, used from green threads: each call runs on a thread of the pool, one at a
/// time, in the order in which the calls were first polled.
///
/// For what has blocking methods and is used again and again, such as a connection to a database
/// or an open file: eventlet's `tpool.Proxy`. There every method becomes such a call by itself;
/// here [`call`](Proxy::call) is given a closure, which may use several methods in one go.
///
/// A clone is another handle of the same object. Handles may be sent to other threads: calls from
/// several hubs stand in one line. While one call is under way the others wait on their hubs, and
/// occupy no thread of the pool.
///
/// The object is dropped with the last handle, by whoever drops that. If its destructor blocks, keep
/// an `Option` in the proxy and end with `proxy.call(|object| drop(object.take()))`.
///
/// # Example
/// ```
/// use std::io::{Read, Seek, SeekFrom};
///
/// use evlet_green::tpool::{Proxy, execute};
///
/// evlet_hub::run(async {
///     let file = execute(|| std::fs::File::open("Cargo.toml")).await.unwrap();
///     let file = Proxy::new(file);
///     let text = file.call(|file| {
///         file.seek(SeekFrom::Start(0))?;
///         std::io::read_to_string(file)
///     });
///     assert!(text.await.unwrap().contains("evlet-green"));
/// });
/// ```
pub struct Proxy<T> {
    turns: Arc<Turns<T>>,
}

impl<T: Send + 'static> Proxy<T> {
    /// A proxy of `object`. No thread is started before the first call.
    pub fn new(object: T) -> Self {
        Proxy {
            turns: Arc::new(Turns::new(object)),
        }
    }

    /// Runs `call` with the object on a thread of the pool; the caller waits for its result while
    /// others run.
    ///
    /// # Panics
    /// Passes on the panic of `call`. The object stays as that left it, and the next call has it.
    ///
    /// When it is awaited inside a call of the same object (by a hub that the call runs): it would wait
    /// for itself.
    ///
    /// # Cancel safety
    /// Dropping the future before the call was started removes it: it never runs. A call under way
    /// goes on and its result is dropped, on the hub's thread; the next call waits until it is over.
    #[track_caller]
    pub fn call<F, R>(&self, call: F) -> Call<T, F, R>
    where
        F: FnOnce(&mut T) -> R + Send + 'static,
        R: Send + 'static,
    {
        Call {
            turns: Arc::clone(&self.turns),
            stage: Stage::New(call),
            place: None,
            held: None,
            at: Location::caller(),
        }
    }

    /// The object itself.
    ///
    /// # Errors
    /// Gives the handle back while there are others, or a call is under way, even one that was given
    /// up.
    pub fn into_inner(self) -> Result<T, Proxy<T>> {
        match Arc::try_unwrap(self.turns) {
            Ok(turns) => Ok(turns.into_object()),
            Err(turns) => Err(Proxy { turns }),
        }
    }
}

impl<T> Clone for Proxy<T> {
    fn clone(&self) -> Self {
        Proxy {
            turns: Arc::clone(&self.turns),
        }
    }
}

/// Says whether the object is in use, not what it is: to look at it would be a call.
impl<T> fmt::Debug for Proxy<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (in_use, waiting) = self.turns.look();
        f.debug_struct("Proxy")
            .field("in_use", &in_use)
            .field("waiting", &waiting)
            .finish_non_exhaustive()
    }
}

/// The future of [`Proxy::call`].
///
/// # Cancel safety
/// See [`Proxy::call`].
#[must_use = "futures do nothing unless awaited"]
pub struct Call<T, F, R: Send + 'static> {
    turns: Arc<Turns<T>>,
    stage: Stage<F, R>,
    /// In the line before the object.
    place: Option<Key>,
    held: Option<ClockHold>,
    at: &'static Location<'static>,
}

enum Stage<F, R: Send + 'static> {
    New(F),
    /// It has the turn.
    Running(Execute<Job<R>, R>),
    Done,
}

type Job<R> = Box<dyn FnOnce() -> R + Send>;

impl<T, F, R> Future for Call<T, F, R>
where
    T: Send + 'static,
    F: FnOnce(&mut T) -> R + Send + 'static,
    R: Send + 'static,
{
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        if self.turns.is_in_use_here() {
            panic!(
                "the call at {} is made inside a call of the same proxy, for whose end it would wait: \
                 use the object that the outer call was given",
                self.at
            );
        }
        let this = &mut *self;
        let mut running = match std::mem::replace(&mut this.stage, Stage::Done) {
            Stage::Running(running) => running,
            Stage::New(call) => match this.turns.take(&mut this.place, cx.waker()) {
                Some(turn) => {
                    let job: Job<R> = Box::new(move || turn.run(call));
                    execute_at(job, this.at)
                }
                None => {
                    // The turn comes from a thread of the pool, so virtual time must not run on.
                    this.held.get_or_insert_with(hold_clock);
                    this.stage = Stage::New(call);
                    park(WaitsOn::new(WaitKind::Blocking, 0), this.at);
                    return Poll::Pending;
                }
            },
            Stage::Done => panic!(
                "the future created at {} was polled after it was done",
                this.at
            ),
        };
        let polled = Pin::new(&mut running).poll(cx);
        if polled.is_pending() {
            this.stage = Stage::Running(running);
        }
        // From the first poll on, the running call holds the clock itself.
        this.held = None;
        polled
    }
}

/// The call is moved to its thread, never pinned.
impl<T, F, R: Send + 'static> Unpin for Call<T, F, R> {}

impl<T, F, R: Send + 'static> Drop for Call<T, F, R> {
    fn drop(&mut self) {
        self.turns.leave(&mut self.place);
    }
}

impl<T, F, R: Send + 'static> fmt::Debug for Call<T, F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::New(_) if self.place.is_some() => "waits for its turn",
            Stage::New(_) => "new",
            Stage::Running(_) => "runs",
            Stage::Done => "done",
        };
        f.debug_struct("Call")
            .field("at", &format_args!("{}", self.at))
            .field("stage", &stage)
            .finish_non_exhaustive()
    }
}
