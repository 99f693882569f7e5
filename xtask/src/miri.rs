//! The tests that Miri can run: those without descriptors, where the unsafe code and the bookkeeping live.
//!
//! Miri interprets a program and sees every read of memory that is not ours, at a few hundred times the cost of
//! running it; it has no sockets, no child processes and no timerfd. So it gets the tests by module name. It
//! lives in a nightly toolchain; where that is missing, this says so and lets the rest pass.

use std::process::{Command, ExitCode, Stdio};

use crate::command::show_and_read;
use crate::libtest::Totals;
use crate::steps::{Checked, Failed, Steps, Verdict};
use crate::workspace;

/// (package, arguments that choose its tests).
const RUNS: &[(&str, &[&str])] = &[
    ("evlet-hub", &["--lib"]),
    ("evlet-hub", &["--test", "it", "--", "join::"]),
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
    for (package, choice) in RUNS {
        let mut totals = Totals::default();
        let mut command = nightly_cargo();
        command
            .args(["miri", "test", "--quiet", "--package", package])
            .args(*choice)
            .env("MIRIFLAGS", "-Zmiri-strict-provenance");
        show_and_read(&mut command, |line| totals.see(line)).map_err(|why| Failed {
            passed: totals.passed,
            failed: totals.failed,
            why,
        })?;
        if totals.passed == 0 {
            return Err(format!("{package}: no test was run under Miri").into());
        }
        sum = sum.and(Checked::passed(totals.passed));
    }
    Ok(sum)
}

fn available() -> bool {
    let asked = nightly_cargo()
        .args(["miri", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

/// Not `cargo +nightly`: inside of a cargo that runs us, `cargo` is that cargo and knows no toolchains.
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
