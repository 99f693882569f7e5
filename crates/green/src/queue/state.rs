//! What a queue knows, and the rules by which items and room are given out.
//!
//! Two invariants hold whenever the queue is not borrowed; [`State::settle`] restores them after
//! each change:
//!
//! - somebody waits in `getters` only if every item is promised to a called getter;
//! - somebody waits in `putters` only if all room is taken or promised to a called putter.
//!
//! So a newcomer that finds something unpromised knows that nobody waits for it.

use std::collections::VecDeque;

use evlet_hub::wait::WaitKind;

use crate::wait_list::{Left, WaitList, Wakers};
use crate::waiting::Claim;

/// Where items are kept, and in which order they come out.
pub(crate) trait Store {
    type Item;
    fn put(&mut self, item: Self::Item);
    fn take(&mut self) -> Option<Self::Item>;
    fn len(&self) -> usize;
}

/// First in, first out.
impl<T> Store for VecDeque<T> {
    type Item = T;

    fn put(&mut self, item: T) {
        self.push_back(item);
    }

    fn take(&mut self) -> Option<T> {
        self.pop_front()
    }

    fn len(&self) -> usize {
        VecDeque::len(self)
    }
}

#[derive(Debug)]
pub(crate) struct State<S: Store> {
    pub(super) items: S,
    /// `None`: no limit. `Some(0)`: rendezvous.
    pub(super) limit: Option<usize>,
    pub(super) getters: WaitList<()>,
    /// A blocked putter's item stays with its place in the line, where a rendezvous finds it.
    pub(super) putters: WaitList<Option<S::Item>>,
    /// How many called putters have yet to store their item.
    promised_room: usize,
    /// Items put and not yet reported done. Counted for every queue, read by the joinable ones.
    pub(super) unfinished: usize,
    pub(super) joiners: WaitList<()>,
}

impl<S: Store> State<S> {
    pub(super) fn new(items: S, limit: Option<usize>) -> Self {
        State {
            items,
            limit,
            getters: WaitList::new(),
            putters: WaitList::new(),
            promised_room: 0,
            unfinished: 0,
            joiners: WaitList::new(),
        }
    }

    pub(super) fn is_rendezvous(&self) -> bool {
        self.limit == Some(0)
    }

    pub(super) fn put_nowait(&mut self, item: S::Item, wakers: &mut Wakers) -> Result<(), S::Item> {
        // A rendezvous has no room, but a getter that waits will come for the item, and no putter
        // that waits is overtaken.
        let can_meet = self.is_rendezvous() && !self.getters.is_empty() && self.putters.is_empty();
        if self.room() == 0 && !can_meet {
            return Err(item);
        }
        self.store(item);
        self.settle(wakers);
        Ok(())
    }

    pub(super) fn get_nowait(&mut self, wakers: &mut Wakers) -> Option<S::Item> {
        if self.available() <= self.getters.called() {
            return None;
        }
        self.take(wakers)
    }

    pub(super) fn resize(&mut self, limit: Option<usize>, wakers: &mut Wakers) {
        self.limit = limit;
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

    fn room(&self) -> usize {
        let taken = self.items.len() + self.promised_room;
        self.limit
            .map_or(usize::MAX, |limit| limit.saturating_sub(taken))
    }

    /// Items that can be got now, promised or not.
    fn available(&self) -> usize {
        let offered = if self.is_rendezvous() {
            self.putters.len()
        } else {
            0
        };
        self.items.len() + offered
    }

    fn store(&mut self, item: S::Item) {
        self.items.put(item);
        self.unfinished += 1;
    }

    fn take(&mut self, wakers: &mut Wakers) -> Option<S::Item> {
        let item = self
            .items
            .take()
            .or_else(|| self.take_from_putter(wakers))?;
        self.settle(wakers);
        Some(item)
    }

    /// The rendezvous itself: the first putter's item is taken out of the line.
    fn take_from_putter(&mut self, wakers: &mut Wakers) -> Option<S::Item> {
        if !self.is_rendezvous() {
            return None;
        }
        let item = self.putters.first_load()?.take();
        self.putters.call_first(wakers);
        self.unfinished += 1;
        item
    }

    #[inline]
    fn settle(&mut self, wakers: &mut Wakers) {
        if !self.getters.is_empty() || !self.putters.is_empty() {
            self.call_whom_it_may_concern(wakers);
        }
    }

    fn call_whom_it_may_concern(&mut self, wakers: &mut Wakers) {
        while !self.getters.is_empty() && self.available() > self.getters.called() {
            self.getters.call_first(wakers);
        }
        while !self.putters.is_empty() && self.room() > 0 {
            self.putters.call_first(wakers);
            self.promised_room += 1;
        }
    }
}

/// A getter wants an item.
#[derive(Debug)]
pub(crate) struct Take<S>(pub(super) std::marker::PhantomData<S>);

impl<S: Store> Claim for Take<S> {
    type State = State<S>;
    type Load = ();
    type Output = S::Item;
    const KIND: WaitKind = WaitKind::Queue;

