//! How to start a program.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::os::unix::process::CommandExt;
use std::panic::Location;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use super::child::Child;
use super::error::{CommandError, CommandProblem};
use super::run::{RunOutput, RunStatus};
use super::running::Process;
use crate::pipe::{PipeReader, PipeWriter};

/// What each stream is unless the user has chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Default {
    /// Ours: for `spawn` and `status`.
    Inherit,
    /// Nothing to read, both outputs read by us: for `output`.
    Capture,
}

/// A program to start: the builder of [`std::process::Command`], with its names.
///
/// ```
/// use std::time::Duration;
/// use evlet_os::process::Command;
///
/// evlet_hub::run(async {
///     let status = Command::new("sh")
///         .args(["-c", "exit $CODE"])
///         .env("CODE", "3")
///         .time_limit(Duration::from_secs(10))
///         .status()
///         .await?;
///     assert_eq!(status.code(), Some(3));
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
pub struct Command {
    std: std::process::Command,
    /// As it was given: the standard library forgets names that cannot be one.
    program: OsString,
    chosen: [bool; 3],
    kill_on_drop: bool,
    pub(super) time_limit: Option<Duration>,
    pub(super) output_limit: usize,
}

const OUTPUT_LIMIT: usize = 64 << 20;

/// A builder's method that hands on to the one of the same name.
macro_rules! as_in_std {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ty),*);)*) => {$(
        $(#[$doc])*
        pub fn $name(&mut self, $($arg: $type),*) -> &mut Self {
            self.std.$name($($arg),*);
            self
        }
    )*};
}

impl Command {
    /// Starts `program` with no arguments, with this process's environment and working directory.
    ///
    /// A name without `/` is looked for in `PATH`.
    pub fn new(program: impl AsRef<OsStr>) -> Command {
        Command {
            std: std::process::Command::new(&program),
            program: program.as_ref().to_owned(),
            chosen: [false; 3],
            kill_on_drop: false,
            time_limit: None,
            output_limit: OUTPUT_LIMIT,
        }
    }

    as_in_std! {
        /// One more argument. It is passed as it is: no shell takes it apart.
        fn arg(arg: impl AsRef<OsStr>);
        /// More arguments.
        fn args(args: impl IntoIterator<Item = impl AsRef<OsStr>>);
        /// Sets a variable of the environment.
        fn env(key: impl AsRef<OsStr>, value: impl AsRef<OsStr>);
        /// Sets variables of the environment.
        fn envs(vars: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>);
        /// Takes a variable out of the environment.
        fn env_remove(key: impl AsRef<OsStr>);
        /// Begins with an empty environment.
        fn env_clear();
        /// The working directory.
        fn current_dir(path: impl AsRef<Path>);
        /// The user to run as.
        fn uid(id: u32);
        /// The group to run as.
        fn gid(id: u32);
        /// What the program sees as its own name.
        fn arg0(name: impl AsRef<OsStr>);
        /// The process group; 0 makes one of its own, so that signals to ours pass it by.
        fn process_group(id: i32);
    }

    /// Where its standard input comes from. By default it is this process's, and nothing for
    /// [`output`](Self::output).
    pub fn stdin(&mut self, from: impl Into<Stdio>) -> &mut Self {
        self.std.stdin(from);
        self.chosen[0] = true;
        self
    }

    /// Where its standard output goes. By default to this process's, and into the result for
    /// [`output`](Self::output).
    pub fn stdout(&mut self, to: impl Into<Stdio>) -> &mut Self {
        self.std.stdout(to);
        self.chosen[1] = true;
        self
    }

    /// Where its standard error goes. By default as for [`stdout`](Self::stdout).
    pub fn stderr(&mut self, to: impl Into<Stdio>) -> &mut Self {
        self.std.stderr(to);
        self.chosen[2] = true;
        self
    }

    /// Whether a child is killed (SIGKILL) when its [`Child`], or the future of
    /// [`output`](Self::output) or [`status`](Self::status), is dropped before it has ended. Not
    /// by default. It is reaped in any case.
    pub fn kill_on_drop(&mut self, kill: bool) -> &mut Self {
        self.kill_on_drop = kill;
        self
    }

    /// How long [`output`](Self::output) and [`status`](Self::status) wait: then the child is killed
    /// and reaped, and the error names command and limit, with what it had written so far
    /// ([`CommandError::stdout`]). No limit by default.
    ///
    /// What the child has started itself goes on. [`Child::wait_timeout`] waits with a limit
    /// and kills nothing.
    pub fn time_limit(&mut self, limit: Duration) -> &mut Self {
        self.time_limit = Some(limit);
        self
    }

    /// How many bytes of each of its outputs are kept in memory by [`output`](Self::output) and the
    /// methods of [`Child`] that collect; 64 MiB by default. A child that writes more is killed,
    /// which is an error.
    pub fn output_limit(&mut self, bytes: usize) -> &mut Self {
        self.output_limit = bytes;
        self
    }

