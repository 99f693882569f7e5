//! The parts of the page that come from a run, each under its name.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::charts::{cost, file_of};
use super::row::{OURS, RowOf, rows};
use super::{figure, table};
use crate::growth::CURVES;
use crate::orchestrate::WITHOUT_DIAGNOSTICS;
use crate::results::Results;
use crate::scenario::{Figure, Unit};

/// Every part that a run has figures for.
pub(crate) fn all(results: &Results) -> Vec<(&'static str, String)> {
    let sections = [
        ("machine", machine(results)),
        ("tally", table::tally(results)),
        ("verdicts", verdicts(results)),
        ("everybody", everybody(results)),
        ("division", division(results)),
        ("diagnostics", diagnostics(results)),
        ("growth", growth(results)),
    ];
    sections
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .collect()
}

fn machine(results: &Results) -> String {
    let rounds = match results.rounds {
        1 => "One round".to_owned(),
        rounds => format!("{rounds} rounds"),
    };
    let quick = if results.quick {
        " of few samples (`--quick`)"
    } else {
        ""
    };
    format!("{} {rounds}{quick}.", results.machine.sentence())
}

fn verdicts(results: &Results) -> String {
    if rows(results).next().is_none() {
        return String::new();
    }
    format!(
        "{}\n![evlet and the best peer, tokio = 1](performance/ratios.svg)",
        table::verdicts(results)
    )
}

fn everybody(results: &Results) -> String {
    if rows(results).next().is_none() {
        return String::new();
    }
    let mut text = table::everybody(results);
    let notes = table::caveats(results) + &table::absences(results);
    if !notes.is_empty() {
        let _ = write!(text, "\n{notes}");
    }
    text
}

/// Where a message's time in the server goes: shares, as perf sampled them, of the time that the echo's row has.
fn division(results: &Results) -> String {
    let Some(contestants) = results.measured.get("echo-64-parts") else {
        return String::new();
    };
    let shares = |name: &str| Some(&contestants.get(name)?.rounds.values().next()?.extra);
    let names = ["evlet", "tokio", "bare"];
    let names: Vec<_> = names
        .into_iter()
        .filter(|name| shares(name).is_some())
        .collect();
    let parts: BTreeSet<_> = names
        .iter()
        .filter_map(|name| shares(name))
        .flat_map(|s| s.keys())
        .collect();
    let mut parts: Vec<_> = parts.into_iter().collect();
    let first = |part: &str| {
        names
            .first()
            .and_then(|name| shares(name)?.get(part).copied())
    };
    parts.sort_by(|one, other| {
        first(other)
            .unwrap_or(0.0)
            .total_cmp(&first(one).unwrap_or(0.0))
    });
    if names.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "| part of a message | {} |\n|---|{}\n",
        names.join(" | "),
        "---:|".repeat(names.len())
    );
    let echo = rows(results).find(|row| row.scenario.name == "echo-64");
    for part in parts {
        let _ = write!(text, "| {part} |");
        for name in &names {
            let share = shares(name)
                .and_then(|shares| shares.get(part))
                .copied()
                .unwrap_or(0.0);
            let all = echo.as_ref().and_then(|row| row.median(name));
            let time =
                all.map(|all| format!(" {},", figure::shown(Unit::Microseconds, all * share)));
            let _ = write!(
                text,
                "{} {:.0} % |",
                time.unwrap_or_default(),
                share * 100.0
            );
        }
        text.push('\n');
    }
    text
}

/// With and without, inside each round.
fn diagnostics(results: &Results) -> String {
    let mut text = String::new();
    for row in rows(results) {
        let (Some(on), Some(off)) = (row.median(OURS), row.median(WITHOUT_DIAGNOSTICS)) else {
            continue;
        };
        let Some(ratio) = row.ratio_to(WITHOUT_DIAGNOSTICS) else {
            continue;
        };
        if text.is_empty() {
            text.push_str(
                "| row | on | off | more | on / off | allowed |\n|---|---:|---:|---:|---:|---|\n",
            );
        }
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} |",
            row.row.title,
            figure::shown(row.row.unit, on),
            figure::shown(row.row.unit, off),
            more(&row, on - off),
            figure::sure_ratio(ratio),
            allowed(&row, on - off, ratio.median),
        );
    }
    text
}

fn more(row: &RowOf<'_>, difference: f64) -> String {
    let sign = if difference < 0.0 { "−" } else { "" };
    format!("{sign}{}", figure::shown(row.row.unit, difference.abs()))
}

/// What the diagnostics may cost in a row, and whether they keep to it.
fn allowed(row: &RowOf<'_>, difference: f64, ratio: f64) -> String {
    let (words, kept) = match row.scenario.name {
        "spawn-join" | "spawn-detached" => ("10 ns", difference <= 10.0),
        "yield-1000" | "yield-lone" => ("3 ns", difference <= 3.0),
        "memory-parked" | "memory-asleep" => ("100 B", difference <= 100.0),
        name if is_socket_row(name, row.row.figure) => ("3 %", ratio <= 1.03),
        _ => return "–".to_owned(),
    };
    format!("{words}: {}", if kept { "kept" } else { "**not kept**" })
}

fn is_socket_row(scenario: &str, figure: Figure) -> bool {
    figure == Figure::Cpu && (scenario.starts_with("echo") || scenario.starts_with("connect"))
}

/// A table and a chart for each curve.
fn growth(results: &Results) -> String {
    let mut text = String::new();
    for curve in CURVES {
        let sizes: Vec<u64> = results
            .sizes(curve.scenario)
            .into_iter()
            .filter(|size| cost(results, curve, *size, OURS).is_some())
            .collect();
        if sizes.is_empty() {
            continue;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        let heads: Vec<_> = sizes.iter().map(|size| figure::count(*size)).collect();
        let _ = writeln!(text, "**{}**, by {} (ns of CPU)\n", curve.title, curve.of);
        let _ = writeln!(
            text,
            "| | {} |\n|---|{}",
            heads.join(" | "),
            "---:|".repeat(sizes.len())
        );
        for name in curve.contestants {
            let cell = |size: &u64| match cost(results, curve, *size, name) {
                Some(cost) => figure::bare(Unit::Nanoseconds, cost),
                None => "–".to_owned(),
            };
            let cells: Vec<_> = sizes.iter().map(cell).collect();
            let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
        }
        let _ = writeln!(text, "\n![{}](performance/{})", curve.title, file_of(curve));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{all, diagnostics};
    use crate::report::row::tests::run;

    #[test]
    fn what_the_diagnostics_cost_is_held_against_what_they_may() {
        let results = run("yield-1000", &[("evlet", &[25.0]), ("evlet-off", &[21.0])]);
        let text = diagnostics(&results);
        let expected =
            "| yield among 1,000 tasks | 25.0 ns | 21.0 ns | 4.00 ns | 1.19 | 3 ns: **not kept** |";
        assert_eq!(text.lines().last(), Some(expected));
    }

    #[test]
    fn a_part_without_figures_is_left_out() {
        let results = run("pool", &[("evlet", &[25.0])]);
        let names: Vec<_> = all(&results).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["machine", "tally", "verdicts", "everybody"]);
    }
}