    fn line<'s>(&self, state: &'s mut State<S>) -> &'s mut WaitList<()> {
        &mut state.getters
    }

    fn arrive(&mut self, state: &mut State<S>, wakers: &mut Wakers) -> Option<S::Item> {
        state.get_nowait(wakers)
    }

    fn load(&mut self) {}

    /// There is nothing when the putter of a rendezvous gave up after this getter was called.
    fn called(
        &mut self,
        state: &mut State<S>,
        _: &mut Option<()>,
        wakers: &mut Wakers,
    ) -> Option<S::Item> {
        state.take(wakers)
    }

    fn gave_up(&mut self, state: &mut State<S>, left: &mut Left<()>, wakers: &mut Wakers) {
        if left.was_called {
            state.settle(wakers);
        }
    }
}

/// A putter wants to be rid of an item.
#[derive(Debug)]
pub(crate) struct Offer<S: Store>(pub(super) Option<S::Item>);

impl<S: Store> Claim for Offer<S> {
    type State = State<S>;
    type Load = Option<S::Item>;
    type Output = ();
    const KIND: WaitKind = WaitKind::Queue;

    fn line<'s>(&self, state: &'s mut State<S>) -> &'s mut WaitList<Option<S::Item>> {
        &mut state.putters
    }

    fn arrive(&mut self, state: &mut State<S>, wakers: &mut Wakers) -> Option<()> {
        if state.room() == 0 {
            return None;
        }
        state.store(self.0.take()?);
        state.settle(wakers);
        Some(())
    }

    fn load(&mut self) -> Option<S::Item> {
        self.0.take()
    }

    fn joined(&mut self, state: &mut State<S>, wakers: &mut Wakers) {
        state.settle(wakers);
    }

    fn called(
        &mut self,
        state: &mut State<S>,
        load: &mut Option<Option<S::Item>>,
        wakers: &mut Wakers,
    ) -> Option<()> {
        // No item: a getter has taken it, that was the call.
        if let Some(item) = load.take().flatten() {
            state.promised_room -= 1;
            state.store(item);
            state.settle(wakers);
        }
        Some(())
    }

    fn gave_up(
        &mut self,
        state: &mut State<S>,
        left: &mut Left<Option<S::Item>>,
        wakers: &mut Wakers,
    ) {
        let still_has_item = matches!(left.load, Some(Some(_)));
        if left.was_called && still_has_item {
            state.promised_room -= 1;
            state.settle(wakers);
        }
    }
}

/// A joiner wants everything to be finished.
#[derive(Debug)]
pub(crate) struct AllDone<S>(pub(super) std::marker::PhantomData<S>);

impl<S: Store> Claim for AllDone<S> {
    type State = State<S>;
    type Load = ();
    type Output = ();
    const KIND: WaitKind = WaitKind::Queue;

    fn line<'s>(&self, state: &'s mut State<S>) -> &'s mut WaitList<()> {
        &mut state.joiners
    }

    fn arrive(&mut self, state: &mut State<S>, _: &mut Wakers) -> Option<()> {
        (state.unfinished == 0).then_some(())
    }

    fn load(&mut self) {}

    fn called(&mut self, _: &mut State<S>, _: &mut Option<()>, _: &mut Wakers) -> Option<()> {
        Some(())
    }

    fn gave_up(&mut self, _: &mut State<S>, _: &mut Left<()>, _: &mut Wakers) {}
}
