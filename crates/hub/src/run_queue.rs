//! The green threads that are ready to run, in the order in which they became ready.
//!
//! Only the hub's own thread touches this queue, so it is plain memory; one that other threads may push to costs
//! 11 ns for a push and a pop. Wake-ups from other threads go through [`crate::remote`]. Those of the urgent and the background lane stand beside it
//! ([`crate::lane`]). Nobody stands in it twice: a mark in the slot says who is there.
//!
//! The first thousand stand in a ring of cells. Its size is a constant and a power of two, so a place in it is found without asking
//! for its length or its end, and it is a cell, so nobody has to be asked whether it is borrowed: half of
//! the instructions of a `VecDeque` in a `RefCell`, twice for each turn. Who comes when the ring is full stands
//! behind it, in the *rest*; as long as there is a rest all who come stand there, and when the ring has run empty the
//! rest moves up.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use crate::in_progress;
use crate::lane::Lanes;
use crate::task::{Flags, TaskRef};

/// Places in the ring.
const RING: usize = 1024;

/// Room for so many is kept in the rest.
const KEPT: usize = 4096;

pub(crate) struct RunQueue {
    ring: Box<[Cell<Option<TaskRef>>; RING]>,
    /// Where the first one stands in the ring, counted without end.
    first: Cell<usize>,
    /// How many stand in the ring.
    count: Cell<usize>,
    /// How many may stand in the ring: none may join it while there is a rest.
    limit: Cell<usize>,
    rest: RefCell<VecDeque<TaskRef>>,
    /// Whether the rest may have more room than is kept.
    is_wide: Cell<bool>,
    lanes: Lanes,
}

impl RunQueue {
    pub(crate) fn new() -> Self {
        RunQueue {
            ring: Box::new([const { Cell::new(None) }; RING]),
            first: Cell::new(0),
            count: Cell::new(0),
            limit: Cell::new(RING),
            rest: RefCell::default(),
            is_wide: Cell::new(false),
            lanes: Lanes::default(),
        }
    }

    /// The place in the ring of the one before whom `ahead` others stand there.
    #[inline(always)]
    fn place(&self, ahead: usize) -> &Cell<Option<TaskRef>> {
        &self.ring[self.first.get().wrapping_add(ahead) % RING]
    }

    /// Fills a place that is vacant, so that nothing there has to be dropped.
    #[inline(always)]
    fn fill(&self, ahead: usize, task: TaskRef) {
        std::mem::forget(self.place(ahead).replace(Some(task)));
    }

    #[inline(always)]
    pub(crate) fn push(&self, task: TaskRef) {
        in_progress::with(|poll| poll.behind.set(poll.behind.get().wrapping_add(1)));
        self.push_back(task);
    }

    #[inline(always)]
    fn push_back(&self, task: TaskRef) {
        let count = self.count.get();
        if count >= self.limit.get() {
            return self.push_to_rest(task);
        }
        self.fill(count, task);
        self.count.set(count + 1);
    }

    #[cold]
    fn push_to_rest(&self, task: TaskRef) {
        self.limit.set(0);
        self.is_wide.set(true);
        self.rest.borrow_mut().push_back(task);
    }

    /// Puts one into the plain line, before the last `behind` that came.
    #[inline]
    pub(crate) fn push_before(&self, task: TaskRef, behind: usize) {
        match behind {
            0 => self.push_back(task),
            _ => self.insert_before(task, behind),
        }
    }

