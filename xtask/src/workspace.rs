//! Where things are, as cargo tells it.
//!
//! Everything that needs a path or the list of packages asks here, so that a target folder chosen
//! by the environment and a package added tomorrow are both found.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What `cargo metadata --no-deps` says.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// One package of ours.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) rust_version: Option<String>,
    /// Names of the packages it depends on, of whatever kind, ours and others'.
    pub(crate) depends_on: Vec<String>,
    /// Names of its `[[example]]` targets.
    pub(crate) examples: Vec<String>,
}

impl Workspace {
    pub(crate) fn load() -> Result<Workspace, String> {
        let mut command = cargo();
        command.args(["metadata", "--no-deps", "--format-version", "1"]);
        let output = command
            .output()
            .map_err(|e| format!("cannot start cargo metadata: {e}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("cargo metadata: {}: {said}", output.status));
        }
        let found: Value = serde_json::from_slice(&output.stdout)
            .map_err(|e| format!("cargo metadata printed no JSON: {e}"))?;
        Ok(Workspace {
            root: PathBuf::from(text(&found, "workspace_root")?),
            target: PathBuf::from(text(&found, "target_directory")?),
            packages: list(&found, "packages")
                .iter()
                .map(package)
                .collect::<Result<_, _>>()?,
        })
    }

    /// The file of an example that `cargo build` or `cargo test` has made.
    pub(crate) fn example(&self, profile: &str, name: &str) -> PathBuf {
        self.target.join(profile).join("examples").join(name)
    }
}

/// The cargo that runs us.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// The workspace's folder, without asking cargo.
pub(crate) fn root() -> PathBuf {
    let here =
        std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let here = Path::new(&here);
    here.parent().unwrap_or(here).to_owned()
}

fn package(found: &Value) -> Result<Package, String> {
    Ok(Package {
        name: text(found, "name")?,
        rust_version: text(found, "rust_version").ok(),
        depends_on: list(found, "dependencies")
            .iter()
            .map(|dependency| text(dependency, "name"))
            .collect::<Result<_, _>>()?,
        examples: list(found, "targets")
            .iter()
            .filter(|target| list(target, "kind").iter().any(|kind| kind == "example"))
            .map(|target| text(target, "name"))
            .collect::<Result<_, _>>()?,
    })
}

fn text(from: &Value, key: &str) -> Result<String, String> {
    match &from[key] {
        Value::String(text) => Ok(text.clone()),
        other => Err(format!(
            "cargo metadata: {key} is {other}, a string was expected"
        )),
    }
}

fn list<'a>(from: &'a Value, key: &str) -> &'a [Value] {
    from[key].as_array().map_or(&[], Vec::as_slice)
}
