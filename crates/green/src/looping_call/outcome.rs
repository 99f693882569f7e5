//! How a looping call ends.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Why a looping call ended without a value. Every waiter gets a clone.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum LoopError {
    /// It was stopped, or its hub went, before its function said that it was done.
    Stopped,
    /// Its function failed with this error.
    Failed(Arc<dyn Error + Send + Sync>),
    /// Its function panicked with this message.
    Panicked(String),
}

impl fmt::Display for LoopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoopError::Stopped => f.write_str("the looping call was stopped before it was done"),
            LoopError::Failed(error) => write!(f, "the looping call failed: {error}"),
            LoopError::Panicked(message) => write!(f, "the looping call panicked: {message}"),
        }
    }
}

impl Error for LoopError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            LoopError::Failed(error) => Some(&**error),
            LoopError::Stopped | LoopError::Panicked(_) => None,
        }
    }
}

/// What waiters get from a loop that was stopped: a loop that never has a value (`R` is `()`) has
/// ended as it should; one that was to find a value has not found it.
pub(super) fn stopped<R: Clone + 'static>() -> Result<R, LoopError> {
    let unit: &dyn Any = &();
    unit.downcast_ref::<R>().cloned().ok_or(LoopError::Stopped)
}
