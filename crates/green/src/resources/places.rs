//! Who has a place, who waits for one, and which items are free.
//!
//! Two invariants, restored after each change. Somebody waits only if every place is taken or
//! promised. Free items and taken places together are never more than `max_size`, but for a while
//! after a pool was made smaller.

use std::collections::VecDeque;

use evlet_hub::wait::WaitKind;

use crate::wait_list::{Left, WaitList};
use crate::waiting::Claim;
use crate::wakers::Wakers;

#[derive(Debug)]
pub(super) struct Places<T> {
    /// In the order in which they came back.
    free: VecDeque<T>,
    max_size: usize,
    /// Places of items that are out, or are being made or looked at for somebody.
    taken: usize,
    /// Taken places of items that have no guard: they come back by hand, as do items from elsewhere, which cannot be
    /// told apart.
    by_hand: usize,
    /// Places kept for getters that were called and have not come yet.
    promised: usize,
    getters: WaitList<()>,
    order_as_stack: bool,
}

impl<T> Places<T> {
    pub(super) fn new(max_size: usize, order_as_stack: bool) -> Self {
        Places {
            free: VecDeque::new(),
            max_size,
            taken: 0,
            by_hand: 0,
            promised: 0,
            getters: WaitList::new(),
            order_as_stack,
        }
    }

    pub(super) fn max_size(&self) -> usize {
        self.max_size
    }

    pub(super) fn busy(&self) -> usize {
        self.taken + self.promised
    }

    /// Items that exist or are being made.
    pub(super) fn size(&self) -> usize {
        self.free.len() + self.taken
    }

    pub(super) fn idle(&self) -> usize {
        self.free.len()
    }

    pub(super) fn waiting(&self) -> usize {
        self.getters.len()
    }

    /// Takes a place that nobody was promised.
    fn take(&mut self) -> Option<()> {
        if self.busy() >= self.max_size {
            return None;
        }
        self.taken += 1;
        Some(())
    }

    /// Takes a place for an item to be made ahead of time, as long as there are fewer than `wanted`.
    pub(super) fn take_for_stock(&mut self, wanted: usize) -> Option<()> {
        if self.size() >= wanted.min(self.max_size) {
            return None;
        }
        self.take()
    }

    /// The free item that is next, for who has a place.
    pub(super) fn pop(&mut self) -> Option<T> {
        if self.order_as_stack {
            self.free.pop_back()
        } else {
            self.free.pop_front()
        }
    }

    /// A place is given back, with an item or without. The item comes back out if there are too many.
    pub(super) fn give_back(&mut self, item: Option<T>, wakers: &mut Wakers) -> Option<T> {
        self.taken -= 1;
        let surplus = item.and_then(|item| self.add(item));
        self.settle(wakers);
        surplus
    }

    /// An item comes without a place. It comes back out if there are too many.
    pub(super) fn add(&mut self, item: T) -> Option<T> {
        if self.size() >= self.max_size {
            return Some(item);
        }
        self.free.push_back(item);
        None
    }

    /// An item goes out without a guard.
    pub(super) fn goes_by_hand(&mut self) {
        self.by_hand += 1;
    }

    /// An item comes in without a guard; whether one has gone out so, and a place comes with it.
    pub(super) fn comes_by_hand(&mut self) -> bool {
        let is_ours = self.by_hand > 0;
        self.by_hand -= usize::from(is_ours);
        is_ours
    }

    /// The free items that are too many now.
    pub(super) fn resize(&mut self, max_size: usize, wakers: &mut Wakers) -> Vec<T> {
        self.max_size = max_size;
        let surplus = self.take_surplus();
        self.settle(wakers);
        surplus
    }

    /// The free items that are too many, those first that have been free for longest.
    pub(super) fn take_surplus(&mut self) -> Vec<T> {
        let surplus = self.free.len().saturating_sub(self.most_free());
        self.free.drain(..surplus).collect()
    }

    /// How many items may be free. A promised one is as good as in use: without it a new one would be made.
    fn most_free(&self) -> usize {
        let room = self.max_size.saturating_sub(self.taken);
        room.max(self.promised)
    }

    pub(super) fn take_free(&mut self) -> VecDeque<T> {
        std::mem::take(&mut self.free)
    }

    /// Items that were taken out by [`take_free`](Self::take_free) come back before those that came
    /// since; as many as there is room for, the rest is returned.
    pub(super) fn put_free(&mut self, mut items: VecDeque<T>) -> VecDeque<T> {
        let room = self.most_free().saturating_sub(self.free.len());
        let surplus = items.len().saturating_sub(room);
        let kept = items.split_off(surplus);
        let since = std::mem::replace(&mut self.free, kept);
        self.free.extend(since);
        items
    }

    fn settle(&mut self, wakers: &mut Wakers) {
        while self.busy() < self.max_size && self.getters.call_first(wakers) {
            self.promised += 1;
        }
    }
}

/// A getter wants a place; with it comes a free item, if there is one.
#[derive(Debug)]
pub(super) struct Place<T>(std::marker::PhantomData<fn() -> T>);

impl<T> Place<T> {
    pub(super) fn wanted() -> Self {
        Place(std::marker::PhantomData)
    }
}

impl<T> Claim for Place<T> {
    type State = Places<T>;
    type Load = ();
    type Output = Option<T>;
    const KIND: WaitKind = WaitKind::Pool;

    fn line<'s>(&self, places: &'s mut Places<T>) -> &'s mut WaitList<()> {
        &mut places.getters
    }

    fn arrive(&mut self, places: &mut Places<T>, _: &mut Wakers) -> Option<Option<T>> {
        places.take()?;
        // As many free items as there are promises belong to those who waited: a newcomer makes its own.
        let is_unclaimed = places.free.len() > places.promised;
        Some(if is_unclaimed { places.pop() } else { None })
    }

    fn load(&mut self) {}

    fn called(
        &mut self,
        places: &mut Places<T>,
        _: &mut Option<()>,
        _: &mut Wakers,
    ) -> Option<Option<T>> {
        places.promised -= 1;
        places.taken += 1;
        Some(places.pop())
    }

    fn gave_up(&mut self, places: &mut Places<T>, left: &mut Left<()>, wakers: &mut Wakers) {
        if left.was_called {
            places.promised -= 1;
            places.settle(wakers);
        }
    }
}
