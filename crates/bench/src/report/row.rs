//! The arithmetic of one row.

use crate::contestant::{self, Role};
use crate::measure::{Figures, median};
use crate::results::Results;
use crate::scenario::{Figure, Row, Scenario};

/// One row of a run, everybody's figures in it.
#[derive(Debug)]
pub(crate) struct RowOf<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) row: &'a Row,
    results: &'a Results,
}

/// A contestant's figure beside evlet's.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Beside {
    pub(crate) name: String,
    pub(crate) median: f64,
    /// evlet's figure over this one's.
    pub(crate) ratio: f64,
}

/// evlet's name among the contestants.
pub(crate) const OURS: &str = "evlet";

/// Every row of every scenario that a run has something about.
pub(crate) fn rows(results: &Results) -> impl Iterator<Item = RowOf<'_>> {
    crate::scenario::every()
        .filter(|scenario| results.measured.contains_key(scenario.name))
        .flat_map(|scenario| scenario.rows.iter().map(move |row| (scenario, row)))
        .map(|(scenario, row)| RowOf {
            scenario,
            row,
            results,
        })
}

impl<'a> RowOf<'a> {
    /// The first row of another scenario of the same run.
    pub(crate) fn first_of(&self, scenario: &'a Scenario) -> Option<RowOf<'a>> {
        scenario.rows.first().map(|row| RowOf {
            scenario,
            row,
            results: self.results,
        })
    }

    /// A contestant's figures, round by round.
    pub(crate) fn figures(&self, contestant: &str) -> Vec<(usize, f64)> {
        let Some(series) = self.results.series(self.scenario.name, contestant) else {
            return Vec::new();
        };
        series
            .rounds
            .iter()
            .filter_map(|(round, figures)| Some((*round, figure_of(self.row.figure, figures)?)))
            .collect()
    }

    /// The median over the rounds.
    pub(crate) fn median(&self, contestant: &str) -> Option<f64> {
        median_of(
            self.figures(contestant)
                .into_iter()
                .map(|(_, figure)| figure),
        )
    }

    /// How far the rounds lie apart: half of the way from the lowest to the highest, as a part of the median.
    pub(crate) fn spread(&self, contestant: &str) -> Option<f64> {
        let figures = self.figures(contestant);
        let middle = self.median(contestant).filter(|median| *median > 0.0)?;
        let low = figures
            .iter()
            .map(|(_, f)| *f)
            .fold(f64::INFINITY, f64::min);
        let high = figures.iter().map(|(_, f)| *f).fold(0.0, f64::max);
        (figures.len() > 1).then(|| (high - low) / 2.0 / middle)
    }

    /// evlet's figure over another's: inside each round, then the median over the rounds that have both.
    pub(crate) fn ratio_to(&self, contestant: &str) -> Option<f64> {
        self.ratio_between(OURS, self, contestant)
    }

    /// One contestant's figure here over another's in that row.
    pub(crate) fn ratio_between(&self, one: &str, row: &RowOf<'_>, other: &str) -> Option<f64> {
        let others = row.figures(other);
        let ratios = self.figures(one).into_iter().filter_map(|(round, figure)| {
            let (_, other) = others.iter().find(|(of, _)| *of == round)?;
            (*other > 0.0).then_some(figure / other)
        });
        median_of(ratios)
    }

    /// Another contestant, beside evlet.
    pub(crate) fn beside(&self, contestant: &str) -> Option<Beside> {
        Some(Beside {
            name: contestant.to_owned(),
            median: self.median(contestant)?,
            ratio: self.ratio_to(contestant)?,
        })
    }

    /// The peer with the lowest figure.
    pub(crate) fn best_peer(&self) -> Option<Beside> {
        self.lowest(Role::Peer)
    }

    /// What shows what is possible, where there is something.
    pub(crate) fn floor(&self) -> Option<Beside> {
        self.lowest(Role::Floor)
    }

    fn lowest(&self, role: Role) -> Option<Beside> {
        contestant::ALL
            .iter()
            .filter(|contestant| contestant.role == role && self.caveat(contestant.name).is_none())
            .filter_map(|contestant| self.beside(contestant.name))
            .min_by(|one, other| one.median.total_cmp(&other.median))
    }

    /// Why a contestant's figure here must not be compared, if so.
    pub(crate) fn caveat(&self, contestant: &str) -> Option<&'a str> {
        let series = self.results.series(self.scenario.name, contestant)?;
        series.rounds.values().find_map(|f| f.caveat.as_deref())
    }

