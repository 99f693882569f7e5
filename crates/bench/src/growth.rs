//! How costs grow: the same operation with 10² to 10⁶ of what it is about.

use crate::net::raise_limit;

/// One chart: cost per operation over how many there are.
#[derive(Debug)]
pub(crate) struct Curve {
    pub(crate) scenario: &'static str,
    pub(crate) title: &'static str,
    /// What is counted along the chart.
    pub(crate) of: &'static str,
    pub(crate) contestants: &'static [&'static str],
    /// Every one takes a descriptor, so their limit is where it ends.
    takes_descriptors: bool,
}

const MILLION: u64 = 1_000_000;
/// Descriptors for all else.
const OTHERS: u64 = 200;

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
        takes_descriptors: true,
    },
];

const fn curve(scenario: &'static str, title: &'static str, of: &'static str) -> Curve {
    Curve {
        scenario,
        title,
        of,
        contestants: &["evlet", "tokio", "floor"],
        takes_descriptors: false,
    }
}

impl Curve {
    /// Powers of ten from a hundred on, and the limit where it is below a million. `quick` leaves out what takes
    /// long.
    pub(crate) fn sizes(&self, quick: bool) -> Vec<u64> {
        let mut limit = if quick { MILLION / 100 } else { MILLION };
        if self.takes_descriptors {
            limit = limit.min(raise_limit().saturating_sub(OTHERS) / 100 * 100);
        }
        let mut sizes: Vec<_> = (2..=6).map(|power| 10_u64.pow(power)).collect();
        sizes.retain(|size| *size < limit);
        sizes.push(limit);
        sizes
    }
}

#[cfg(test)]
mod tests {
    use super::CURVES;

    #[test]
    fn sizes_are_powers_of_ten_up_to_a_limit() {
        let sizes = CURVES[0].sizes(false);
        assert_eq!(sizes, [100, 1_000, 10_000, 100_000, 1_000_000]);
        assert_eq!(CURVES[0].sizes(true), [100, 1_000, 10_000]);
        let sockets = CURVES.iter().find(|curve| curve.takes_descriptors);
        let sizes = sockets.expect("there is one").sizes(false);
        assert!(sizes.is_sorted() && sizes.last().is_some_and(|last| *last <= 1_000_000));
    }
}
