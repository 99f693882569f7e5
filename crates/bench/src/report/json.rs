//! The report as JSON, for programs: one object for each row.

use serde_json::{Map, Value, json};

use super::ratio::Ratio;
use super::row::{OURS, RowOf, rows};
use super::verdict::{against, is_within_noise, verdict, wanted};
use super::{figure, verdict::Verdict};
use crate::contestant;
use crate::results::Results;

/// Everything the tables show, unrounded; times in nanoseconds.
pub(crate) fn report(results: &Results) -> Value {
    json!({
        "machine": results.machine,
        "rounds": results.rounds,
        "quick": results.quick,
        "rows": rows(results).map(|row| one(&row)).collect::<Vec<_>>(),
    })
}

fn one(row: &RowOf<'_>) -> Value {
    let mut contestants = Map::new();
    for contestant in contestant::ALL {
        let name = contestant.name;
        let Some(median) = row.median(name) else {
            continue;
        };
        let to_tokio = row.ratio_between(name, row, "tokio");
        let about = json!({
            "median": median,
            "spread": row.spread(name),
            "to_tokio": median_of(to_tokio),
            "to_tokio_within": to_tokio.and_then(|ratio| ratio.within),
            "caveat": row.caveat(name),
        });
        contestants.insert(name.to_owned(), about);
    }
    let reached = match verdict(row) {
        Verdict::Reached => json!(true),
        Verdict::NotReached => json!(false),
        Verdict::Unknown | Verdict::NoTarget => Value::Null,
    };
    let (best, floor) = (row.best_peer(), row.floor());
    let to_floor = floor.map(|floor| floor.ratio);
    json!({
        "scenario": row.scenario.name,
        "row": row.row.title,
        "unit": match row.row.unit {
            crate::scenario::Unit::Microseconds => "ns",
            unit => figure::unit(unit),
        },
        "evlet": row.median(OURS),
        "to_best_peer": median_of(best.as_ref().map(|best| best.ratio)),
        "best_peer": best.map(|best| best.name),
        "to_floor": median_of(to_floor),
        "to_floor_within": to_floor.and_then(|ratio| ratio.within),
        "to_reach": wanted(row),
        "against": against(row).iter().map(|one| one.measured).collect::<Vec<_>>(),
        "reached": reached,
        "within_noise": is_within_noise(row),
        "contestants": contestants,
    })
}

fn median_of(ratio: Option<Ratio>) -> Option<f64> {
    ratio.map(|ratio| ratio.median)
}

#[cfg(test)]
mod tests {
    use super::report;
    use crate::report::row::tests::run;

    #[test]
    fn a_row_as_an_object() {
        let results = run("echo-16k", &[("evlet", &[11.0]), ("bare", &[10.0])]);
        let row = &report(&results)["rows"][0];
        assert_eq!(row["scenario"], "echo-16k");
        assert_eq!(row["unit"], "ns");
        assert_eq!(row["reached"], false);
        assert_eq!(row["to_floor"], 1.1);
        assert_eq!(row["contestants"]["bare"]["median"], 10.0);
    }
}
