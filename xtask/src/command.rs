//! Child processes: shown before they run, read while they run, ended when their time is up.
//!
//! A check that hangs is the worst kind of failure, so whatever is not cargo itself gets a deadline
//! and is killed at it. The standard library can neither wait with a deadline nor send a signal
//! other than SIGKILL; the first is a loop over `try_wait`, the second is asked of the shell's own
//! `kill`.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What a finished command printed.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command with its output going straight to the terminal; an error unless it succeeds.
pub(crate) fn show(command: &mut Command) -> Result<(), String> {
    println!("$ {}", line_of(command));
    let status = command.status().map_err(|e| cannot_start(command, &e))?;
    succeeded(command, status)
}

/// Like [`show`], but hands every line of standard output to `seen` as well.
pub(crate) fn show_and_read(
    command: &mut Command,
    mut seen: impl FnMut(&str),
) -> Result<(), String> {
    println!("$ {}", line_of(command));
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| cannot_start(command, &e))?;
    let stdout = child.stdout.take().expect("standard output is piped");
    for line in BufReader::new(stdout).lines() {
        let line = line.map_err(|e| format!("reading {}: {e}", line_of(command)))?;
        println!("{line}");
        seen(&line);
    }
    let status = child
        .wait()
        .map_err(|e| format!("waiting for {}: {e}", line_of(command)))?;
    succeeded(command, status)
}

/// Runs a command to its end, or kills it at `limit`; gives back what it printed, whatever its
/// status.
pub(crate) fn read(command: &mut Command, limit: Duration) -> Result<Finished, String> {
    Running::start(command)?.finish(limit)
}

/// Does this program exist and run? Asked with an argument that makes it end at once.
pub(crate) fn exists(program: &str, harmless: &str) -> bool {
    let asked = Command::new(program)
        .arg(harmless)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok()
}

/// A child whose two outputs are read in the background.
pub(crate) struct Running {
    child: Child,
    shown: String,
    stdout: Output,
    stderr: Output,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Result<Running, String> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| cannot_start(command, &e))?;
        Ok(Running {
            shown: line_of(command),
            stdout: Output::gather(child.stdout.take().expect("piped")),
            stderr: Output::gather(child.stderr.take().expect("piped")),
            child,
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The first line of standard output, as soon as it is there.
    pub(crate) fn first_line(&mut self, limit: Duration) -> Result<String, String> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some((line, _)) = self.stdout.so_far().split_once('\n') {
                return Ok(line.to_owned());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                // What it wrote last may still be on its way through the reader.
                thread::sleep(LOOK_AGAIN);
                let said = self.stderr.so_far();
                return Err(format!("{}: ended early, {status}: {said}", self.shown));
            }
            if Instant::now() >= deadline {
                return Err(format!("{}: no line after {limit:?}", self.shown));
            }
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// Sends `TERM`, `INT`, … to the child.
    pub(crate) fn signal(&self, name: &str) -> Result<(), String> {
        signal(self.child.id(), name)
    }

    /// Waits for the end; past `limit` the child is killed and that is an error.
    pub(crate) fn finish(mut self, limit: Duration) -> Result<Finished, String> {
        let deadline = Instant::now() + limit;
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if Instant::now() < deadline => thread::sleep(LOOK_AGAIN),
                Ok(None) => {
                    return Err(format!(
                        "{}: still running after {limit:?}, killed. It had printed:\n{}{}",
                        self.shown,
                        self.stdout.so_far(),
                        self.stderr.so_far(),
                    ));
                }
                Err(e) => return Err(format!("waiting for {}: {e}", self.shown)),
            }
        };
        Ok(Finished {
            status,
            stdout: self.stdout.all(),
            stderr: self.stderr.all(),
        })
    }
}

impl Drop for Running {
    /// No child outlives the check that started it. Killing one that has been waited for does
    /// nothing.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal by name to a process of ours.
pub(crate) fn signal(process: u32, name: &str) -> Result<(), String> {
    let status = Command::new("sh")
        .args(["-c", &format!("kill -{name} {process}")])
        .status()
        .map_err(|e| format!("cannot send SIG{name}: {e}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("SIG{name} could not be sent to process {process}"))
    }
}

/// One output of a child, read by a thread so that the child never waits for us.
struct Output {
    read: std::sync::Arc<std::sync::Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Output {
    fn gather(mut from: impl Read + Send + 'static) -> Output {
        let read = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let sink = read.clone();
        let reader = thread::spawn(move || {
            let mut piece = [0; 8192];
            while let Ok(n @ 1..) = from.read(&mut piece) {
                sink.lock()
                    .expect("no reader panics")
                    .extend_from_slice(&piece[..n]);
            }
        });
        Output {
            read,
            reader: Some(reader),
        }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.read.lock().expect("no reader panics")).into_owned()
    }

    fn all(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        self.so_far()
    }
}

fn succeeded(command: &Command, status: ExitStatus) -> Result<(), String> {
    if status.success() {
        Ok(())
    } else {
        Err(format!("{}: {status}", line_of(command)))
    }
}

fn cannot_start(command: &Command, e: &std::io::Error) -> String {
    format!("cannot start {}: {e}", line_of(command))
}

/// The command as one would type it.
fn line_of(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for arg in command.get_args() {
        let _ = write!(line, " {}", arg.to_string_lossy());
    }
    line
}

const LOOK_AGAIN: Duration = Duration::from_millis(10);
