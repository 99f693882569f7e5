//! evlet-os: the rest of the system, without holding the hub.
//!
//! Signals, for example, are values one waits for:
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
//! A signal handler does nothing but write one byte to a pipe; the other end of that pipe is an
//! ordinary descriptor of the hub. Two descriptors for each listener. Pipes, terminals and the like
//! are descriptors of the hub as well. Files are not: calls on them run on green's pool of threads.
//!
//! # Map
//! | module | idea |
//! |---|---|
//! | [`fs`] | files and directories, with the standard library's names |
//! | [`pipe`](mod@pipe) | pipes, and other descriptors as streams of bytes |
//! | [`process`] | child processes: started, fed, read, awaited, ended, never left behind |
//! | [`select`] | the first of several descriptors |
//! | [`signal`] | signals as a stream, and the one future that every server wants |
//! | [`stdio`] | standard input, output and error |
//!
//! # Left out on purpose
//! Sockets are `evlet-net`'s. Unix only, as all of evlet.

#![forbid(unsafe_code)]

pub mod fs;
pub mod pipe;
pub mod process;
pub mod select;
pub mod signal;
pub mod stdio;