    #[inline(never)]
    fn insert_before(&self, task: TaskRef, behind: usize) {
        self.push_back(task);
        let mut rest = self.rest.borrow_mut();
        // From the end it moves up, one by one.
        let mut steps = behind;
        let in_rest = steps.min(rest.len().saturating_sub(1));
        let last = rest.len().saturating_sub(1);
        for place in (last - in_rest..last).rev() {
            rest.swap(place, place + 1);
        }
        steps -= in_rest;
        if steps > 0
            && let Some(first) = rest.front_mut()
            && let Some(last) = self.count.get().checked_sub(1)
            && let Some(before) = self.place(last).take()
        {
            self.fill(last, std::mem::replace(first, before));
            steps -= 1;
        }
        let last = self.count.get().saturating_sub(1);
        for place in (last.saturating_sub(steps)..last).rev() {
            self.place(place).swap(self.place(place + 1));
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
        self.pop_front()
    }

    #[inline(always)]
    fn pop_front(&self) -> Option<TaskRef> {
        let Some(left) = self.count.get().checked_sub(1) else {
            return match self.has_no_rest() {
                true => None,
                false => self.pop_of_rest(),
            };
        };
        self.count.set(left);
        let task = self.place(0).take();
        self.first.set(self.first.get().wrapping_add(1));
        task
    }

    /// Whether nobody is known to stand in the rest, which is how it mostly is.
    #[inline(always)]
    fn has_no_rest(&self) -> bool {
        self.limit.get() == RING
    }

    /// The ring is empty.
    #[cold]
    fn pop_of_rest(&self) -> Option<TaskRef> {
        let mut rest = self.rest.borrow_mut();
        let first = rest.pop_front()?;
        let number = rest.len().min(RING);
        for (ahead, task) in rest.drain(..number).enumerate() {
            self.fill(ahead, task);
        }
        self.count.set(number);
        if rest.is_empty() {
            self.limit.set(RING);
        }
        Some(first)
    }

    #[cold]
    fn pop_by_ratio(&self) -> Option<TaskRef> {
        let is_normal_ready = self.plain() > 0;
        self.lanes.pop(is_normal_ready)
    }

    /// Takes the entry at `place`; the last one takes its place. Only for tests that shuffle.
    pub(crate) fn pop_at(&self, place: usize) -> Option<TaskRef> {
        if let Some(place) = place.checked_sub(self.plain()) {
            return self.lanes.pop_at(place);
        }
        let last = self.pop_back();
        match place == self.plain() {
            true => last,
            false if place < self.count.get() => self.place(place).replace(last),
            false => {
                let mut rest = self.rest.borrow_mut();
                let place = rest.get_mut(place - self.count.get())?;
                last.map(|last| std::mem::replace(place, last))
            }
        }
    }

    fn pop_back(&self) -> Option<TaskRef> {
        if let Some(last) = self.rest.borrow_mut().pop_back() {
            return Some(last);
        }
        let last = self.count.get().checked_sub(1)?;
        self.count.set(last);
        self.place(last).take()
    }

    /// How many stand in the plain line.
    fn plain(&self) -> usize {
        self.count.get() + self.rest.borrow().len()
    }

    pub(crate) fn len(&self) -> usize {
        self.plain() + self.lanes.len()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        let in_ring = self.count.get();
        in_ring == 0 && (self.has_no_rest() || self.plain() == 0) && !self.lanes.has_any()
    }

    /// Takes the root out, whose run has ended.
    pub(crate) fn forget_root(&self) {
        for _ in 0..self.plain() {
            if let Some(task) = self.pop_front()
                && !task.slot.has(Flags::ROOT)
            {
                self.push_back(task);
            }
        }
    }

    /// Takes everybody out.
    pub(crate) fn take_all(&self) -> Vec<TaskRef> {
        std::iter::from_fn(|| self.pop()).collect()
    }

    /// Gives back the memory of a rest that was once long, by quarters, so that one that swings
    /// does not allocate with each swing.
    #[inline]
    pub(crate) fn shrink_when_wide(&self) {
        if self.is_wide.get() {
            self.shrink();
        }
    }

    #[cold]
    fn shrink(&self) {
        let mut rest = self.rest.borrow_mut();
        let capacity = rest.capacity();
        self.is_wide.set(capacity > KEPT);
        if capacity > KEPT && rest.len() < capacity / 8 {
            rest.shrink_to((capacity / 4).max(KEPT));
        }
    }
}
