//! What a run found out, as it is kept: `results.json`.
//!
//! Everything the report shows comes from this file, so that a page can be written again without measuring
//! again.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::measure::Figures;

/// One run, or several of which each later one replaced what it measured again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    /// Rounds that were asked for.
    pub(crate) rounds: usize,
    /// Few samples, one round: for a look, not for a page.
    pub(crate) quick: bool,
    /// By [`key`], then by contestant.
    pub(crate) measured: BTreeMap<String, BTreeMap<String, Series>>,
}

/// One contestant in one scenario, round by round.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Series {
    /// By number of the round; a round without an answer is not there.
    pub(crate) rounds: BTreeMap<usize, Figures>,
    /// Why it takes no part, if so: not a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) absent: Option<String>,
    /// What went wrong in other rounds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) failures: Vec<String>,
}

/// How a scenario of a size is called among the results.
pub(crate) fn key(scenario: &str, size: Option<u64>) -> String {
    match size {
        Some(size) => format!("{scenario}@{size}"),
        None => scenario.to_owned(),
    }
}

impl Results {
    /// A contestant in a scenario, if it was asked.
    pub(crate) fn series(&self, key: &str, contestant: &str) -> Option<&Series> {
        self.measured.get(key)?.get(contestant)
    }

    /// The sizes at which a scenario was measured, from small to large.
    pub(crate) fn sizes(&self, scenario: &str) -> Vec<u64> {
        let size = |key: &String| key.strip_prefix(scenario)?.strip_prefix('@')?.parse().ok();
        let mut sizes: Vec<u64> = self.measured.keys().filter_map(size).collect();
        sizes.sort_unstable();
        sizes
    }

    /// A contestant in a scenario, made when it is not there.
    pub(crate) fn series_mut(&mut self, key: &str, contestant: &str) -> &mut Series {
        self.measured
            .entry(key.to_owned())
            .or_default()
            .entry(contestant.to_owned())
            .or_default()
    }

    /// Takes over what another run measured: its scenarios replace ours of the same name.
    pub(crate) fn replace_with(&mut self, newer: Results) {
        let Results {
            machine,
            rounds,
            quick,
            measured,
        } = newer;
        (self.machine, self.rounds, self.quick) = (machine, rounds, quick);
        self.measured.extend(measured);
    }

    pub(crate) fn read(path: &Path) -> Result<Results, String> {
        let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))
    }

    pub(crate) fn write(&self, path: &Path) -> Result<(), String> {
        let text = serde_json::to_string(self).map_err(|e| e.to_string())?;
        fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Results, key};
    use crate::measure::Figures;

    fn run(scenario: &str, cpu_ns: f64) -> Results {
        let mut results = Results::default();
        let figures = Figures {
            cpu_ns,
            ..Figures::default()
        };
        let series = results.series_mut(scenario, "evlet");
        series.rounds.insert(0, figures);
        results
    }

    #[test]
    fn a_later_run_replaces_what_it_measured_and_no_more() {
        let mut all = run("spawn-join", 1.0);
        all.replace_with(run("pool", 2.0));
        all.replace_with(run("pool", 3.0));
        let cpu = |scenario| all.series(scenario, "evlet").map(|s| s.rounds[&0].cpu_ns);
        assert_eq!((cpu("spawn-join"), cpu("pool")), (Some(1.0), Some(3.0)));
    }

    #[test]
    fn sizes_are_in_order_of_numbers() {
        let mut results = run(&key("fan-in", Some(1000)), 1.0);
        results.replace_with(run(&key("fan-in", Some(200)), 1.0));
        results.replace_with(run(&key("fan-in-and-out", Some(3)), 1.0));
        assert_eq!(results.sizes("fan-in"), [200, 1000]);
    }

    #[test]
    fn what_is_written_is_read() {
        let mut before = run(&key("spawn-join", Some(100)), 1.5);
        before.series_mut("pool", "smol").absent = Some("no pool".into());
        let text = serde_json::to_string(&before).expect("written");
        assert_eq!(
            serde_json::from_str::<Results>(&text).expect("read"),
            before
        );
    }
}
