//! What one round of a [`DynamicLoopingCall`](crate::DynamicLoopingCall) says about the next.

use std::error::Error;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use crate::looping_call::run::Decision;

/// What a round decided.
#[derive(Debug)]
pub enum DynamicStep<R> {
    /// Call again after this pause, or after the maximum if that is shorter. Zero: after one turn
    /// for the others.
    After(Duration),
    /// Call again after the maximum.
    AfterMax,
    /// The loop is done, with this value.
    Done(R),
    /// The round failed. Whether the loop goes on is for its options to say.
    Failed(Arc<dyn Error + Send + Sync>),
}

/// What the function of a [`DynamicLoopingCall`](crate::DynamicLoopingCall) may return.
///
/// | returned | meaning |
/// | --- | --- |
/// | [`Duration`] | again after that pause |
/// | `Option<Duration>` | the same; `None`: after the maximum |
/// | `()` | again after the maximum |
/// | [`ControlFlow<R, N>`] with `N` one of these | `Continue(n)`: as `n` says; `Break(value)`: done, and `value` is what waiters get |
/// | `Result<S, E>` with `S` any of these | the same, or an error |
/// | [`DynamicStep<R>`] | what it says |
///
/// `E` is anything that becomes a `Box<dyn Error + Send + Sync>`: an error type, a text.
pub trait IntoDynamicStep {
    /// What waiters get when the loop is done.
    type Value: Clone + 'static;

    /// The decision.
    fn into_dynamic_step(self) -> DynamicStep<Self::Value>;
}

impl<R: Clone + 'static> IntoDynamicStep for DynamicStep<R> {
    type Value = R;

    fn into_dynamic_step(self) -> DynamicStep<R> {
        self
    }
}

macro_rules! says_when {
    ($when:ty, $next:ident => $step:expr) => {
        impl IntoDynamicStep for $when {
            type Value = ();

            fn into_dynamic_step(self) -> DynamicStep<()> {
                let $next = self;
                $step
            }
        }

        impl<R: Clone + 'static> IntoDynamicStep for ControlFlow<R, $when> {
            type Value = R;

            fn into_dynamic_step(self) -> DynamicStep<R> {
                match self {
                    ControlFlow::Continue($next) => $step,
                    ControlFlow::Break(value) => DynamicStep::Done(value),
                }
            }
        }
    };
}

says_when!((), _next => DynamicStep::AfterMax);
says_when!(Duration, next => DynamicStep::After(next));
says_when!(Option<Duration>, next => next.map_or(DynamicStep::AfterMax, DynamicStep::After));

impl<S, E> IntoDynamicStep for Result<S, E>
where
    S: IntoDynamicStep,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    type Value = S::Value;

    fn into_dynamic_step(self) -> DynamicStep<S::Value> {
        match self {
            Ok(step) => step.into_dynamic_step(),
            Err(error) => DynamicStep::Failed(Arc::from(error.into())),
        }
    }
}

impl<R> From<DynamicStep<R>> for Decision<Option<Duration>, R> {
    fn from(step: DynamicStep<R>) -> Self {
        match step {
            DynamicStep::After(pause) => Decision::Again(Some(pause)),
            DynamicStep::AfterMax => Decision::Again(None),
            DynamicStep::Done(value) => Decision::Done(value),
            DynamicStep::Failed(error) => Decision::Failed(error),
        }
    }
}
