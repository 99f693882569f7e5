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

impl Scenario {
    /// What is counted and not timed is the same in each round: one is enough.
    pub(crate) fn is_counted(&self) -> bool {
        let counted = |row: &Row| matches!(row.unit, Unit::Bytes | Unit::Calls);
        self.rows.iter().all(counted)
    }
}

/// Who runs a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// In one process, without sockets: [`crate::micro`].
    Micro,
    /// The same, but one sample takes a second: contestants take turns, by a process for each sample.
    Long,
    /// A server and its load: [`crate::net`].
    Net,
    /// The same, measured window by window: contestants take turns.
    Race,
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

mod growing;
mod sockets;

/// At most this ratio to tokio's current-thread runtime.
const fn tokio(at_most: f64) -> Target {
    Target::Ratio {
        to: "tokio",
        at_most,
    }
}

/// Every scenario without sockets, in the order of the report.
const ALL: &[Scenario] = &[
    Scenario {
        name: "spawn-join",
        kind: Kind::Micro,
        rows: &[Row {
            title: "spawn and join, batches of 1,000",
            figure: Figure::Cpu,
            unit: Unit::Nanoseconds,
            targets: &[tokio(0.24), Target::RatioToBest { at_most: 1.4 }],
        }],
    },
    Scenario {
        name: "spawn-detached",
        kind: Kind::Micro,
        rows: &[Row {
            title: "spawn_n, detached, batches of 1,000",
            figure: Figure::Cpu,
            unit: Unit::Nanoseconds,
            targets: &[tokio(0.30), Target::BelowOwn("spawn-join")],
        }],
    },
    Scenario {
        name: "yield-1000",
        kind: Kind::Micro,
        rows: &[Row {
            title: "yield among 1,000 tasks",
            figure: Figure::Cpu,
            unit: Unit::Nanoseconds,
            targets: &[tokio(0.75)],
        }],
    },
    Scenario {
        name: "yield-lone",
        kind: Kind::Micro,
        rows: &[Row {
            title: "yield of a lone task",
            figure: Figure::Cpu,
            unit: Unit::Nanoseconds,
            targets: &[tokio(0.10)],
        }],
    },
    Scenario {
        name: "ping-pong",
        kind: Kind::Micro,
        rows: &[Row {
            title: "ping-pong through two queues of one place",
            figure: Figure::Cpu,
            unit: Unit::Nanoseconds,
            targets: &[tokio(0.45), Target::AheadOfAll],
        }],
    },
    Scenario {
        name: "request-reply",
        kind: Kind::Micro,
        rows: &[Row {
            title: "request and reply: a queue of one place, an Event",
            figure: Figure::Cpu,
            unit: Unit::Nanoseconds,
            targets: &[tokio(0.45), Target::AheadOfAll],
        }],
    },
    Scenario {
        name: "fan-in",
        kind: Kind::Micro,
        rows: &[Row {
            title: "100 producers into one queue of 64 places",
            figure: Figure::Cpu,
            unit: Unit::Nanoseconds,
            targets: &[tokio(0.30), Target::AheadOfAll],
        }],
    },
    Scenario {
        name: "semaphore-free",
        kind: Kind::Micro,
        rows: &[Row {
            title: "semaphore, no contention",
            figure: Figure::Cpu,
            unit: Unit::Nanoseconds,
            targets: &[tokio(0.30)],
        }],
    },
    Scenario {
        name: "semaphore-contended",
        kind: Kind::Micro,
        rows: &[Row {
            title: "semaphore of 10, 100 tasks, first come first served",
            figure: Figure::Cpu,
            unit: Unit::Nanoseconds,
            targets: &[tokio(0.52)],
        }],
    },
    Scenario {
        name: "pool",
        kind: Kind::Micro,
        rows: &[Row {
            title: "GreenPool of 1,000, over a million short jobs",
            figure: Figure::Cpu,
            unit: Unit::Nanoseconds,
            targets: &[tokio(0.37), Target::AheadOfAll],
        }],
    },
    Scenario {
        name: "timeout-ready",
        kind: Kind::Micro,
        rows: &[Row {
            title: "a timeout around a ready future",
            figure: Figure::Cpu,
            unit: Unit::Nanoseconds,
            targets: &[tokio(0.12)],
        }],
    },
    Scenario {
        name: "timeout-cancelled",
        kind: Kind::Micro,
        rows: &[Row {
            title: "a timeout around a future that waits once",
            figure: Figure::Cpu,
            unit: Unit::Nanoseconds,
            targets: &[tokio(0.60), Target::AheadOfAll],
        }],
    },
    Scenario {
        name: "sleeps",
        kind: Kind::Long,
        rows: &[
            Row {
                title: "100,000 sleeps of 1 to 1,000 ms, CPU per sleep",
                figure: Figure::Cpu,
                unit: Unit::Nanoseconds,
                targets: &[tokio(0.80)],
            },
            Row {
                title: "… lateness p50",
                figure: Figure::Extra("late_p50"),
                unit: Unit::Microseconds,
                targets: &[Target::AtMost(150_000.0)],
            },
            Row {
                title: "… lateness p99",
                figure: Figure::Extra("late_p99"),
                unit: Unit::Microseconds,
                targets: &[Target::AtMost(400_000.0)],
            },
        ],
    },
    Scenario {
        name: "sleeps-precise",
        kind: Kind::Long,
        rows: &[
            Row {
                title: "the same without slack, CPU per sleep",
                figure: Figure::Cpu,
                unit: Unit::Nanoseconds,
                targets: &[],
            },
            Row {
                title: "… lateness p50",
                figure: Figure::Extra("late_p50"),
                unit: Unit::Microseconds,
                targets: &[Target::AtMost(45_000.0)],
            },
            Row {
                title: "… lateness p99",
                figure: Figure::Extra("late_p99"),
                unit: Unit::Microseconds,
                targets: &[Target::AtMost(150_000.0)],
            },
        ],
    },
    Scenario {
        name: "sleep-zero",
        kind: Kind::Micro,
        rows: &[Row {
            title: "sleep(0)",
            figure: Figure::Wall,
            unit: Unit::Nanoseconds,
            targets: &[Target::AtMost(60.0)],
        }],
    },
    Scenario {
        name: "thread-wake",
        kind: Kind::Micro,
        rows: &[
            Row {
                title: "wake from another OS thread, p50",
                figure: Figure::Extra("p50"),
                unit: Unit::Microseconds,
                targets: &[tokio(1.0)],
            },
            Row {
                title: "… p99",
                figure: Figure::Extra("p99"),
                unit: Unit::Microseconds,
                targets: &[],
            },
        ],
    },
    Scenario {
        name: "blocking",
        kind: Kind::Micro,
        rows: &[Row {
            title: "blocking hand-off, round trip, one cpu",
            figure: Figure::Cpu,
            unit: Unit::Microseconds,
            targets: &[tokio(1.0)],
        }],
    },
    Scenario {
        name: "memory-parked",
        kind: Kind::Micro,
        rows: &[Row {
            title: "a parked task with 64 B of state, resident",
            figure: Figure::Extra("bytes"),
            unit: Unit::Bytes,
            targets: &[Target::AtMost(270.0)],
        }],
    },
    Scenario {
        name: "memory-asleep",
        kind: Kind::Micro,
        rows: &[Row {
            title: "a task in a sleep, resident",
            figure: Figure::Extra("bytes"),
            unit: Unit::Bytes,
            targets: &[Target::AtMost(270.0)],
        }],
    },
    Scenario {
        name: "turn",
        kind: Kind::Micro,
        rows: &[
            Row {
                title: "waits in a turn with one ready descriptor",
                figure: Figure::Extra("waits"),
                unit: Unit::Calls,
                targets: &[Target::AtMost(1.0)],
            },
            Row {
                title: "… other system calls",
                figure: Figure::Extra("others"),
                unit: Unit::Calls,
                // None; one or two of a whole run are not the turns'.
                targets: &[Target::AtMost(0.004)],
            },
        ],
    },
];

/// Every scenario, those with sockets last.
pub(crate) fn every() -> impl Iterator<Item = &'static Scenario> {
    ALL.iter().chain(sockets::ALL)
}

/// The scenario of that name.
pub(crate) fn find(name: &str) -> Option<&'static Scenario> {
    every()
        .chain(growing::ALL)
        .find(|scenario| scenario.name == name)
}
