//! What a row was to reach, and whether it did.

use super::figure;
use super::row::{OURS, RowOf};
use crate::scenario::{self, Target};

/// A row against all of its targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Reached,
    NotReached,
    /// A target is a ratio to somebody who was not measured.
    Unknown,
    /// The row is shown for its own sake.
    NoTarget,
}

/// Against one target: what was measured in its terms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Against {
    pub(crate) target: Target,
    /// The ratio, or the figure itself for [`Target::AtMost`].
    pub(crate) measured: Option<f64>,
    pub(crate) reached: Option<bool>,
    /// Noise could have put it on the other side.
    pub(crate) is_close: bool,
}

impl Verdict {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Verdict::Reached => "reached",
            Verdict::NotReached => "**not reached**",
            Verdict::Unknown => "unknown",
            Verdict::NoTarget => "–",
        }
    }
}

/// Each target of a row.
pub(crate) fn against(row: &RowOf<'_>) -> Vec<Against> {
    let one = |target: &Target| {
        let (ratio, at_most) = match *target {
            Target::Ratio { to, at_most } => (row.ratio_to(to), at_most),
            Target::RatioToBest { at_most } => (row.best_peer().map(|peer| peer.ratio), at_most),
            Target::AheadOfAll => (row.best_peer().map(|peer| peer.ratio), 1.0),
            Target::AtMost(at_most) => (None, at_most),
            Target::BelowOwn(name) => {
                let other = scenario::find(name).and_then(|scenario| row.first_of(scenario));
                let ratio = other.and_then(|other| row.ratio_between(OURS, &other, OURS));
                (ratio, 1.0)
            }
        };
        let measured = match target {
            Target::AtMost(_) => row.median(OURS),
            _ => ratio.map(|ratio| ratio.median),
        };
        let strictly = matches!(target, Target::AheadOfAll | Target::BelowOwn(_));
        let reached = measured.map(|m| if strictly { m < at_most } else { m <= at_most });
        Against {
            target: *target,
            measured,
            reached,
            is_close: ratio.is_some_and(|ratio| ratio.is_close_to(at_most)),
        }
    };
    row.row.targets.iter().map(one).collect()
}

/// All of a row's targets have to be reached.
pub(crate) fn verdict(row: &RowOf<'_>) -> Verdict {
    let against = against(row);
    if against.is_empty() {
        Verdict::NoTarget
    } else if against.iter().any(|one| one.reached == Some(false)) {
        Verdict::NotReached
    } else if against.iter().any(|one| one.reached.is_none()) {
        Verdict::Unknown
    } else {
        Verdict::Reached
    }
}

/// Whether noise could have decided it: of a row that reaches its targets one is within the noise, of one that
/// does not all that it misses are.
pub(crate) fn is_within_noise(row: &RowOf<'_>) -> bool {
    let against = against(row);
    match verdict(row) {
        Verdict::Reached => against.iter().any(|one| one.is_close),
        Verdict::NotReached => against
            .iter()
            .filter(|one| one.reached == Some(false))
            .all(|one| one.is_close),
        Verdict::Unknown | Verdict::NoTarget => false,
    }
}

/// A row's verdict, and whether to believe it.
pub(crate) fn in_words(row: &RowOf<'_>) -> String {
    let verdict = verdict(row).words();
    if is_within_noise(row) {
        return format!("{verdict} (within the noise)");
    }
    verdict.to_owned()
}

