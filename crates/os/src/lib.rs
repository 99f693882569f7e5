//! evlet-os: the rest of the system, without holding the hub.
//!
//! So far that is signals, as values one waits for:
//!
//! ```no_run
//! use evlet_os::signal;
//!
//! # fn main() -> std::io::Result<()> {
//! evlet_hub::run(async {
//!     let stop = signal::terminate()?;
//!     println!("working; SIGINT and SIGTERM end it in good order");
//!     let which = stop.await?;
//!     println!("stopped by {which}");
//!     Ok(())
//! })
//! # }
//! ```
//!
//! # What happens inside
//! No thread is started. A signal handler does nothing but write one byte to a pipe; the other end
//! of that pipe is an ordinary descriptor of the hub. Two descriptors for each listener.
//!
//! # Map
//! | module | idea |
//! |---|---|
//! | [`signal`] | signals as a stream, and the one future that every server wants |
//!
//! # Left out on purpose
//! Sockets are `evlet-net`'s. Processes, pipes, files and standard input and output will join here.
//! Unix only, as all of evlet.

#![forbid(unsafe_code)]

pub mod signal;
