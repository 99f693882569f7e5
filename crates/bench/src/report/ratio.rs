//! A ratio of two contestants' figures, and how sure it is.
//!
//! In a race it is taken inside each cycle; a heat's is the median of its cycles', the whole's the median of
//! its heats'. Where there was no race it is taken inside each round.
//!
//! Of heats there are enough to say how far the median of a run without end could be from
//! that of this one, whatever the noise looks like: half of all heats lie below the true median, so how many of `n`
//! do is what `n` tosses of a coin show, and two of them by their rank have it between them in 95 of 100 runs. (Of cycles there are
//! more, but those of a heat share its processes and the machine's mood.)

use crate::measure::{Figures, median};
use crate::scenario::Figure;

/// How often a true median may lie outside of the interval.
const RISK: f64 = 0.05;

/// A median ratio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ratio {
    pub(crate) median: f64,
    /// Where the true one lies with 95 %, if there are heats to tell it from.
    pub(crate) within: Option<(f64, f64)>,
}

impl Ratio {
    /// Of pairs of figures, one for each round.
    pub(crate) fn of_rounds(pairs: impl IntoIterator<Item = (f64, f64)>) -> Option<Ratio> {
        let mut ratios = ratios(pairs);
        (!ratios.is_empty()).then(|| Ratio {
            median: median(&mut ratios),
            within: None,
        })
    }

    /// Of heats, each of pairs of figures, one for each cycle.
    pub(crate) fn of_heats(heats: impl IntoIterator<Item = Vec<(f64, f64)>>) -> Option<Ratio> {
        let heats = heats.into_iter().map(ratios);
        let mut ratios: Vec<f64> = heats
            .filter(|ratios| !ratios.is_empty())
            .map(|mut ratios| median(&mut ratios))
            .collect();
        (!ratios.is_empty()).then(|| Ratio {
            median: median(&mut ratios),
            within: interval(&mut ratios),
        })
    }

    /// Half of the interval's width.
    pub(crate) fn uncertainty(&self) -> Option<f64> {
        self.within.map(|(low, high)| (high - low) / 2.0)
    }

    /// Whether noise could have put it on the other side of a limit.
    pub(crate) fn is_close_to(&self, limit: f64) -> bool {
        self.within
            .is_some_and(|(low, high)| low <= limit && limit <= high)
    }
}

/// Heat by heat the figures of both in each cycle that both had, of the rounds given in pairs; none when there was
/// no race, or the row shows something else than CPU time.
pub(crate) fn in_heats<'a>(
    figure: Figure,
    rounds: impl Iterator<Item = (&'a Figures, &'a Figures)>,
) -> impl Iterator<Item = Vec<(f64, f64)>> {
    rounds
        .filter(move |_| figure == Figure::Cpu)
        .flat_map(|(one, other)| one.heats.iter().zip(&other.heats))
        .map(|(one, other)| one.iter().copied().zip(other.iter().copied()).collect())
}

fn ratios(pairs: impl IntoIterator<Item = (f64, f64)>) -> Vec<f64> {
    let positive = pairs.into_iter().filter(|(_, other)| *other > 0.0);
    positive.map(|(one, other)| one / other).collect()
}

/// The values of rank `r` from below and from above, `r` being the largest for which not so many of all lie outside
/// more often than by [`RISK`]. Six values are the fewest that can say it.
fn interval(values: &mut [f64]) -> Option<(f64, f64)> {
    values.sort_by(f64::total_cmp);
    let rank = rank(values.len())?;
    Some((values[rank - 1], values[values.len() - rank]))
}

fn rank(number: usize) -> Option<usize> {
    // P(k heads in n tosses), from k to k + 1; of 2000 tosses and more the first would be too small for an f64, so
    // logarithms are summed.
    let (mut log_probability, mut below) = (-(number as f64) * std::f64::consts::LN_2, 0.0);
    for heads in 0..number {
        below += log_probability.exp();
        if below > RISK / 2.0 {
            return (heads > 0).then_some(heads);
        }
        log_probability += (((number - heads) as f64) / ((heads + 1) as f64)).ln();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Ratio, interval, rank};

    #[test]
    fn ranks_are_those_of_the_sign_test() {
        // From the tables: n and the rank for 95 %.
        let known = [
            (6, 1),
            (8, 1),
            (9, 2),
            (12, 3),
            (20, 6),
            (25, 8),
            (50, 18),
            (100, 40),
        ];
        for (number, expected) in known {
            assert_eq!(rank(number), Some(expected), "{number}");
        }
        assert_eq!(rank(5000), Some(2431));
    }

    #[test]
    fn five_values_are_too_few() {
        for number in 0..6 {
            assert_eq!(rank(number), None, "{number}");
        }
        assert_eq!(interval(&mut [1.0; 5]), None);
    }

    #[test]
    fn the_interval_counts_from_both_ends() {
        let mut values: Vec<f64> = (1..=20).rev().map(f64::from).collect();
        assert_eq!(interval(&mut values), Some((6.0, 15.0)));
    }

    #[test]
    fn a_wild_value_does_not_widen_it() {
        let heat = |n| vec![(if n == 7 { 1000.0 } else { 2.0 }, 1.0)];
        let ratio = Ratio::of_heats((0..20).map(heat)).expect("there are heats");
        assert_eq!((ratio.median, ratio.uncertainty()), (2.0, Some(0.0)));
    }

    #[test]
    fn cycles_of_one_heat_are_one_heat() {
        // A hundred cycles beside each other, but in one heat: nothing is sure of other heats.
        let ratio = Ratio::of_heats([vec![(3.0, 1.0); 100]]).expect("there is a heat");
        assert_eq!((ratio.median, ratio.within), (3.0, None));
        // Inside a heat the median counts, not how many cycles it has.
        let heats = [
            vec![(9.0, 1.0); 100],
            vec![(2.0, 1.0), (3.0, 1.0), (8.0, 1.0)],
        ];
        let ratio = Ratio::of_heats(heats).expect("there are heats");
        assert_eq!(ratio.median, 6.0);
    }

    #[test]
    fn rounds_are_too_few_to_tell_how_sure() {
        let ratio = Ratio::of_rounds([(2.0, 1.0), (3.0, 1.0), (4.0, 1.0)]).expect("rounds");
        assert_eq!((ratio.median, ratio.within), (3.0, None));
        assert!(!ratio.is_close_to(3.0));
    }

    #[test]
    fn a_limit_inside_is_close_on_either_side() {
        let ratio = Ratio {
            median: 1.02,
            within: Some((0.99, 1.04)),
        };
        let close = [0.98, 0.99, 1.0, 1.03, 1.04, 1.05].map(|limit| ratio.is_close_to(limit));
        assert_eq!(close, [false, true, true, true, true, false]);
    }
}
