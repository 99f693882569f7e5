//! The tests that Miri can run: those without descriptors. All of green's, and of the hub's those where
//! wakers cross threads, futures are dropped in odd moments, and the few unsafe lines live.
//!
//! Miri interprets a program and sees every access to memory that is not ours, at a few hundred
//! times the cost of running it. It has no sockets and no timerfd; the hub waits without
//! descriptors there (`crates/hub/src/reactor/parked.rs`). What starts a process or counts to a million is
//! left out: by `cfg(miri)` in green's tests, by words in the names of the hub's.
//!
//! Miri lives in a nightly toolchain. Where that is missing the same tests are compiled as for Miri
//! (`--cfg miri`) and run natively: that shows that the selection stands and waits for no descriptor, and
//! nothing about memory, which is said.

use std::process::{Command, ExitCode};

use crate::command::show_and_read;
use crate::libtest::Totals;
use crate::nightly;
use crate::steps::{Checked, Failed, Steps, Verdict};
use crate::workspace::{self, Workspace};

/// A package, the test program in it, the themes to run (none: all), and words in names of tests to
/// leave out.
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
        themes: &["task::blocks::", "watchdog::"],
        without: &[],
    },
    Run {
        package: "evlet-hub",
        program: &["--test", "it"],
        themes: &[
            "destructors::",
            "join::",
            "kill::",
            "link::",
            "order::",
            "panic::",
        ],
        without: &["thousand", "reader", "descriptor", "register"],
    },
    Run {
        package: "evlet-green",
        program: &["--lib", "--test", "it"],
        themes: &[],
        without: &[],
    },
];

const MISSING: &str =
    "no nightly toolchain with Miri (rustup toolchain install nightly --component miri)";

pub(crate) fn run() -> ExitCode {
    let mut steps = Steps::new();
    steps.run("miri", all);
    steps.finish()
}

pub(crate) fn all() -> Verdict {
    let how = match available() {
        true => under_miri,
        false => natively,
    };
    let mut sum = Checked::default();
    for run in RUNS {
        sum = sum.and(one(run, how()?)?);
    }
    if !available() {
        let passed = sum.passed;
        sum.skipped.push(format!(
            "{MISSING}: its {passed} tests were run natively with `--cfg miri`, which checks no memory"
        ));
    }
    Ok(sum)
}

fn one(run: &Run, mut command: Command) -> Verdict {
    command
        .args(["--quiet", "--package", run.package])
        .args(run.program)
        .arg("--")
        .args(run.themes)
        .args(run.without.iter().flat_map(|word| ["--skip", word]))
        // A backtrace costs ten seconds under Miri, and panics are part of the tests.
        .env("RUST_BACKTRACE", "0");
    let mut totals = Totals::default();
    show_and_read(&mut command, |line| totals.see(line)).map_err(|why| Failed {
        passed: totals.passed,
        failed: totals.failed,
        why,
    })?;
    if totals.passed == 0 {
        return Err(format!("{}: no test was run for Miri", run.package).into());
    }
    println!(
        "{} {}: {} tests, {} left out",
        run.package,
        run.program.join(" "),
        totals.passed,
        totals.ignored
    );
    Ok(Checked::passed(totals.passed))
}

fn under_miri() -> Result<Command, String> {
    let mut command = nightly::tool("cargo");
    command.args(["miri", "test"]).env(
        "MIRIFLAGS",
        "-Zmiri-disable-isolation -Zmiri-strict-provenance",
    );
    Ok(command)
}

/// The same tests as they are compiled for Miri, in a target folder of their own: other flags would
/// have everything else compiled anew, each time.
fn natively() -> Result<Command, String> {
    let target = Workspace::load()?.target.join("cfg-miri");
    let inherited = std::env::var("RUSTFLAGS").unwrap_or_default();
    let mut command = workspace::cargo();
    command
        .arg("test")
        .env("CARGO_TARGET_DIR", target)
        .env("RUSTFLAGS", format!("{inherited} --cfg miri"));
    Ok(command)
}

fn available() -> bool {
    nightly::succeeds(nightly::tool("cargo").args(["miri", "--version"]))
}
