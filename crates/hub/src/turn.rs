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
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::core::Core;
use crate::deadlock;
use crate::hub::RunError;
use crate::in_progress;
use crate::io_turn::IoTurns;
use crate::remote::{Item, Remote};
use crate::run_queue::Ready;
use crate::running;
use crate::stats::bump;
use crate::task::{Birth, Flags, Key, ROOT_NAME};
use crate::timers::Due;

/// Runs the loop until `root` is done.
pub(crate) fn drive<F: Future>(
    core: &Rc<Core>,
    called_at: &'static Location<'static>,
    mut root: Pin<&mut F>,
) -> Result<F::Output, RunError> {
    let root_waker = Arc::new(RootWaker::new(&core.remote));
    let guard = RootSlot::new(core, called_at, size_of::<F>(), &root_waker);
    let waker = Waker::from(Arc::clone(&root_waker));
    let mut io = IoTurns::default();
    let mut woken = Vec::new();
    let mut due = Vec::new();
    loop {
        bump(&core.counters.turns);
        if core.remote.take_stop() {
            return Err(RunError::Stopped);
        }
        for _ in 0..core.config.batch {
            match next_ready(core) {
                None => break,
                Some(Ready::Task(task)) => core.run_task(task),
                Some(Ready::Root) => {
                    root_waker.begin_poll();
                    let polled = poll_root(core, guard.key, root.as_mut(), &waker, true);
                    if let Poll::Ready(output) = polled {
                        return Ok(output);
                    }
                }
            }
            io.polls += 1;
            if core.batch.is_over() {
                io.polls = core.config.batch;
                break;
            }
        }
        core.end_polls();
        take_remote(core);
        fire_timers(core, &mut due);
        if core.queue.is_empty() && deadlock::is_possible(core) {
            let mut poll = |waker: &Waker| poll_root(core, guard.key, root.as_mut(), waker, false);
            match deadlock::verify(core, guard.key, &mut poll, &waker) {
                deadlock::Verdict::Done(output) => return Ok(output),
                deadlock::Verdict::Deadlock(report) => return Err(RunError::Deadlock(report)),
                deadlock::Verdict::None => {}
            }
        }
        if io.is_due(core) {
            io.turn(core, &mut woken);
        }
        core.clock.end_turn();
    }
}

#[inline]
fn next_ready(core: &Core) -> Option<Ready> {
    match core.config.shuffle {
        false => core.queue.pop(),
        true => any_ready(core),
    }
}

/// Any of those that are ready, for tests that look for reliance on order.
#[cold]
fn any_ready(core: &Core) -> Option<Ready> {
    let len = core.queue.len();
    if len == 0 {
        return None;
    }
    core.queue.pop_at(core.rng.borrow_mut().usize(..len))
}

fn poll_root<F: Future>(
    core: &Core,
    key: Key,
    root: Pin<&mut F>,
    waker: &Waker,
    is_own: bool,
) -> Poll<F::Output> {
    core.begin_poll(key, Flags::NONE);
    in_progress::with(|poll| match is_own {
        true => poll.own_waker(waker),
        false => poll.no_own_waker(),
    });
    let polled = {
        let _guard = EndPoll(core, key);
        root.poll(&mut Context::from_waker(waker))
    };
    core.verdict(key);
    polled
}

/// Ends the poll of the root even when it panics.
struct EndPoll<'a>(&'a Core, Key);

impl Drop for EndPoll<'_> {
    fn drop(&mut self) {
        self.0.end_poll(self.1);
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
            Item::Wake(task) => core.queue.push_in_lane(task),
            Item::WakeRoot => core.queue.push_root(),
            Item::FreeTimer(key) => {
                let waker = core.timers.borrow_mut().remove(key);
                drop(waker);
            }
            Item::Job(job) => job(core),
        }
    }
}

fn fire_timers(core: &Core, due: &mut Vec<Due>) {
    if core.timers.borrow().len() == 0 {
        return;
    }
    let now = core.clock.refresh_turn();
    {
        let mut timers = core.timers.borrow_mut();
        timers.settle(now);
        timers.fire(now, due);
    }
    due.drain(..).for_each(|timer| core.wake(timer.waker));
}

/// The root's slot, for as long as its run lasts.
struct RootSlot<'a> {
    core: &'a Core,
    key: Key,
    waker: Arc<RootWaker>,
}

impl<'a> RootSlot<'a> {
    fn new(
        core: &'a Core,
        called_at: &'static Location<'static>,
        bytes: usize,
        waker: &Arc<RootWaker>,
    ) -> Self {
        let id = core.ids.next();
        let birth = Birth {
            spawned_at: called_at,
            since: core.clock.turn(),
            bytes,
            flags: Flags::default(),
        };
        let key = core.slots.borrow_mut().insert(id, birth);
        let own = Waker::from(Arc::clone(waker));
        core.slots.borrow_mut().keep_waker(key, own);
        core.set_name(key, ROOT_NAME);
        core.has_root.set(true);
        core.queue.push_root();
        let waker = Arc::clone(waker);
        RootSlot { core, key, waker }
    }
}

impl Drop for RootSlot<'_> {
    fn drop(&mut self) {
        self.waker.end();
        self.core.queue.forget_root();
        self.core.queue.shrink_when_wide();
        self.core.clock.end_turn();
        self.core.end_root(self.key);
    }
}

/// Wakes the root, from any thread.
#[derive(Debug)]
struct RootWaker {
    remote: Arc<Remote>,
    state: AtomicU8,
}

const IDLE: u8 = 0;
const SCHEDULED: u8 = 1;
const ENDED: u8 = 2;

impl RootWaker {
    fn new(remote: &Arc<Remote>) -> Self {
        RootWaker {
            remote: Arc::clone(remote),
            // The run begins with a turn of the root.
            state: AtomicU8::new(SCHEDULED),
        }
    }

    fn begin_poll(&self) {
        self.state.store(IDLE, Ordering::SeqCst);
    }

    fn end(&self) {
        self.state.store(ENDED, Ordering::SeqCst);
    }
}

impl Wake for RootWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let order = Ordering::SeqCst;
        let scheduled = self
            .state
            .compare_exchange(IDLE, SCHEDULED, order, order)
            .is_ok();
        if !scheduled {
            return;
        }
        let here = running::with(|core| {
            let is_ours = core.id == self.remote.hub;
            if is_ours {
                core.queue.push_root();
            }
            is_ours
        });
        if here != Some(true) {
            self.remote.send(Item::WakeRoot);
        }
    }
}
