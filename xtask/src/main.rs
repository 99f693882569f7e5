//! Everything a maintainer runs: `cargo xtask <command>`.
//!
//! All checks are this one program, and the robot that guards the main branch only starts it:
//! "passes here" and "passes there" mean the same thing. It needs the Rust toolchain and nothing
//! else; checks that want more (nginx, strace, a nightly with Miri) say so on a line that begins
//! with `SKIPPED` and let the rest go on.

use std::process::ExitCode;

mod ci; // everything, in order, stopping at the first failure
mod steps; // one named check after the other, with timings and counts

mod command; // child processes: shown, read, ended at a deadline
mod libtest; // what `cargo test` printed, as numbers
mod workspace; // where things are, as cargo tells it

mod examples; // every example run, its output compared
mod readme; // the README's server, taken from the page and run
mod realclients; // peers that we did not write: Python, nc, nginx, strace

mod miri; // the tests that Miri can run
mod tidy; // rules about files, arrows and pages

/// Its name, what it does, and the doing.
type Command = (&'static str, &'static str, fn() -> ExitCode);

const COMMANDS: &[Command] = &[
    ("ci", "every check, in order, until one fails", ci::run),
    (
        "examples",
        "run every example and compare what it prints",
        examples::run,
    ),
    (
        "miri",
        "the tests without descriptors, under Miri",
        miri::run,
    ),
    ("readme", "compile and run the README's server", readme::run),
    (
        "realclients",
        "the servers under Python, nc and strace, the crawler against nginx",
        realclients::run,
    ),
    (
        "tidy",
        "rules about files, arrows between crates, pages",
        tidy::run,
    ),
];

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (asked, more) = (args.next(), args.next());
    match (asked.as_deref(), more) {
        (Some(name), None) => match COMMANDS.iter().find(|(known, _, _)| *known == name) {
            Some((_, _, command)) => command(),
            None => usage(&format!("there is no command {name:?}")),
        },
        (None, _) => usage("which command?"),
        (Some(name), Some(_)) => usage(&format!("{name} takes no arguments")),
    }
}

fn usage(trouble: &str) -> ExitCode {
    eprintln!("xtask: {trouble}\n\nusage: cargo xtask COMMAND");
    for (name, what, _) in COMMANDS {
        eprintln!("  {name:<12} {what}");
    }
    ExitCode::from(2)
}
