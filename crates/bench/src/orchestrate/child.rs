//! One measurement in a process of its own, ended when its time is up.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::measure::{Absent, Measure};
use crate::turn;

/// Who is measured: a contestant's name in the report, and which program knows it under which name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Runner {
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) known_as: String,
}

/// What is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    pub(crate) scenario: &'static str,
    pub(crate) size: Option<u64>,
    pub(crate) quick: bool,
}

/// What came of it.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    Measured(Measure),
    Absent(String),
    /// It crashed, hung or said something else.
    Failed(String),
}

impl Answer {
    /// A whole measurement as a heat of one window.
    pub(crate) fn into_heat(mut self) -> Answer {
        if let Answer::Measured(measure) = &mut self {
            measure.figures.heats = vec![vec![measure.figures.cpu_ns]];
        }
        self
    }
}

/// The two lines that a child may print at its end.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Measured(Measure),
    Absent(Absent),
}

/// Starts `PROGRAM one CONTESTANT SCENARIO` and waits for its line, at most so long.
pub(crate) fn ask(runner: &Runner, question: Question, limit: Duration) -> Answer {
    match Asked::start(command(runner, question).stdin(Stdio::null())) {
        Ok(asked) => asked.answer(limit),
        Err(trouble) => Answer::Failed(trouble),
    }
}

fn command(runner: &Runner, question: Question) -> Command {
    let mut command = Command::new(&runner.program);
    command.args(["one", &runner.known_as, question.scenario]);
    if let Some(size) = question.size {
        command.args(["--size", &size.to_string()]);
    }
    if question.quick {
        command.arg("--quick");
    }
    command
}

/// A measurement under way. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Asked {
    child: Child,
    /// Where it waits for its turns, if it does.
    calls: Option<ChildStdin>,
    said: mpsc::Receiver<String>,
    complaints: mpsc::Receiver<String>,
}

impl Asked {
    /// Starts a contestant that waits for its turns, and waits until it is ready for the first.
    pub(crate) fn for_turns(runner: &Runner, question: Question, limit: Duration) -> Racer {
        let mut command = command(runner, question);
        command.arg("--called").stdin(Stdio::piped());
        match Asked::start(&mut command) {
            Ok(asked) => asked.wait_for(turn::READY, limit),
            Err(trouble) => Racer::Left(Answer::Failed(trouble)),
        }
    }

    fn take_turn(mut self, limit: Duration) -> Racer {
        if let Some(calls) = &mut self.calls {
            let _ = calls.write_all(b"\n"); // who cannot hear says nothing
        }
        self.wait_for(turn::DONE, limit)
    }

    fn wait_for(self, word: &str, limit: Duration) -> Racer {
        match self.said.recv_timeout(limit) {
            Ok(line) if line == word => Racer::In(self),
            Ok(line) => Racer::Left(self.last_word(line, limit)),
            Err(RecvTimeoutError::Disconnected) => Racer::Left(self.answer(limit)),
            Err(RecvTimeoutError::Timeout) => Racer::Left(Answer::Failed(not_done(limit))),
        }
    }

    /// Waits for its line, at most so long.
    fn answer(self, limit: Duration) -> Answer {
        self.last_word(String::new(), limit)
    }

    fn last_word(self, already: String, limit: Duration) -> Answer {
        match self.end(already, limit) {
            Ok(last) => understand(&last),
            Err(trouble) => Answer::Failed(trouble),
        }
    }

    fn start(command: &mut Command) -> Result<Asked, String> {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| format!("cannot be started: {e}"))?;
        Ok(Asked {
            calls: child.stdin.take(),
            said: lines_of(child.stdout.take()),
            complaints: lines_of(child.stderr.take()),
            child,
        })
    }

    /// Its last line, once it has ended by itself.
    fn end(mut self, already: String, limit: Duration) -> Result<String, String> {
        self.calls = None;
        let mut last = already;
        // A line wakes this process: a child prints its figures when it has measured, not before.
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.said.recv_timeout(left) {
                Ok(line) => last = line,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => return Err(not_done(limit)),
            }
        }
        let status = self.child.wait().map_err(|e| e.to_string())?;
        if status.success() {
            return Ok(last);
        }
        let complaint = self.complaints.recv_timeout(Duration::from_secs(1));
        Err(format!("{status}: {}", complaint.unwrap_or_default()))
    }
}

