//! The tables, as Markdown.

use std::fmt::Write as _;

use super::figure;
use super::row::{Beside, OURS, RowOf, Silence, rows};
use super::verdict::{Verdict, in_words, is_within_noise, verdict, wanted};
use crate::contestant;
use crate::results::Results;

/// evlet row by row: its figure, beside whom, what was to be reached.
pub(crate) fn verdicts(results: &Results) -> String {
    let mut text = String::from(
        "| row | evlet | spread | / tokio | best peer | / best | floor | / floor | to reach | |\n\
         |---|---:|---:|---:|---|---:|---:|---:|---|---|\n",
    );
    for row in rows(results) {
        let Some(ours) = row.median(OURS) else {
            let _ = writeln!(
                text,
                "| {} | {} |||||||||",
                row.row.title,
                silent(&row, OURS)
            );
            continue;
        };
        let (best, floor) = (row.best_peer(), row.floor());
        let show = |figure| figure::shown(row.row.unit, figure);
        let ratio = |beside: &Option<Beside>| match beside {
            Some(beside) => figure::sure_ratio(beside.ratio),
            None => "–".to_owned(),
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            row.row.title,
            show(ours),
            figure::spread(row.spread(OURS)),
            row.ratio_to("tokio")
                .map_or("–".to_owned(), figure::sure_ratio),
            best.as_ref().map_or("–".to_owned(), |best| format!(
                "{} {}",
                best.name,
                show(best.median)
            )),
            ratio(&best),
            floor
                .as_ref()
                .map_or("–".to_owned(), |floor| show(floor.median)),
            ratio(&floor),
            wanted(&row),
            in_words(&row),
        );
    }
    text
}

/// How many rows reach what they were to.
pub(crate) fn tally(results: &Results) -> String {
    let verdicts: Vec<_> = rows(results).map(|row| verdict(&row)).collect();
    let count = |which| verdicts.iter().filter(|one| **one == which).count();
    let mut text = format!(
        "{} rows reach their target, {} do not",
        count(Verdict::Reached),
        count(Verdict::NotReached)
    );
    if count(Verdict::Unknown) > 0 {
        let _ = write!(text, ", {} cannot be told", count(Verdict::Unknown));
    }
    let _ = write!(text, "; {} have none.", count(Verdict::NoTarget));
    let close = rows(results).filter(is_within_noise).count();
    if close > 0 {
        let _ = write!(text, " Noise could have decided {close} of them otherwise.");
    }
    text
}

/// Everybody's medians, and their ratio to tokio's in the same rounds.
pub(crate) fn everybody(results: &Results) -> String {
    let takes_part = |name: &str| rows(results).any(|row| row.median(name).is_some());
    let names: Vec<_> = contestant::ALL
        .iter()
        .map(|contestant| contestant.name)
        .filter(|name| takes_part(name))
        .collect();
    let mut text = format!("| row | unit | {} |\n", names.join(" | "));
    let _ = writeln!(text, "|---|---|{}", "---:|".repeat(names.len()));
    for row in rows(results) {
        let _ = write!(
            text,
            "| {} | {} |",
            row.row.title,
            figure::unit(row.row.unit)
        );
        for name in &names {
            let _ = write!(text, " {} |", cell(&row, name));
        }
        text.push('\n');
    }
    text
}

/// Who could not take part in what, and why: each reason once.
pub(crate) fn absences(results: &Results) -> String {
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for (key, contestants) in &results.measured {
        for (name, series) in contestants {
            let of_itself = series.absent.as_deref().filter(|why| !is_by_design(why));
            let absent = of_itself.map(|why| format!("{name}: {why}"));
            let failed = series.failures.first();
            let reason = absent.or_else(|| failed.map(|why| format!("{name}, FAILED: {why}")));
            let Some(reason) = reason else { continue };
            match reasons.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, keys)) => keys.push(key),
                None => reasons.push((reason, vec![key])),
            }
        }
    }
    let mut text = String::new();
    for (reason, keys) in reasons {
        let _ = writeln!(text, "- {reason} ({})", keys.join(", "));
    }
    text
}

