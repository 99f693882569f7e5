//! For evlet's own tests: scenarios that each need a process of their own.
//!
//! Some tests measure the memory of their process, fork it, send signals to it, close its descriptors
//! underneath others, or end it. The usual test harness runs tests as threads of one process, in which they
//! would meet. A test program without that harness (`harness = false`) has [`run_each`] as its `main`:
//! started as a test program it starts itself once for each scenario, one after the other, and a scenario has
//! passed when its process ended with status 0.
//!
//! ```no_run
//! use evlet_alone::{Scenario, run_each};
//!
//! const SCENARIOS: &[Scenario] = &[("a_child_inherits_nothing", a_child_inherits_nothing)];
//!
//! fn a_child_inherits_nothing() {
//!     // ... whatever would disturb other tests
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     run_each(SCENARIOS)
//! }
//! ```
//!
//! It understands what Cargo and nextest ask of a test program: parts of names, `--exact`, `--skip`, `--list`
//! and `--ignored` (no scenario is); other options change nothing. Its last line is the harness's, so
//! that scenarios are counted with all other tests.
//!
//! | file | idea |
//! |---|---|
//! | `choice.rs` | which scenarios the arguments ask for |

#![forbid(unsafe_code)]

mod choice;

use std::io::Write;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;
use std::{env, process, thread};

use choice::Choice;

/// A name, and what runs under it.
pub type Scenario = (&'static str, fn());

/// The variable that names the scenario of a process.
const SCENARIO: &str = "EVLET_ALONE";

/// Far above what any scenario needs, also on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// The whole `main` of a test program: runs each scenario that the arguments choose in a process of its own, or
/// is such a process.
///
/// What a scenario said is shown when it failed. One that is not over after two minutes is ended, and
/// has failed.
///
/// # Panics
/// When this program cannot be started again, or the environment names a scenario that it has not.
#[must_use]
pub fn run_each(scenarios: &[Scenario]) -> ExitCode {
    if let Ok(name) = env::var(SCENARIO) {
        let found = scenarios.iter().find(|(other, _)| *other == name);
        let (name, scenario) = found.expect("a scenario of this name");
        end_when_it_hangs(name);
        scenario();
        return ExitCode::SUCCESS;
    }
    let choice = Choice::of(env::args().skip(1));
    let chosen: Vec<&str> = scenarios
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| choice.takes(name))
        .collect();
    if choice.only_list {
        for name in chosen {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    let passed = chosen.iter().filter(|name| passes(name)).count();
    let failed = chosen.len() - passed;
    println!(
        "\ntest result: {}. {passed} passed; {failed} failed; 0 ignored; 0 measured; {} filtered out\n",
        if failed == 0 { "ok" } else { "FAILED" },
        scenarios.len() - chosen.len(),
    );
    match failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// This program as a process that runs one scenario: for a scenario about what another one leaves behind or says.
///
/// # Panics
/// When the path of this program is not known.
#[must_use]
pub fn command(scenario: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("this program's path"));
    command.env(SCENARIO, scenario).stdin(Stdio::null());
    command
}

/// Runs one scenario in a process of its own, and shows what it said if it failed.
fn passes(name: &str) -> bool {
    let output = command(name).output().expect("a process");
    let passed = output.status.success();
    println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
    if !passed {
        println!("{}", output.status);
        println!("{}", String::from_utf8_lossy(&output.stdout));
        println!("{}", String::from_utf8_lossy(&output.stderr));
    }
    passed
}

/// A hang is a failure with a name. The thread that watches ends with the process.
fn end_when_it_hangs(name: &'static str) {
    thread::spawn(move || {
        thread::sleep(LIMIT);
        let line = format!("\n{name}: not over after {LIMIT:?}; ending the process\n");
        let _ = std::io::stderr().write_all(line.as_bytes());
        process::abort();
    });
}
