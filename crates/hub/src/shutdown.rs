//! The end of a hub: who is dropped first, and what a destructor may still do.
//!
//! Green threads go first, in the order of spawning, each future once and on this thread; then
//! timers, then the registrations of descriptors. Destructors run while the hub is still whole:
//! they may wake, cancel timers, close descriptors and even spawn. What they spawn is dropped in
//! the next round, without having run. Rounds are bounded: a destructor that always spawns another
//! one like itself would keep us here for ever, so what is left after the last round is leaked and
//! reported.
//!
//! No other thread holds a task, so none has to be waited for: what others hold are numbers.

use std::rc::Rc;

use crate::core::Core;
use crate::in_progress;
use crate::remote::Item;
use crate::report::{Report, message_of_caught};
use crate::running;
use crate::task::{Flags, TaskRef, give_all_back};

const ROUNDS: usize = 64;

pub(crate) fn shut_down(core: &Rc<Core>) {
    let entered = running::enter(Rc::clone(core));
    for _ in 0..ROUNDS {
        let tasks = living(core);
        if tasks.is_empty() {
            break;
        }
        tasks.into_iter().for_each(|task| end(core, task));
    }
    leak(core);
    core.remote.close();
    // Jobs that came too late; their futures are `Send`.
    while let Some(item) = core.remote.take() {
        drop_outside_hub(core, item);
    }
    let timers = core.timers.borrow_mut().clear();
    drop(timers);
    drop(core.reactor.end_all());
    drop(entered);
    give_all_back();
}

/// What lives now, in the order of spawning.
fn living(core: &Core) -> Vec<TaskRef> {
    let mut tasks: Vec<TaskRef> = core.slots.borrow().iter().cloned().collect();
    tasks.sort_by_key(|task| task.slot.id());
    tasks
}

fn drop_outside_hub(core: &Rc<Core>, item: Item) {
    match item {
        Item::Wake(_) | Item::FreeTimer(_) => {}
        Item::Job(job) => {
            let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(job)));
            if let Err(payload) = dropped {
                let message = message_of_caught(payload);
                core.report(&Report::notice(
                    "a job that came too late panicked",
                    message,
                ));
            }
        }
    }
}

/// Gives one its turn as one that was killed: it drops its future and ends; see `task::stage`.
fn end(core: &Rc<Core>, task: TaskRef) {
    if task.slot.ended().is_some() {
        return; // another one's destructor has ended it
    }
    task.slot.set(Flags::KILLED);
    task.slot.clear(Flags::SHIELDED);
    core.take_turn(task);
    in_progress::with(|poll| poll.end());
}

fn leak(core: &Rc<Core>) {
    let queued = core.queue.take_all();
    let left = core.slots.borrow_mut().take_all();
    if left.is_empty() {
        return;
    }
    std::mem::forget(queued);
    core.report(&Report::notice(
        "the hub ended with green threads left",
        format!(
            "destructors kept spawning; {} were leaked after {ROUNDS} rounds",
            left.len()
        ),
    ));
    std::mem::forget(left);
}
