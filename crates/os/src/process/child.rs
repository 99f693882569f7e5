//! A program that was started.

use std::io;
use std::panic::Location;
use std::process::ExitStatus;
use std::time::Duration;

use super::gather::Gather;
use super::running::Process;
use super::waits::{Terminate, Wait, WaitTimeout};
use super::{ChildStderr, ChildStdin, ChildStdout};
use crate::signal::Signal;

/// A child process, made by [`Command::spawn`](super::Command::spawn).
///
/// Dropping it leaves the child running, unless
/// [`kill_on_drop`](super::Command::kill_on_drop) was asked for; it is reaped when it ends.
///
/// ```
/// use std::time::Duration;
/// use evlet_os::process::Command;
///
/// evlet_hub::run(async {
///     let mut child = Command::new("sleep").arg("100").spawn()?;
///     assert_eq!(child.try_wait()?, None);
///     let status = child.terminate(Duration::from_secs(5)).await?;
///     assert!(!status.success());
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct Child {
    /// Its standard input, if that was [`piped`](super::Stdio::piped).
    pub stdin: Option<ChildStdin>,
    /// Its standard output, if that was piped. Take it to read from it; another child's input can be
    /// made of it with [`into_fd`](crate::pipe::PipeReader::into_fd).
    pub stdout: Option<ChildStdout>,
    /// Its standard error, if that was piped.
    pub stderr: Option<ChildStderr>,
    pub(super) process: Process,
    pub(super) output_limit: usize,
}

impl Child {
    /// Its process number. It may belong to another process once this one has been awaited.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// How it ended, if it has; never waits.
    ///
    /// # Errors
    /// When somebody else has reaped it (a C library, a `waitpid` for all children).
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.process.try_wait()
    }

    /// Waits until it has ended. Its standard input, if it is still here, is closed first, so that a
    /// child that reads to the end does not wait for us.
    ///
    /// Once it has ended, every further wait gives the same status at once.
    ///
    /// # Errors
    /// When it cannot be watched for lack of descriptors (it lives on, wait again), or when somebody
    /// else has reaped it.
    ///
    /// # Cancel safety
    /// Dropping it has no effect; an end that came is there for the next wait.
    #[track_caller]
    pub fn wait(&mut self) -> Wait<'_> {
        Wait::new(self, Location::caller())
    }

    /// Waits until it has ended, at most for `limit`. It is not killed then.
    ///
    /// # Errors
    /// [`TimedOut`](io::ErrorKind::TimedOut), with command and limit in the message and in a
    /// [`CommandError`](super::CommandError); those of [`wait`](Self::wait).
    ///
    /// # Cancel safety
    /// As [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_timeout(&mut self, limit: Duration) -> WaitTimeout<'_> {
        WaitTimeout::new(self, limit, Location::caller())
    }

    /// Closes its standard input, reads what it writes to the pipes that are still here, and waits
    /// for its end.
    ///
    /// # Errors
    /// Those of [`wait`](Self::wait) and of reading; more output than
    /// [`output_limit`](super::Command::output_limit) (the child has been killed then).
    ///
    /// # Cancel safety
    /// Dropping it drops the child with what was read; see [`Child`].
    #[track_caller]
    pub fn wait_with_output(self) -> Gather {
        Gather::new(self, Vec::new(), None, Location::caller())
    }

    /// As [`wait_with_output`](Self::wait_with_output), after and while giving it `input`. After
    /// Python's method of that name.
    ///
    /// A child that ends, or closes its input, before it has read everything is no error.
    ///
    /// # Errors
    /// As [`wait_with_output`](Self::wait_with_output).
    ///
    /// # Cancel safety
    /// As [`wait_with_output`](Self::wait_with_output).
    ///
    /// ```
    /// use evlet_os::process::{Command, Stdio};
    ///
    /// evlet_hub::run(async {
    ///     let child = Command::new("tr").args(["a-z", "A-Z"])
    ///         .stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    ///     assert_eq!(child.communicate("shout").await?.stdout, b"SHOUT");
    ///     std::io::Result::Ok(())
    /// })?;
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn communicate(self, input: impl Into<Vec<u8>>) -> Gather {
        Gather::new(self, input.into(), None, Location::caller())
    }

    /// Sends it a signal. Nothing happens if it has been reaped.
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a number that is no signal;
    /// [`PermissionDenied`](io::ErrorKind::PermissionDenied) for a child that runs as another user.
    pub fn signal(&mut self, signal: Signal) -> io::Result<()> {
        self.process.signal(signal)
    }

    /// Kills it with SIGKILL, which no program can refuse. Wait for its end afterwards, or drop it.
    /// Nothing happens if it has been reaped.
    ///
    /// # Errors
    /// As [`signal`](Self::signal).
    pub fn kill(&mut self) -> io::Result<()> {
        self.process.kill()
    }

    /// Asks it to end with SIGTERM, and kills it with SIGKILL if it has not after `grace`; then waits
    /// for its end.
    ///
    /// # Errors
    /// As [`signal`](Self::signal) and [`wait`](Self::wait).
    ///
    /// # Cancel safety
    /// Dropping it does not take back what was sent; nothing more is sent.
    #[track_caller]
    pub fn terminate(&mut self, grace: Duration) -> Terminate<'_> {
        Terminate::new(self, grace, Location::caller())
    }
}
