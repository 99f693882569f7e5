//! Instructions per operation of the hub's hot paths, against those that are written down.
//!
//! Times depend on who else uses the machine; instructions, counted by valgrind's callgrind, hardly do. A path
//! is run for two numbers of operations, and what the longer run takes more, over the operations it does more,
//! is its figure: starting and ending cancel out. `crates/bench/instructions.txt` holds the figures; the check fails
//! when one has grown by more than [`TOLERANCE`] without that file being changed, so that a hub that becomes
//! slower does so on purpose. Another compiler gives other figures, so the file names the one it was made with.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use crate::command::{exists, read, show};
use crate::steps::{Checked, Steps, Verdict, verdict_of};
use crate::workspace::{Workspace, cargo};

const FILE: &str = "crates/bench/instructions.txt";
/// Growth up to here is nobody's doing: another libc, another order of a table.
const TOLERANCE: f64 = 0.05;
/// Operations of the two runs.
const FEW: u64 = 2_000;
const MANY: u64 = 6_000;
/// A run takes a second or two.
const PATIENCE: Duration = Duration::from_secs(60);
const HEAD: &str = "\
# Instructions for one operation of the hub's hot paths (crates/bench/src/hot_paths.rs says what each is).
# Counted by valgrind; `cargo xtask ci` fails when one grows by more than 5 %.
# Made by `cargo xtask instructions --write`: run it when a change is worth its instructions, or saves some.
";

/// A path's figure.
type Figures = BTreeMap<String, u64>;

pub(crate) fn run() -> ExitCode {
    let mut steps = Steps::new();
    steps.run("instructions", check);
    steps.finish()
}

pub(crate) fn run_and_write() -> ExitCode {
    let mut steps = Steps::new();
    steps.run("instructions", write);
    steps.finish()
}

/// The step of `cargo xtask ci`.
pub(crate) fn check() -> Verdict {
    if !exists("valgrind", "--version") {
        return Ok(Checked::skipped("no valgrind here"));
    }
    let workspace = Workspace::load()?;
    let text = fs::read_to_string(workspace.root.join(FILE)).map_err(|e| format!("{FILE}: {e}"))?;
    let (compiler, kept) = parse(&text)?;
    let here = compiler_here()?;
    if compiler != here {
        let why = format!("{FILE} was made with {compiler}, this is {here}");
        return Ok(Checked::skipped(why));
    }
    let counted = counted(&workspace)?;
    let gone = kept.keys().filter(|path| !counted.contains_key(*path));
    let gone = gone.map(|path| Err(format!("{FILE}: there is no path {path}")));
    let results = counted.iter().map(|(path, now)| {
        let Some(before) = kept.get(path) else {
            return Err(format!("{path} is not in {FILE}; --write adds it"));
        };
        println!("{}", line(path, *before, *now));
        held(path, *before, *now)
    });
    verdict_of(results.chain(gone))
}

fn write() -> Verdict {
    let workspace = Workspace::load()?;
    let counted = counted(&workspace)?;
    let path = workspace.root.join(FILE);
    let before = fs::read_to_string(&path).unwrap_or_default();
    let (_, before) = parse(&before).unwrap_or_default();
    for (name, now) in &counted {
        println!(
            "{}",
            line(name, before.get(name).copied().unwrap_or(0), *now)
        );
    }
    let text = text_of(&compiler_here()?, &counted);
    fs::write(&path, text).map_err(|e| format!("{FILE}: {e}"))?;
    Ok(Checked::passed(counted.len()))
}

fn line(path: &str, before: u64, now: u64) -> String {
    let change = match before {
        0 => String::new(),
        before => format!("{:+.1} %", (now as f64 / before as f64 - 1.0) * 100.0),
    };
    format!("  {path:<12} {before:>7} {now:>7}  {change}")
}

fn held(path: &str, before: u64, now: u64) -> Result<(), String> {
    if now as f64 <= before as f64 * (1.0 + TOLERANCE) {
        return Ok(());
    }
    Err(format!(
        "{path}: {now} instructions for one operation, {before} are in {FILE}. If it has to be, \
         run cargo xtask instructions --write and say why in the commit"
    ))
}

