//! The rows with sockets.
//!
//! Their targets are ratios to `bare`, the loop over epoll written by hand, since most of what they cost is the
//! kernel's, and to tokio.

use super::{Figure, Kind, Row, Scenario, Target, Unit, tokio};

/// At most this ratio to the loop over epoll, written by hand.
const fn bare(at_most: f64) -> Target {
    Target::Ratio {
        to: "bare",
        at_most,
    }
}

/// At the kernel's price, and not above tokio.
const AT_THE_FLOOR: &[Target] = &[bare(1.03), tokio(1.0)];

/// Every scenario with sockets, in the order of the report.
pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "echo-1",
        kind: Kind::Race,
        rows: &[cpu("TCP echo, 1 connection, 64 B", AT_THE_FLOOR)],
    },
    Scenario {
        name: "echo-64",
        kind: Kind::Race,
        rows: &[cpu("TCP echo, 64 connections, 64 B", AT_THE_FLOOR)],
    },
    Scenario {
        name: "echo-1000",
        kind: Kind::Race,
        rows: &[cpu("TCP echo, 1,000 connections, 64 B", AT_THE_FLOOR)],
    },
    Scenario {
        name: "echo-16k",
        kind: Kind::Race,
        rows: &[cpu("TCP echo, 64 connections, 16 KiB", &[bare(1.03)])],
    },
    Scenario {
        name: "connect-close",
        kind: Kind::Race,
        rows: &[cpu("connect, one message, close", &[tokio(0.92)])],
    },
    Scenario {
        name: "idle-connection",
        kind: Kind::Net,
        rows: &[Row {
            title: "10,000 idle connections, a 64 B buffer: resident memory each",
            figure: Figure::Extra("resident"),
            unit: Unit::Bytes,
            targets: &[tokio(0.45)],
        }],
    },
    Scenario {
        name: "echo-1-calls",
        kind: Kind::Net,
        rows: &[
            Row {
                title: "system calls of a message, 1 connection",
                figure: Figure::Extra("calls"),
                unit: Unit::Calls,
                targets: &[bare(1.01)],
            },
            Row {
                title: "those of them that wait",
                figure: Figure::Extra("waits"),
                unit: Unit::Calls,
                targets: &[bare(1.01)],
            },
        ],
    },
    Scenario {
        name: "echo-64-calls",
        kind: Kind::Net,
        rows: &[Row {
            title: "system calls of a message, 64 connections",
            figure: Figure::Extra("calls"),
            unit: Unit::Calls,
            targets: &[bare(1.03)],
        }],
    },
    // Its shares are a section of their own.
    Scenario {
        name: "echo-64-parts",
        kind: Kind::Net,
        rows: &[],
    },
    Scenario {
        name: "tls-handshake",
        kind: Kind::Race,
        rows: &[cpu("TLS 1.3, full handshake", AS_TOKIO)],
    },
    Scenario {
        name: "tls-bulk",
        kind: Kind::Race,
        rows: &[cpu("TLS 1.3, one MiB each way", AS_TOKIO)],
    },
];

/// Where cryptography is nearly all of it.
const AS_TOKIO: &[Target] = &[tokio(1.03)];

const fn cpu(title: &'static str, targets: &'static [Target]) -> Row {
    Row {
        title,
        figure: Figure::Cpu,
        unit: Unit::Microseconds,
        targets,
    }
}
