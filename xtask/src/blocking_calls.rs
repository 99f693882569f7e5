//! The list of calls that hold the hub, and whether clippy takes it and finds them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use crate::command::read;
use crate::steps::{Checked, Steps, Verdict};
use crate::workspace::{Workspace, cargo, root};

const LIST: &str = "docs/blocking-calls";
const PAGE: &str = "docs/src/blocking-calls.md";
const INCLUDE: &str = "{{#include ../blocking-calls/clippy.toml}}";

/// A program with calls of several kinds, and what clippy is to say of each.
const PROGRAM: &str = "\
fn main() {
    std::thread::sleep(std::time::Duration::ZERO);
    let _ = std::net::TcpStream::connect(\"127.0.0.1:9\");
    let _ = std::fs::read(\"/\");
    let _ = std::process::Command::new(\"true\").output();
    let _ = std::io::stdin();
    println!(\"this one may stay\");
}
";
const FOUND: &[&str] = &[
    "evlet::sleep",
    "evlet::connect",
    "evlet::os::fs::read",
    "evlet::os::process::Command",
    "evlet::os::stdio::stdin",
];

/// Prints the list.
pub(crate) fn print() -> ExitCode {
    match text(&root().join(LIST).join("clippy.toml")) {
        Ok(list) => {
            print!("{list}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Checks it alone.
pub(crate) fn run() -> ExitCode {
    let mut steps = Steps::new();
    steps.run("blocking calls", check);
    steps.finish()
}

/// The page shows the list, clippy knows every path in it, and finds what a program calls.
pub(crate) fn check() -> Verdict {
    let root = root();
    if !text(&root.join(PAGE))?.contains(INCLUDE) {
        return Err(format!("{PAGE} does not include the list: {INCLUDE}").into());
    }
    let said = clippy_on(&project()?, &root.join(LIST))?;
    if let Some(unknown) = said.lines().find(|line| line.contains("does not refer to")) {
        return Err(format!("{LIST}/clippy.toml: {unknown}").into());
    }
    let missed = FOUND.iter().find(|name| !said.contains(**name));
    if let Some(missed) = missed {
        return Err(format!("clippy did not name {missed}. It said:\n{said}").into());
    }
    Ok(Checked::passed(FOUND.len() + 1))
}

/// A package of its own with that program, beside what cargo builds.
fn project() -> Result<PathBuf, String> {
    let folder = Workspace::load()?.target.join("blocking-calls");
    let manifest =
        "[package]\nname = \"caller\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n";
    put(&folder.join("Cargo.toml"), manifest)?;
    put(&folder.join("src/main.rs"), PROGRAM)?;
    Ok(folder)
}

/// What clippy says about `project` with the list in `list`.
fn clippy_on(project: &Path, list: &Path) -> Result<String, String> {
    // What it said of a build that it remembers it says again, but it does not know that the list has changed.
    put(&project.join("src/main.rs"), PROGRAM)?;
    let mut clippy = cargo();
    clippy
        .args(["clippy", "--offline", "--color", "never"])
        .env("CLIPPY_CONF_DIR", list)
        .env("CARGO_TARGET_DIR", project.join("target"))
        .current_dir(project);
    Ok(read(&mut clippy, Duration::from_secs(120))?.stderr)
}

fn text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("reading {}: {e}", path.display()))
}

fn put(path: &Path, text: &str) -> Result<(), String> {
    let folder = path.parent().unwrap_or(path);
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(path, text));
    written.map_err(|e| format!("writing {}: {e}", path.display()))
}
