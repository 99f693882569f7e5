//! Everything a maintainer runs: `cargo xtask <command>`.
//!
//! All checks are this one program, and the robot that guards the main branch only starts it:
//! "passes here" and "passes there" mean the same thing. It needs the Rust toolchain and nothing
//! else; checks that want more (nginx, strace, a nightly with Miri or sanitizers) say so on a line that begins
//! with `SKIPPED` and let the rest go on.

use std::process::ExitCode;

mod ci; // everything, in order, stopping at the first failure
mod steps; // one named check after the other, with timings and counts

mod command; // child processes: shown, read, ended at a deadline
mod libtest; // what `cargo test` printed, as numbers
mod nightly; // a toolchain for the tools that live only in one
mod test_names; // how pages name a test
mod workspace; // where things are, as cargo tells it

mod examples; // every example run, its output compared
mod readme; // the README's server, taken from the page and run
mod realclients; // peers that we did not write: Python, nc, nginx, strace

mod bench; // evlet and its peers, measured side by side
mod instructions; // the hot paths' instructions, against those written down

mod blocking_calls; // the list of calls that hold the hub, and whether clippy finds them
mod conformance; // the cases of the references and the tests that show them
mod miri; // the tests that Miri can run
mod sanitizer; // the tests under AddressSanitizer
mod tidy; // rules about files, arrows and pages

/// Its name, what it does, and the doing.
type Command = (&'static str, &'static str, fn() -> ExitCode);

const COMMANDS: &[Command] = &[
    (
        "blocking-calls",
        "print the list of calls that hold the hub, for a clippy.toml",
        blocking_calls::print,
    ),
    (
        "blocking-calls --check",
        "whether clippy takes that list and finds the calls",
        blocking_calls::run,
    ),
    ("ci", "every check, in order, until one fails", ci::run),
    (
        "conformance",
        "every case of the references has a test or a reason",
        conformance::run,
    ),
    (
        "conformance --write",
        "the same, after making the page that lists them",
        conformance::run_and_write,
    ),
    (
        "examples",
        "run every example and compare what it prints",
        examples::run,
    ),
    (
        "instructions",
        "the hot paths' instructions, against those written down",
        instructions::run,
    ),
    (
        "instructions --write",
        "count them and write them down",
        instructions::run_and_write,
    ),
    (
        "miri",
        "the tests without descriptors, under Miri",
        miri::run,
    ),
    ("readme", "compile and run the README's server", readme::run),
    (
        "realclients",
        "the servers under Python, nc and strace, the crawler against nginx; with a word, those with it in their names",
        realclients::run,
    ),
    (
        "sanitizer",
        "the tests under AddressSanitizer; `ci` takes those of hub and green",
        sanitizer::run,
    ),
    (
        "tidy",
        "rules about files, arrows between crates, pages",
        tidy::run,
    ),
];

fn main() -> ExitCode {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    if let [first, options @ ..] = &*asked
        && first == "bench"
    {
        return bench::run(options);
    }
    if let [first, word] = &*asked
        && first == "realclients"
    {
        return realclients::run_some(word);
    }
    let asked = asked.join(" ");
    match COMMANDS.iter().find(|(known, _, _)| *known == asked) {
        Some((_, _, command)) => command(),
        None if asked.is_empty() => usage("which command?"),
        None => usage(&format!("there is no command {asked:?}")),
    }
}

fn usage(trouble: &str) -> ExitCode {
    eprintln!("xtask: {trouble}\n\nusage: cargo xtask COMMAND");
    for (name, what, _) in COMMANDS {
        eprintln!("  {name:<20} {what}");
    }
    eprintln!("  {:<20} {}", "bench [options]", bench::WHAT);
    ExitCode::from(2)
}
