//! The green threads that are ready to run, in the order in which they became ready.
//!
//! Only the hub's own thread touches this queue, so it is a plain `VecDeque`: about 3 ns for a push
//! and a pop, where a queue that other threads may push to costs 11. Wake-ups from other threads go
//! through [`crate::remote`]. Those of the urgent and the background lane stand beside it
//! ([`crate::lane`]). Nobody stands in it twice: a mark in the slot says who is there.

use std::cell::RefCell;
use std::collections::VecDeque;

use crate::in_progress;
use crate::lane::Lanes;
use crate::task::{Flags, TaskRef};

/// Room for so many is kept.
const KEPT: usize = 4096;

pub(crate) struct RunQueue {
    queue: RefCell<VecDeque<TaskRef>>,
    lanes: Lanes,
}

impl RunQueue {
    pub(crate) fn new() -> Self {
        RunQueue {
            queue: RefCell::new(VecDeque::with_capacity(64)),
            lanes: Lanes::default(),
        }
    }

    // Called, it would be handed its two words through memory.
    #[inline(always)]
    pub(crate) fn push(&self, task: TaskRef) {
        self.queue.borrow_mut().push_back(task);
        in_progress::with(|poll| poll.behind.set(poll.behind.get().wrapping_add(1)));
    }

    /// Puts one into the plain line, before the last `behind` that came.
    #[inline]
    pub(crate) fn push_before(&self, task: TaskRef, behind: usize) {
        let mut queue = self.queue.borrow_mut();
        match behind {
            0 => queue.push_back(task),
            _ => {
                let place = queue.len().saturating_sub(behind);
                queue.insert(place, task);
            }
        }
    }

    /// Puts one into the line of its lane, which its flags tell.
    #[inline(always)]
    pub(crate) fn push_in_lane(&self, task: TaskRef, flags: Flags) {
        match flags.has(Flags::URGENT.and(Flags::BACKGROUND)) {
            false => self.push(task),
            true => self.lanes.push(task),
        }
    }

    #[inline]
    pub(crate) fn pop(&self) -> Option<TaskRef> {
        if self.lanes.has_any()
            && let Some(task) = self.pop_by_ratio()
        {
            return Some(task);
        }
        self.queue.borrow_mut().pop_front()
    }

    #[cold]
    fn pop_by_ratio(&self) -> Option<TaskRef> {
        let is_normal_ready = !self.queue.borrow().is_empty();
        self.lanes.pop(is_normal_ready)
    }

    /// Takes the entry at `place`; the last one takes its place. Only for tests that shuffle.
    pub(crate) fn pop_at(&self, place: usize) -> Option<TaskRef> {
        let mut queue = self.queue.borrow_mut();
        match place.checked_sub(queue.len()) {
            Some(place) => self.lanes.pop_at(place),
            None => queue.swap_remove_back(place),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.borrow().len() + self.lanes.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.borrow().is_empty() && !self.lanes.has_any()
    }

    /// Takes the root out, whose run has ended.
    pub(crate) fn forget_root(&self) {
        let mut queue = self.queue.borrow_mut();
        queue.retain(|task| !task.slot.has(Flags::ROOT));
    }

    /// Takes everybody out.
    pub(crate) fn take_all(&self) -> Vec<TaskRef> {
        std::iter::from_fn(|| self.pop()).collect()
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
