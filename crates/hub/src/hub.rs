//! `Hub`: what a thread runs.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::pin;
use std::rc::Rc;

use crate::builder::HubBuilder;
use crate::core::Core;
use crate::deadlock::DeadlockReport;
use crate::handle::HubHandle;
use crate::running;
use crate::shutdown::shut_down;
use crate::stats::Stats;
use crate::task::GreenThreadInfo;
use crate::turn::drive;

/// Runs `root` on a new hub of this thread and returns what it returns.
///
/// Green threads that it leaves behind are dropped with the hub, as a program's are when its main
/// function returns.
///
/// # Panics
/// When a hub runs on this thread already; when the system gives no descriptors for a new one; when
/// every green thread waits for another one ([`Hub::try_run`] gives that as an error); and with
/// whatever panic leaves `root`.
///
/// # Example
/// ```
/// use evlet_hub::{run, spawn};
/// let answer = run(async {
///     let six = spawn(async { 6 });
///     six.wait().await.unwrap() * 7
/// });
/// assert_eq!(answer, 42);
/// ```
#[track_caller]
pub fn run<F: Future>(root: F) -> F::Output {
    match Hub::new() {
        Ok(hub) => hub.run(root),
        Err(error) => panic!("evlet: no hub could be made: {error}"),
    }
}

/// The loop that runs green threads on this thread: executor, reactor, timers and clock.
///
/// [`run`] makes one for a single use. Make one yourself to choose options ([`Hub::builder`]), to
/// run several futures after another on it, or to ask it questions. Several hubs live side by side
/// on several threads and share nothing. Between two runs its green threads stand still.
///
/// Dropping it drops all its green threads in the order in which they were spawned, then timers,
/// then descriptors.
///
/// A hub stays on its thread:
/// ```compile_fail
/// fn assert_send<T: Send>() {}
/// assert_send::<evlet_hub::Hub>();
/// ```
#[derive(Debug)]
pub struct Hub {
    core: Rc<Core>,
}

thread_local! {
    /// Who called the run in progress on this thread.
    static RUNNING_AT: Cell<Option<&'static Location<'static>>> = const { Cell::new(None) };
}

impl Hub {
    /// A hub with the default options.
    ///
    /// # Errors
    /// When the system has no descriptors left for it.
    pub fn new() -> io::Result<Hub> {
        Hub::builder().build()
    }

    /// Options for a hub.
    pub fn builder() -> HubBuilder {
        HubBuilder::new()
    }

    pub(crate) fn from_core(core: Rc<Core>) -> Self {
        Hub { core }
    }

    /// Runs `root` and returns what it returns. Other green threads run meanwhile and stand still
    /// afterwards, until the next run. `root` may borrow from around the call.
    ///
    /// # Panics
    /// Where [`try_run`](Self::try_run) gives an error, with its text; and with whatever panic
    /// leaves `root`.
    #[track_caller]
    pub fn run<F: Future>(&self, root: F) -> F::Output {
        match self.try_run(root) {
            Ok(output) => output,
            Err(error) => panic!("{error}"),
        }
    }

    /// [`run`](Self::run) whose failures are values.
    ///
    /// # Errors
    /// [`RunError::Nested`] when a hub runs on this thread already, [`RunError::Deadlock`] when
    /// nothing can ever run again, [`RunError::Stopped`] after [`HubHandle::stop`],
    /// [`RunError::Forked`] in a process that was forked from the one in which the hub was made.
    ///
    /// # Panics
    /// With whatever panic leaves `root`.
    #[track_caller]
    pub fn try_run<F: Future>(&self, root: F) -> Result<F::Output, RunError> {
        let called_at = Location::caller();
        if running::is_running() {
            let outer = RUNNING_AT.get().unwrap_or(called_at);
            return Err(RunError::Nested(Nested {
                outer,
                inner: called_at,
            }));
        }
        let made_in = self.core.remote.birthplace;
        if !made_in.is_here() {
            return Err(RunError::Forked {
                made_in: made_in.id(),
            });
        }
        let before = RUNNING_AT.replace(Some(called_at));
        let entered = running::enter(Rc::clone(&self.core));
        let guard = Leave { entered, before };
        let result = drive(&self.core, called_at, pin!(root));
        drop(guard);
        result
    }

    /// A handle for other threads.
    #[must_use]
    pub fn handle(&self) -> HubHandle {
        HubHandle::new(&self.core.remote)
    }

    /// The hub's numbers.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.core.stats()
    }

    /// Every green thread that is alive, in the order of spawning: its name, where it was spawned,
    /// where it waits and for what. Takes time in proportion to their number.
    #[must_use]
    pub fn green_threads(&self) -> Vec<GreenThreadInfo> {
        self.core.green_threads()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        shut_down(&self.core);
    }
}

/// Every green thread of the running hub that is alive: see [`Hub::green_threads`]. Empty outside a
/// hub.
pub fn green_threads() -> Vec<GreenThreadInfo> {
    running::get().map_or_else(Vec::new, |core| core.green_threads())
}

/// Leaves the hub, however the run ends.
struct Leave {
    #[expect(dead_code, reason = "held for its drop")]
    entered: running::Entered,
    before: Option<&'static Location<'static>>,
}

impl Drop for Leave {
    fn drop(&mut self) {
        RUNNING_AT.set(self.before);
    }
}

/// Why a run ended without a result.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// A hub runs on this thread already.
    Nested(Nested),
    /// Every green thread waits for another one.
    Deadlock(DeadlockReport),
    /// [`HubHandle::stop`] was called.
    Stopped,
    /// The hub was made in another process, of which this one is a fork. Both would take their
    /// descriptors out of one set: make a new hub here.
    Forked {
        /// The number of the process in which it was made.
        made_in: u32,
    },
}

/// A run inside a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Nested {
    /// The line of the run in progress.
    pub outer: &'static Location<'static>,
    /// The line of the run that was refused.
    pub inner: &'static Location<'static>,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Nested(Nested { outer, inner }) => write!(
                f,
                "a hub cannot run inside a hub: run was called at {inner} while the one called at \
                 {outer} is in progress on this thread; await the future there, or run the second \
                 hub on a thread of its own"
            ),
            RunError::Deadlock(report) => fmt::Display::fmt(report, f),
            RunError::Stopped => write!(
                f,
                "the hub was stopped through its HubHandle before the future given to run was done; \
                 use try_run where that is expected"
            ),
            RunError::Forked { made_in } => write!(
                f,
                "the hub was made in process {made_in} and this is its fork, process {}: make a new \
                 hub after a fork",
                std::process::id()
            ),
        }
    }
}

impl Error for RunError {}
