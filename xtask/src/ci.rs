//! Every check, in order, until one fails: the quick ones first, so that a wrong format is not
//! found after ten minutes of tests.
//!
//! Needed is the Rust toolchain with rustfmt and clippy (rustup's default profile has both).

use std::process::ExitCode;

use crate::command::{show, show_and_read};
use crate::libtest::Totals;
use crate::steps::{Checked, Failed, Steps, Verdict};
use crate::workspace::cargo;
use crate::{
    blocking_calls, conformance, examples, instructions, miri, readme, realclients, sanitizer, tidy,
};

type Check = (&'static str, fn() -> Verdict);

const CHECKS: &[Check] = &[
    ("format", || {
        cargo_says_yes(&["fmt", "--all", "--", "--check"])
    }),
    ("tidy", tidy::all),
    ("conformance", conformance::check),
    ("clippy", || {
        cargo_says_yes(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ])
    }),
    ("blocking calls", blocking_calls::check),
    ("tests", || {
        tests(&["--workspace", "--lib", "--bins", "--tests", "--examples"])
    }),
    ("doc tests", || tests(&["--workspace", "--doc"])),
    ("docs", docs),
    ("examples", examples::all),
    ("README's server", readme::server_runs),
    ("real clients", realclients::all),
    ("instructions", instructions::check),
    ("miri", miri::all),
    ("sanitizer", sanitizer::in_ci),
];

pub(crate) fn run() -> ExitCode {
    let mut steps = Steps::new();
    for (name, check) in CHECKS {
        if !steps.run(name, check) {
            break;
        }
    }
    steps.finish()
}

fn cargo_says_yes(args: &[&str]) -> Verdict {
    show(cargo().args(args))?;
    Ok(Checked::passed(1))
}

/// One `cargo test` over many test programs; all of them are run, also after a failure.
fn tests(args: &[&str]) -> Verdict {
    let mut totals = Totals::default();
    let result = show_and_read(
        cargo().args(["test", "--no-fail-fast"]).args(args),
        |line| totals.see(line),
    );
    if totals.ignored > 0 {
        println!("{} tests are marked #[ignore]", totals.ignored);
    }
    match result {
        Ok(()) => Ok(Checked::passed(totals.passed)),
        Err(why) => Err(Failed {
            passed: totals.passed,
            failed: totals.failed,
            why,
        }),
    }
}

fn docs() -> Verdict {
    let mut command = cargo();
    command
        .args(["doc", "--workspace", "--no-deps", "--quiet"])
        .env("RUSTDOCFLAGS", "-D warnings");
    show(&mut command)?;
    Ok(Checked::passed(1))
}
