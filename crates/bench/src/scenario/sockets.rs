//! The rows with sockets.
//!
//! Their targets are ratios to `bare`, the loop over epoll written by hand, since most of what they cost is the
//! kernel's, and to tokio.

use super::{Figure, Kind, Row, Scenario, TOKIO, Target, Unit};

/// The loop over epoll, written by hand.
const BARE: &str = "bare";

/// At the kernel's price, and not above tokio.
const AT_THE_FLOOR: &[Target] = &[
    Target::Ratio {
        to: BARE,
        at_most: 1.03,
    },
    Target::Ratio {
        to: TOKIO,
        at_most: 1.0,
    },
];

/// Every scenario with sockets, in the order of the report.
pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "echo-1",
        kind: Kind::Net,
        rows: &[cpu("TCP echo, 1 connection, 64 B", AT_THE_FLOOR)],
    },
    Scenario {
        name: "echo-64",
        kind: Kind::Net,
        rows: &[cpu("TCP echo, 64 connections, 64 B", AT_THE_FLOOR)],
    },
    Scenario {
        name: "echo-1000",
        kind: Kind::Net,
        rows: &[cpu("TCP echo, 1,000 connections, 64 B", AT_THE_FLOOR)],
    },
    Scenario {
        name: "echo-16k",
        kind: Kind::Net,
        rows: &[cpu(
            "TCP echo, 64 connections, 16 KiB",
            &[Target::Ratio {
                to: BARE,
                at_most: 1.03,
            }],
        )],
    },
    Scenario {
        name: "connect-close",
        kind: Kind::Net,
        rows: &[cpu(
            "connect, one message, close",
            &[Target::Ratio {
                to: TOKIO,
                at_most: 0.92,
            }],
        )],
    },
    Scenario {
        name: "idle-connection",
        kind: Kind::Net,
        rows: &[Row {
            title: "10,000 idle connections, a 64 B buffer: resident memory each",
            figure: Figure::Extra("resident"),
            unit: Unit::Bytes,
            targets: &[Target::Ratio {
                to: TOKIO,
                at_most: 0.45,
            }],
        }],
    },
    Scenario {
        name: "turn-calls",
        kind: Kind::Net,
        rows: &[
            Row {
                title: "system calls of a turn with one ready descriptor that wait",
                figure: Figure::Extra("waits"),
                unit: Unit::Calls,
                targets: &[Target::AtMost(1.005)],
            },
            Row {
                title: "all of them, with the message's recv and send",
                figure: Figure::Extra("calls"),
                unit: Unit::Calls,
                targets: &[Target::AtMost(3.02)],
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
            targets: &[Target::Ratio {
                to: BARE,
                at_most: 1.03,
            }],
        }],
    },
    Scenario {
        name: "tls-handshake",
        kind: Kind::Net,
        rows: &[cpu("TLS 1.3, full handshake", AS_TOKIO)],
    },
    Scenario {
        name: "tls-bulk",
        kind: Kind::Net,
        rows: &[cpu("TLS 1.3, one MiB each way", AS_TOKIO)],
    },
];

/// Where cryptography is nearly all of it.
const AS_TOKIO: &[Target] = &[Target::Ratio {
    to: TOKIO,
    at_most: 1.03,
}];

const fn cpu(title: &'static str, targets: &'static [Target]) -> Row {
    Row {
        title,
        figure: Figure::Cpu,
        unit: Unit::Microseconds,
        targets,
    }
}
