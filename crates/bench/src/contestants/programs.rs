//! Contestants that are programs of their own: Python's scripts and Go's program, in `crates/bench/contestants`.
//!
//! `cargo xtask bench --with-python` makes the environment and tells where its Python is; without, they are
//! absent. Each is started through `evlet-bench exec`, so that it ends with whoever asked it.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::contestant::Program;
use crate::measure::{Absent, Figures, Measure, Outcome};

pub(crate) fn eventlet(what: &str) -> Result<Command, Absent> {
    python("greenlets.py", "eventlet", what)
}

pub(crate) fn gevent(what: &str) -> Result<Command, Absent> {
    python("greenlets.py", "gevent", what)
}

pub(crate) fn uvloop(what: &str) -> Result<Command, Absent> {
    python("coroutines.py", "uvloop", what)
}

pub(crate) fn go(what: &str) -> Result<Command, Absent> {
    let program = told("EVLET_BENCH_GO", "--with-go")?;
    if !Path::new(&program).exists() {
        return Err(Absent::because(
            "no go on this machine, or its program cannot be built",
        ));
    }
    let mut command = exec()?;
    command.arg(program).arg(what);
    Ok(command)
}

fn python(script: &str, contestant: &str, what: &str) -> Result<Command, Absent> {
    let python = told("EVLET_BENCH_PYTHON", "--with-python")?;
    if !Path::new(&python).exists() {
        return Err(Absent::because("no python on this machine, or no venv"));
    }
    let scripts = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("contestants/python");
    let mut command = exec()?;
    command.arg(python).arg(scripts.join(script));
    command.args([contestant, what]);
    Ok(command)
}

fn told(variable: &str, option: &str) -> Result<OsString, Absent> {
    env::var_os(variable).ok_or_else(|| Absent::because(format!("takes part {option}")))
}

fn exec() -> Result<Command, Absent> {
    let this = env::current_exe().map_err(|e| Absent::because(e.to_string()))?;
    let mut command = Command::new(this);
    command.arg("exec");
    Ok(command)
}

/// Lets a program run a scenario without sockets.
pub(crate) fn ask(program: Program, scenario: &str, size: Option<u64>) -> Outcome {
    let mut command = program("one")?;
    command.arg(scenario);
    if let Some(size) = size {
        command.args(["--size", &size.to_string()]);
    }
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| Absent::because(e.to_string()))?;
    understand(&output.stdout).ok_or_else(|| {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().last().unwrap_or("it said nothing");
        Absent::because(format!("did not finish: {last}"))
    })?
}

fn understand(said: &[u8]) -> Option<Result<Figures, Absent>> {
    let said = String::from_utf8_lossy(said);
    let line = said.lines().last()?;
    if let Ok(absent) = serde_json::from_str::<Absent>(line) {
        return Some(Err(absent));
    }
    let measure: Measure = serde_json::from_str(line).ok()?;
    Some(Ok(measure.figures))
}