    /// Starts the program.
    ///
    /// # Errors
    /// Outside a running hub; what the kernel says about the program, with its name in the message;
    /// a working directory that is not there; a pipe that the hub cannot watch (the child has been
    /// killed then). A [`CommandError`] is inside.
    #[track_caller]
    pub fn spawn(&mut self) -> io::Result<Child> {
        self.start(Default::Inherit, Location::caller())
    }

    /// Starts the program when first polled, waits for its end and keeps what it wrote.
    ///
    /// It waits also until nobody holds the child's outputs any more: one that leaves a daemon
    /// behind has to give it other outputs.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn); [`TimedOut`](io::ErrorKind::TimedOut) after
    /// [`time_limit`](Self::time_limit); [`FileTooLarge`](io::ErrorKind::FileTooLarge) after
    /// [`output_limit`](Self::output_limit). An exit with another status than 0 is no error.
    ///
    /// # Cancel safety
    /// Dropping it leaves the child running, with its outputs closed, and reaped when it ends;
    /// with [`kill_on_drop`](Self::kill_on_drop) it is killed.
    #[track_caller]
    pub fn output(&mut self) -> RunOutput<'_> {
        RunOutput::new(self, Location::caller())
    }

    /// Starts the program when first polled and waits for its end.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn); [`TimedOut`](io::ErrorKind::TimedOut) after
    /// [`time_limit`](Self::time_limit).
    ///
    /// # Cancel safety
    /// As [`output`](Self::output).
    #[track_caller]
    pub fn status(&mut self) -> RunStatus<'_> {
        RunStatus::new(self, Location::caller())
    }

    /// The standard library's command inside, for what this one does not pass on. Choose the streams
    /// with the methods here.
    pub fn as_std_mut(&mut self) -> &mut std::process::Command {
        &mut self.std
    }

    /// The standard library's command inside.
    pub fn as_std(&self) -> &std::process::Command {
        &self.std
    }

    pub(super) fn start(
        &mut self,
        unless_chosen: Default,
        at: &'static Location<'static>,
    ) -> io::Result<Child> {
        let name = self.shown();
        let failed = |problem| CommandError::io(&name, problem);
        if !evlet_hub::is_running() {
            let outside = io::Error::other("no hub runs on this thread");
            return Err(failed(CommandProblem::Start(outside)));
        }
        self.choose(unless_chosen);
        let mut child = self.std.spawn().map_err(|error| self.why(&name, error))?;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let mut process = Process::new(child, name.clone(), self.kill_on_drop);
        // A child whose streams cannot be watched would only be in the way.
        let mut or_kill = |error| {
            process.kill_on_drop = true;
            CommandError::io(&name, CommandProblem::Watch(error))
        };
        let stdin = stdin.map(|fd| PipeWriter::take_over(fd.into(), at));
        let stdin = stdin.transpose().map_err(&mut or_kill)?;
        let stdout = stdout.map(|fd| PipeReader::take_over(fd.into(), at));
        let stdout = stdout.transpose().map_err(&mut or_kill)?;
        let stderr = stderr.map(|fd| PipeReader::take_over(fd.into(), at));
        let stderr = stderr.transpose().map_err(&mut or_kill)?;
        Ok(Child {
            stdin,
            stdout,
            stderr,
            process,
            output_limit: self.output_limit,
        })
    }

    fn choose(&mut self, unless_chosen: Default) {
        let outputs = || match unless_chosen {
            Default::Inherit => Stdio::inherit(),
            Default::Capture => Stdio::piped(),
        };
        if !self.chosen[0] {
            self.std.stdin(match unless_chosen {
                Default::Inherit => Stdio::inherit(),
                Default::Capture => Stdio::null(),
            });
        }
        if !self.chosen[1] {
            self.std.stdout(outputs());
        }
        if !self.chosen[2] {
            self.std.stderr(outputs());
        }
    }

    /// The kernel has one number for a program and a directory that are not there.
    fn why(&self, name: &str, error: io::Error) -> io::Error {
        let problem = match self.std.get_current_dir() {
            Some(dir) if error.kind() == io::ErrorKind::NotFound && !dir.is_dir() => {
                CommandProblem::NoDirectory(dir.to_owned())
            }
            _ => CommandProblem::Start(error),
        };
        CommandError::io(name, problem)
    }

    /// Program and arguments as people read them, bounded.
    fn shown(&self) -> String {
        const LONGEST: usize = 200;
        let mut text = String::new();
        let words = std::iter::once(self.program.as_os_str()).chain(self.std.get_args());
        for word in words {
            let word = word.to_string_lossy();
            let plain = |c: char| c.is_alphanumeric() || "-_./=:,+%@".contains(c);
            if !text.is_empty() {
                text.push(' ');
            }
            if !word.is_empty() && word.chars().all(plain) {
                text.push_str(&word);
            } else {
                text.push_str(&format!("{word:?}"));
            }
            if let Some((cut, _)) = text.char_indices().nth(LONGEST) {
                text.truncate(cut);
                text.push('…');
                break;
            }
        }
        text
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Command").field(&self.std).finish()
    }
}
