//! Clean-up that may await.
//!
//! Cancelling is dropping, and a destructor cannot await. So what has to be awaited on the way out (a
//! message of farewell, a lock to be given back over the network) is handed to a green thread of its own,
//! which has a limited time for it.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::time::Duration;

use evlet_hub::{Report, is_running, report, set_name, spawn_n_at, timeout, without_deadline};

/// How long a clean-up may take where [`OnCancel::budget`] says nothing: five seconds.
pub const CLEAN_UP_BUDGET: Duration = Duration::from_secs(5);

/// Has `clean_up` done if the code around it is given up: when the returned guard is dropped without
/// having been [disarmed](OnCancel::disarm), which is what a kill, a timeout or a scope that ends does to it. So does
/// an early return, a `?` or a panic.
///
/// The clean-up then runs as a green thread of its own, named `clean-up`, which begins after those that are
/// ready already. It has the locals of who was given up, no deadline, and a [budget](OnCancel::budget): when
/// that is used up it is dropped, and the operator is told. `kill().await` waits until the killed one is
/// gone, and not for its clean-up.
///
/// Where no hub runs on this thread any more, or the hub itself is ending, nothing can be awaited: the clean-up is
/// dropped, and the operator is told. What must happen even then belongs into a destructor.
///
/// # Example
/// ```
/// use evlet_green::{Event, on_cancel};
/// use evlet_hub::{run, sleep, spawn, yield_now};
/// use std::time::Duration;
///
/// run(async {
///     let farewell = Event::new();
///     let goodbye = farewell.clone();
///     let session = spawn(async move {
///         let leave = on_cancel(async move {
///             sleep(Duration::from_millis(1)).await; // says goodbye to the peer
///             goodbye.send("left in good order").unwrap();
///         });
///         sleep(Duration::from_secs(3600)).await;
///         leave.disarm();
///     });
///     yield_now().await;
///     session.kill();
///     assert_eq!(farewell.wait().await, "left in good order");
/// });
/// ```
#[track_caller]
pub fn on_cancel<F>(clean_up: F) -> OnCancel<F>
where
    F: Future<Output = ()> + 'static,
{
    OnCancel {
        clean_up: Some(clean_up),
        budget: CLEAN_UP_BUDGET,
        at: Location::caller(),
    }
}

/// The guard of [`on_cancel`].
#[must_use = "dropping it at once starts the clean-up"]
pub struct OnCancel<F>
where
    F: Future<Output = ()> + 'static,
{
    clean_up: Option<F>,
    budget: Duration,
    at: &'static Location<'static>,
}

impl<F> OnCancel<F>
where
    F: Future<Output = ()> + 'static,
{
    /// How long the clean-up may take, from its first await on. Zero gives it one turn.
    pub fn budget(mut self, budget: Duration) -> Self {
        self.budget = budget;
        self
    }

    /// The code around it has come to its end: nothing has to be cleaned up.
    pub fn disarm(mut self) {
        drop(self.clean_up.take());
    }
}

impl<F> Drop for OnCancel<F>
where
    F: Future<Output = ()> + 'static,
{
    fn drop(&mut self) {
        let Some(clean_up) = self.clean_up.take() else {
            return;
        };
        let (budget, at) = (self.budget, self.at);
        let begun = Begun { at, is_done: false };
        if !is_running() {
            return drop(begun);
        }
        spawn_n_at(at, async move {
            let mut begun = begun;
            set_name("clean-up");
            let done = timeout(budget, without_deadline(clean_up)).await;
            begun.is_done = true;
            if done.is_err() {
                let message = format!("set up at {at}: given up after its budget of {budget:?}");
                report(Report::notice("a clean-up took too long", message));
            }
        });
    }
}

/// Tells of one that never came to its end.
struct Begun {
    at: &'static Location<'static>,
    is_done: bool,
}

impl Drop for Begun {
    fn drop(&mut self) {
        if !self.is_done && !std::thread::panicking() {
            let message = format!("set up at {}: the hub is ending or gone", self.at);
            report(Report::notice("a clean-up could not be done", message));
        }
    }
}

impl<F> fmt::Debug for OnCancel<F>
where
    F: Future<Output = ()> + 'static,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnCancel")
            .field("budget", &self.budget)
            .field("at", &format_args!("{}", self.at))
            .finish_non_exhaustive()
    }
}
