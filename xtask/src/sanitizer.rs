//! The tests under AddressSanitizer: uses of memory that was freed, that is beyond a block's end or of a function that has
//! returned, and with LeakSanitizer memory that nobody can reach any more and nobody freed.
//!
//! It sees less than Miri, but runs what Miri cannot: tests with descriptors, threads and signals, at a
//! few times the cost. A task's memory is an allocation of its own here (`--cfg evlet_sanitizer`), since one that
//! is freed and used again is nothing that a sanitizer could see; the hub's unit tests are about the pages in
//! which it stands otherwise.
//!
//! The flag is a nightly compiler's. A small program shows whether it works on this machine, and then whether
//! leaks can be looked for: that takes a process that may trace itself, which some containers forbid, and
//! `llvm-symbolizer`, without which [`LEFT`] has no names to be compared with.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

use crate::command::show_and_read;
use crate::libtest::Totals;
use crate::nightly;
use crate::steps::{Checked, Failed, Steps, Verdict};
use crate::workspace::Workspace;

/// Programs whose tests run under it. Those with a process for each test measure memory, which is not what it
/// is otherwise, or close descriptors beneath their owners, which are then left.
const TESTS: &[&str] = &["--lib", "--test", "it"];

const PACKAGES: &[&str] = &["evlet-hub", "evlet-green", "evlet-net", "evlet-os"];

/// Those that fit into two minutes; all of the unsafe code but a few system calls is in the first.
const IN_CI: &[&str] = &["evlet-hub", "evlet-green"];

/// Parts of names of tests that start sanitized programs where these cannot look for leaks.
const WITHOUT: &[&str] = &["lab::"];

/// (part of the name of a test or of a function of ours, why it leaves memory behind).
const LEFT: &[(&str, &str)] = &[
    (
        "evlet_hub::report::drop_caught",
        "the panic of a caught panic's payload is never dropped, since that might panic too",
    ),
    (
        "it::bad_input::bodies::a_destructor_of_an_item_that_panics_",
        "forgets an item whose destructor would panic",
    ),
    (
        "it::cancel::a_put_given_up_has_not_stored_its_item",
        "forgets the mark of one who was not given up",
    ),
    (
        "it::panic::a_payload_whose_destructor_panics_is_contained",
        "a second panic's payload is never dropped",
    ),
    (
        "it::panic::a_result_whose_destructor_panics_is_contained",
        "as above",
    ),
    (
        "it::scope_ending::a_destructor_may_spawn_into_the_ending_scope",
        "forgets the last of those that come again without end",
    ),
    (
        "it::scope_ending::a_destructor_that_panics_keeps_no_sibling_",
        "a second panic's payload is never dropped",
    ),
    (
        "it::scope_ending::one_that_is_leaked_never_runs_its_children_again",
        "forgets a scope, which is what it tests",
    ),
    (
        "it::shutdown::the_drop_ends_when_destructors_keep_spawning",
        "the hub gives up on green threads that come again without end",
    ),
    (
        "evlet_green::tpool::workers::tests::",
        "pools that live as long as the process, as the real one does",
    ),
];

/// Leaves memory behind under a name that can be asked for.
const PROBE: &str = "
    #[inline(never)]
    fn left_on_purpose() { std::mem::forget(std::hint::black_box(Box::new([1_u8; 100]))) }
    fn main() { std::thread::spawn(left_on_purpose).join().unwrap() }
";

const MISSING: &str =
    "no nightly toolchain with AddressSanitizer that works here (rustup toolchain install nightly)";

const NO_LEAKS: &str =
    "leaks were not looked for: that wants llvm-symbolizer, and a process that may trace itself";

pub(crate) fn run() -> ExitCode {
    let mut steps = Steps::new();
    steps.run("sanitizer", || check(PACKAGES));
    steps.finish()
}

pub(crate) fn in_ci() -> Verdict {
    check(IN_CI)
}

