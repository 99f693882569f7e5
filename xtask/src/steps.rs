//! One named check after the other: shown, timed, counted, stopped at the first failure.
//!
//! The last line is always `N passed, N failed`, alone on its line, so that a program can read it.
//! What is counted is the smallest thing that can fail by itself: a test, an example's run, a
//! crate's arrows.

use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What a check found when all was well.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) passed: usize,
    /// What this machine could not do, one line each.
    pub(crate) skipped: Vec<String>,
}

impl Checked {
    pub(crate) fn passed(passed: usize) -> Checked {
        Checked {
            passed,
            skipped: Vec::new(),
        }
    }

    pub(crate) fn skipped(why: impl Into<String>) -> Checked {
        Checked {
            passed: 0,
            skipped: vec![why.into()],
        }
    }

    pub(crate) fn and(mut self, other: Checked) -> Checked {
        self.passed += other.passed;
        self.skipped.extend(other.skipped);
        self
    }
}

/// What went wrong, and how much had gone well before.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) why: String,
}

impl From<String> for Failed {
    fn from(why: String) -> Failed {
        Failed {
            passed: 0,
            failed: 1,
            why,
        }
    }
}

pub(crate) type Verdict = Result<Checked, Failed>;

/// The verdict on a list of small checks: every failure is told, not only the first.
pub(crate) fn verdict_of(results: impl IntoIterator<Item = Result<(), String>>) -> Verdict {
    let mut passed = 0;
    let mut wrong = Vec::new();
    for result in results {
        match result {
            Ok(()) => passed += 1,
            Err(why) => wrong.push(why),
        }
    }
    if wrong.is_empty() {
        return Ok(Checked::passed(passed));
    }
    Err(Failed {
        passed,
        failed: wrong.len(),
        why: wrong.join("\n"),
    })
}

/// The checks of one run.
pub(crate) struct Steps {
    done: Vec<(&'static str, usize, Duration)>,
    skipped: Vec<String>,
    failed: usize,
}

impl Steps {
    pub(crate) fn new() -> Steps {
        Steps {
            done: Vec::new(),
            skipped: Vec::new(),
            failed: 0,
        }
    }

    /// Runs one check. False when it failed: the caller stops there.
    pub(crate) fn run(&mut self, name: &'static str, check: impl FnOnce() -> Verdict) -> bool {
        println!("\n== {name}");
        let started = Instant::now();
        let verdict = check();
        let took = started.elapsed();
        let passed = match verdict {
            Ok(checked) => {
                for line in &checked.skipped {
                    println!("SKIPPED {name}: {line}");
                }
                self.skipped.extend(
                    checked
                        .skipped
                        .into_iter()
                        .map(|line| format!("{name}: {line}")),
                );
                checked.passed
            }
            Err(failure) => {
                println!("FAILED {name}\n{}", failure.why);
                self.failed += failure.failed.max(1);
                failure.passed
            }
        };
        println!("-- {name}: {passed} passed in {:.1} s", took.as_secs_f64());
        self.done.push((name, passed, took));
        self.failed == 0
    }

    /// The summary, and the closing line.
    pub(crate) fn finish(self) -> ExitCode {
        println!("\n{:<24} {:>7} {:>9}", "check", "passed", "seconds");
        for (name, passed, took) in &self.done {
            println!("{name:<24} {passed:>7} {:>9.1}", took.as_secs_f64());
        }
        for line in &self.skipped {
            println!("SKIPPED {line}");
        }
        let passed: usize = self.done.iter().map(|(_, passed, _)| passed).sum();
        println!("{passed} passed, {} failed", self.failed);
        if self.failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}
