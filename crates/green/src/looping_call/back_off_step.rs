//! What one round of a [`BackOffLoopingCall`](crate::BackOffLoopingCall) says about the next.

use std::error::Error;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::looping_call::run::Decision;

/// What a round decided.
#[derive(Debug)]
pub enum BackOffStep<R> {
    /// Something was achieved: call again after the starting interval.
    Progress,
    /// Nothing was: call again after a longer pause.
    BackOff,
    /// The loop is done, with this value.
    Done(R),
    /// The round failed. Whether the loop goes on is for its options to say.
    Failed(Arc<dyn Error + Send + Sync>),
}

/// What the function of a [`BackOffLoopingCall`](crate::BackOffLoopingCall) may return.
///
/// | returned | meaning |
/// | --- | --- |
/// | `bool` | `true`: something was achieved, the pauses begin anew; `false`: back off |
/// | `()` | back off |
/// | [`ControlFlow<R, N>`] with `N` one of these | `Continue(n)`: as `n` says; `Break(value)`: done, and `value` is what waiters get |
/// | `Result<S, E>` with `S` any of these | the same, or an error |
/// | [`BackOffStep<R>`] | what it says |
///
/// `E` is anything that becomes a `Box<dyn Error + Send + Sync>`: an error type, a text.
pub trait IntoBackOffStep {
    /// What waiters get when the loop is done.
    type Value: Clone + 'static;

    /// The decision.
    fn into_back_off_step(self) -> BackOffStep<Self::Value>;
}

impl<R: Clone + 'static> IntoBackOffStep for BackOffStep<R> {
    type Value = R;

    fn into_back_off_step(self) -> BackOffStep<R> {
        self
    }
}

impl IntoBackOffStep for bool {
    type Value = ();

    fn into_back_off_step(self) -> BackOffStep<()> {
        achieved(self)
    }
}

impl IntoBackOffStep for () {
    type Value = ();

    fn into_back_off_step(self) -> BackOffStep<()> {
        BackOffStep::BackOff
    }
}

impl<R: Clone + 'static> IntoBackOffStep for ControlFlow<R, bool> {
    type Value = R;

    fn into_back_off_step(self) -> BackOffStep<R> {
        match self {
            ControlFlow::Continue(progress) => achieved(progress),
            ControlFlow::Break(value) => BackOffStep::Done(value),
        }
    }
}

impl<R: Clone + 'static> IntoBackOffStep for ControlFlow<R> {
    type Value = R;

    fn into_back_off_step(self) -> BackOffStep<R> {
        match self {
            ControlFlow::Continue(()) => BackOffStep::BackOff,
            ControlFlow::Break(value) => BackOffStep::Done(value),
        }
    }
}

impl<S, E> IntoBackOffStep for Result<S, E>
where
    S: IntoBackOffStep,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    type Value = S::Value;

    fn into_back_off_step(self) -> BackOffStep<S::Value> {
        match self {
            Ok(step) => step.into_back_off_step(),
            Err(error) => BackOffStep::Failed(Arc::from(error.into())),
        }
    }
}

fn achieved<R>(progress: bool) -> BackOffStep<R> {
    match progress {
        true => BackOffStep::Progress,
        false => BackOffStep::BackOff,
    }
}

/// `true`: something was achieved.
impl<R> From<BackOffStep<R>> for Decision<bool, R> {
    fn from(step: BackOffStep<R>) -> Self {
        match step {
            BackOffStep::Progress => Decision::Again(true),
            BackOffStep::BackOff => Decision::Again(false),
            BackOffStep::Done(value) => Decision::Done(value),
            BackOffStep::Failed(error) => Decision::Failed(error),
        }
    }
}
