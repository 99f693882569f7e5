//! Some of the tests that Miri can run: those without descriptors, where wakers cross threads,
//! futures are dropped in odd moments, and the few unsafe lines live.
//!
//! Miri interprets a program and sees every access to memory that is not ours, at a few hundred
//! times the cost of running it. It has no sockets and no timerfd; the hub waits without
//! descriptors there (`crates/hub/src/reactor/parked.rs`). To stay below four minutes it gets a
//! choice of themes, without what counts to a thousand or leaves scheduling to chance for long.
//! Miri lives in a nightly toolchain; where that is missing, this says so and lets the rest pass.

use std::process::{Command, ExitCode, Stdio};

use crate::command::show_and_read;
use crate::libtest::Totals;
use crate::steps::{Checked, Failed, Steps, Verdict};
use crate::workspace;

/// A package, the test program in it, the themes to run, and words in names of tests to leave out.
struct Run {
    package: &'static str,
    program: &'static [&'static str],
    themes: &'static [&'static str],
    without: &'static [&'static str],
}

const RUNS: &[Run] = &[
    Run {
        package: "evlet-hub",
        program: &["--lib"],
        themes: &["watchdog::"],
        without: &[],
    },
    Run {
        package: "evlet-hub",
        program: &["--test", "it"],
        themes: &["join::", "kill::"],
        without: &["thousand", "reader", "descriptor"],
    },
];

pub(crate) fn run() -> ExitCode {
    let mut steps = Steps::new();
    steps.run("miri", all);
    steps.finish()
}

pub(crate) fn all() -> Verdict {
    if !available() {
        return Ok(Checked::skipped(
            "no nightly toolchain with Miri (rustup toolchain install nightly --component miri)",
        ));
    }
    let mut sum = Checked::default();
    for run in RUNS {
        sum = sum.and(one(run)?);
    }
    Ok(sum)
}

fn one(run: &Run) -> Verdict {
    let mut command = nightly_cargo();
    command
        .args(["miri", "test", "--quiet", "--package", run.package])
        .args(run.program)
        .arg("--")
        .args(run.themes)
        .args(run.without.iter().flat_map(|word| ["--skip", word]))
        .env(
            "MIRIFLAGS",
            "-Zmiri-disable-isolation -Zmiri-strict-provenance",
        )
        // A backtrace costs ten seconds there, and panics are part of the tests.
        .env("RUST_BACKTRACE", "0");
    let mut totals = Totals::default();
    show_and_read(&mut command, |line| totals.see(line)).map_err(|why| Failed {
        passed: totals.passed,
        failed: totals.failed,
        why,
    })?;
    if totals.passed == 0 {
        return Err(format!("{}: no test was run under Miri", run.package).into());
    }
    Ok(Checked::passed(totals.passed))
}

fn available() -> bool {
    let asked = nightly_cargo()
        .args(["miri", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

/// Not `cargo +nightly`: inside of a cargo that runs us, `cargo` is that cargo and knows no
/// toolchains.
fn nightly_cargo() -> Command {
    let mut command = Command::new("rustup");
    command
        .args(["run", "nightly", "cargo"])
        .current_dir(workspace::root());
    for inherited in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(inherited);
    }
    command
}