    /// Why a contestant has no figure here, if it was asked.
    pub(crate) fn silence(&self, contestant: &str) -> Option<Silence<'a>> {
        let series = self.results.series(self.scenario.name, contestant)?;
        let failure = || series.failures.first().map(|why| Silence::Failed(why));
        series
            .absent
            .as_deref()
            .map(Silence::Absent)
            .or_else(failure)
    }
}

/// Why there is no figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silence<'a> {
    Absent(&'a str),
    Failed(&'a str),
}

/// The number that a row shows, if the contestant told it.
pub(crate) fn figure_of(figure: Figure, of: &Figures) -> Option<f64> {
    match figure {
        Figure::Cpu => Some(of.cpu_ns),
        Figure::Wall => Some(of.wall_ns),
        Figure::Extra(name) => of.extra.get(name).copied(),
    }
}

fn median_of(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    (!values.is_empty()).then(|| median(&mut values))
}

#[cfg(test)]
pub(super) mod tests {
    use super::{RowOf, Silence, rows};
    use crate::measure::Figures;
    use crate::results::Results;

    /// A run of one scenario; each contestant with its CPU figures, round by round.
    pub(crate) fn run(scenario: &str, contestants: &[(&str, &[f64])]) -> Results {
        let mut results = Results::default();
        for (name, figures) in contestants {
            let series = results.series_mut(scenario, name);
            for (round, cpu_ns) in figures.iter().enumerate() {
                let figures = Figures {
                    cpu_ns: *cpu_ns,
                    ..Figures::default()
                };
                series.rounds.insert(round, figures);
            }
        }
        results
    }

    pub(crate) fn only_row(results: &Results) -> RowOf<'_> {
        rows(results).next().expect("the scenario has a row")
    }

    #[test]
    fn ratios_are_taken_inside_a_round() {
        // The second round met a machine twice as slow: the ratio does not see it.
        let floor: &[f64] = &[10.0, 20.0, 11.0];
        let results = run("pool", &[("evlet", &[30.0, 60.0, 33.0]), ("floor", floor)]);
        let row = only_row(&results);
        assert_eq!(row.median("evlet"), Some(33.0));
        assert_eq!(row.ratio_to("floor"), Some(3.0));
    }

    #[test]
    fn a_round_that_only_one_of_them_finished_has_no_ratio() {
        let results = run("pool", &[("evlet", &[30.0, 90.0]), ("floor", &[10.0])]);
        assert_eq!(only_row(&results).ratio_to("floor"), Some(3.0));
        assert_eq!(only_row(&results).ratio_to("bare"), None);
    }

    #[test]
    fn nothing_has_a_ratio_to_zero() {
        let results = run("pool", &[("evlet", &[30.0]), ("floor", &[0.0])]);
        assert_eq!(only_row(&results).ratio_to("floor"), None);
    }

    #[test]
    fn spread_is_half_the_way_from_lowest_to_highest() {
        let results = run(
            "pool",
            &[("evlet", &[90.0, 100.0, 110.0]), ("floor", &[1.0])],
        );
        assert_eq!(only_row(&results).spread("evlet"), Some(0.1));
        assert_eq!(only_row(&results).spread("floor"), None);
    }

    #[test]
    fn the_floor_is_nobodys_peer() {
        let results = run("pool", &[("evlet", &[2.0]), ("floor", &[1.0])]);
        assert_eq!(only_row(&results).best_peer(), None);
        let floor = only_row(&results).floor().expect("it was measured");
        assert_eq!((&*floor.name, floor.ratio), ("floor", 2.0));
    }

    #[cfg(feature = "peers")]
    #[test]
    fn the_best_peer_is_one_that_may_be_compared() {
        let peers: &[(&str, &[f64])] = &[
            ("evlet", &[2.0]),
            ("tokio", &[8.0]),
            ("smol", &[4.0]),
            ("glommio", &[1.0]),
        ];
        let mut results = run("pool", peers);
        let unfair = results.series_mut("pool", "glommio").rounds.get_mut(&0);
        unfair.expect("measured").caveat = Some("starves others".into());
        let best = only_row(&results).best_peer().expect("there are peers");
        assert_eq!((&*best.name, best.ratio), ("smol", 0.5));
    }

    #[test]
    fn absent_and_failed_are_told_apart() {
        let mut results = run("pool", &[("evlet", &[2.0])]);
        results.series_mut("pool", "floor").absent = Some("no epoll".into());
        results.series_mut("pool", "bare").failures = vec!["signal 11".into()];
        let row = only_row(&results);
        assert_eq!(row.silence("floor"), Some(Silence::Absent("no epoll")));
        assert_eq!(row.silence("bare"), Some(Silence::Failed("signal 11")));
        assert_eq!(row.silence("evlet"), None);
    }
}
