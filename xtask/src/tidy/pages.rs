//! Pages name things that exist: paths, tests, examples, commands, the Rust version.
//!
//! A page about code that has moved is worse than none. Checked are README.md and every page under
//! docs/: targets of links, words in code marks that begin with a folder of the top level, tests in code
//! marks (`green/queue.rs::name`), the list of examples (both ways: none missing, none too many), the two
//! commands of the README and the Rust version it states.

use std::fs;
use std::path::{Path, PathBuf};

use crate::steps::{Verdict, verdict_of};
use crate::test_names;
use crate::workspace::Workspace;

pub(super) fn check(workspace: &Workspace) -> Verdict {
    let root = &workspace.root;
    let mut results = Vec::new();
    for page in pages(root)? {
        let text = fs::read_to_string(&page).map_err(|e| format!("{}: {e}", page.display()))?;
        let shown = page
            .strip_prefix(root)
            .unwrap_or(&page)
            .display()
            .to_string();
        results.push(paths_exist(root, &page, &shown, &text));
        results.push(tests_exist(root, &shown, &text));
        if shown == "README.md" {
            results.push(readme_is_true(workspace, &text));
        }
    }
    verdict_of(results)
}

fn pages(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = vec![root.join("README.md")];
    let mut folders = vec![root.join("docs")];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn paths_exist(root: &Path, page: &Path, shown: &str, text: &str) -> Result<(), String> {
    let beside = page.parent().unwrap_or(root);
    let missing: Vec<String> = links(text)
        .into_iter()
        .filter(|target| !beside.join(target).exists())
        .chain(
            code_paths(text)
                .into_iter()
                .filter(|path| !root.join(path).exists()),
        )
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{shown}: names what does not exist: {}",
        missing.join(", ")
    ))
}

fn tests_exist(root: &Path, shown: &str, text: &str) -> Result<(), String> {
    let mut missing = Vec::new();
    for (file, name) in test_names::in_code_marks(text) {
        let code = fs::read_to_string(root.join(&file)).unwrap_or_default();
        if !code.contains(&format!("fn {name}(")) {
            missing.push(format!("{name} in {file}"));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{shown}: names tests that do not exist: {}",
        missing.join(", ")
    ))
}

fn readme_is_true(workspace: &Workspace, text: &str) -> Result<(), String> {
    let examples = workspace
        .packages
        .iter()
        .flat_map(|package| &package.examples);
    for example in examples {
        if !text.contains(&format!("`{example}`")) {
            return Err(format!("README.md: does not list the example {example}"));
        }
    }
    for command in ["cargo run --release --example tour", "cargo xtask ci"] {
        if !text.contains(command) {
            return Err(format!("README.md: does not show `{command}`"));
        }
    }
    let versions = workspace
        .packages
        .iter()
        .filter_map(|p| p.rust_version.as_deref());
    for version in versions {
        let short = version.strip_suffix(".0").unwrap_or(version);
        if !text.contains(&format!("Rust {short}")) {
            return Err(format!(
                "README.md: does not say Rust {short}, the manifests do"
            ));
        }
    }
    Ok(())
}

/// Targets of `[text](target)` that are files here, without their `#place`.
fn links(text: &str) -> Vec<String> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.contains("://"))
        .map(str::to_owned)
        .collect()
}

/// Words in code marks that begin with a folder of the top level. `{a,b}`, `*` and `<name>` make a
/// word a pattern: only the part before them is looked for.
fn code_paths(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, piece) in text.split('`').enumerate() {
        if at % 2 == 0 || piece.contains('\n') {
            continue;
        }
        for word in piece.split_whitespace() {
            let begins = TOP_LEVEL.iter().any(|folder| word.starts_with(folder));
            if !begins {
                continue;
            }
            let plain = word
                .split(['{', '*', '<'])
                .next()
                .unwrap_or_default()
                .trim_end_matches([',', ';', ':', '.']);
            let whole = plain.len() == word.trim_end_matches([',', ';', ':', '.']).len();
            let path = if whole {
                plain
            } else {
                plain.rsplit_once('/').map_or("", |(folder, _)| folder)
            };
            found.push(path.to_owned());
        }
    }
    found
}

const TOP_LEVEL: &[&str] = &["crates/", "examples/", "docs/", "xtask/", ".ci/", ".cargo/"];

#[cfg(test)]
mod tests {
    use super::{code_paths, links};

    #[test]
    fn links_to_files_are_found() {
        let page =
            "see [a](docs/a.md), [b](https://example.org/b) and [c](#here) or [d](d.md#there)";
        assert_eq!(links(page), ["docs/a.md", "d.md"]);
    }

    #[test]
    fn paths_in_code_marks_are_found() {
        let page =
            "`crates/hub/src/lib.rs`, `cargo run`, `examples/expected/<name>.txt` `crates/*`";
        let found = code_paths(page);
        assert_eq!(
            found,
            ["crates/hub/src/lib.rs", "examples/expected", "crates"]
        );
    }
}
