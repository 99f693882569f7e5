//! One measurement in a process of its own, ended when its time is up.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde::Deserialize;

use crate::measure::{Absent, Measure};

/// Who is measured: a contestant's name in the report, and which program knows it under which name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Runner {
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) known_as: String,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Answer {
    Measured(Measure),
    Absent(String),
    /// It crashed, hung or said something else.
    Failed(String),
}

/// The two lines that a child may print.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Measured(Measure),
    Absent(Absent),
}

/// Starts `PROGRAM one CONTESTANT SCENARIO` and waits for its line, at most so long.
pub(crate) fn ask(
    runner: &Runner,
    scenario: &str,
    size: Option<u64>,
    quick: bool,
    limit: Duration,
) -> Answer {
    let mut command = Command::new(&runner.program);
    command.args(["one", &runner.known_as, scenario]);
    if let Some(size) = size {
        command.args(["--size", &size.to_string()]);
    }
    if quick {
        command.arg("--quick");
    }
    match output_of(&mut command, limit) {
        Ok(said) => understand(&said),
        Err(trouble) => Answer::Failed(trouble),
    }
}

fn understand(said: &str) -> Answer {
    let last = said.lines().last().unwrap_or_default();
    match serde_json::from_str(last) {
        Ok(Line::Measured(measure)) => Answer::Measured(measure),
        Ok(Line::Absent(absent)) => Answer::Absent(absent.why),
        Err(_) if last.is_empty() => Answer::Failed("ended without an answer".into()),
        Err(_) => Answer::Failed(format!("said {last:?}")),
    }
}

fn output_of(command: &mut Command, limit: Duration) -> Result<String, String> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("cannot be started: {e}"))?;
    let errors = gathered(child.stderr.take());
    let output = gathered(child.stdout.take());
    // Both come when the child has closed its ends: nothing here wakes up while it measures.
    let said = output.recv_timeout(limit);
    if said.is_err() {
        let _ = child.kill();
    }
    let status = child.wait().map_err(|e| e.to_string())?;
    match said {
        Err(_) => Err(format!("not done after {} s", limit.as_secs())),
        Ok(said) if status.success() => Ok(said),
        Ok(_) => {
            let complaint = errors.recv_timeout(Duration::from_secs(1));
            let complaint = complaint.unwrap_or_default();
            let first = complaint.lines().next().unwrap_or_default();
            Err(format!("{status}: {first}"))
        }
    }
}

/// All of a pipe, once it is at its end.
fn gathered(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut said = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut said);
        }
        let _ = sender.send(String::from_utf8_lossy(&said).into_owned());
    });
    receiver
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::{Answer, output_of, understand};

    #[test]
    fn a_line_of_figures_is_a_measurement() {
        let line = r#"{"contestant":"evlet","scenario":"pool","ops":2,"cpu_ns":1.5,"wall_ns":2.0}"#;
        let Answer::Measured(measure) = understand(line) else {
            panic!("not a measurement");
        };
        assert_eq!(measure.figures.cpu_ns, 1.5);
    }

    #[test]
    fn absent_is_not_failed() {
        let answer = understand(r#"{"absent":"no io_uring"}"#);
        assert!(matches!(answer, Answer::Absent(why) if why == "no io_uring"));
        assert!(matches!(understand("Segmentation"), Answer::Failed(_)));
        assert!(matches!(understand(""), Answer::Failed(_)));
    }

    #[test]
    fn who_does_not_end_is_ended() {
        let limit = Duration::from_millis(20);
        let said = output_of(Command::new("sleep").arg("60"), limit);
        assert_eq!(said, Err("not done after 0 s".into()));
    }

    #[test]
    fn a_crash_tells_its_first_line() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo oh >&2; exit 3"]);
        let said = output_of(&mut command, Duration::from_secs(10));
        assert_eq!(said, Err("exit status: 3: oh".into()));
    }
}
