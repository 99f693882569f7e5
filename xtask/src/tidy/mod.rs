//! Rules that no compiler checks: how files open and how long they are, where unsafe may stand, who
//! may depend on whom, and that pages name things that exist.
//!
//! The same rules run as unit tests of this package (`cargo test -p xtask`), so that they are found
//! even by someone who never heard of `cargo xtask`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, io};

use crate::steps::{Checked, Failed, Steps, Verdict};
use crate::workspace::Workspace;

mod arrows; // who may depend on whom
mod code; // a source file without its comments and strings
mod files; // opening line, length, names
mod pages; // paths and examples that pages name
mod unsafe_map; // the one table of files that may say `unsafe`

pub(crate) fn run() -> ExitCode {
    let mut steps = Steps::new();
    steps.run("tidy", all);
    steps.finish()
}

/// All rules; every offence is told.
pub(crate) fn all() -> Verdict {
    let workspace = Workspace::load()?;
    let sources = sources(&workspace.root).map_err(|e| format!("reading the sources: {e}"))?;
    let verdicts = [
        arrows::check(&workspace),
        files::check(&sources),
        unsafe_map::check(&sources),
        pages::check(&workspace),
    ];
    let mut sum = Ok(Checked::default());
    for verdict in verdicts {
        sum = both(sum, verdict);
    }
    sum
}

fn both(one: Verdict, other: Verdict) -> Verdict {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok(one.and(other)),
        (Err(failure), Ok(checked)) | (Ok(checked), Err(failure)) => Err(Failed {
            passed: failure.passed + checked.passed,
            ..failure
        }),
        (Err(one), Err(other)) => Err(Failed {
            passed: one.passed + other.passed,
            failed: one.failed + other.failed,
            why: format!("{}\n{}", one.why, other.why),
        }),
    }
}

/// One Rust file of the repository.
pub(crate) struct Source {
    /// Relative to the workspace, with `/` between its parts.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Every Rust file of ours, in the order of their paths.
pub(crate) fn sources(root: &Path) -> io::Result<Vec<Source>> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = ["crates", "examples", "xtask"]
        .iter()
        .map(|folder| root.join(folder))
        .collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative = path.strip_prefix(root).unwrap_or(&path);
                found.push(Source {
                    path: relative.to_string_lossy().replace('\\', "/"),
                    text: fs::read_to_string(&path)?,
                });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_repository_keeps_its_rules() {
        if let Err(failure) = super::all() {
            panic!("{}", failure.why);
        }
    }
}
