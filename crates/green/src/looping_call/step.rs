//! What one round of a looping call says about the next.

use std::error::Error;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::looping_call::run::Decision;

/// What a round decided.
#[derive(Debug)]
pub enum Step<R> {
    /// Call again after the interval.
    Again,
    /// The loop is done, with this value.
    Done(R),
    /// The round failed. Whether the loop goes on is for its options to say.
    Failed(Arc<dyn Error + Send + Sync>),
}

/// What a looping call's function may return.
///
/// | returned | meaning |
/// | --- | --- |
/// | `()` | again, for ever |
/// | [`ControlFlow<R>`] | `Continue(())`: again; `Break(value)`: done, and `value` is what waiters get |
/// | `Result<(), E>`, `Result<ControlFlow<R>, E>` | the same, or an error |
/// | [`Step<R>`] | what it says |
///
/// `E` is anything that becomes a `Box<dyn Error + Send + Sync>`: an error type, a text.
/// `ControlFlow::Break` is what raising `LoopingCallDone` is in oslo.service.
pub trait IntoStep {
    /// What waiters get when the loop is done.
    type Value: Clone + 'static;

    /// The decision.
    fn into_step(self) -> Step<Self::Value>;
}

impl<R: Clone + 'static> IntoStep for Step<R> {
    type Value = R;

    fn into_step(self) -> Step<R> {
        self
    }
}

impl IntoStep for () {
    type Value = ();

    fn into_step(self) -> Step<()> {
        Step::Again
    }
}

impl<R: Clone + 'static> IntoStep for ControlFlow<R> {
    type Value = R;

    fn into_step(self) -> Step<R> {
        match self {
            ControlFlow::Continue(()) => Step::Again,
            ControlFlow::Break(value) => Step::Done(value),
        }
    }
}

impl<S, E> IntoStep for Result<S, E>
where
    S: IntoStep,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    type Value = S::Value;

    fn into_step(self) -> Step<S::Value> {
        match self {
            Ok(step) => step.into_step(),
            Err(error) => Step::Failed(Arc::from(error.into())),
        }
    }
}

impl<R> From<Step<R>> for Decision<(), R> {
    fn from(step: Step<R>) -> Self {
        match step {
            Step::Again => Decision::Again(()),
            Step::Done(value) => Decision::Done(value),
            Step::Failed(error) => Decision::Failed(error),
        }
    }
}
