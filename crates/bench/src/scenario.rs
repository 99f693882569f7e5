//! The table of scenarios: what is measured, which rows of the report come of it, and what each is to
//! reach.
//!
//! A scenario is one process's work for one contestant. It may give several rows (lateness at two
//! quantiles, say). Targets are issue 3's; each says what it is a ratio to.

/// One scenario.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// As typed: `evlet-bench one evlet spawn-join`.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) rows: &'static [Row],
}

/// Who runs a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// In one process, without sockets: [`crate::micro`].
    Micro,
    /// A server and its load.
    Net,
}

/// One row of the report.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) title: &'static str,
    pub(crate) figure: Figure,
    pub(crate) unit: Unit,
    pub(crate) targets: &'static [Target],
}

/// Which number of a measurement a row shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    Cpu,
    Wall,
    Extra(&'static str),
}

/// How a row's numbers are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Nanoseconds,
    Microseconds,
    Bytes,
    Calls,
}

/// What evlet is to reach in a row. All targets of a row have to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    /// At most this ratio to that contestant.
    Ratio { to: &'static str, at_most: f64 },
    /// At most this ratio to the best of all peers.
    RatioToBest { at_most: f64 },
    /// Below every peer.
    AheadOfAll,
    /// At most this, in the row's base unit: nanoseconds, bytes, calls.
    AtMost(f64),
    /// Below evlet's own figure in another row, named by scenario.
    BelowOwn(&'static str),
}

mod sockets;

const TOKIO: &str = "tokio";

/// Every scenario, in the order of the report.
pub(crate) const ALL: &[Scenario] = &[
    Scenario {
        name: "spawn-join",
        kind: Kind::Micro,
        rows: &[Row {
            title: "spawn and join, batches of 1,000",
            figure: Figure::Cpu,
            unit: Unit::Nanoseconds,
            targets: &[
                Target::Ratio {
                    to: TOKIO,
                    at_most: 0.24,
                },
                Target::RatioToBest { at_most: 1.4 },
            ],
        }],
    },
    Scenario {
        name: "yield-1000",
        kind: Kind::Micro,
        rows: &[Row {
            title: "yield among 1,000",
            figure: Figure::Cpu,
            unit: Unit::Nanoseconds,
            targets: &[Target::Ratio {
                to: TOKIO,
                at_most: 0.75,
            }],
        }],
    },
];

/// The scenario of that name.
pub(crate) fn find(name: &str) -> Option<&'static Scenario> {
    ALL.iter()
        .chain(sockets::ALL)
        .find(|scenario| scenario.name == name)
}
