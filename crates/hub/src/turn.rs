//! One turn of the loop, and the loop.
//!
//! The front page of the crate tells the order of a turn. Why it is this one:
//!
//! - Ready green threads first: they are what the program is for, and what they start (a write, a
//!   timer) is seen in the same turn.
//! - Other threads' wake-ups before timers: a cancel that comes from another thread in the turn of
//!   its timeout would otherwise always lose.
//! - Timers before descriptors: the wait for descriptors wants to know the next deadline.
//! - Descriptors last: it is the only step that may sleep, and it sleeps only when nobody is ready.
//!
//! While green threads are ready the kernel is asked about descriptors once for each batch, not
//! once a turn: a lone green thread that yields would otherwise pay a system call for each yield.
//! Sixty-one that each compute for a slice before they yield would keep timers and descriptors waiting
//! for most of a second, so a batch also ends when those who gave up their turn have had a slice
//! together ([`crate::batch`]).

use std::future::Future;
use std::hint::black_box;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::core::Core;
use crate::deadlock;
use crate::hub::RunError;
use crate::in_progress;
use crate::io_turn::IoTurns;
use crate::remote::Item;
use crate::stats::bump;
use crate::task::{Birth, Flags, Number, ROOT_NAME, TaskRef, Turn};
use crate::timers::Due;

/// Runs the loop until `root` is done.
pub(crate) fn drive<F: Future>(
    core: &Rc<Core>,
    called_at: &'static Location<'static>,
    mut root: Pin<&mut F>,
) -> Result<F::Output, RunError> {
    let guard = RootSlot::new(core, called_at, size_of::<F>());
    let own = guard.task.slot.number(core.place);
    let waker = own.waker();
    let mut io = IoTurns::default();
    let mut woken = Vec::new();
    let mut due = Vec::new();
    loop {
        bump(&core.counters.turns);
        if core.remote.take_stop() {
            return Err(RunError::Stopped);
        }
        let mut left = core.config.batch;
        while left > 0
            && let Some(task) = next_ready(core)
        {
            left -= 1;
            if core.take_turn(task) == Turn::Root
                && let Poll::Ready(output) =
                    poll_root(core, &guard.task, root.as_mut(), &waker, own)
            {
                return Ok(output);
            }
            if core.batch.is_over() {
                io.polls = core.config.batch;
                break;
            }
        }
        io.polls = io.polls.saturating_add(core.config.batch - left);
        core.end_polls();
        if !core.remote.is_empty() {
            take_remote(core);
        }
        if core.timers.borrow().len() > 0 {
            fire_timers(core, &mut due);
        }
        if core.queue.is_empty() {
            if deadlock::is_possible(core) {
                let nobody = Number::NOBODY;
                let mut poll =
                    |waker: &Waker| poll_root(core, &guard.task, root.as_mut(), waker, nobody);
                match deadlock::verify(core, guard.task.slot.key(), &mut poll) {
                    deadlock::Verdict::Done(output) => return Ok(output),
                    deadlock::Verdict::Deadlock(report) => return Err(RunError::Deadlock(report)),
                    deadlock::Verdict::None => {}
                }
            }
            io.turn(core, &mut woken);
        } else if io.is_due(core) {
            io.turn(core, &mut woken);
        }
        core.clock.end_turn();
    }
}

#[inline]
fn next_ready(core: &Core) -> Option<TaskRef> {
    match core.config.shuffle {
        false => core.queue.pop(),
        true => any_ready(core),
    }
}

/// Any of those that are ready, for tests that look for reliance on order.
#[cold]
fn any_ready(core: &Core) -> Option<TaskRef> {
    let len = core.queue.len();
    if len == 0 {
        return None;
    }
    core.queue.pop_at(core.rng.borrow_mut().usize(..len))
}

