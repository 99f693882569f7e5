//! `cargo xtask bench`: builds the benchmarks with all their contestants and starts them.
//!
//! What is measured, and how, is crates/bench's; here is what only a build can do: the peers (a feature that nothing
//! else turns on), a second program whose hub keeps no diagnostics, Python's packages, Go's program.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::command::{exists, show};
use crate::workspace::{Workspace, cargo};

/// For the list of commands.
pub(crate) const WHAT: &str = "evlet and its peers, measured side by side";

/// What the page wants, and what a look wants, are one command with other options.
const USAGE: &str = "\
usage: cargo xtask bench [options]
  --quick              one round, few samples: for a look
  --rounds N           how often each is asked (3)
  --only WORD,…        scenarios whose name has one of the words
  --contestants NAME,… only these
  --growth             the same at sizes from 10² to 10⁶
  --diagnostics off    a hub without diagnostics takes part as evlet-off
  --with-python        eventlet, gevent and uvloop take part
  --with-go            Go takes part
  --write-docs         docs/src/performance.md gets the figures; implies --growth and --diagnostics off
  --report             measures nothing, tells the last run again";

/// The command line.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    without_diagnostics: bool,
    python: bool,
    go: bool,
    write_docs: bool,
    report_only: bool,
    /// For the program itself.
    passed_on: Vec<String>,
}

pub(crate) fn run(args: &[String]) -> ExitCode {
    let asked = match parse(args) {
        Ok(asked) => asked,
        Err(trouble) => {
            eprintln!("xtask bench: {trouble}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match bench(&asked) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("xtask bench: {trouble}");
            ExitCode::FAILURE
        }
    }
}

fn parse(args: &[String]) -> Result<Asked, String> {
    let mut asked = Asked::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} wants a value"));
        match arg.as_str() {
            "--quick" | "--growth" => asked.passed_on.push(arg.clone()),
            "--rounds" | "--only" | "--contestants" => {
                let value = value()?.clone();
                asked.passed_on.extend([arg.clone(), value]);
            }
            "--diagnostics" => match value()?.as_str() {
                "off" => asked.without_diagnostics = true,
                "on" => {}
                other => return Err(format!("--diagnostics {other}: on or off")),
            },
            "--with-python" => asked.python = true,
            "--with-go" => asked.go = true,
            "--write-docs" => asked.write_docs = true,
            "--report" => asked.report_only = true,
            other => return Err(format!("what is {other}?")),
        }
    }
    if asked.write_docs && !asked.report_only {
        asked.without_diagnostics = true;
        if !asked.passed_on.iter().any(|arg| arg == "--growth") {
            asked.passed_on.push("--growth".to_owned());
        }
    }
    Ok(asked)
}

fn bench(asked: &Asked) -> Result<(), String> {
    let workspace = Workspace::load()?;
    let folder = workspace.target.join("bench");
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let results = folder.join("results.json");
    show(build().args(["--features", "peers"]))?;
    let mut program = Command::new(built_in(&workspace.target));
    program.current_dir(&workspace.root);
    if asked.report_only {
        program.arg("report").arg(&results);
    } else {
        program.arg("all").arg("--keep").arg(&results);
        program.args(&asked.passed_on);
        if asked.without_diagnostics {
            program.arg("--without-diagnostics");
            program.arg(without_diagnostics(&workspace.target)?);
        }
        if asked.python {
            program.env("EVLET_BENCH_PYTHON", python(&folder));
        }
        if asked.go {
            program.env("EVLET_BENCH_GO", go(&workspace.root, &folder));
        }
    }
    if asked.write_docs {
        program.arg("--docs").arg(workspace.root.join("docs/src"));
    }
    show(&mut program)?;
    println!("Kept in {}.", results.display());
    Ok(())
}

fn build() -> Command {
    let mut build = cargo();
    build.args(["build", "--locked", "--profile", "bench-release"]);
    build.args(["--package", "evlet-bench"]);
    build
}

fn built_in(target: &Path) -> PathBuf {
    target.join("bench-release").join("evlet-bench")
}

/// In a target folder of its own, so that neither build makes the other start anew.
fn without_diagnostics(target: &Path) -> Result<PathBuf, String> {
    let target = target.join("diagnostics-off");
    let mut build = build();
    build.arg("--target-dir").arg(&target);
    build.env("RUSTFLAGS", "--cfg evlet_diagnostics_off");
    show(&mut build)?;
    Ok(built_in(&target))
}

/// Python with the contestants' packages, in an environment of its own. What cannot be had is absent:
/// without Python, or without its `venv`, the path leads nowhere.
fn python(folder: &Path) -> PathBuf {
    let environment = folder.join("python");
    let python = environment.join("bin").join("python");
    if !python.exists() {
        let mut make = Command::new("python3");
        make.args(["-m", "venv"]).arg(&environment);
        if let Err(trouble) = show(&mut make) {
            eprintln!("there is no python here: its contestants will be absent ({trouble})");
            return folder.join("no-python");
        }
    }
    for package in ["eventlet", "gevent", "uvloop"] {
        let mut install = Command::new(&python);
        install.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]);
        if let Err(trouble) = show(install.arg(package)) {
            eprintln!("{package} cannot be had: {trouble}");
        }
    }
    python
}

/// Go's program. Where there is no Go, or it cannot build, its path leads nowhere, and Go is absent.
fn go(root: &Path, folder: &Path) -> PathBuf {
    let program = folder.join("go-contestant");
    // One of an earlier run must not be taken for this one's.
    let _ = std::fs::remove_file(&program);
    if !exists("go", "version") {
        eprintln!("there is no go here: Go will be absent");
        return program;
    }
    let mut build = Command::new("go");
    build.current_dir(root.join("crates/bench/contestants/go"));
    build.args(["build", "-o"]).arg(&program).arg(".");
    if let Err(trouble) = show(&mut build) {
        eprintln!("Go's program cannot be built: Go will be absent ({trouble})");
    }
    program
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn asked(line: &str) -> Result<super::Asked, String> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&args)
    }

    #[test]
    fn what_the_program_understands_is_passed_on() {
        let asked = asked("--quick --only echo --with-python").expect("understood");
        assert_eq!(asked.passed_on, ["--quick", "--only", "echo"]);
        assert!(asked.python && !asked.write_docs);
    }

    #[test]
    fn the_page_wants_everything() {
        let asked = asked("--write-docs").expect("understood");
        assert_eq!(asked.passed_on, ["--growth"]);
        assert!(asked.without_diagnostics);
    }

    #[test]
    fn what_is_not_understood_is_told() {
        assert_eq!(asked("--fast"), Err("what is --fast?".to_owned()));
        assert!(asked("--only").is_err());
        assert!(asked("--diagnostics some").is_err());
    }
}
