//! Functions called again and again, after oslo.service's `loopingcall` module.
//!
//! A looping call is a green thread that calls one function in a loop, until the function says that
//! it is done, fails, or somebody stops it. Here is the loop with a fixed interval,
//! [`FixedIntervalLoopingCall`]; what a round may return is [`IntoStep`]; what is left in the hands
//! of who started it is a [`LoopingCall`].

mod fixed;
mod handle;
mod outcome;
mod step;

pub use fixed::FixedIntervalLoopingCall;
pub use handle::{LoopWait, LoopingCall};
pub use outcome::LoopError;
pub use step::{IntoStep, Step};
