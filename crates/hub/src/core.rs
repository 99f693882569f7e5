//! What a hub owns, and the small steps that touch its tables.
//!
//! Every table is in a `RefCell` and every borrow ends before user code runs: wakers, destructors,
//! links and report functions may call anything, this hub included.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::Duration;

use crate::batch::Batch;
use crate::clock::Clock;
use crate::deadlock::Suspicion;
use crate::in_progress;
use crate::reactor::Reactor;
use crate::remote::Remote;
use crate::report::{Report, drop_caught, message_of_caught, print};
use crate::run_queue::RunQueue;
use crate::stats::{Counters, Stats, bump};
use crate::sys::{Call, Fault};
use crate::task::{
    Calling, Cold, Flags, GreenThreadId, GreenThreadInfo, HubId, IdSource, Key, KillReport, Peer,
    Slot, Slots,
};
use crate::timers::Timers;
use crate::wait::WaitKind;
use crate::watchdog::Watchdog;

/// The options that steps of the loop read.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) batch: u32,
    pub(crate) budget: u32,
    pub(crate) time_slice: Duration,
    pub(crate) timer_slack: u64,
    pub(crate) shuffle: bool,
    pub(crate) many_readers: bool,
}

pub(crate) type ReportFn = Box<dyn Fn(&Report)>;
pub(crate) type FaultFn = Box<dyn FnMut(Call) -> Option<Fault>>;

/// See the module's page.
pub(crate) struct Core {
    pub(crate) id: HubId,
    /// Its place among the hubs that live.
    pub(crate) place: usize,
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) queue: RunQueue,
    pub(crate) slots: RefCell<Slots>,
    pub(crate) timers: RefCell<Timers>,
    pub(crate) reactor: Reactor,
    pub(crate) remote: Arc<Remote>,
    pub(crate) ids: IdSource,
    pub(crate) counters: Counters,
    pub(crate) rng: RefCell<fastrand::Rng>,
    pub(crate) watchdog: Option<Watchdog>,
    /// Its time slice: when it asked first, and in which poll.
    pub(crate) slice: Cell<(u64, Duration)>,
    pub(crate) batch: Batch,
    pub(crate) suspicion: Suspicion,
    pub(crate) has_faults: bool,
    faults: RefCell<Option<FaultFn>>,
    on_report: Option<ReportFn>,
    tickets: Cell<u64>,
    /// Whether one of the slots is the root's.
    pub(crate) has_root: Cell<bool>,
    /// Of those that ended by a kill and whose handle is held.
    pub(crate) killed: RefCell<HashMap<GreenThreadId, KillReport>>,
    /// The names of those that panicked and whose handle is held.
    pub(crate) panicked: RefCell<HashMap<GreenThreadId, String>>,
    /// Whose links are being called.
    pub(crate) calling: Calling,
    /// Slots, the root's included, whose green thread may be stuck for ever.
    suspects: Cell<usize>,
    /// Whether the last wait for descriptors failed, and that was reported.
    pub(crate) wait_failed: Cell<bool>,
}

