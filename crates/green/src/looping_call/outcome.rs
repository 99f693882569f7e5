//! How a looping call ends.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Why a looping call ended without a value. Every waiter gets a clone.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum LoopError {
    /// It was stopped, or its hub went, before its function said that it was done.
    Stopped,
    /// Its function failed with this error.
    Failed(Arc<dyn Error + Send + Sync>),
    /// Its function, or what else of the user's it calls, panicked with this message.
    Panicked(String),
    /// It was not done in time.
    #[non_exhaustive]
    TimedOut {
        /// How long it took: since the start, or, of a loop that backs off, its pauses and the one
        /// that was to come.
        after: Duration,
        /// How long it might have taken.
        limit: Duration,
    },
    /// Its function did not say when to be called next, and the loop has no maximum that says it.
    NoInterval,
    /// The loop has not ended: this wait was inside a call of its own function, and would have kept
    /// the loop from ever ending.
    WaitsForItself,
}

impl fmt::Display for LoopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoopError::Stopped => f.write_str("the looping call was stopped before it was done"),
            LoopError::Failed(error) => write!(f, "the looping call failed: {error}"),
            LoopError::Panicked(message) => write!(f, "the looping call panicked: {message}"),
            LoopError::TimedOut { after, limit } => write!(
                f,
                "the looping call timed out after {after:.2?}, over its limit of {limit:?}"
            ),
            LoopError::NoInterval => f.write_str(
                "the looping call's function did not say when to be called next: return a \
                 duration, or set `periodic_interval_max`",
            ),
            LoopError::WaitsForItself => f.write_str(
                "a looping call's function waited for the end of its own loop: wait elsewhere, or \
                 end the loop by what the function returns",
            ),
        }
    }
}

impl Error for LoopError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            LoopError::Failed(error) => Some(&**error),
            _ => None,
        }
    }
}

/// What waiters get from a loop that was stopped: a loop that never has a value (`R` is `()`) has
/// ended as it should; one that was to find a value has not found it.
pub(super) fn stopped<R: Clone + 'static>() -> Result<R, LoopError> {
    let unit: &dyn Any = &();
    unit.downcast_ref::<R>().cloned().ok_or(LoopError::Stopped)
}
