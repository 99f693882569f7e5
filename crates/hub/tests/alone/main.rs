//! Scenarios that need a process of their own: those that measure memory, send signals to
//! themselves, close descriptors behind the hub's back, or may end the process.
//!
//! Started without a scenario's name in the environment, this program starts itself once for each
//! scenario and waits; the scenario is over when that process ends with status 0. Arguments choose
//! scenarios by a part of their name, as `cargo test` does; options are ignored.

mod allocated;
mod descriptors;
mod forked;
mod memory;
mod signals;
mod standard_error;
mod survival;
mod underneath;

#[path = "../it/deadline.rs"]
mod deadline;

use std::process::{Command, ExitCode, Stdio};

const SCENARIO: &str = "EVLET_ALONE";

/// A name, and what runs under it.
type Scenario = (&'static str, fn());

fn scenarios() -> Vec<Scenario> {
    [
        descriptors::SCENARIOS,
        forked::SCENARIOS,
        memory::SCENARIOS,
        signals::SCENARIOS,
        standard_error::SCENARIOS,
        survival::SCENARIOS,
        underneath::SCENARIOS,
    ]
    .concat()
}

fn main() -> ExitCode {
    if let Ok(name) = std::env::var(SCENARIO) {
        let all = scenarios();
        let (_, scenario) = all
            .iter()
            .find(|(other, _)| *other == name)
            .expect("a scenario of this name");
        let limit = deadline::Deadline::new();
        scenario();
        drop(limit);
        return ExitCode::SUCCESS;
    }
    let chosen: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let list = std::env::args().any(|argument| argument == "--list");
    let mut failed = 0;
    for (name, _) in scenarios() {
        if !chosen.is_empty() && !chosen.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        if list {
            println!("{name}: test");
            continue;
        }
        failed += u32::from(!passes(name));
    }
    match failed {
        0 => ExitCode::SUCCESS,
        _ => {
            println!("{failed} of the scenarios failed");
            ExitCode::FAILURE
        }
    }
}

/// Runs one scenario in a process of its own, and shows what it said if it failed.
fn passes(name: &str) -> bool {
    let program = std::env::current_exe().expect("this program's path");
    let output = Command::new(program)
        .env(SCENARIO, name)
        .stdin(Stdio::null())
        .output()
        .expect("a process");
    let passed = output.status.success();
    println!("alone {name} ... {}", if passed { "ok" } else { "FAILED" });
    if !passed {
        println!("{}", output.status);
        println!("{}", String::from_utf8_lossy(&output.stdout));
        println!("{}", String::from_utf8_lossy(&output.stderr));
    }
    passed
}
