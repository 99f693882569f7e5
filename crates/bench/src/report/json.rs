//! The report as JSON, for programs: one object for each row.

use serde_json::{Map, Value, json};

use super::row::{OURS, RowOf, rows};
use super::verdict::{against, verdict, wanted};
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
        let about = json!({
            "median": median,
            "spread": row.spread(name),
            "to_tokio": row.ratio_between(name, row, "tokio"),
            "caveat": row.caveat(name),
        });
        contestants.insert(name.to_owned(), about);
    }
    let reached = match verdict(row) {
        Verdict::Reached => json!(true),
        Verdict::NotReached => json!(false),
        Verdict::Unknown | Verdict::NoTarget => Value::Null,
    };
    json!({
        "scenario": row.scenario.name,
        "row": row.row.title,
        "unit": match row.row.unit {
            crate::scenario::Unit::Microseconds => "ns",
            unit => figure::unit(unit),
        },
        "evlet": row.median(OURS),
        "best_peer": row.best_peer().map(|best| best.name),
        "to_best_peer": row.best_peer().map(|best| best.ratio),
        "to_floor": row.floor().map(|floor| floor.ratio),
        "to_reach": wanted(row),
        "against": against(row).iter().map(|one| one.measured).collect::<Vec<_>>(),
        "reached": reached,
        "contestants": contestants,
    })
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
