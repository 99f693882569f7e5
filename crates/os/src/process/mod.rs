//! Child processes, without holding the hub while they run.
//!
//! [`Command`] has the names of [`std::process::Command`]; what waits there is a future here.
//!
//! ```
//! use evlet_os::process::Command;
//!
//! evlet_hub::run(async {
//!     let said = Command::new("echo").arg("hello").output().await?;
//!     assert!(said.status.success());
//!     assert_eq!(said.stdout, b"hello\n");
//!     std::io::Result::Ok(())
//! })?;
//! # std::io::Result::Ok(())
//! ```
//!
//! A child's streams are pipes of [`pipe`](crate::pipe), with the traits of `futures::io`:
//!
//! ```
//! use evlet_os::process::{Command, Stdio};
//! use futures::{AsyncBufReadExt, StreamExt, io::BufReader};
//!
//! evlet_hub::run(async {
//!     let mut child = Command::new("printf").arg("one\ntwo\n").stdout(Stdio::piped()).spawn()?;
//!     let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
//!     assert_eq!(lines.next().await.unwrap()?, "one");
//!     assert_eq!(lines.next().await.unwrap()?, "two");
//!     assert!(child.wait().await?.success());
//!     std::io::Result::Ok(())
//! })?;
//! # std::io::Result::Ok(())
//! ```
//!
//! # What one may rely on
//! * **No zombie, by any path.** An awaited child is reaped when it has ended. A [`Child`] that is
//!   dropped before goes to a thread of its own, which sleeps in one system call until the child ends
//!   and is gone when it has none left. Only children that this module started are reaped, never
//!   those of others.
//! * **Dropping does not kill**, as in the standard library, unless
//!   [`Command::kill_on_drop`] says so.
//! * **Output is read while it is written**, from both streams at once, and input is written meanwhile
//!   ([`Child::communicate`]): no full pipe makes the two wait for each other.
//! * **Errors name the command** ([`CommandError`], inside an [`io::Error`](std::io::Error)): a program
//!   that is not there, a limit that was reached, too much output.
//! * Giving up a wait loses nothing: an exit that came is kept for the next wait.
//!
//! # What happens inside
//! On Linux a child is watched through a pidfd, one descriptor that becomes readable when it ends, for
//! as long as somebody waits for it. Elsewhere, and where the kernel has no pidfd, SIGCHLD is listened
//! for. Starting a program holds the hub for the millisecond or so that the kernel needs for it.
//!
//! # Left out
//! `pre_exec` of the standard library is unsafe: [`Command::as_std_mut`] gives access to it. Replacing
//! the running program (`exec`) needs no hub.

mod child; // Child: one that was started
mod command; // Command: how to start one
mod error; // CommandError: what happened to which command
mod gather; // input written, both outputs read, the end awaited
mod reaper; // takes those that nobody waits for
mod run; // output() and status() of a command
mod running; // the process itself: watched, signalled, reaped
mod waits; // the futures that wait for the end

pub use std::process::{ExitStatus, Output, Stdio};

pub use child::Child;
pub use command::Command;
pub use error::{CommandError, CommandProblem};
pub use gather::Gather;
pub use run::{RunOutput, RunStatus};
pub use waits::{Terminate, Wait, WaitTimeout};

/// A child's standard input, to be written.
pub type ChildStdin = crate::pipe::PipeWriter;
/// A child's standard output, to be read.
pub type ChildStdout = crate::pipe::PipeReader;
/// A child's standard error, to be read.
pub type ChildStderr = crate::pipe::PipeReader;
