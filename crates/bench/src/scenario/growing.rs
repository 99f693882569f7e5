//! What is only measured at several sizes: [`crate::growth`] has the charts.

use super::{Kind, Scenario};

/// They have no rows of their own.
pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "grow-timers-cancelled",
        kind: Kind::Micro,
        rows: &[],
    },
    Scenario {
        name: "grow-timers-fired",
        kind: Kind::Micro,
        rows: &[],
    },
    Scenario {
        name: "grow-sockets",
        kind: Kind::Race,
        rows: &[],
    },
];