/// A row's targets in words.
pub(crate) fn wanted(row: &RowOf<'_>) -> String {
    let words = row.row.targets.iter().map(|target| match *target {
        Target::Ratio { to, at_most } => format!("≤ {} × {to}", figure::ratio(at_most)),
        Target::RatioToBest { at_most } => format!("≤ {} × best", figure::ratio(at_most)),
        Target::AheadOfAll => "ahead of every peer".to_owned(),
        Target::AtMost(most) => format!("≤ {}", figure::shown(row.row.unit, most)),
        Target::BelowOwn(scenario) => format!("below {scenario}"),
    });
    let words: Vec<_> = words.collect();
    if words.is_empty() {
        return "–".to_owned();
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::{Verdict, in_words, verdict, wanted};
    use crate::report::row::rows;
    use crate::report::row::tests::{only_row, race, run};
    use crate::results::Results;

    fn check(scenario: &str, contestants: &[(&str, &[f64])], expected: Verdict) {
        let results = run(scenario, contestants);
        assert_eq!(verdict(&only_row(&results)), expected, "{contestants:?}");
    }

    #[test]
    fn a_figure_of_its_own() {
        // sleep(0), at most 60 ns, but that row shows wall time: both clocks are asked for.
        let at = |wall_ns: f64| {
            let mut results = run("sleep-zero", &[("evlet", &[1.0])]);
            let series = results.series_mut("sleep-zero", "evlet");
            series.rounds.get_mut(&0).expect("measured").wall_ns = wall_ns;
            verdict(&only_row(&results))
        };
        assert_eq!(at(60.0), Verdict::Reached);
        assert_eq!(at(60.1), Verdict::NotReached);
    }

    #[test]
    fn a_ratio_to_somebody() {
        let tokio: (&str, &[f64]) = ("tokio", &[100.0, 100.0]);
        check(
            "yield-1000",
            &[("evlet", &[75.0, 75.0]), tokio],
            Verdict::Reached,
        );
        check(
            "yield-1000",
            &[("evlet", &[76.0, 76.0]), tokio],
            Verdict::NotReached,
        );
        check("yield-1000", &[("evlet", &[75.0])], Verdict::Unknown);
    }

    #[test]
    fn all_targets_of_a_row_have_to_be_reached() {
        let both: &[(&str, &[f64])] =
            &[("evlet", &[104.0]), ("bare", &[100.0]), ("tokio", &[110.0])];
        check("echo-64", both, Verdict::NotReached);
        check(
            "echo-64",
            &[("evlet", &[103.0]), both[1], both[2]],
            Verdict::Reached,
        );
        check(
            "echo-64",
            &[("evlet", &[104.0]), both[1]],
            Verdict::NotReached,
        );
        check("echo-64", &[("evlet", &[103.0]), both[1]], Verdict::Unknown);
    }

    #[test]
    fn noise_that_could_have_decided_a_row_is_told_and_decides_nothing() {
        let steady = vec![100.0; 20];
        // The ratios to both, beside their targets of 1.03 and 1.00: by how much on average, and from cycle to cycle.
        let said = |middle: f64, noise: f64| {
            let cycles = (0..20).map(|n| 100.0 * (middle + noise * f64::from(n % 5 - 2)));
            let evlet: Vec<f64> = cycles.collect();
            let all: &[(&str, &[f64])] =
                &[("evlet", &evlet), ("bare", &steady), ("tokio", &steady)];
            in_words(&only_row(&race("echo-64", all)))
        };
        assert_eq!(said(0.9, 0.001), "reached");
        assert_eq!(said(0.99, 0.01), "reached (within the noise)");
        assert_eq!(said(1.01, 0.01), "**not reached** (within the noise)");
        // Within the noise of bare's target, but not of tokio's.
        assert_eq!(said(1.04, 0.01), "**not reached**");
        assert_eq!(said(1.2, 0.01), "**not reached**");
    }

    #[test]
    fn below_a_row_of_its_own() {
        let mut results = run("spawn-join", &[("evlet", &[40.0]), ("tokio", &[200.0])]);
        let with = |results: &mut Results, cpu: f64| {
            let evlet: &[f64] = &[cpu];
            let detached = run("spawn-detached", &[("evlet", evlet), ("tokio", &[200.0])]);
            results.replace_with(detached);
            let row = rows(results).find(|row| row.scenario.name == "spawn-detached");
            verdict(&row.expect("it was measured"))
        };
        assert_eq!(with(&mut results, 39.0), Verdict::Reached);
        assert_eq!(with(&mut results, 40.0), Verdict::NotReached);
    }

    #[cfg(feature = "peers")]
    #[test]
    fn ahead_of_every_peer_is_strict() {
        let tokio: (&str, &[f64]) = ("tokio", &[1000.0]);
        let smol: (&str, &[f64]) = ("smol", &[300.0]);
        check(
            "pool",
            &[("evlet", &[299.0]), tokio, smol],
            Verdict::Reached,
        );
        check(
            "pool",
            &[("evlet", &[300.0]), tokio, smol],
            Verdict::NotReached,
        );
    }

    #[test]
    fn targets_in_words() {
        let results = run("spawn-join", &[("evlet", &[1.0])]);
        assert_eq!(wanted(&only_row(&results)), "≤ 0.24 × tokio, ≤ 1.40 × best");
        let results = run("memory-parked", &[("evlet", &[1.0])]);
        assert_eq!(wanted(&only_row(&results)), "≤ 270 B");
    }
}
