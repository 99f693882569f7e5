//! The green threads that are ready to run, in the order in which they became ready.
//!
//! Only the hub's own thread touches this queue, so it is a plain `VecDeque`: about 3 ns for a push
//! and a pop, where a queue that other threads may push to costs 11. Wake-ups from other threads go
//! through [`crate::remote`]. Those of the urgent and the background lane stand beside it
//! ([`crate::lane`]).

use std::cell::RefCell;
use std::collections::VecDeque;

use async_task::Runnable;

use crate::lane::{Lane, Lanes};
use crate::task::Meta;

/// One turn at the hub.
#[derive(Debug)]
pub(crate) enum Ready {
    /// A spawned green thread.
    Task(Runnable<Meta>),
    /// The future that was given to `run`.
    Root,
}

/// Room for so many is kept.
const KEPT: usize = 4096;

#[derive(Debug)]
pub(crate) struct RunQueue {
    // `None` is the root: a `Runnable` is one pointer, and so is this.
    queue: RefCell<VecDeque<Option<Runnable<Meta>>>>,
    lanes: Lanes,
}

impl RunQueue {
    pub(crate) fn new() -> Self {
        RunQueue {
            queue: RefCell::new(VecDeque::with_capacity(64)),
            lanes: Lanes::default(),
        }
    }

    #[inline]
    pub(crate) fn push(&self, task: Runnable<Meta>) {
        self.queue.borrow_mut().push_back(Some(task));
    }

    /// Puts a task into the line of its lane.
    pub(crate) fn push_in_lane(&self, task: Runnable<Meta>) {
        match task.metadata().lane() {
            Lane::Normal => self.push(task),
            Lane::Urgent | Lane::Background => self.lanes.push(task),
        }
    }

    pub(crate) fn push_root(&self) {
        self.queue.borrow_mut().push_back(None);
    }

    #[inline]
    pub(crate) fn pop(&self) -> Option<Ready> {
        if self.lanes.has_any()
            && let Some(task) = self.pop_by_ratio()
        {
            return Some(Ready::Task(task));
        }
        let next = self.queue.borrow_mut().pop_front()?;
        Some(next.map_or(Ready::Root, Ready::Task))
    }

    #[cold]
    fn pop_by_ratio(&self) -> Option<Runnable<Meta>> {
        let is_normal_ready = !self.queue.borrow().is_empty();
        self.lanes.pop(is_normal_ready)
    }

    /// Takes the entry at `place`; the last one takes its place. Only for tests that shuffle.
    pub(crate) fn pop_at(&self, place: usize) -> Option<Ready> {
        let mut queue = self.queue.borrow_mut();
        if let Some(place) = place.checked_sub(queue.len()) {
            return self.lanes.pop_at(place).map(Ready::Task);
        }
        let next = queue.swap_remove_back(place)?;
        Some(next.map_or(Ready::Root, Ready::Task))
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.borrow().len() + self.lanes.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.borrow().is_empty() && !self.lanes.has_any()
    }

    /// Drops wake-ups of a root that has ended.
    pub(crate) fn forget_root(&self) {
        self.queue.borrow_mut().retain(Option::is_some);
    }

    /// Gives back the memory of a queue that was once long, by quarters, so that one that swings
    /// does not allocate with each swing.
    pub(crate) fn shrink_when_wide(&self) {
        let mut queue = self.queue.borrow_mut();
        let capacity = queue.capacity();
        if capacity > KEPT && queue.len() < capacity / 8 {
            queue.shrink_to((capacity / 4).max(KEPT));
        }
    }
}
