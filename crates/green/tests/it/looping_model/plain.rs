//! What a loop means, in arithmetic.

use std::time::Duration;

use super::life::{End, Life, Told};
use super::{APART, Call, Kind, Says, Script, ms};

/// What is known when a call is over and the loop goes on.
struct Over {
    start: Duration,
    end: Duration,
    /// `None`: it failed.
    says: Option<Again>,
}

/// What a call said about the next.
#[derive(Clone, Copy)]
enum Again {
    After(u64),
    Anyhow,
}

/// The life of a loop.
pub(super) fn life(kind: &Kind, script: &Script) -> Life {
    let mut starts = Vec::new();
    let mut told = Vec::new();
    let (at, end) = lives(kind, script, &mut starts, &mut told);
    let fails = !matches!(end, End::Done(_) | End::Stopped);
    // Who is to wait has its first turn after the loop's.
    let ended_in_its_first_turn = starts.len() == 1 && at.is_zero();
    if fails && (script.waiters == 0 || ended_in_its_first_turn) {
        told.push(Told::Ended);
    }
    Life {
        starts,
        told,
        ends: vec![at; script.waiters],
        end,
    }
}

fn lives(
    kind: &Kind,
    script: &Script,
    starts: &mut Vec<Duration>,
    told: &mut Vec<Told>,
) -> (Duration, End) {
    let stop = script
        .stops
        .map_or(Duration::MAX, |(stop, _)| ms(stop) + APART);
    let mut rhythm = Rhythm::new(kind);
    let mut start = ms(script.initial_delay);
    let last = Call {
        takes: 0,
        says: Says::Done,
    };
    for (number, call) in script.calls.iter().copied().chain([last]).enumerate() {
        if stop < start {
            return (stop, End::Stopped); // in the pause, which ends at once
        }
        starts.push(start);
        let end = start + ms(call.takes);
        if stop < end {
            return (end, End::Stopped); // in the call, which is not interrupted
        }
        let says = match call.says {
            Says::Again(millis) => Some(Again::After(millis)),
            Says::AgainAnyhow => Some(Again::Anyhow),
            Says::Done => return (end, End::Done(number)),
            Says::Fails if script.stop_on_error => return (end, End::Failed(number)),
            Says::Fails => {
                told.push(Told::GoesOn);
                None
            }
            Says::Panics => return (end, End::Panicked(number)),
            Says::Stops => return (end, End::Stopped),
        };
        match rhythm.next(Over { start, end, says }, told) {
            Ok(next) => start = next,
            Err(why) => return (end, why),
        }
    }
    unreachable!("the last call is done")
}

/// When the next call starts.
enum Rhythm<'a> {
    Fixed {
        interval: Duration,
        timeout: Duration,
    },
    Dynamic {
        max: Option<Duration>,
    },
    BackOff {
        kind: &'a Kind,
        drawn: usize,
        interval: f64,
        paused: Duration,
    },
}

impl<'a> Rhythm<'a> {
    fn new(kind: &'a Kind) -> Self {
        match *kind {
            Kind::Fixed { interval } => Rhythm::Fixed {
                interval: ms(interval),
                timeout: Duration::ZERO,
            },
            Kind::Timed { interval, timeout } => Rhythm::Fixed {
                interval: ms(interval),
                timeout: ms(timeout),
            },
            Kind::Dynamic { max } => Rhythm::Dynamic { max: max.map(ms) },
            Kind::BackOff { starting, .. } => Rhythm::BackOff {
                kind,
                drawn: 0,
                interval: ms(starting).as_secs_f64(),
                paused: Duration::ZERO,
            },
        }
    }

    fn next(&mut self, over: Over, told: &mut Vec<Told>) -> Result<Duration, End> {
        match self {
            Rhythm::Fixed { interval, timeout } => {
                if !timeout.is_zero() && over.end > *timeout {
                    return Err(End::TimedOut {
                        after: over.end,
                        limit: *timeout,
                    });
                }
                if over.end - over.start > *interval && !interval.is_zero() {
                    told.push(Told::Overran);
                }
                Ok((over.start + *interval).max(over.end))
            }
            Rhythm::Dynamic { max } => match (over.says, *max) {
                (Some(Again::After(millis)), max) => {
                    Ok(over.end + ms(millis).min(max.unwrap_or(Duration::MAX)))
                }
                (_, Some(max)) => Ok(over.end + max),
                (Some(Again::Anyhow), None) => Err(End::NoInterval),
                (None, None) => Ok(over.end + Duration::from_secs(60)),
            },
            Rhythm::BackOff {
                kind,
                drawn,
                interval,
                paused,
            } => {
                let Kind::BackOff {
                    starting,
                    min,
                    max,
                    timeout,
                    jitter,
                    draws,
                } = *kind
                else {
                    unreachable!("it was made of one")
                };
                let factor = draws[*drawn % draws.len()].abs();
                *drawn += 1;
                if achieved(over.says) {
                    *interval = ms(*starting).as_secs_f64();
                    *paused = Duration::ZERO;
                    return Ok(over.end + Duration::from_secs_f64(*interval * factor));
                }
                let pause = Duration::from_secs_f64(*interval * 2.0 * factor);
                let pause = pause.max(ms(*min)).min(ms(*max));
                *interval = (*interval * 2.0 * jitter.abs()).max(ms(*min).as_secs_f64());
                *paused += pause;
                let limit = ms(*timeout);
                match !limit.is_zero() && *paused > limit {
                    true => Err(End::TimedOut {
                        after: *paused,
                        limit,
                    }),
                    false => Ok(over.end + pause),
                }
            }
        }
    }
}

/// Whether a call of a loop that backs off achieved something.
fn achieved(says: Option<Again>) -> bool {
    matches!(says, Some(Again::After(millis)) if millis % 2 == 1)
}
