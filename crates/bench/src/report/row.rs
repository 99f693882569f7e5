//! The arithmetic of one row.

use super::ratio::{Ratio, in_heats};
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
    pub(crate) ratio: Ratio,
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

    /// What a contestant found out, round by round.
    fn rounds(&self, contestant: &str) -> impl Iterator<Item = (usize, &'a Figures)> {
        let series = self.results.series(self.scenario.name, contestant);
        series
            .into_iter()
            .flat_map(|series| series.rounds.iter().map(|(round, of)| (*round, of)))
    }

    /// A contestant's figures, round by round.
    fn figures(&self, contestant: &str) -> Vec<f64> {
        self.rounds(contestant)
            .filter_map(|(_, of)| figure_of(self.row.figure, of))
            .collect()
    }

    /// The median over the rounds.
    pub(crate) fn median(&self, contestant: &str) -> Option<f64> {
        let mut figures = self.figures(contestant);
        (!figures.is_empty()).then(|| median(&mut figures))
    }

    /// How far the rounds lie apart: half of the way from the lowest to the highest, as a part of the median.
    pub(crate) fn spread(&self, contestant: &str) -> Option<f64> {
        let figures = self.figures(contestant);
        let middle = self.median(contestant).filter(|median| *median > 0.0)?;
        let low = figures.iter().copied().fold(f64::INFINITY, f64::min);
        let high = figures.iter().copied().fold(0.0, f64::max);
        (figures.len() > 1).then(|| (high - low) / 2.0 / middle)
    }

    /// evlet's figure over another's: inside each cycle or each round, then the median over those that both have.
    pub(crate) fn ratio_to(&self, contestant: &str) -> Option<Ratio> {
        self.ratio_between(OURS, self, contestant)
    }

    /// One contestant's figure here over another's in that row.
    pub(crate) fn ratio_between(&self, one: &str, row: &RowOf<'_>, other: &str) -> Option<Ratio> {
        let pairs = || {
            self.rounds(one).filter_map(|(round, figures)| {
                let (_, others) = row.rounds(other).find(|(of, _)| *of == round)?;
                Some((figures, others))
            })
        };
        // The races of two scenarios have nothing to do with each other.
        if self.scenario.name == row.scenario.name
            && let Some(ratio) = Ratio::of_heats(in_heats(self.row.figure, pairs()))
        {
            return Some(ratio);
        }
        Ratio::of_rounds(pairs().filter_map(|(figures, others)| {
            let figure = figure_of(self.row.figure, figures)?;
            Some((figure, figure_of(row.row.figure, others)?))
        }))
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

#[cfg(test)]
pub(super) mod tests {
    use super::{RowOf, Silence, rows};
    use crate::measure::{Figures, median};
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

    /// A race, one round of heats of one cycle each; each contestant with its CPU figures, heat by heat.
    pub(crate) fn race(scenario: &str, contestants: &[(&str, &[f64])]) -> Results {
        let mut results = Results::default();
        for (name, heats) in contestants {
            let figures = Figures {
                cpu_ns: median(&mut heats.to_vec()),
                heats: heats.iter().map(|window| vec![*window]).collect(),
                ..Figures::default()
            };
            let series = results.series_mut(scenario, name);
            series.rounds.insert(0, figures);
        }
        results
    }

    /// The ratio of evlet to another, in the run's only row.
    fn ratio(results: &Results, other: &str) -> Option<f64> {
        only_row(results).ratio_to(other).map(|ratio| ratio.median)
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
        assert_eq!(ratio(&results, "floor"), Some(3.0));
    }

    #[test]
    fn in_a_race_ratios_are_taken_inside_its_cycles() {
        // The medians are alike: only who was measured beside whom tells them apart.
        let results = race(
            "echo-64",
            &[
                ("evlet", &[11.0, 22.0, 33.0]),
                ("bare", &[10.0, 20.0, 30.0]),
            ],
        );
        assert_eq!(ratio(&results, "bare"), Some(1.1));
        let crossed = race(
            "echo-64",
            &[
                ("evlet", &[11.0, 22.0, 33.0]),
                ("bare", &[20.0, 22.0, 11.0]),
            ],
        );
        assert_eq!(ratio(&crossed, "bare"), Some(1.0));
    }

    #[test]
    fn a_heat_that_only_one_of_them_had_has_no_ratio() {
        let results = race(
            "echo-64",
            &[("evlet", &[20.0, 20.0, 90.0]), ("bare", &[10.0, 10.0])],
        );
        assert_eq!(ratio(&results, "bare"), Some(2.0));
    }

    #[test]
    fn who_was_in_no_race_is_compared_round_by_round() {
        let mut results = race("echo-64", &[("evlet", &[10.0, 20.0, 30.0])]);
        results.series_mut("echo-64", "bare").rounds.insert(
            0,
            Figures {
                cpu_ns: 10.0,
                ..Figures::default()
            },
        );
        assert_eq!(ratio(&results, "bare"), Some(2.0));
    }

    #[test]
    fn only_the_ratios_of_a_race_are_known_to_be_sure() {
        let many = |figure: f64| vec![figure; 10];
        let raced = race("echo-64", &[("evlet", &many(2.0)), ("bare", &many(1.0))]);
        let ratio = only_row(&raced).ratio_to("bare").expect("measured");
        assert_eq!(ratio.within, Some((2.0, 2.0)));
        let asked = run("echo-64", &[("evlet", &many(2.0)), ("bare", &many(1.0))]);
        let ratio = only_row(&asked).ratio_to("bare").expect("measured");
        assert_eq!(ratio.within, None);
    }

    #[test]
    fn a_round_that_only_one_of_them_finished_has_no_ratio() {
        let results = run("pool", &[("evlet", &[30.0, 90.0]), ("floor", &[10.0])]);
        assert_eq!(ratio(&results, "floor"), Some(3.0));
        assert_eq!(ratio(&results, "bare"), None);
    }

    #[test]
    fn nothing_has_a_ratio_to_zero() {
        let results = run("pool", &[("evlet", &[30.0]), ("floor", &[0.0])]);
        assert_eq!(ratio(&results, "floor"), None);
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
        assert_eq!((&*floor.name, floor.ratio.median), ("floor", 2.0));
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
        assert_eq!((&*best.name, best.ratio.median), ("smol", 0.5));
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