fn check(packages: &[&str]) -> Verdict {
    let place = Workspace::load()?.target.join("sanitizer");
    let Some(sanitizer) = Sanitizer::find(place) else {
        return Ok(Checked::skipped(MISSING));
    };
    let mut totals = Totals::default();
    show_and_read(&mut sanitizer.tests(packages), |line| totals.see(line)).map_err(|why| {
        Failed {
            passed: totals.passed,
            failed: totals.failed,
            why,
        }
    })?;
    let mut checked = Checked::passed(totals.passed);
    if !sanitizer.sees_leaks {
        checked.skipped.push(NO_LEAKS.to_owned());
    }
    Ok(checked)
}

struct Sanitizer {
    /// A target folder of its own: other flags would have everything else compiled anew, each time.
    place: PathBuf,
    host: String,
    sees_leaks: bool,
}

impl Sanitizer {
    fn find(place: PathBuf) -> Option<Sanitizer> {
        fs::create_dir_all(&place).ok()?;
        let said = nightly::tool("rustc").arg("-vV").output().ok()?.stdout;
        let said = String::from_utf8(said).ok()?;
        let host = said.lines().find_map(|line| line.strip_prefix("host: "))?;
        let mut found = Sanitizer {
            host: host.to_owned(),
            place,
            sees_leaks: false,
        };
        let program = found.build_probe()?;
        if !found.is_content_with(&program) {
            return None;
        }
        found.write_known_leaks().ok()?;
        found.sees_leaks = true;
        found.sees_leaks = found.is_content_with(&program);
        Some(found)
    }

    fn build_probe(&self) -> Option<PathBuf> {
        let source = self.place.join("probe.rs");
        fs::write(&source, PROBE).ok()?;
        let program = self.place.join("probe");
        let mut compiler = nightly::tool("rustc");
        compiler
            .args(["-Zsanitizer=address", "--target", &self.host, "-o"])
            .args([&program, &source]);
        nightly::succeeds(&mut compiler).then_some(program)
    }

    fn is_content_with(&self, program: &Path) -> bool {
        nightly::succeeds(self.watching(&mut Command::new(program)))
    }

    fn known_leaks(&self) -> PathBuf {
        self.place.join("known-leaks.txt")
    }

    fn write_known_leaks(&self) -> std::io::Result<()> {
        let names = LEFT.iter().map(|(name, _)| *name);
        let lines = names.chain(["left_on_purpose"]);
        let lines: Vec<_> = lines.map(|name| format!("leak:{name}\n")).collect();
        fs::write(self.known_leaks(), lines.concat())
    }

    /// What a sanitized program is to look for.
    fn watching<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let leaks = u8::from(self.sees_leaks);
        let asked = format!("detect_leaks={leaks}:detect_stack_use_after_return=1");
        let known = self.known_leaks();
        let known = format!("suppressions={}:print_suppressions=0", known.display());
        command
            .env("ASAN_OPTIONS", asked)
            .env("LSAN_OPTIONS", known)
    }

    fn tests(&self, packages: &[&str]) -> Command {
        let inherited = env::var("RUSTFLAGS").unwrap_or_default();
        let flags = format!("{inherited} -Zsanitizer=address --cfg evlet_sanitizer");
        let mut command = nightly::tool("cargo");
        command
            // With a target named, what runs while compiling is not sanitized.
            .args(["test", "--quiet", "--no-fail-fast", "--target", &self.host])
            .args(packages.iter().flat_map(|package| ["--package", package]))
            .args(TESTS)
            .arg("--")
            .args(WITHOUT.iter().flat_map(|word| ["--skip", word]))
            .env("CARGO_TARGET_DIR", &self.place)
            // A line is enough to find the place, and takes half as long to compile.
            .env("CARGO_PROFILE_TEST_DEBUG", "line-tables-only")
            .env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only")
            .env("RUSTFLAGS", flags)
            // Panics are part of the tests, and their backtraces would take longer than all else.
            .env("RUST_BACKTRACE", "0");
        self.watching(&mut command);
        command
    }
}
