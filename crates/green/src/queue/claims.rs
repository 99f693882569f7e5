//! What those who wait in a queue want of it.

use std::marker::PhantomData;

use evlet_hub::wait::WaitKind;

use crate::queue::order::Order;
use crate::queue::state::State;
use crate::wait_list::{Left, WaitList};
use crate::waiting::Claim;
use crate::wakers::Wakers;

/// A getter wants an item, or to hear that there will be none.
#[derive(Debug)]
pub(crate) struct Take<O>(PhantomData<O>);

impl<O> Take<O> {
    pub(super) fn new() -> Self {
        Take(PhantomData)
    }
}

impl<O: Order> Claim for Take<O> {
    type State = State<O>;
    type Load = ();
    /// `None`: the queue is closed and drained.
    type Output = Option<O::Item>;
    const KIND: WaitKind = O::KIND;

    fn line<'s>(&self, state: &'s mut State<O>) -> &'s mut WaitList<()> {
        &mut state.getters
    }

    #[inline(always)]
    fn arrive(&mut self, state: &mut State<O>, wakers: &mut Wakers) -> Option<Option<O::Item>> {
        if let Some(item) = state.get_nowait(wakers) {
            return Some(Some(item));
        }
        state.has_ended().then_some(None)
    }

    #[inline]
    fn has_to_wait(&self, state: &State<O>) -> bool {
        !state.is_available() && !state.has_ended()
    }

    fn load(&mut self) {}

    /// There is nothing when the putter of a rendezvous gave up after this getter was called.
    #[inline(always)]
    fn called(
        &mut self,
        state: &mut State<O>,
        _: &mut Option<()>,
        wakers: &mut Wakers,
    ) -> Option<Option<O::Item>> {
        match state.take(wakers) {
            None if state.has_ended() => Some(None),
            item => item.map(Some),
        }
    }

    fn gave_up(&mut self, state: &mut State<O>, left: &mut Left<()>, wakers: &mut Wakers) {
        if left.was_called {
            state.settle(wakers);
        }
    }
}

/// A putter wants to be rid of an item. Here it is as long as it is neither in the queue nor in the
/// line.
#[derive(Debug)]
pub(crate) struct Offer<O: Order>(pub(super) Option<O::Item>);

impl<O: Order> Claim for Offer<O> {
    type State = State<O>;
    type Load = Option<O::Item>;
    /// An error: the queue is closed; the item is in the claim again.
    type Output = Result<(), ()>;
    const KIND: WaitKind = O::KIND;

    fn line<'s>(&self, state: &'s mut State<O>) -> &'s mut WaitList<Option<O::Item>> {
        &mut state.putters
    }

    #[inline(always)]
    fn arrive(&mut self, state: &mut State<O>, wakers: &mut Wakers) -> Option<Result<(), ()>> {
        if !state.has_room() {
            return state.is_closed().then_some(Err(()));
        }
        state.store(self.0.take()?, wakers);
        Some(Ok(()))
    }

    #[inline]
    fn has_to_wait(&self, state: &State<O>) -> bool {
        !state.has_room() && !state.is_closed() && !state.is_rendezvous()
    }

    #[inline]
    fn load(&mut self) -> Option<O::Item> {
        self.0.take()
    }

    /// Only a rendezvous has something to give away now, the item that stands in line; where there is room
    /// to wait for, nothing has changed for anybody.
    #[inline]
    fn joined(&mut self, state: &mut State<O>, wakers: &mut Wakers) {
        if state.is_rendezvous() {
            state.settle(wakers);
        }
    }

    #[inline(always)]
    fn called(
        &mut self,
        state: &mut State<O>,
        load: &mut Option<Option<O::Item>>,
        wakers: &mut Wakers,
    ) -> Option<Result<(), ()>> {
        // No item: a getter has taken it, that was the call.
        if let Some(item) = load.take().flatten() {
            state.promised_room -= 1;
            if state.is_closed() {
                self.0 = Some(item);
                return Some(Err(()));
            }
            state.store(item, wakers);
        }
        Some(Ok(()))
    }

    fn gave_up(
        &mut self,
        state: &mut State<O>,
        left: &mut Left<Option<O::Item>>,
        wakers: &mut Wakers,
    ) {
        self.0 = left.load.take().flatten();
        if left.was_called && self.0.is_some() {
            state.promised_room -= 1;
            state.settle(wakers);
        }
    }
}

/// A joiner wants everything to be finished.
#[derive(Debug)]
pub(crate) struct AllDone<O>(PhantomData<O>);

impl<O> AllDone<O> {
    pub(super) fn new() -> Self {
        AllDone(PhantomData)
    }
}

impl<O: Order> Claim for AllDone<O> {
    type State = State<O>;
    type Load = ();
    type Output = ();
    const KIND: WaitKind = WaitKind::Queue;

    fn line<'s>(&self, state: &'s mut State<O>) -> &'s mut WaitList<()> {
        &mut state.joiners
    }

    fn arrive(&mut self, state: &mut State<O>, _: &mut Wakers) -> Option<()> {
        (state.unfinished == 0).then_some(())
    }

    fn load(&mut self) {}

    fn called(&mut self, _: &mut State<O>, _: &mut Option<()>, _: &mut Wakers) -> Option<()> {
        Some(())
    }

    fn gave_up(&mut self, _: &mut State<O>, _: &mut Left<()>, _: &mut Wakers) {}
}
