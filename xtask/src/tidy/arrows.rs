//! Who may depend on whom.
//!
//! The layers are crates so that the compiler keeps a lower one from knowing a higher one; this
//! table keeps anyone from adding the edge in a manifest. Build and test dependencies count as
//! well: a test of the hub that needs the pool would make the hub know of it.

use crate::steps::{Verdict, verdict_of};
use crate::workspace::{Package, Workspace};

/// (package, those of ours that it may depend on). What has no row yet may not join the workspace.
const ALLOWED: &[(&str, &[&str])] = &[
    ("evlet-alone", &[]),
    ("evlet-hub", &["evlet-alone"]), // for its tests, as below
    ("evlet-green", &["evlet-hub"]),
    ("evlet-net", &["evlet-alone", "evlet-green", "evlet-hub"]),
    ("evlet-os", &["evlet-alone", "evlet-green", "evlet-hub"]),
    ("evlet-macros", &[]),
    (
        "evlet",
        &[
            "evlet-green",
            "evlet-hub",
            "evlet-macros",
            "evlet-net",
            "evlet-os",
        ],
    ),
    ("evlet-bench", &["evlet"]),
    ("evlet-examples", &["evlet"]),
    ("xtask", &[]),
];

pub(super) fn check(workspace: &Workspace) -> Verdict {
    verdict_of(workspace.packages.iter().map(|package| {
        let ours = |name: &String| workspace.packages.iter().any(|p| p.name == **name);
        check_one(package, package.depends_on.iter().filter(|name| ours(name)))
    }))
}

fn check_one<'a>(
    package: &Package,
    depends_on: impl Iterator<Item = &'a String>,
) -> Result<(), String> {
    let name = &package.name;
    let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| known == name) else {
        return Err(format!("{name}: has no row in xtask/src/tidy/arrows.rs"));
    };
    let forbidden: Vec<&str> = depends_on
        .map(String::as_str)
        .filter(|dependency| !allowed.contains(dependency))
        .collect();
    if forbidden.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{name} must not know {}: it may depend on {allowed:?} only. Offer a seam in the lower crate instead",
        forbidden.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::{Package, check_one};

    fn verdict(name: &str, depends_on: &[&str]) -> Result<(), String> {
        let depends_on: Vec<String> = depends_on.iter().map(|d| (*d).to_owned()).collect();
        let package = Package {
            name: name.into(),
            rust_version: None,
            depends_on: depends_on.clone(),
            examples: Vec::new(),
        };
        check_one(&package, depends_on.iter())
    }

    #[test]
    fn arrows_point_down_only() {
        assert!(verdict("evlet-net", &["evlet-hub", "evlet-green"]).is_ok());
        let why = verdict("evlet-hub", &["evlet-green"]).unwrap_err();
        assert!(why.contains("evlet-hub must not know evlet-green"), "{why}");
        assert!(verdict("evlet-new", &[]).is_err());
    }
}
