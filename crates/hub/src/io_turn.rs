//! The last step of a turn: asking the kernel about descriptors, asleep or only looking.

use std::io;
use std::time::Duration;

use rustix::event::Timespec;

use crate::clock::{NEVER, Nanos};
use crate::core::Core;
use crate::report::Report;
use crate::stats::bump;
use crate::wait::LocalWaker;
use crate::watchdog::{Probe, Watchdog};

/// When and how the kernel is asked about descriptors.
#[derive(Debug, Default)]
pub(crate) struct IoTurns {
    /// Polls since the kernel was last asked.
    pub(crate) polls: u32,
    /// When to look for descriptors that were closed behind our back; see [`Self::probe_by`].
    probe_at: Option<Nanos>,
    /// The count of polls when that was last settled.
    probed: u64,
    /// Calls for such a look, since the last.
    put_off: usize,
}

/// A hub that works looks at each call while it waits on no more descriptors than this, at each second one
/// while it waits on twice as many, and so on.
const PROBE_AT_ONCE: usize = 250;

/// How soon after activity such descriptors are looked for, at the least.
const PROBE_AFTER: Nanos = 250_000_000;
/// And how much later for each descriptor that is waited on, so that the look stays cheap.
const PROBE_EACH: Nanos = 1_000_000;
/// Under virtual time: how long the kernel may take to deliver what is on its way.
const DELIVERY: Duration = Duration::from_millis(1);

impl IoTurns {
    /// Whether it is time for that although somebody is ready.
    #[inline]
    pub(crate) fn is_due(&self, core: &Core) -> bool {
        self.polls >= core.config.batch
    }

    pub(crate) fn turn(&mut self, core: &Core, woken: &mut Vec<LocalWaker>) {
        self.polls = 0;
        core.batch.begin();
        core.queue.shrink_when_wide();
        if !core.queue.is_empty() {
            // Others are ready: only look, and not even that when there is nothing to look at.
            if core.reactor.len() > 0 {
                ask(core, Some(Duration::ZERO), woken);
            }
        } else if core.remote.fall_asleep() {
            match core.clock.is_virtual() {
                true => wait_virtually(core, woken),
                false => self.wait(core, woken),
            }
            core.remote.wake_up();
        } else if core.reactor.len() > 0 {
            // Something has come from another thread. It may be for nobody, and again the next time.
            ask(core, Some(Duration::ZERO), woken);
        }
        if !woken.is_empty() {
            wake_in_turn(core, woken);
        }
    }

    fn wait(&mut self, core: &Core, woken: &mut Vec<LocalWaker>) {
        match &core.watchdog {
            Some(watchdog) if watchdog.calls_for_probes() => {
                self.wait_until_called(core, watchdog, woken);
            }
            _ => self.wait_by_the_clock(core, woken),
        }
    }

    /// The watchdog says when lost descriptors are to be looked for.
    fn wait_until_called(&mut self, core: &Core, watchdog: &Watchdog, woken: &mut Vec<LocalWaker>) {
        let timeout = next_deadline(core).map(|at| {
            // The reading of this turn is older than now, so the wait would be too long.
            let now = core.clock.refresh_turn();
            let at = at.saturating_add(core.config.timer_slack);
            Duration::from_nanos(at.saturating_sub(now))
        });
        core.clock.end_turn();
        // Since the hub has said that it falls asleep, the watchdog either sees that or is seen here.
        let timeout = match watchdog.is_probe_due() {
            true => Some(Duration::ZERO),
            false => timeout,
        };
        ask(core, timeout, woken);
        if watchdog.is_probe_due()
            && let Some(probe) = watchdog.take_probe()
        {
            self.answer(core, probe, woken);
        }
    }

    #[cold]
    fn answer(&mut self, core: &Core, probe: Probe, woken: &mut Vec<LocalWaker>) {
        self.put_off += 1;
        let is_cheap = || core.reactor.waited_on() <= PROBE_AT_ONCE.saturating_mul(self.put_off);
        if probe == Probe::Idle || is_cheap() {
            self.put_off = 0;
            core.reactor.probe(woken);
        }
    }

