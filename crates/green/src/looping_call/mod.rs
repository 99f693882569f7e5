//! Functions called again and again, after oslo.service's `loopingcall` module.
//!
//! A looping call is a green thread that calls one function in a loop, until the function says that
//! it is done, fails, or somebody stops it. What is left in the hands of who started it is a
//! [`LoopingCall`]. Which one for what:
//!
//! | loop | the next call comes | its function returns |
//! | --- | --- | --- |
//! | [`FixedIntervalLoopingCall`] | one interval after the last one *started* | [`IntoStep`] |
//! | [`FixedIntervalWithTimeoutLoopingCall`] | the same, for a limited time | [`IntoStep`] |
//! | [`DynamicLoopingCall`] | when the last one said | [`IntoDynamicStep`] |
//! | [`BackOffLoopingCall`] | after longer and longer pauses, until something is achieved | [`IntoBackOffStep`] |
//!
//! Each can be [isolated](FixedIntervalLoopingCall::isolated): it then runs on an OS thread with a hub
//! of its own, and what is left in one's hands is an [`IsolatedLoopingCall`].
//!
//! A loop inherits the deadline of who starts it, as every green thread does: right for a part of a request, which is over with it, and
//! wrong for a heartbeat that a request happens to start, whose own limits would soon be over at once. Start that
//! one [without](evlet_hub::without_deadline):
//!
//! ```
//! use evlet_green::FixedIntervalLoopingCall;
//! use evlet_hub::{sleep, within, without_deadline};
//! use std::time::Duration;
//! const SECOND: Duration = Duration::from_secs(1);
//!
//! # let hub = evlet_hub::Hub::builder().virtual_time(true).build()?;
//! # hub.run(async {
//! let request = within(SECOND, async {
//!     let beat = async || within(SECOND, sleep(SECOND / 2)).await.expect("in its own time");
//!     without_deadline(async { FixedIntervalLoopingCall::new(beat).start(SECOND) }).await
//! });
//! let heart = request.await.expect("started in time");
//! sleep(10 * SECOND).await; // the request is long over
//! assert!(heart.is_running());
//! # heart.stop();
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Nothing is ever caught up with: a loop that fell behind goes on from where it is. To try one thing
//! again until it works, there is [`retry`](crate::retry()).

mod step;

mod fixed;
mod fixed_with_timeout;

mod dynamic;
mod dynamic_step;

mod back_off;
mod back_off_step;

mod handle; // what is left in the hands of who started it
mod outcome; // how it ends
mod run; // the loop that all share

mod isolated; // on a thread of its own
mod isolated_handle;

pub use back_off::BackOffLoopingCall;
pub use back_off_step::{BackOffStep, IntoBackOffStep};
pub use dynamic::DynamicLoopingCall;
pub use dynamic_step::{DynamicStep, IntoDynamicStep};
pub use fixed::FixedIntervalLoopingCall;
pub use fixed_with_timeout::FixedIntervalWithTimeoutLoopingCall;
pub use handle::{LoopWait, LoopingCall};
pub use isolated::Isolated;
pub use isolated_handle::{IsolatedLoopWait, IsolatedLoopingCall};
pub use outcome::LoopError;
pub use step::{IntoStep, Step};
