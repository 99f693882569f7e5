//! Scenarios that need a process of their own with hardly any other thread in it: they close descriptors
//! underneath those who use them.
//!
//! This program starts itself once for each, as `crates/hub/tests/alone` does.

mod underneath; // descriptors closed by somebody else

use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

const SCENARIO: &str = "EVLET_NET_SCENARIO";
const LIMIT: Duration = Duration::from_secs(60);

/// A name, and what runs under it.
type Scenario = (&'static str, fn());

fn scenarios() -> Vec<Scenario> {
    underneath::SCENARIOS.to_vec()
}

fn main() -> ExitCode {
    let all = scenarios();
    if let Ok(name) = std::env::var(SCENARIO) {
        let scenario = all.iter().find(|(other, _)| *other == name);
        let (_, scenario) = scenario.expect("a scenario of this name");
        std::thread::spawn(|| {
            std::thread::sleep(LIMIT);
            eprintln!("it hangs");
            std::process::abort();
        });
        scenario();
        return ExitCode::SUCCESS;
    }
    let chosen: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let list = std::env::args().any(|argument| argument == "--list");
    let ignored = std::env::args().any(|argument| argument == "--ignored");
    let mut failed = 0;
    for (name, _) in all {
        if ignored || !(chosen.is_empty() || chosen.iter().any(|part| name.contains(part.as_str())))
        {
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
        _ => ExitCode::FAILURE,
    }
}

fn passes(name: &str) -> bool {
    let output = Command::new(std::env::current_exe().expect("this program's path"))
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
