//! The seam over system calls, so that a test can make any of them fail.
//!
//! Right before the hub or a crate above it makes a system call it passes [`gate`]. In normal life
//! that is one load and one branch. A test installs a fault function with
//! [`HubBuilder::faults`](crate::HubBuilder::faults) and answers some calls with an error number:
//! the call is then not made, and its caller sees the error as if the kernel had given it.
//!
//! ```
//! use evlet_hub::sys::{self, Call, CallKind, Fault};
//! let emfile = 24;
//! let hub = evlet_hub::Hub::builder()
//!     .faults(move |call| (call.kind == CallKind::Accept).then_some(Fault::Errno(emfile)))
//!     .build()?;
//! hub.run(async {
//!     let error = sys::gate(Call::new(CallKind::Accept, 7)).unwrap_err();
//!     assert_eq!(error.raw_os_error(), Some(24));
//!     assert!(sys::gate(Call::new(CallKind::Read, 7)).is_ok());
//! });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Beside the seam stand the few calls that rustix has no safe form of, for the crates above, which
//! have no `unsafe`: [`recv_many`], [`set_fast_open_queue`], [`set_fast_open_connect`].

#[cfg(any(target_os = "linux", target_os = "android"))]
#[allow(
    unsafe_code,
    reason = "calls that rustix has no safe form of; see the file's page"
)]
mod beyond_rustix;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod not_here;
mod received;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub use beyond_rustix::{RECV_AT_ONCE, recv_many, set_fast_open_connect, set_fast_open_queue};
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub use not_here::{RECV_AT_ONCE, recv_many, set_fast_open_connect, set_fast_open_queue};
pub use received::Received;

use std::io;

use crate::in_progress;
use crate::running;

/// The kind of a system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallKind {
    /// The hub's wait for events.
    Wait,
    /// Registering a descriptor.
    Register,
    /// Making a socket.
    Socket,
    /// Binding it.
    Bind,
    /// Listening.
    Listen,
    /// Accepting a connection.
    Accept,
    /// Connecting.
    Connect,
    /// Reading or receiving.
    Read,
    /// Writing or sending.
    Write,
    /// Shutting a direction down.
    Shutdown,
    /// Setting an option.
    SetOption,
    /// Any other.
    Other,
}

/// A system call that is about to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// Its kind.
    pub kind: CallKind,
    /// The descriptor it is about; -1 where there is none yet.
    pub fd: i32,
}

impl Call {
    /// A call of `kind` on `fd`; -1 for none.
    #[must_use]
    pub const fn new(kind: CallKind, fd: i32) -> Self {
        Call { kind, fd }
    }
}

/// What happens instead of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It fails with this error number.
    Errno(i32),
}

/// Asks whether `call` may be made.
///
/// # Errors
/// The error that the hub's fault function chose for this call.
#[inline]
pub fn gate(call: Call) -> io::Result<()> {
    match in_progress::with(|poll| poll.meets_faults.get()) {
        true => ask(call),
        false => Ok(()),
    }
}

#[cold]
fn ask(call: Call) -> io::Result<()> {
    match running::get().and_then(|core| core.fault(call)) {
        Some(Fault::Errno(number)) => Err(io::Error::from_raw_os_error(number)),
        None => Ok(()),
    }
}
