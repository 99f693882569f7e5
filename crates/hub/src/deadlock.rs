//! Everybody waits for somebody else: said, not slept through.
//!
//! When nobody is ready, no timer is set and no other thread holds a handle, and every green thread
//! waits on something that only another one can give (a queue, an event, a join), or on nothing at
//! all, then nothing can ever happen again. A hub that just slept would hang without a word.
//!
//! The slots tell what each green thread waits on, but not all of it: a future of another library
//! tells nothing, and one that waits on a queue *or* on a channel from another thread, whichever
//! comes first, may have noted only the queue. So suspicion is checked before it is spoken. Each green thread is polled once more, which a future
//! must allow at any time, with a waker that counts its copies. Every leaf of ours keeps one copy
//! and says so ([`crate::wait::park`]); a copy that nobody of ours accounts for is held by a
//! stranger, who may wake the green thread yet. A deadlock is reported only when the numbers agree
//! for all. A future that keeps a waker of its own between ours and the hub's (`FuturesUnordered`)
//! makes them disagree: such a deadlock goes unreported, as anywhere else.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Poll, Wake, Waker};

use crate::core::Core;
use crate::in_progress;
use crate::task::{GreenThreadInfo, Key, Number};

/// Who waits on what in a deadlock.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeadlockReport {
    /// Every green thread that was alive, in the order of spawning.
    pub waiting: Vec<GreenThreadInfo>,
}

impl fmt::Display for DeadlockReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "deadlock: no timer is set, no descriptor and no other thread can wake anything, and \
             every green thread waits for another one:"
        )?;
        for info in &self.waiting {
            write!(f, "\n  {info}")?;
        }
        Ok(())
    }
}

pub(crate) enum Verdict<T> {
    None,
    Deadlock(DeadlockReport),
    /// The root was done after all.
    Done(T),
}

/// Who cleared the suspicion last time: asked first the next time, since it mostly clears it again.
#[derive(Debug, Default)]
pub(crate) struct Suspicion {
    cleared_by: Cell<Option<Key>>,
}

/// A cheap first look.
pub(crate) fn is_possible(core: &Core) -> bool {
    core.all_are_suspect()
        && core.timers.borrow().len() == 0
        && !core.clock.is_held()
        && !core.remote.stop.load(Ordering::SeqCst)
}

/// The second look; see the module's page.
pub(crate) fn verify<T>(
    core: &Core,
    root: Key,
    poll_root: &mut dyn FnMut(&Waker) -> Poll<T>,
) -> Verdict<T> {
    let mut keys: Vec<Key> = {
        let slots = core.slots.borrow();
        slots.iter().map(|task| task.slot.key()).collect()
    };
    let first = core.suspicion.cleared_by.get();
    if let Some(place) = keys.iter().position(|key| Some(*key) == first) {
        keys.swap(0, place);
    }
    for key in keys {
        let local_parks = || in_progress::with(|poll| poll.local_parks.get());
        let before = local_parks();
        let counted = Counted::new(Number::new(core.place, key).waker());
        if key != root {
            poll_task(core, key, &counted.waker);
        } else if let Poll::Ready(output) = poll_root(&counted.waker) {
            return Verdict::Done(output);
        }
        let parks = local_parks() - before;
        let accounted = counted.copies() as u64 == parks;
        if !core.is_live(key) || !accounted || !is_quiet(core) || !core.all_are_suspect() {
            core.suspicion.cleared_by.set(Some(key));
            return Verdict::None;
        }
    }
    Verdict::Deadlock(DeadlockReport {
        waiting: core.green_threads(),
    })
}

fn is_quiet(core: &Core) -> bool {
    core.queue.is_empty() && core.remote.is_empty() && core.timers.borrow().len() == 0
}

/// Gives one green thread an extra poll, with `waker` in place of its own.
fn poll_task(core: &Core, key: Key, waker: &Waker) {
    let task = core.slots.borrow().get(key).cloned();
    if let Some(task) = task {
        core.poll_task(task, Some(waker));
    }
    in_progress::with(|poll| poll.end());
}

/// A waker that counts its copies by being an `Arc`.
struct Counted {
    inner: Arc<Forward>,
    waker: Waker,
}

struct Forward(Waker);

impl Wake for Forward {
    fn wake(self: Arc<Self>) {
        self.0.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.wake_by_ref();
    }
}

impl Counted {
    fn new(own: Waker) -> Self {
        let inner = Arc::new(Forward(own));
        let waker = Waker::from(Arc::clone(&inner));
        Counted { inner, waker }
    }

    /// Copies that somebody keeps.
    fn copies(&self) -> usize {
        Arc::strong_count(&self.inner) - 2
    }
}