/// It is not about this machine: the contestant has no such thing, or was not asked for.
fn is_by_design(why: &str) -> bool {
    why.contains("takes no part in") || why.starts_with("takes part --")
}

fn cell(row: &RowOf<'_>, name: &str) -> String {
    let Some(median) = row.median(name) else {
        return silent(row, name);
    };
    let mut text = figure::bare(row.row.unit, median);
    if name != "tokio"
        && let Some(ratio) = row.ratio_between(name, row, "tokio")
    {
        let _ = write!(text, " ({})", figure::ratio(ratio.median));
    }
    if row.caveat(name).is_some() {
        text.push('†');
    }
    text
}

fn silent(row: &RowOf<'_>, name: &str) -> String {
    match row.silence(name) {
        Some(Silence::Failed(_)) => "failed".to_owned(),
        Some(Silence::Absent(_)) | None => "–".to_owned(),
    }
}

/// What a dagger stands for.
pub(crate) fn caveats(results: &Results) -> String {
    let mut told: Vec<(String, Vec<&str>)> = Vec::new();
    for row in rows(results) {
        for contestant in contestant::ALL {
            let Some(caveat) = row.caveat(contestant.name) else {
                continue;
            };
            let line = format!("{}: {caveat}", contestant.name);
            match told.iter_mut().find(|(known, _)| *known == line) {
                Some((_, titles)) if titles.contains(&row.scenario.name) => {}
                Some((_, titles)) => titles.push(row.scenario.name),
                None => told.push((line, vec![row.scenario.name])),
            }
        }
    }
    let mut text = String::new();
    for (line, scenarios) in told {
        let _ = writeln!(text, "- † {line} ({})", scenarios.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{absences, everybody, tally, verdicts};
    use crate::report::row::tests::{race, run};

    #[test]
    fn a_row_that_misses_its_target_says_so() {
        let results = run(
            "echo-16k",
            &[
                ("evlet", &[10_600.0, 10_800.0]),
                ("bare", &[10_000.0, 10_000.0]),
            ],
        );
        let line = verdicts(&results).lines().last().map(str::to_owned);
        let expected = "| TCP echo, 64 connections, 16 KiB | 10.7 µs | ±1 % | – | – | – | 10.0 µs | 1.07 \
                        | ≤ 1.03 × bare | **not reached** |";
        assert_eq!(line.as_deref(), Some(expected));
        assert_eq!(
            tally(&results),
            "0 rows reach their target, 1 do not; 0 have none."
        );
    }

    #[test]
    fn the_ratios_of_a_race_say_how_sure_they_are() {
        let evlet: Vec<f64> = (0..20).map(|n| f64::from(10_200 + 20 * (n % 9))).collect();
        let results = race("echo-16k", &[("evlet", &evlet), ("bare", &[10_000.0; 20])]);
        let line = verdicts(&results).lines().last().map(str::to_owned);
        let expected = "| TCP echo, 64 connections, 16 KiB | 10.3 µs | – | – | – | – | 10.0 µs | 1.03 ±0.01 \
                        | ≤ 1.03 × bare | reached (within the noise) |";
        assert_eq!(line.as_deref(), Some(expected));
        let expected = "1 rows reach their target, 0 do not; 0 have none. Noise could have decided 1 of them otherwise.";
        assert_eq!(tally(&results), expected);
    }

    #[test]
    fn who_takes_no_part_at_all_has_no_column() {
        let results = run("pool", &[("evlet", &[20.0]), ("floor", &[])]);
        assert!(everybody(&results).starts_with("| row | unit | evlet |\n|---|---|---:|\n"));
    }

    #[test]
    fn a_reason_is_told_once() {
        let mut results = run("pool", &[("evlet", &[20.0])]);
        for scenario in ["pool", "fan-in"] {
            results.series_mut(scenario, "go").absent = Some("no go here".into());
        }
        assert_eq!(absences(&results), "- go: no go here (fan-in, pool)\n");
    }
}
