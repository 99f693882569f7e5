//! Lanes: who has more turns than others while not everybody can be served at once.
//!
//! The plain line of the run queue is one lane of three. The other two stand beside it, and nothing but a flag
//! that says whether anybody is in them is looked at while nobody is. Which lane a green thread is
//! in stands among the flags of its slot, which each wake-up reads anyway.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::panic::Location;

use crate::local;
use crate::running;
use crate::task::{Flags, GreenThread, TaskRef, start};

/// Which of the hub's lines a green thread stands in when it is ready.
///
/// While green threads of several lanes are ready, of thirteen turns eight are the urgent ones', four the normal
/// ones' and one is the background's; the turns that a lane does not need go to the others. Within a lane it is first come, first
/// served, and the same input gives the same order. So nobody starves, and nobody is late by more than a few
/// turns for another lane's sake: an urgent one waits for at most five turns of others.
///
/// A lane is about turns, not about time: an urgent green thread that computes for long holds the hub as any other does.
/// Children do not inherit it. Under [`HubBuilder::shuffle`](crate::HubBuilder::shuffle) lanes count for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub enum Lane {
    /// Heartbeats, health checks, whatever must not wait behind the bulk.
    Urgent,
    /// Where [`spawn`](crate::spawn) puts a green thread.
    #[default]
    Normal,
    /// What may take its time: clean-up, statistics, warming of caches.
    Background,
}

/// Turns of each lane in a round, in the order of [`Lane`].
const RATIO: [u32; 3] = [8, 4, 1];

impl Lane {
    pub(crate) fn flag(self) -> Flags {
        match self {
            Lane::Urgent => Flags::URGENT,
            Lane::Normal => Flags::NONE,
            Lane::Background => Flags::BACKGROUND,
        }
    }

    pub(crate) fn of(flags: Flags) -> Self {
        match (flags.has(Flags::URGENT), flags.has(Flags::BACKGROUND)) {
            (true, _) => Lane::Urgent,
            (_, true) => Lane::Background,
            _ => Lane::Normal,
        }
    }
}

/// [`spawn`](crate::spawn) into a lane other than the normal one: see [`Lane`].
///
/// # Panics
/// When no hub runs on this thread.
///
/// # Example
/// ```
/// use std::{cell::RefCell, rc::Rc};
/// use evlet_hub::{Lane, run, spawn, spawn_in, yield_now};
///
/// run(async {
///     let order = Rc::new(RefCell::new(Vec::new()));
///     let note = |word: &'static str| {
///         let order = Rc::clone(&order);
///         async move { order.borrow_mut().push(word) }
///     };
///     let work = spawn(note("work"));
///     let beat = spawn_in(Lane::Urgent, note("heartbeat"));
///     work.await.unwrap();
///     beat.await.unwrap();
///     assert_eq!(*order.borrow(), ["heartbeat", "work"]);
/// });
/// ```
#[track_caller]
pub fn spawn_in<F>(lane: Lane, future: F) -> GreenThread<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let site = Location::caller();
    let core = running::expect("spawn_in");
    let locals = local::inherited();
    GreenThread::new(start(&core, site, future, lane.flag(), locals))
}

/// The two lanes beside the plain one, and whose turn it is.
#[derive(Default)]
pub(crate) struct Lanes {
    has_any: Cell<bool>,
    lines: RefCell<Lines>,
}

#[derive(Default)]
struct Lines {
    urgent: VecDeque<TaskRef>,
    background: VecDeque<TaskRef>,
    /// Turns left in this round, in the order of [`Lane`].
    left: [u32; 3],
}

impl Lanes {
    /// Whether anybody is in them.
    #[inline]
    pub(crate) fn has_any(&self) -> bool {
        self.has_any.get()
    }

    pub(crate) fn len(&self) -> usize {
        let lines = self.lines.borrow();
        lines.urgent.len() + lines.background.len()
    }

    /// Puts one of another lane than the plain one into its line.
    pub(crate) fn push(&self, task: TaskRef) {
        let mut lines = self.lines.borrow_mut();
        match Lane::of(task.slot.flags()) {
            Lane::Urgent => lines.urgent.push_back(task),
            Lane::Normal | Lane::Background => lines.background.push_back(task),
        }
        self.has_any.set(true);
    }

    /// The next one by the ratio; `None` when it is the turn of the plain lane, in which somebody is
    /// ready if `normal` says so.
    pub(crate) fn pop(&self, normal: bool) -> Option<TaskRef> {
        let mut lines = self.lines.borrow_mut();
        let task = match lines.choose(normal)? {
            Lane::Urgent => lines.urgent.pop_front(),
            Lane::Normal => None,
            Lane::Background => lines.background.pop_front(),
        };
        self.has_any
            .set(!lines.urgent.is_empty() || !lines.background.is_empty());
        task
    }

    /// Whoever is at `place`, for tests that shuffle.
    pub(crate) fn pop_at(&self, place: usize) -> Option<TaskRef> {
        let mut lines = self.lines.borrow_mut();
        let task = match place.checked_sub(lines.urgent.len()) {
            None => lines.urgent.swap_remove_back(place),
            Some(place) => lines.background.swap_remove_back(place),
        };
        self.has_any
            .set(!lines.urgent.is_empty() || !lines.background.is_empty());
        task
    }
}

impl Lines {
    /// The first lane in which somebody is ready and which has turns left in this round.
    fn choose(&mut self, normal: bool) -> Option<Lane> {
        let ready = [
            (Lane::Urgent, !self.urgent.is_empty()),
            (Lane::Normal, normal),
            (Lane::Background, !self.background.is_empty()),
        ];
        for _ in 0..2 {
            for ((lane, is_ready), left) in ready.into_iter().zip(&mut self.left) {
                if is_ready && *left > 0 {
                    *left -= 1;
                    return Some(lane);
                }
            }
            self.left = RATIO;
        }
        None
    }
}

impl fmt::Debug for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lanes").field("ready", &self.len()).finish()
    }
}