/// Every path's figure, of a program built for it.
fn counted(workspace: &Workspace) -> Result<Figures, String> {
    let mut build = cargo();
    build.args(["build", "--quiet", "--locked", "--profile", "bench-release"]);
    show(build.args(["--package", "evlet-bench"]))?;
    let program = workspace.target.join("bench-release").join("evlet-bench");
    let listed = read(Command::new(&program).arg("path"), PATIENCE)?;
    let folder = workspace.target.join("xtask");
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let out = folder.join("callgrind.out");
    let names = listed
        .stdout
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    names
        .map(|name| Ok((name.to_owned(), of_path(&program, &out, name)?)))
        .collect()
}

fn of_path(program: &Path, out: &Path, name: &str) -> Result<u64, String> {
    let few = of_run(program, out, name, FEW)?;
    let many = of_run(program, out, name, MANY)?;
    Ok(many.saturating_sub(few) / (MANY - FEW))
}

fn of_run(program: &Path, out: &Path, name: &str, number: u64) -> Result<u64, String> {
    let mut file = std::ffi::OsString::from("--callgrind-out-file=");
    file.push(PathBuf::from(out));
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--quiet"]).arg(file);
    command
        .arg(program)
        .args(["path", name, &number.to_string()]);
    let finished = read(&mut command, PATIENCE)?;
    if !finished.status.success() {
        return Err(format!("{name} under valgrind: {}", finished.stderr));
    }
    let written = fs::read_to_string(out).map_err(|e| format!("{}: {e}", out.display()))?;
    total_in(&written).ok_or_else(|| format!("{name}: valgrind wrote no totals"))
}

/// The line `totals: 123456`.
fn total_in(callgrind: &str) -> Option<u64> {
    let line = callgrind
        .lines()
        .find_map(|line| line.strip_prefix("totals: "))?;
    line.trim().parse().ok()
}

fn compiler_here() -> Result<String, String> {
    let said = read(Command::new("rustc").arg("--version"), PATIENCE)?.stdout;
    Ok(said.split('(').next().unwrap_or_default().trim().to_owned())
}

fn text_of(compiler: &str, figures: &Figures) -> String {
    let mut text = HEAD.to_owned();
    let _ = writeln!(text, "compiler {compiler}");
    for (path, figure) in figures {
        let _ = writeln!(text, "{path} {figure}");
    }
    text
}

/// The compiler, and each path's figure.
fn parse(text: &str) -> Result<(String, Figures), String> {
    let mut compiler = String::new();
    let mut figures = Figures::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let trouble = || format!("{FILE}: {line:?} is not a path and a number");
        let (name, value) = line.split_once(' ').ok_or_else(trouble)?;
        if name == "compiler" {
            value.clone_into(&mut compiler);
            continue;
        }
        let figure = value.trim().parse().map_err(|_| trouble())?;
        figures.insert(name.to_owned(), figure);
    }
    Ok((compiler, figures))
}

#[cfg(test)]
mod tests {
    use super::{Figures, held, parse, text_of, total_in};

    #[test]
    fn growth_of_more_than_five_percent_is_a_failure() {
        assert!(held("wake", 100, 105).is_ok());
        assert!(held("wake", 100, 106).is_err());
        assert!(held("wake", 100, 20).is_ok());
    }

    #[test]
    fn what_is_written_is_read() {
        let figures = Figures::from([("spawn-join".to_owned(), 412), ("wake".to_owned(), 90)]);
        let text = text_of("rustc 1.95.0", &figures);
        assert_eq!(parse(&text), Ok(("rustc 1.95.0".to_owned(), figures)));
        assert!(parse("wake\n").is_err());
    }

    #[test]
    fn callgrinds_totals() {
        assert_eq!(total_in("version: 1\n\ntotals: 8231\n"), Some(8231));
        assert_eq!(total_in("version: 1\n"), None);
    }
}
