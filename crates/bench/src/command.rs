//! What the command line says.

use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::prelude::*;

use crate::contestant::{self, Contestant};
use crate::contestants::programs;
use crate::hot_paths;
use crate::measure::{self, Absent, Measure, Outcome};
use crate::net;
use crate::orchestrate::{self, Plan};
use crate::pin;
use crate::report;
use crate::results::Results;
use crate::scenario::{self, Kind, Scenario};
use crate::turn;

const USAGE: &str = "usage: evlet-bench all [--rounds N] [--quick] [--only WORD,…] [--contestants NAME,…] [--growth]
                       [--without-diagnostics PROGRAM] [--keep RESULTS] [--docs FOLDER]
       evlet-bench report RESULTS [--docs FOLDER]
       evlet-bench one CONTESTANT SCENARIO [--size N] [--quick]
       evlet-bench list
       evlet-bench path NAME N
       evlet-bench turns CONTESTANT N";

/// Rounds of a run, unless the command line says.
const ROUNDS: usize = 3;

/// The whole program.
pub(crate) fn run() -> ExitCode {
    match dispatch() {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("evlet-bench: {trouble}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn dispatch() -> Result<(), lexopt::Error> {
    let mut args = lexopt::Parser::from_env();
    match args.next()? {
        Some(Value(command)) if command == "all" => all(args),
        Some(Value(command)) if command == "report" => report_on(args),
        Some(Value(command)) if command == "one" => one(args),
        Some(Value(command)) if command == "serve" => serve(args),
        Some(Value(command)) if command == "exec" => {
            let mut rest = args.raw_args()?;
            let program = rest.next().ok_or("which program?")?;
            net::exec(&program, rest);
            Ok(())
        }
        Some(Value(command)) if command == "turns" => turns(args),
        Some(Value(command)) if command == "path" => path(args),
        Some(Value(command)) if command == "list" => {
            list();
            Ok(())
        }
        Some(other) => Err(other.unexpected()),
        None => Err("which command?".into()),
    }
}

fn list() {
    for contestant in contestant::ALL {
        println!("{:<16} {}", contestant.name, contestant.what);
    }
    println!();
    for scenario in scenario::every() {
        for row in scenario.rows {
            println!("{:<16} {}", scenario.name, row.title);
        }
    }
}

/// `all`: everything, in processes of their own.
fn all(mut args: lexopt::Parser) -> Result<(), lexopt::Error> {
    let mut plan = Plan::default();
    let (mut rounds, mut keep, mut docs) = (None, None, None);
    while let Some(arg) = args.next()? {
        match arg {
            Long("rounds") => rounds = Some(args.value()?.parse()?),
            Long("quick") => plan.quick = true,
            Long("growth") => plan.growth = true,
            Long("only") => plan.only = words(&args.value()?.string()?),
            Long("contestants") => plan.contestants = words(&args.value()?.string()?),
            Long("without-diagnostics") => plan.without_diagnostics = Some(args.value()?.into()),
            Long("keep") => keep = Some(PathBuf::from(args.value()?)),
            Long("docs") => docs = Some(PathBuf::from(args.value()?)),
            other => return Err(other.unexpected()),
        }
    }
    plan.rounds = rounds.unwrap_or(if plan.quick { 1 } else { ROUNDS }).max(1);
    // What a part of a run does not measure again stays as it was.
    let is_part = !plan.only.is_empty() || !plan.contestants.is_empty();
    let before = keep.as_deref().filter(|path| is_part && path.exists());
    let before = before.map(Results::read).transpose()?.unwrap_or_default();
    let with_before = |new: &Results| {
        let mut sum = before.clone();
        sum.replace_with(new.clone());
        sum
    };
    let results = orchestrate::run(&plan, |so_far| match &keep {
        Some(path) => with_before(so_far).write(path),
        None => Ok(()),
    })?;
    tell(&results);
    if let Some(docs) = docs {
        report::page::write(&with_before(&results), &docs)?;
    }
    Ok(())
}

/// `report RESULTS`: the same without measuring.
fn report_on(mut args: lexopt::Parser) -> Result<(), lexopt::Error> {
    let (mut results, mut docs) = (None, None);
    while let Some(arg) = args.next()? {
        match arg {
            Long("docs") => docs = Some(PathBuf::from(args.value()?)),
            Value(path) if results.is_none() => results = Some(PathBuf::from(path)),
            other => return Err(other.unexpected()),
        }
    }
    let results = Results::read(&results.ok_or("which results?")?)?;
    tell(&results);
    if let Some(docs) = docs {
        report::page::write(&results, &docs)?;
    }
    Ok(())
}

/// Everything a run says, as Markdown.
fn tell(results: &Results) {
    for (_, text) in report::sections::all(results) {
        println!("{}\n", text.trim_end());
    }
}

fn words(list: &str) -> Vec<String> {
    list.split(',').map(str::to_owned).collect()
}

/// `one CONTESTANT SCENARIO [--size N] [--quick]`: measures here and prints one line.
fn one(mut args: lexopt::Parser) -> Result<(), lexopt::Error> {
    let (mut contestant, mut scenario, mut size) = (None, None, None);
    while let Some(arg) = args.next()? {
        match arg {
            Long("quick") => measure::be_quick(),
            Long("called") => turn::be_called(),
            Long("size") => size = Some(args.value()?.parse()?),
            Value(name) if contestant.is_none() => {
                let name = name.string()?;
                let found = contestant::find(&name);
                contestant = Some(found.ok_or_else(|| format!("no contestant {name}"))?);
            }
            Value(name) if scenario.is_none() => {
                let name = name.string()?;
                let found = scenario::find(&name);
                scenario = Some(found.ok_or_else(|| format!("no scenario {name}"))?);
            }
            other => return Err(other.unexpected()),
        }
    }
    let contestant = contestant.ok_or("which contestant?")?;
    let scenario = scenario.ok_or("which scenario?")?;
    pin::to(pin::MEASURED);
    println!("{}", line_of(contestant, scenario, size));
    Ok(())
}

/// `serve CONTESTANT KIND BUFFER [FOLDER]`: what `one` starts for a scenario with sockets.
fn serve(mut args: lexopt::Parser) -> Result<(), lexopt::Error> {
    let contestant = args.value()?.string()?;
    let kind = args.value()?.string()?;
    let buffer = args.value()?.parse()?;
    let folder = args.raw_args()?.next().map(PathBuf::from);
    net::serve(&contestant, &kind, buffer, folder.as_deref());
    Ok(())
}

/// `turns CONTESTANT N`: what the scenario `turn` traces.
fn turns(mut args: lexopt::Parser) -> Result<(), lexopt::Error> {
    let name = args.value()?.string()?;
    let number = args.value()?.parse()?;
    let contestant = contestant::find(&name).ok_or_else(|| format!("no contestant {name}"))?;
    let run = contestant.micro.ok_or("it takes no part in that")?;
    pin::to(pin::MEASURED);
    run("turn-loop", Some(number)).map_err(|absent| absent.why)?;
    Ok(())
}

/// `path NAME N`: what `cargo xtask instructions` counts; without a name, the names.
fn path(mut args: lexopt::Parser) -> Result<(), lexopt::Error> {
    let Some(name) = args.next()? else {
        for (name, what) in hot_paths::ALL {
            println!("{name:<12} {what}");
        }
        return Ok(());
    };
    let Value(name) = name else {
        return Err(name.unexpected());
    };
    let name = name.string()?;
    let number = args.value()?.parse()?;
    if !hot_paths::run(&name, number) {
        return Err(format!("no path {name}").into());
    }
    Ok(())
}

fn line_of(contestant: &Contestant, scenario: &Scenario, size: Option<u64>) -> String {
    let line = match measured(contestant, scenario, size) {
        Ok(figures) => serde_json::to_string(&Measure {
            contestant: contestant.name.to_owned(),
            scenario: scenario.name.to_owned(),
            figures,
        }),
        Err(absent) => serde_json::to_string(&absent),
    };
    line.expect("figures are finite and names are text")
}

fn measured(contestant: &Contestant, scenario: &Scenario, size: Option<u64>) -> Outcome {
    if let (Kind::Micro | Kind::Long, Some(program)) = (scenario.kind, contestant.program) {
        return programs::ask(program, scenario.name, size);
    }
    let has_servers = contestant.net.is_some() || contestant.program.is_some();
    match (scenario.kind, contestant.micro) {
        (Kind::Net | Kind::Race, _) if has_servers => {
            net::run(contestant.name, scenario.name, size)
        }
        (Kind::Micro | Kind::Long, Some(run)) => run(scenario.name, size),
        _ => Err(Absent::because(format!(
            "{} takes no part in {}",
            contestant.name, scenario.name
        ))),
    }
}
