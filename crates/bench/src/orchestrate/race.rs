//! A race: all contestants of a scenario alive at the same time, measured by turns, window by window.
//!
//! A machine that others use changes its speed within seconds. Windows of some milliseconds that follow one
//! another meet nearly the same machine; so each *cycle* has one window of everybody, and ratios are
//! taken inside it. Who waits for its turn sleeps, as does its load.
//!
//! Each *heat* starts everybody anew. Heats differ by more than the cycles in them leave in doubt: a process may be
//! slow all its life, and a ratio moves with the machine's speed. So there are many short ones.
//! Who leaves a race has no figure in it, and the others go on.
//!
//! Where one sample takes a second, a heat is one cycle: a process of each, one after the other.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::child::{Answer, Asked, Question, Racer, Runner, ask};
use crate::measure::{Figures, Measure};

/// Heats of a round; one for a look, and for a point of a chart.
const HEATS: usize = 8;
/// Cycles of a heat.
const CYCLES: usize = 8;
/// Heats of a round where a sample takes a second.
const LONG_HEATS: usize = 3;
/// A heat that takes longer, on a machine that is busy with something else, ends after the cycle that it is in.
const LONGEST_HEAT: Duration = Duration::from_secs(4);
/// No turn takes so long unless the contestant hangs; nor does its start.
const PATIENCE: Duration = Duration::from_secs(40);

/// Measures them against each other: an answer for each.
pub(crate) fn race(runners: &[&Runner], question: Question) -> Vec<Answer> {
    let is_short = question.quick || question.size.is_some();
    let heats = if is_short { 1 } else { HEATS };
    let mut first = 0;
    by_heats(runners, heats, |field| {
        let start = |runner: &&Runner| Asked::for_turns(runner, question, PATIENCE);
        let answers = heat(field.iter().map(start).collect(), first..first + CYCLES);
        first += CYCLES;
        answers
    })
}

/// The same by processes that take one sample each.
pub(crate) fn long_race(runners: &[&Runner], question: Question) -> Vec<Answer> {
    let heats = if question.quick { 1 } else { LONG_HEATS };
    let mut cycle = 0;
    by_heats(runners, heats, |field| {
        let mut answers: Vec<Option<Answer>> = field.iter().map(|_| None).collect();
        for at in order(cycle, field.len()) {
            answers[at] = Some(ask(field[at], question, PATIENCE).into_heat());
        }
        cycle += 1;
        answers.into_iter().flatten().collect()
    })
}

/// All heats of everybody as one answer each; `heat` has one for each of those who are still there.
fn by_heats(
    runners: &[&Runner],
    heats: usize,
    mut heat: impl FnMut(&[&Runner]) -> Vec<Answer>,
) -> Vec<Answer> {
    let mut measured: Vec<Vec<Measure>> = runners.iter().map(|_| Vec::new()).collect();
    let mut left: BTreeMap<usize, Answer> = BTreeMap::new();
    for _ in 0..heats {
        let places: Vec<usize> = (0..runners.len())
            .filter(|at| !left.contains_key(at))
            .collect();
        let field: Vec<&Runner> = places.iter().map(|at| runners[*at]).collect();
        for (at, answer) in places.into_iter().zip(heat(&field)) {
            match answer {
                Answer::Measured(measure) => measured[at].push(measure),
                why => _ = left.insert(at, why),
            }
        }
    }
    let answer = |(at, heats)| left.remove(&at).unwrap_or_else(|| in_all(heats));
    measured.into_iter().enumerate().map(answer).collect()
}

fn heat(field: Vec<Racer>, cycles: Range<usize>) -> Vec<Answer> {
    let mut field: Vec<Option<Racer>> = field.into_iter().map(Some).collect();
    let begun = Instant::now();
    for cycle in cycles {
        if begun.elapsed() > LONGEST_HEAT {
            break;
        }
        for at in order(cycle, field.len()) {
            field[at] = field[at].take().map(|racer| racer.take_turn(PATIENCE));
        }
    }
    let racers = field.into_iter().flatten();
    racers.map(|racer| racer.answer(PATIENCE)).collect()
}

/// Who has its window when. Everybody comes in every place equally often, and after everybody else, within twice
/// as many cycles as there are contestants: what one leaves behind in the caches, all find.
fn order(cycle: usize, contestants: usize) -> Vec<usize> {
    let zigzag = |place: usize| match place % 2 {
        0 => contestants - place / 2,
        _ => place.div_ceil(2),
    };
    let mut order: Vec<usize> = (0..contestants)
        .map(|place| (cycle + zigzag(place)) % contestants)
        .collect();
    if (cycle / contestants.max(1)) % 2 == 1 {
        order.reverse();
    }
    order
}

/// The heats of one contestant, of which there is at least one.
fn in_all(heats: Vec<Measure>) -> Answer {
    let Some(first) = heats.first() else {
        return Answer::Failed("no heat was run".into());
    };
    Answer::Measured(Measure {
        contestant: first.contestant.clone(),
        scenario: first.scenario.clone(),
        figures: Figures::of_heats(heats.into_iter().map(|heat| heat.figures).collect()),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Figures, Measure, in_all, order};
    use crate::orchestrate::child::Answer;

    #[test]
    fn everybody_is_in_every_place_and_after_everybody_equally_often() {
        for contestants in 1..=10 {
            let (mut places, mut pairs) = (BTreeMap::new(), BTreeMap::new());
            for cycle in 0..2 * contestants {
                let order = order(cycle, contestants);
                for (place, who) in order.iter().enumerate() {
                    *places.entry((place, *who)).or_insert(0) += 1;
                }
                for pair in order.windows(2) {
                    *pairs.entry((pair[0], pair[1])).or_insert(0) += 1;
                }
            }
            assert_eq!(places.len(), contestants * contestants);
            assert!(places.values().all(|times| *times == 2), "{contestants}");
            assert_eq!(pairs.len(), contestants * (contestants - 1));
            assert!(pairs.values().all(|times| *times == 2), "{contestants}");
        }
    }

    #[test]
    fn heats_are_one_measurement() {
        let heat = |cpu_ns: f64, windows: &[f64]| Measure {
            contestant: "evlet".into(),
            scenario: "echo-64".into(),
            figures: Figures {
                ops: 10,
                cpu_ns,
                heats: vec![windows.to_vec()],
                ..Figures::default()
            },
        };
        let Answer::Measured(all) = in_all(vec![heat(1.5, &[1.0, 2.0]), heat(9.0, &[9.0])]) else {
            panic!("it was measured");
        };
        assert_eq!(all.figures.heats, [vec![1.0, 2.0], vec![9.0]]);
        assert_eq!((all.figures.ops, all.figures.cpu_ns), (20, 5.25));
    }
}
