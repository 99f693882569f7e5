//! What a queue knows, and the rules by which items and room are given out.
//!
//! Three invariants hold whenever the queue is not borrowed; [`State::settle`] restores them after
//! each change:
//!
//! - somebody waits in `getters` only if every item is promised to a called getter;
//! - somebody waits in `putters` only if all room is taken or promised to a called putter;
//! - of a closed queue, nobody waits in `putters`, and in `getters` only while an item is left that
//!   is promised to another.
//!
//! So a newcomer that finds something unpromised knows that nobody waits for it.

use crate::queue::order::Order;
use crate::wait_list::WaitList;
use crate::wakers::Wakers;

#[derive(Debug)]
pub(crate) struct State<O: Order> {
    pub(super) items: O,
    /// `None`: no limit. `Some(0)`: rendezvous.
    limit: Option<usize>,
    is_closed: bool,
    /// With this many items there is no room: the limit as a number, none in a closed queue.
    capacity: usize,
    /// A rendezvous that is open.
    is_rendezvous: bool,
    pub(super) getters: WaitList<()>,
    /// A blocked putter's item stays with its place in the line, where a rendezvous finds it.
    pub(super) putters: WaitList<Option<O::Item>>,
    /// How many called putters have yet to come for their call, with their item.
    pub(super) promised_room: usize,
    /// Items put and not yet reported done. Counted for every queue, read by the joinable ones.
    pub(super) unfinished: usize,
    pub(super) joiners: WaitList<()>,
}

impl<O: Order> State<O> {
    pub(super) fn new(items: O, limit: Option<usize>) -> Self {
        let mut state = State {
            items,
            limit,
            is_closed: false,
            capacity: 0,
            is_rendezvous: false,
            getters: WaitList::new(),
            putters: WaitList::new(),
            promised_room: 0,
            unfinished: 0,
            joiners: WaitList::new(),
        };
        state.note_rules();
        state
    }

    /// What follows from the limit and the end is kept beside them, since every operation asks for it.
    fn note_rules(&mut self) {
        self.capacity = match self.is_closed {
            true => 0,
            false => self.limit.unwrap_or(usize::MAX),
        };
        self.is_rendezvous = self.limit == Some(0) && !self.is_closed;
    }

    pub(super) fn limit(&self) -> Option<usize> {
        self.limit
    }

    #[inline]
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Whether nothing is to come any more.
    #[inline]
    pub(super) fn has_ended(&self) -> bool {
        self.is_closed && self.items.count() == 0
    }

    pub(super) fn put_nowait(&mut self, item: O::Item, wakers: &mut Wakers) -> Result<(), O::Item> {
        if !self.has_room() && !self.can_meet() {
            return Err(item);
        }
        self.store(item, wakers);
        Ok(())
    }

    #[inline(always)]
    pub(super) fn get_nowait(&mut self, wakers: &mut Wakers) -> Option<O::Item> {
        match self.is_available() {
            true => self.take(wakers),
            false => None,
        }
    }

    pub(super) fn resize(&mut self, limit: Option<usize>, wakers: &mut Wakers) {
        self.limit = limit;
        self.note_rules();
        self.settle(wakers);
    }

    /// Nothing more goes in. Putters that wait are called, to be refused.
    pub(super) fn close(&mut self, wakers: &mut Wakers) {
        self.is_closed = true;
        self.note_rules();
        self.promised_room += self.putters.len();
        self.putters.call_all(wakers);
        self.settle(wakers);
    }

    /// One item fewer is unfinished; `false` when none was.
    pub(super) fn task_done(&mut self, wakers: &mut Wakers) -> bool {
        let Some(left) = self.unfinished.checked_sub(1) else {
            return false;
        };
        self.unfinished = left;
        if left == 0 {
            self.joiners.call_all(wakers);
        }
        true
    }

    /// Whether there is room that is not promised.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.items.count() + self.promised_room < self.capacity
    }

    /// A rendezvous has no room, but a getter that waits will come for the item, and no putter that
    /// waits is overtaken.
    fn can_meet(&self) -> bool {
        self.is_rendezvous && !self.getters.is_empty() && self.putters.is_empty()
    }

    #[inline]
    pub(super) fn is_rendezvous(&self) -> bool {
        self.is_rendezvous
    }

    /// Whether an item can be got now that is not promised.
    #[inline]
    pub(super) fn is_available(&self) -> bool {
        let (items, promised) = (self.items.count(), self.getters.called());
        items > promised || self.is_rendezvous && items + self.putters.len() > promised
    }

    // This and `take` are the work of a poll. As calls from there they would be a quarter more, for the registers
    // that both sides save.
    #[inline(always)]
    pub(super) fn store(&mut self, item: O::Item, wakers: &mut Wakers) {
        // Also if a comparison of the user's panics, and the item's room is free for others again.
        let settled = Settled {
            state: self,
            wakers,
        };
        settled.state.items.push(item);
        std::mem::forget(settled);
        self.unfinished += 1;
        // One more item, and no more room: that concerns one getter.
        if !self.getters.is_empty() && self.is_available() {
            self.getters.call_first(wakers);
        }
    }

    #[inline(always)]
    pub(super) fn take(&mut self, wakers: &mut Wakers) -> Option<O::Item> {
        let Some(item) = self.items.pop() else {
            return self.take_from_putter(wakers);
        };
        // Room for one more: that concerns one putter.
        if !self.putters.is_empty() && self.has_room() {
            self.putters.call_first(wakers);
            self.promised_room += 1;
        }
        if self.is_closed {
            self.settle(wakers);
        }
        Some(item)
    }

    /// The rendezvous itself: the first putter's item is taken out of the line.
    #[cold]
    fn take_from_putter(&mut self, wakers: &mut Wakers) -> Option<O::Item> {
        if !self.is_rendezvous {
            return None;
        }
        let item = self.putters.first_load()?.take();
        self.putters.call_first(wakers);
        self.unfinished += 1;
        self.settle(wakers);
        item
    }

    #[inline]
    pub(super) fn settle(&mut self, wakers: &mut Wakers) {
        if !self.getters.is_empty() || !self.putters.is_empty() {
            self.call_whom_it_may_concern(wakers);
        }
    }

    #[inline(never)]
    fn call_whom_it_may_concern(&mut self, wakers: &mut Wakers) {
        while !self.getters.is_empty() && self.is_available() {
            self.getters.call_first(wakers);
        }
        while !self.putters.is_empty() && self.has_room() {
            self.putters.call_first(wakers);
            self.promised_room += 1;
        }
        if self.has_ended() {
            self.getters.call_all(wakers);
        }
    }
}

/// Settles when it is dropped.
struct Settled<'s, O: Order> {
    state: &'s mut State<O>,
    wakers: &'s mut Wakers,
}

impl<O: Order> Drop for Settled<'_, O> {
    #[inline]
    fn drop(&mut self) {
        self.state.settle(self.wakers);
    }
}
