//! What happened to which command.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// What went wrong with a command, inside an [`io::Error`] whose kind tells the sort of trouble.
///
/// ```
/// use evlet_os::process::{Command, CommandError, CommandProblem};
///
/// evlet_hub::run(async {
///     let error = Command::new("no-such-program").spawn().unwrap_err();
///     assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
///     let inside = CommandError::of(&error).unwrap();
///     assert_eq!(inside.command(), "no-such-program");
///     assert!(matches!(inside.problem(), CommandProblem::Start(_)));
/// });
/// ```
pub struct CommandError {
    command: String,
    problem: CommandProblem,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// What it was that went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum CommandProblem {
    /// It could not be started.
    Start(io::Error),
    /// Its working directory is not there.
    NoDirectory(PathBuf),
    /// It had not ended within this limit. Whether it was ended then, the call's documentation says.
    TimeLimit(Duration),
    /// It wrote more than this many bytes to one of its outputs.
    OutputLimit(usize),
    /// Its streams or its end could not be watched.
    Watch(io::Error),
    /// A signal could not be sent to it.
    Signal(io::Error),
}

impl CommandError {
    /// The program and its arguments, for people to read: cut where it is very long.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// What went wrong.
    pub fn problem(&self) -> &CommandProblem {
        &self.problem
    }

    /// What had been read of its standard output until then, at most
    /// [`output_limit`](super::Command::output_limit): empty unless its output was collected and a limit of
    /// time or size was reached.
    pub fn stdout(&self) -> &[u8] {
        &self.stdout
    }

    /// The same of its standard error.
    pub fn stderr(&self) -> &[u8] {
        &self.stderr
    }

    /// The one inside `error`, if it is one of this module's.
    pub fn of(error: &io::Error) -> Option<&CommandError> {
        error.get_ref()?.downcast_ref()
    }

    pub(super) fn io(command: &str, problem: CommandProblem) -> io::Error {
        CommandError::with_output(command, problem, Vec::new(), Vec::new())
    }

    pub(super) fn with_output(
        command: &str,
        problem: CommandProblem,
        stdout: Vec<u8>,
        stderr: Vec<u8>,
    ) -> io::Error {
        let kind = match &problem {
            CommandProblem::Start(e) | CommandProblem::Watch(e) | CommandProblem::Signal(e) => {
                e.kind()
            }
            CommandProblem::NoDirectory(_) => io::ErrorKind::NotFound,
            CommandProblem::TimeLimit(_) => io::ErrorKind::TimedOut,
            CommandProblem::OutputLimit(_) => io::ErrorKind::FileTooLarge,
        };
        io::Error::new(
            kind,
            CommandError {
                command: command.to_owned(),
                problem,
                stdout,
                stderr,
            },
        )
    }
}

/// Output is shown by its length: it may be millions of bytes.
impl fmt::Debug for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandError")
            .field("command", &self.command)
            .field("problem", &self.problem)
            .field("stdout", &self.stdout.len())
            .field("stderr", &self.stderr.len())
            .finish()
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let command = &self.command;
        match &self.problem {
            CommandProblem::Start(error) => {
                write!(f, "cannot start `{command}`: {error}")?;
                f.write_str(match error.kind() {
                    io::ErrorKind::NotFound => {
                        " (is it installed, and its folder in PATH? of a script: is its \
                         interpreter there?)"
                    }
                    io::ErrorKind::PermissionDenied => " (is it a program, and executable?)",
                    io::ErrorKind::ArgumentListTooLong => {
                        " (give long lists through a file or standard input)"
                    }
                    _ => "",
                })
            }
            CommandProblem::NoDirectory(path) => write!(
                f,
                "cannot start `{command}`: its working directory {} is not there",
                path.display()
            ),
            CommandProblem::TimeLimit(limit) => {
                write!(f, "`{command}` had not ended after {limit:?}")
            }
            CommandProblem::OutputLimit(limit) => write!(
                f,
                "`{command}` wrote more than {limit} bytes, its output limit: raise \
                 Command::output_limit, or read its streams as they come"
            ),
            CommandProblem::Watch(error) => write!(f, "cannot watch `{command}`: {error}"),
            CommandProblem::Signal(error) => write!(f, "cannot signal `{command}`: {error}"),
        }
    }
}

impl Error for CommandError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.problem {
            CommandProblem::Start(e) | CommandProblem::Watch(e) | CommandProblem::Signal(e) => {
                Some(e)
            }
            _ => None,
        }
    }
}