impl Core {
    #[expect(
        clippy::too_many_arguments,
        reason = "called once, by the builder, with everything it made"
    )]
    pub(crate) fn new(
        id: HubId,
        config: Config,
        clock: Clock,
        reactor: Reactor,
        remote: Arc<Remote>,
        rng: fastrand::Rng,
        watchdog: Option<Watchdog>,
        on_report: Option<ReportFn>,
        faults: Option<FaultFn>,
    ) -> Rc<Self> {
        let peers = watchdog.as_ref().map(Watchdog::peers).unwrap_or_default();
        Rc::new(Core {
            id,
            place: remote.place,
            config,
            clock,
            queue: RunQueue::new(),
            slots: RefCell::new(Slots::new(peers)),
            timers: RefCell::new(Timers::new()),
            reactor,
            remote,
            ids: IdSource::default(),
            counters: Counters::default(),
            rng: RefCell::new(rng),
            watchdog,
            slice: Cell::new((0, Duration::ZERO)),
            batch: Batch::default(),
            suspicion: Suspicion::default(),
            has_faults: faults.is_some(),
            faults: RefCell::new(faults),
            on_report,
            tickets: Cell::new(0),
            has_root: Cell::new(false),
            killed: RefCell::default(),
            panicked: RefCell::default(),
            calling: Calling::default(),
            suspects: Cell::new(0),
            wait_failed: Cell::new(false),
        })
    }

    /// A green thread that stays ready gives up its turn, and the clock is due to be looked at.
    #[cold]
    pub(crate) fn reads_clock_at_yield(&self) -> u32 {
        // Virtual time stands still meanwhile.
        match self.clock.is_virtual() {
            true => u32::MAX,
            false => self.batch.read(self.config.time_slice),
        }
    }

    /// Keeps count of the green threads that may be stuck for ever: those that wait for another one,
    /// and those of which nothing is known. So asking whether all may be is cheap.
    #[inline]
    pub(crate) fn count_suspect(&self, before: WaitKind, after: WaitKind) {
        let is_suspect = |kind: WaitKind| kind.is_local() || kind == WaitKind::Unknown;
        if is_suspect(before) != is_suspect(after) {
            let count = self.suspects.get();
            self.suspects.set(match is_suspect(after) {
                true => count + 1,
                false => count - 1,
            });
        }
    }

    pub(crate) fn with_slot<R>(
        &self,
        key: Key,
        f: impl FnOnce(&Slot, Option<&Cold>) -> R,
    ) -> Option<R> {
        let slots = self.slots.borrow();
        slots.get(key).map(|task| f(&task.slot, slots.cold(key)))
    }

    pub(crate) fn with_slot_mut<R>(
        &self,
        key: Key,
        f: impl FnOnce(&Slot, &mut Cold) -> R,
    ) -> Option<R> {
        let mut slots = self.slots.borrow_mut();
        slots.get_mut(key).map(|(slot, cold)| f(slot, cold))
    }

    #[inline]
    pub(crate) fn is_live(&self, key: Key) -> bool {
        self.slots.borrow().get(key).is_some()
    }

    pub(crate) fn set_name(&self, key: Key, name: &str) {
        let name: Arc<str> = name.into();
        let named = self.with_slot_mut(key, |slot, cold| {
            slot.set(Flags::HAS_MORE);
            cold.extra().name = Some(Arc::clone(&name));
        });
        // Of one that has ended nobody would tell the watchdog to forget it.
        if let (Some(watchdog), Some(())) = (&self.watchdog, named) {
            watchdog.named(key.id, &name);
        }
    }

    pub(crate) fn set_peer(&self, key: Key, peer: Peer) {
        self.slots.borrow().set_peer(key, peer);
    }

    pub(crate) fn mark_started(&self) {
        if let Some(key) = in_progress::current() {
            self.with_slot_mut(key, |slot, _| slot.clear(Flags::DELAYED));
        }
    }

    pub(crate) fn next_ticket(&self) -> u64 {
        bump(&self.tickets);
        self.tickets.get()
    }

    /// Wakes someone on the hub's behalf: a panic in a foreign waker must not end the hub.
    pub(crate) fn wake(&self, waker: Waker) {
        let woken = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        if let Err(payload) = woken {
            self.report(&Report::notice(
                "a waker of another library panicked",
                message_of_caught(payload),
            ));
        }
    }

    pub(crate) fn report(&self, report: &Report) {
        match &self.on_report {
            // A report function that panics must not end the hub either.
            Some(on_report) => {
                if let Err(payload) = catch_unwind(AssertUnwindSafe(|| on_report(report))) {
                    drop_caught(payload);
                }
            }
            None => print(report),
        }
    }

    pub(crate) fn fault(&self, call: Call) -> Option<Fault> {
        // A fault function that makes calls of its own meets no faults.
        let mut faults = self.faults.try_borrow_mut().ok()?;
        faults.as_mut()?(call)
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats {
            green_threads: self.slots.borrow().len() - usize::from(self.has_root.get()),
            ready: self.queue.len(),
            timers: self.timers.borrow().len(),
            sources: self.reactor.len(),
            spawned: self.counters.spawned.get(),
            finished: self.counters.finished.get(),
            polls: self.counters.polls.get(),
            turns: self.counters.turns.get(),
            waits: self.counters.waits.get(),
            remote_wakes: self.counters.remote_wakes.get(),
        }
    }

    /// Everything alive, in the order of spawning.
    pub(crate) fn green_threads(&self) -> Vec<GreenThreadInfo> {
        let slots = self.slots.borrow();
        let mut all: Vec<_> = slots
            .iter()
            .map(|task| GreenThreadInfo::of(self, &task.slot, slots.name(task.slot.key())))
            .collect();
        all.sort_by_key(|info| info.id);
        all
    }

    /// Whether no green thread is known to wait on something outside of them all.
    pub(crate) fn all_are_suspect(&self) -> bool {
        self.suspects.get() == self.slots.borrow().len()
            && self.remote.handles.load(Ordering::SeqCst) == 0
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("id", &self.id)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
