//! A whole run: every scenario, every contestant, round by round.
//!
//! The contestants of a scenario follow one another within a round (A B C, A B C), so that whatever else the
//! machine does meets all of them; where a server is measured window by window they take turns at that, which is a
//! [race](mod@race). Who is absent once is not asked again. The rounds go over all scenarios: a
//! disturbance of a minute spoils one round of a few, not all rounds of one.

pub(crate) mod child;
mod race;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::contestant;
use crate::growth;
use crate::machine::Machine;
use crate::results::{Results, key};
use crate::scenario::{self, Kind};
use child::{Answer, Question, Runner, ask};
use race::{long_race, race};

/// What to run.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) quick: bool,
    /// Words of which a scenario's name must contain one; all scenarios when empty.
    pub(crate) only: Vec<String>,
    /// Names; everybody when empty.
    pub(crate) contestants: Vec<String>,
    /// A second build of this program whose hub keeps no diagnostics.
    pub(crate) without_diagnostics: Option<PathBuf>,
    /// The sizes of the growth charts as well.
    pub(crate) growth: bool,
}

/// How the build without diagnostics is called among the contestants.
pub(crate) const WITHOUT_DIAGNOSTICS: &str = "evlet-off";

/// No measurement takes so long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// One line of the plan.
#[derive(Debug, Clone)]
struct Job {
    scenario: &'static str,
    size: Option<u64>,
    runners: Vec<Runner>,
    kind: Kind,
    /// Only in the first round.
    once: bool,
}

impl Job {
    fn question(&self, plan: &Plan) -> Question {
        Question {
            scenario: self.scenario,
            size: self.size,
            quick: plan.quick,
        }
    }
}

/// Whose time per message is divided up.
const DIVIDED: &[&str] = &["evlet", "tokio", "bare"];

/// Runs the plan; `kept` sees the results after each round.
pub(crate) fn run(
    plan: &Plan,
    mut kept: impl FnMut(&Results) -> Result<(), String>,
) -> Result<Results, String> {
    let runners = runners(plan)?;
    let jobs = jobs(plan, &runners);
    if jobs.is_empty() {
        return Err(format!("no scenario is named like {:?}", plan.only));
    }
    let mut results = Results {
        machine: Machine::here(),
        rounds: plan.rounds,
        quick: plan.quick,
        ..Results::default()
    };
    let mut given_up = BTreeSet::new();
    let began = Instant::now();
    for round in 0..plan.rounds {
        for job in jobs.iter().filter(|job| round == 0 || !job.once) {
            let key = key(job.scenario, job.size);
            let is_asked =
                |runner: &&Runner| !given_up.contains(&(key.clone(), runner.name.clone()));
            let runners: Vec<&Runner> = job.runners.iter().filter(is_asked).collect();
            let question = job.question(plan);
            let mut note = |runner: &Runner, answer: Answer| {
                progress(plan, round, began.elapsed(), &key, &runner.name, &answer);
                let series = results.series_mut(&key, &runner.name);
                match answer {
                    Answer::Measured(measure) => {
                        series.rounds.insert(round, measure.figures);
                        return;
                    }
                    Answer::Absent(why) => series.absent = Some(why),
                    Answer::Failed(why) => series.failures.push(why),
                }
                given_up.insert((key.clone(), runner.name.clone()));
            };
            match job.kind {
                Kind::Micro | Kind::Net => runners
                    .into_iter()
                    .for_each(|runner| note(runner, ask(runner, question, PATIENCE))),
                Kind::Race => together(&runners, race(&runners, question), note),
                Kind::Long => together(&runners, long_race(&runners, question), note),
            }
        }
        kept(&results)?;
    }
    Ok(results)
}

fn together(runners: &[&Runner], answers: Vec<Answer>, mut note: impl FnMut(&Runner, Answer)) {
    for (runner, answer) in runners.iter().zip(answers) {
        note(runner, answer);
    }
}