    /// Nobody does, so the wait ends when it is time for that.
    fn wait_by_the_clock(&mut self, core: &Core, woken: &mut Vec<LocalWaker>) {
        let deadline = next_deadline(core);
        let wake_at = deadline.map(|at| at.saturating_add(core.config.timer_slack));
        let probe_at = self.probe_by(core);
        let until = match (wake_at, probe_at) {
            (Some(wake), Some(probe)) => Some(wake.min(probe)),
            (one, other) => one.or(other),
        };
        let timeout = until.map(|at| {
            // The reading of this turn is older than now, so the wait would be too long.
            let now = core.clock.refresh_turn();
            Duration::from_nanos(at.saturating_sub(now))
        });
        core.clock.end_turn();
        ask(core, timeout, woken);
        if let Some(at) = probe_at
            && core.clock.turn() >= at
        {
            self.probe_at = None;
            core.reactor.probe(woken);
        }
    }

    /// A descriptor that was closed behind our back is closed by code, so it is looked for once
    /// after green threads have run, and not again before they run again: an idle hub sleeps.
    fn probe_by(&mut self, core: &Core) -> Option<Nanos> {
        let polls = core.counters.polls.get();
        if self.probe_at.is_none() && self.probed != polls {
            self.probed = polls;
            let waited_on = core.reactor.waited_on() as u64;
            if waited_on > 0 {
                let after = PROBE_AFTER.max(waited_on.saturating_mul(PROBE_EACH));
                self.probe_at = Some(core.clock.turn().saturating_add(after));
            }
        }
        self.probe_at
    }
}

/// Those who wait with wakers of other libraries, which may call anything, and who came after them.
#[inline(never)]
fn wake_in_turn(core: &Core, woken: &mut Vec<LocalWaker>) {
    woken.drain(..).for_each(|waker| waker.wake_from(core));
}

/// Virtual time: looks at the descriptors, and if they are silent jumps to the next deadline.
fn wait_virtually(core: &Core, woken: &mut Vec<LocalWaker>) {
    let deadline = next_deadline(core);
    if deadline.is_none() || core.clock.is_held() {
        return ask(core, core.clock.is_held().then_some(DELIVERY), woken);
    }
    let is_silent = |woken: &Vec<LocalWaker>| woken.is_empty() && core.queue.is_empty();
    if core.reactor.len() > 0 {
        ask(core, Some(Duration::ZERO), woken);
        if is_silent(woken) && core.reactor.waited_on() > 0 {
            ask(core, Some(DELIVERY), woken);
        }
    }
    if is_silent(woken) && core.remote.is_empty() {
        core.clock.jump_to(deadline.unwrap_or(NEVER));
    }
}

fn ask(core: &Core, timeout: Option<Duration>, woken: &mut Vec<LocalWaker>) {
    bump(&core.counters.waits);
    match core.reactor.wait(core, timeout, woken) {
        Ok(()) => core.wait_failed.set(false),
        Err(error) => wait_failed(core, &error),
    }
}

/// Somebody has closed the hub's own descriptor, or the kernel is out of memory: said once, and
/// tried again at a rate that costs nothing.
#[cold]
fn wait_failed(core: &Core, error: &io::Error) {
    if !core.wait_failed.replace(true) {
        core.report(&Report::notice(
            "the hub's wait for descriptors failed",
            format!("{error}; timers and wake-ups go on, and the wait is tried again every 10 ms"),
        ));
    }
    let pause = Timespec {
        tv_sec: 0,
        tv_nsec: 10_000_000,
    };
    // A poll of nothing is a sleep that does not look like one to those who forbid sleeping.
    let _ = rustix::event::poll(&mut [], Some(&pause));
}

#[inline]
fn next_deadline(core: &Core) -> Option<Nanos> {
    let are_set = core.timers.borrow().len() > 0;
    are_set.then(|| deadline_of_first(core)).flatten()
}

#[inline(never)]
fn deadline_of_first(core: &Core) -> Option<Nanos> {
    let mut timers = core.timers.borrow_mut();
    // The search for a deadlock may have set some since they were last fired.
    if timers.has_fresh() {
        timers.settle(core.clock.refresh_turn());
    }
    timers.next()
}
