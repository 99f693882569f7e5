//! How costs grow: the same operation with 10² to 10⁶ of what it is about.

/// One chart: cost per operation over how many there are.
#[derive(Debug)]
pub(crate) struct Curve {
    pub(crate) scenario: &'static str,
    pub(crate) title: &'static str,
    /// What is counted along the chart.
    pub(crate) of: &'static str,
    pub(crate) contestants: &'static [&'static str],
    /// Sizes of 10² up to 10 to this power.
    up_to: u32,
    /// A last size that is no power of ten.
    beyond: Option<u64>,
}

/// Where most curves end.
const MILLION: u32 = 6;

/// Every chart.
pub(crate) const CURVES: &[Curve] = &[
    curve("spawn-join", "spawn and join", "tasks in a batch"),
    curve(
        "grow-timers-cancelled",
        "a timer set and cancelled",
        "other timers that are set",
    ),
    curve(
        "grow-timers-fired",
        "a timer fired, its task run",
        "timers due within one millisecond",
    ),
    curve(
        "fan-in",
        "an item put and got, queue of 64 places",
        "producers",
    ),
    Curve {
        scenario: "grow-sockets",
        title: "an echo message of 64 B",
        of: "connections that take turns",
        contestants: &["evlet", "tokio", "bare"],
        up_to: 4,
        // As far as a usual limit of descriptors goes; each connection takes one here and one in the server.
        beyond: Some(60_000),
    },
];

const fn curve(scenario: &'static str, title: &'static str, of: &'static str) -> Curve {
    Curve {
        scenario,
        title,
        of,
        contestants: &["evlet", "tokio", "floor"],
        up_to: MILLION,
        beyond: None,
    }
}

impl Curve {
    /// From small to large; `quick` leaves out what takes long.
    pub(crate) fn sizes(&self, quick: bool) -> impl Iterator<Item = u64> {
        let powers = if quick { 4 } else { self.up_to };
        let beyond = self.beyond.filter(|_| !quick);
        (2..=powers).map(|power| 10_u64.pow(power)).chain(beyond)
    }
}