fn runners(plan: &Plan) -> Result<Vec<Runner>, String> {
    let this = std::env::current_exe().map_err(|e| format!("where am I? {e}"))?;
    let own = contestant::ALL.iter().map(|contestant| Runner {
        name: contestant.name.to_owned(),
        program: this.clone(),
        known_as: contestant.name.to_owned(),
    });
    let other = plan.without_diagnostics.iter().map(|program| Runner {
        name: WITHOUT_DIAGNOSTICS.to_owned(),
        program: program.clone(),
        known_as: "evlet".to_owned(),
    });
    let all: Vec<Runner> = own.chain(other).collect();
    if plan.contestants.is_empty() {
        return Ok(all);
    }
    let named = |name: &String| {
        let found = all.iter().find(|runner| runner.name == *name);
        found
            .cloned()
            .ok_or_else(|| format!("no contestant {name}"))
    };
    plan.contestants.iter().map(named).collect()
}

fn jobs(plan: &Plan, runners: &[Runner]) -> Vec<Job> {
    let wanted =
        |name: &str| plan.only.is_empty() || plan.only.iter().any(|word| name.contains(word));
    let of = |names: &[&str]| -> Vec<Runner> {
        let takes_part = |runner: &&Runner| names.contains(&&*runner.name);
        runners.iter().filter(takes_part).cloned().collect()
    };
    let mut jobs = Vec::new();
    for scenario in scenario::every().filter(|scenario| wanted(scenario.name)) {
        jobs.push(Job {
            scenario: scenario.name,
            size: None,
            runners: match scenario.name {
                "echo-64-parts" => of(DIVIDED),
                _ => runners.to_vec(),
            },
            kind: scenario.kind,
            once: scenario.is_counted(),
        });
    }
    if plan.growth {
        for curve in growth::CURVES.iter().filter(|curve| wanted(curve.scenario)) {
            let sizes = curve.sizes(plan.quick).into_iter();
            jobs.extend(sizes.map(|size| Job {
                scenario: curve.scenario,
                size: Some(size),
                runners: of(curve.contestants),
                kind: scenario::find(curve.scenario).map_or(Kind::Micro, |of| of.kind),
                once: true,
            }));
        }
    }
    jobs
}

fn progress(
    plan: &Plan,
    round: usize,
    passed: Duration,
    key: &str,
    contestant: &str,
    answer: &Answer,
) {
    let said = match answer {
        Answer::Measured(measure) => format!("{:.1} ns CPU", measure.figures.cpu_ns),
        Answer::Absent(why) => format!("absent: {why}"),
        Answer::Failed(why) => format!("FAILED: {why}"),
    };
    eprintln!(
        "{:>4} s  round {} of {}  {key:<24} {contestant:<14} {said}",
        passed.as_secs(),
        round + 1,
        plan.rounds,
    );
}

#[cfg(test)]
mod tests {
    use super::{Plan, jobs, runners};

    fn planned(plan: &Plan) -> (Vec<String>, Vec<String>) {
        let runners = runners(plan).expect("everybody is known");
        let jobs = jobs(plan, &runners);
        (
            jobs.iter().map(|job| job.scenario.to_owned()).collect(),
            runners.into_iter().map(|runner| runner.name).collect(),
        )
    }

    #[test]
    fn a_pattern_chooses_scenarios_and_a_list_chooses_contestants() {
        let plan = Plan {
            only: vec!["semaphore".into(), "echo-1k".into(), "yield-lone".into()],
            contestants: vec!["floor".into(), "evlet".into()],
            ..Plan::default()
        };
        let (scenarios, contestants) = planned(&plan);
        let expected = ["yield-lone", "semaphore-free", "semaphore-contended"];
        assert_eq!(scenarios, expected);
        assert_eq!(contestants, ["floor", "evlet"]);
    }

    #[test]
    fn an_unknown_contestant_is_told() {
        let plan = Plan {
            contestants: vec!["twisted".into()],
            ..Plan::default()
        };
        assert_eq!(runners(&plan), Err("no contestant twisted".into()));
    }
}
