//! The loop that all kinds share.
//!
//! A kind of looping call is a [`Pace`]: it decides when the next call comes. Everything else is here,
//! once: the initial delay, the call, what its result means, the stop, the end.

use std::any::Any;
use std::error::Error;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use evlet_hub::report::{Report, message_of_caught, report};
use evlet_hub::{Sleep, sleep, spawn_at};
use futures::FutureExt;

use crate::looping_call::handle::Shared;
use crate::looping_call::outcome::stopped;
use crate::looping_call::{LoopError, LoopingCall};

/// What one call decided. `A` is what it says about the next one.
pub(super) enum Decision<A, R> {
    Again(A),
    Done(R),
    Failed(Arc<dyn Error + Send + Sync>),
}

/// When the calls of a loop come. `O` is what its function returns.
pub(super) trait Pace<O> {
    /// What a call says about the next one.
    type Again;
    /// What waiters get when the loop is done.
    type Value: Clone + 'static;

    /// What a call decided.
    fn read(returned: O) -> Decision<Self::Again, Self::Value>;

    /// The loop starts: before the initial delay.
    fn begin(&mut self) {}

    /// A call starts.
    fn starts(&mut self, _name: &str) {}

    /// The pause until the next call. `None`: the call failed, and the loop goes on.
    ///
    /// # Errors
    /// There is to be no next call.
    fn pause(&mut self, again: Option<Self::Again>, name: &str) -> Result<Sleep, LoopError>;
}

/// What every kind can be told before it starts.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) initial_delay: Duration,
    pub(super) stop_on_error: bool,
    pub(super) name: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            initial_delay: Duration::ZERO,
            stop_on_error: true,
            name: None,
        }
    }
}

impl Options {
    /// What reports call the loop.
    pub(super) fn name(&self, at: &'static Location<'static>) -> String {
        let given = self.name.clone();
        given.unwrap_or_else(|| format!("the looping call started at {at}"))
    }
}

/// Starts a loop in a green thread of its own.
#[track_caller]
pub(super) fn start<F, C, P>(
    options: Options,
    f: F,
    pace: P,
    at: &'static Location<'static>,
) -> LoopingCall<P::Value>
where
    F: FnMut() -> C + 'static,
    C: Future + 'static,
    P: Pace<C::Output> + 'static,
{
    let name = options.name(at);
    let shared = Shared::new(name.clone());
    let looping = run(options, f, pace, Ending(Rc::clone(&shared)));
    let thread = spawn_at(at, looping).named(name);
    shared.runs_in(thread);
    LoopingCall::new(shared)
}

async fn run<F, C, P>(options: Options, mut f: F, mut pace: P, ending: Ending<P::Value>)
where
    F: FnMut() -> C,
    C: Future,
    P: Pace<C::Output>,
{
    let shared = &ending.0;
    pace.begin();
    if !options.initial_delay.is_zero() {
        sleep(options.initial_delay).await;
    }
    let end = loop {
        pace.starts(&shared.name);
        if shared.is_stopped() {
            return; // by who heard that it is late
        }
        let result = one_call::<_, _, P>(&mut f, shared).await;
        if shared.is_stopped() {
            return;
        }
        let decision = match result {
            Ok(Decision::Done(value)) => break Ok(value),
            Ok(Decision::Failed(error)) if options.stop_on_error => {
                break Err(LoopError::Failed(error));
            }
            Ok(decision) => decision,
            Err(payload) => break Err(panicked(payload)),
        };
        // How an error shows itself, and a draw, are the user's code as well.
        let next = AssertUnwindSafe(|| {
            let again = match decision {
                Decision::Again(again) => Some(again),
                Decision::Failed(error) => {
                    tell(&shared.name, format!("failed, goes on: {error}"));
                    None
                }
                Decision::Done(_) => None,
            };
            pace.pause(again, &shared.name)
        });
        match catch_unwind(next) {
            Ok(Ok(pause)) => pause.await,
            Ok(Err(error)) => break Err(error),
            Err(payload) => break Err(panicked(payload)),
        }
    };
    let untold = end.as_ref().err().filter(|_| !shared.has_waiters());
    let untold = untold.cloned();
    shared.end(end);
    if let Some(error) = untold {
        tell(&shared.name, format!("ended: {error}"));
    }
}

fn panicked(payload: Box<dyn Any + Send>) -> LoopError {
    LoopError::Panicked(message_of_caught(payload))
}

/// Calls the function and waits for what it returns; a panic of either is a value.
async fn one_call<F, C, P>(
    f: &mut F,
    shared: &Shared<P::Value>,
) -> Result<Decision<P::Again, P::Value>, Box<dyn Any + Send>>
where
    F: FnMut() -> C,
    C: Future,
    P: Pace<C::Output>,
{
    shared.set_in_call(true);
    let call = AssertUnwindSafe(async { P::read(f().await) });
    let result = call.catch_unwind().await;
    shared.set_in_call(false);
    result
}

/// Sees to it that waiters never hang: whichever way the green thread ends, and if it never
/// starts, the loop has ended.
struct Ending<R: Clone + 'static>(Rc<Shared<R>>);

impl<R: Clone + 'static> Drop for Ending<R> {
    fn drop(&mut self) {
        self.0.end(stopped());
    }
}

/// Tells the operator something about the loop called `name`.
pub(super) fn tell(name: &str, message: String) {
    report(Report::notice(name, message));
}