/// A contestant in a race.
#[derive(Debug)]
pub(crate) enum Racer {
    In(Asked),
    /// It takes no part, or no more.
    Left(Answer),
}

impl Racer {
    /// Lets it have its turn, and waits until that is over. Who has left stays away.
    pub(crate) fn take_turn(self, limit: Duration) -> Racer {
        match self {
            Racer::In(asked) => asked.take_turn(limit),
            left @ Racer::Left(_) => left,
        }
    }

    /// No more turns: what came of it.
    pub(crate) fn answer(self, limit: Duration) -> Answer {
        match self {
            Racer::In(asked) => asked.answer(limit),
            Racer::Left(answer) => answer,
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let _ = self.child.kill(); // nothing happens to one that has ended
        let _ = self.child.wait();
    }
}

fn not_done(limit: Duration) -> String {
    format!("not done after {} s", limit.as_secs())
}

fn understand(last: &str) -> Answer {
    match serde_json::from_str(last) {
        Ok(Line::Measured(measure)) => Answer::Measured(measure),
        Ok(Line::Absent(absent)) => Answer::Absent(absent.why),
        Err(_) if last.is_empty() => Answer::Failed("ended without an answer".into()),
        Err(_) => Answer::Failed(format!("said {last:?}")),
    }
}

/// A pipe's lines as they come, until it is at its end.
fn lines_of(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let Some(pipe) = pipe else { return };
        let lines = BufReader::new(pipe).split(b'\n').map_while(Result::ok);
        for line in lines {
            let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use super::{Answer, Asked, Racer, understand};

    const LINE: &str =
        r#"{"contestant":"evlet","scenario":"pool","ops":2,"cpu_ns":1.5,"wall_ns":2.0}"#;
    const LONG: Duration = Duration::from_secs(10);
    const SHORT: Duration = Duration::from_millis(20);

    /// A shell's script in a contestant's place.
    fn script(text: &str) -> Asked {
        let mut command = Command::new("sh");
        command.args(["-c", text]).stdin(Stdio::piped());
        Asked::start(&mut command).expect("there is a shell")
    }

    fn cpu_ns(answer: Answer) -> f64 {
        match answer {
            Answer::Measured(measure) => measure.figures.cpu_ns,
            other => panic!("not a measurement: {other:?}"),
        }
    }

    #[test]
    fn a_line_of_figures_is_a_measurement() {
        assert_eq!(cpu_ns(understand(LINE)), 1.5);
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
        let answer = script("exec sleep 60").answer(SHORT);
        assert_eq!(answer, Answer::Failed("not done after 0 s".into()));
    }

    #[test]
    fn a_crash_tells_its_first_line() {
        let answer = script("echo oh >&2; exit 3").answer(LONG);
        assert_eq!(answer, Answer::Failed("exit status: 3: oh".into()));
    }

    #[test]
    fn the_last_line_is_the_answer() {
        let asked = script(&format!("echo 'a remark'; echo '{LINE}'"));
        assert_eq!(cpu_ns(asked.answer(LONG)), 1.5);
    }

    #[test]
    fn a_turn_is_over_when_it_says_so_and_the_last_is_followed_by_the_answer() {
        let text = format!("echo ready; while read -r call; do echo done; done; echo '{LINE}'");
        let racer = script(&text).wait_for("ready", LONG);
        let racer = racer.take_turn(LONG).take_turn(LONG);
        assert!(matches!(racer, Racer::In(_)), "{racer:?}");
        assert_eq!(cpu_ns(racer.answer(LONG)), 1.5);
    }

    #[test]
    fn who_hangs_ends_or_has_an_answer_in_its_turn_has_left_the_race() {
        let left = |text: &str| match script(text).take_turn(Duration::from_millis(500)) {
            Racer::In(_) => panic!("it said that it is done"),
            left @ Racer::Left(_) => left.take_turn(LONG).answer(LONG),
        };
        let hung = left("exec sleep 60");
        assert_eq!(hung, Answer::Failed("not done after 0 s".into()));
        assert_eq!(left("exit 3"), Answer::Failed("exit status: 3: ".into()));
        assert_eq!(
            left("exit 0"),
            Answer::Failed("ended without an answer".into())
        );
        let absent = left(r#"echo '{"absent":"the load: no answers came"}'"#);
        assert_eq!(absent, Answer::Absent("the load: no answers came".into()));
    }
}
