//! What can be seen of a loop from outside, be it a real one or the model's.

use std::time::Duration;

use evlet_green::LoopError;

/// A loop, seen from outside. Times are counted from its start.
#[derive(Debug)]
pub(super) struct Life {
    /// When calls started.
    pub(super) starts: Vec<Duration>,
    /// What the operator heard.
    pub(super) told: Vec<Told>,
    /// When each waiter went on; empty when nobody waited.
    pub(super) ends: Vec<Duration>,
    pub(super) end: End,
}

#[derive(Debug, PartialEq)]
pub(super) enum Told {
    /// A call took longer than the interval.
    Overran,
    /// A call failed, and the loop goes on.
    GoesOn,
    /// The loop ended, and nobody waited.
    Ended,
    /// What no model foretells.
    Other(String),
}

/// How it ended. Calls are counted from zero.
#[derive(Debug, PartialEq)]
pub(super) enum End {
    Done(usize),
    Failed(usize),
    Panicked(usize),
    Stopped,
    TimedOut {
        after: Duration,
        limit: Duration,
    },
    NoInterval,
    /// What no model foretells.
    Other(String),
}

/// Seconds are numbers with fractions in a loop that backs off, and rounded in different places.
const CLOSE: Duration = Duration::from_micros(1);

fn close(one: Duration, other: Duration) -> bool {
    one.abs_diff(other) <= CLOSE
}

fn all_close(some: &[Duration], others: &[Duration]) -> bool {
    some.len() == others.len() && some.iter().zip(others).all(|(a, b)| close(*a, *b))
}

impl Life {
    pub(super) fn is_close_to(&self, other: &Life) -> bool {
        all_close(&self.starts, &other.starts)
            && all_close(&self.ends, &other.ends)
            && self.told == other.told
            && self.end.is_close_to(&other.end)
    }
}

impl End {
    fn is_close_to(&self, other: &End) -> bool {
        match (self, other) {
            (
                End::TimedOut { after, limit },
                End::TimedOut {
                    after: other,
                    limit: same,
                },
            ) => close(*after, *other) && limit == same,
            (one, other) => one == other,
        }
    }
}

/// The name of a call, by which it fails and panics.
pub(super) fn call_name(number: usize) -> String {
    format!("call {number}")
}

impl From<Result<usize, LoopError>> for End {
    fn from(end: Result<usize, LoopError>) -> Self {
        let number = |name: &str| name.strip_prefix("call ").and_then(|n| n.parse().ok());
        let other = || End::Other(format!("{end:?}"));
        match &end {
            Ok(number) => End::Done(*number),
            Err(LoopError::Failed(error)) => {
                number(&error.to_string()).map_or_else(other, End::Failed)
            }
            Err(LoopError::Panicked(message)) => number(message).map_or_else(other, End::Panicked),
            Err(LoopError::Stopped) => End::Stopped,
            Err(LoopError::TimedOut { after, limit, .. }) => End::TimedOut {
                after: *after,
                limit: *limit,
            },
            Err(LoopError::NoInterval) => End::NoInterval,
            Err(_) => other(),
        }
    }
}

impl From<String> for Told {
    fn from(report: String) -> Self {
        if report.contains("longer than its interval") {
            Told::Overran
        } else if report.contains("failed, goes on: call ") {
            Told::GoesOn
        } else if report.contains("ended: ") {
            Told::Ended
        } else {
            Told::Other(report)
        }
    }
}
