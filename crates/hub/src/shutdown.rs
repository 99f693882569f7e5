//! The end of a hub: who is dropped first, and what a destructor may still do.
//!
//! Green threads go first, in the order of spawning, each future once and on this thread; then
//! timers, then the registrations of descriptors. Destructors run while the hub is still whole:
//! they may wake, cancel timers, close descriptors and even spawn. What they spawn is dropped in
//! the next round, without having run. Rounds are bounded: a destructor that always spawns another
//! one like itself would keep us here for ever, so what is left after the last round is leaked and
//! reported.
//!
//! A task may be on its way to us at this very moment: another thread has woken it and has not yet
//! put it into the queue. It is a few instructions away and must not be dropped over there, so we
//! wait for it.

use std::collections::HashMap;
use std::rc::Rc;

use async_task::Runnable;

use crate::core::Core;
use crate::in_progress;
use crate::remote::Item;
use crate::report::Report;
use crate::run_queue::Ready;
use crate::running;
use crate::task::{Flags, Key, Meta};

const ROUNDS: usize = 64;

pub(crate) fn shut_down(core: &Rc<Core>) {
    let entered = running::enter(Rc::clone(core));
    let mut held = Held::default();
    for _ in 0..ROUNDS {
        let keys = living(core);
        if keys.is_empty() {
            break;
        }
        keys.into_iter().for_each(|key| held.drop_task(core, key));
    }
    held.leak(core);
    core.remote.close();
    // Jobs that came too late; their futures are `Send`. Tasks cannot be among them any more.
    while let Some(item) = core.remote.take() {
        drop_outside_hub(core, item);
    }
    let timers = core.timers.borrow_mut().clear();
    drop(timers);
    drop(core.reactor.end_all());
    drop(entered);
}

/// What lives now, in the order of spawning.
fn living(core: &Core) -> Vec<Key> {
    let mut keys: Vec<Key> = core.slots.borrow().iter().map(|(key, _, _)| key).collect();
    keys.sort_by_key(|key| key.id);
    keys
}

fn drop_outside_hub(core: &Rc<Core>, item: Item) {
    match item {
        // It ended while on its way: the task is closed and its drop runs no user code.
        Item::Wake(task) => drop(task),
        Item::WakeRoot | Item::FreeTimer(_) => {}
        Item::Job(job) => {
            let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(job)));
            if let Err(payload) = dropped {
                let message = crate::report::message_of(&*payload);
                core.report(&Report::notice(
                    "a job that came too late panicked",
                    message,
                ));
            }
        }
    }
}

/// Tasks that were taken from the queues and wait for their place in the order.
#[derive(Default)]
struct Held(HashMap<u32, Runnable<Meta>>);

impl Held {
    fn drop_task(&mut self, core: &Rc<Core>, key: Key) {
        while core.is_live(key) {
            if let Some(task) = self.0.remove(&key.index) {
                // Its turn as one that was killed: it drops its future and ends; see `task::body`.
                core.with_slot_mut(key, |slot, _| {
                    slot.flags.set(Flags::KILLED);
                    slot.flags.clear(Flags::SHIELDED);
                });
                core.run_task(task);
                in_progress::with(|poll| poll.end());
                continue;
            }
            let waker = core.slots.borrow().waker(key);
            if let Some(waker) = waker {
                waker.wake();
            }
            if !self.gather(core) && core.is_live(key) {
                // On its way from another thread.
                std::thread::yield_now();
            }
        }
    }

    /// Takes everything out of the queues. Whether there was anything.
    fn gather(&mut self, core: &Rc<Core>) -> bool {
        let before = self.0.len();
        while let Some(ready) = core.queue.pop() {
            if let Ready::Task(task) = ready {
                self.0.insert(task.metadata().key().index, task);
            }
        }
        while let Some(item) = core.remote.take() {
            match item {
                Item::Wake(task) => {
                    self.0.insert(task.metadata().key().index, task);
                }
                late => drop_outside_hub(core, late),
            }
        }
        self.0.len() > before
    }

    fn leak(mut self, core: &Rc<Core>) {
        self.gather(core);
        let left = living(core);
        if left.is_empty() {
            return;
        }
        core.report(&Report::notice(
            "the hub ended with green threads left",
            format!(
                "destructors kept spawning; {} were leaked after {ROUNDS} rounds",
                left.len()
            ),
        ));
        self.0.into_values().for_each(std::mem::forget);
    }
}