fn poll_root<F: Future>(
    core: &Core,
    task: &TaskRef,
    root: Pin<&mut F>,
    waker: &Waker,
    own: Number,
) -> Poll<F::Output> {
    core.begin_poll(&task.slot, task.slot.key(), own);
    let polled = {
        let _guard = EndPoll(core, task);
        root.poll(&mut Context::from_waker(waker))
    };
    core.verdict(&task.slot);
    polled
}

/// Ends the poll of the root even when it panics.
struct EndPoll<'a>(&'a Core, &'a TaskRef);

impl Drop for EndPoll<'_> {
    fn drop(&mut self) {
        let EndPoll(core, task) = self;
        if let Some(behind) = core.end_poll(&task.slot) {
            core.schedule_woken(TaskRef::clone(task), behind);
        }
        in_progress::with(|poll| poll.end());
    }
}

/// Takes what other threads sent, in the order of sending.
pub(crate) fn take_remote(core: &Rc<Core>) {
    // A batch, like that of the ready: a thread that sends without end gets half of the turns, and
    // neither keeps the hub here nor lets the run queue grow.
    let mut left = core.config.batch;
    while left > 0
        && let Some(item) = core.remote.take()
    {
        left -= 1;
        bump(&core.counters.remote_wakes);
        match item {
            Item::Wake(number) => {
                core.remote.has_arrived(number);
                core.wake_number(number);
            }
            Item::FreeTimer(key) => {
                let waker = core.timers.borrow_mut().remove(key);
                drop(waker);
            }
            Item::Job(job) => job(core),
        }
    }
}

fn fire_timers(core: &Core, due: &mut Vec<Due>) {
    let now = core.clock.refresh_turn();
    {
        let mut timers = core.timers.borrow_mut();
        timers.settle(now);
        timers.fire(now, due);
    }
    let mut due = due.drain(..);
    while !due.as_slice().is_empty() {
        look_at(core, due.as_slice());
        due.by_ref()
            .take(AT_A_GLANCE)
            .for_each(|timer| core.wake(timer.waker));
    }
}

/// So many tasks' first cache lines are looked at before they are woken.
const AT_A_GLANCE: usize = 32;

/// Looks at the next ones that will be woken. Of sleepers that slept long the processor's cache has nothing. Each wake would
/// wait twice for memory, for the place in the table and for the task; here all wait at the same time.
fn look_at(core: &Core, due: &[Due]) {
    if due.len() < 2 {
        return;
    }
    let slots = core.slots.borrow();
    let numbers = due
        .iter()
        .take(AT_A_GLANCE)
        .map(|timer| Number::of(&timer.waker));
    let tasks = numbers.filter_map(|number| slots.named(number?));
    let scheduled = tasks.filter(|task| task.slot.has(Flags::SCHEDULED)).count();
    black_box(scheduled);
}

/// The root's place in the table, for as long as its run lasts.
struct RootSlot<'a> {
    core: &'a Core,
    task: TaskRef,
}

impl<'a> RootSlot<'a> {
    fn new(core: &'a Core, called_at: &'static Location<'static>, bytes: usize) -> Self {
        let birth = Birth {
            id: core.ids.next(),
            hub: core.id,
            spawned_at: called_at,
            since: core.clock.turn(),
            bytes,
            flags: Flags::ROOT,
        };
        let task = TaskRef::of_root();
        let index = core.slots.borrow_mut().insert(task.clone());
        task.slot.begin(birth, index);
        core.set_name(task.slot.key(), ROOT_NAME);
        core.has_root.set(true);
        // The run begins with a turn of the root.
        core.schedule(task.clone());
        RootSlot { core, task }
    }
}

impl Drop for RootSlot<'_> {
    fn drop(&mut self) {
        if self.task.slot.has(Flags::SCHEDULED) {
            self.core.queue.forget_root();
        }
        self.core.queue.shrink_when_wide();
        self.core.clock.end_turn();
        self.core.end_root(&self.task.slot);
    }
}
