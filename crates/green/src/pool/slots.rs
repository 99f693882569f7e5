//! Who has a place in the pool, who waits for one, and when all is done.
//!
//! One invariant, restored by [`Slots::settle`] after each change: somebody waits in `spawners`
//! only if every place is taken or promised to a spawner that was called. It is what keeps
//! `waitall` from hanging (defect D1 of eventlet's pool, which replaced its completion event
//! whenever the pool was empty for a moment): the pool counts as busy while a place is promised,
//! so it cannot look empty between the end of one member and the start of the next; and when it
//! does become empty, everybody who waits for that is called.

use evlet_hub::GreenThreadId;
use evlet_hub::wait::WaitKind;

use crate::wait_list::{Left, WaitList};
use crate::waiting::Claim;
use crate::wakers::Wakers;

#[derive(Debug)]
pub(crate) struct Slots {
    pub(super) size: usize,
    /// Members alive.
    pub(super) running: usize,
    /// Places kept for spawners that were called and have not come yet.
    promised: usize,
    pub(super) spawners: WaitList<()>,
    /// Those in `waitall` who are not members.
    idle: WaitList<Option<GreenThreadId>>,
    /// Those in `waitall` who are members themselves.
    inside: WaitList<Option<GreenThreadId>>,
}

impl Slots {
    pub(super) fn new(size: usize) -> Self {
        Slots {
            size,
            running: 0,
            promised: 0,
            spawners: WaitList::new(),
            idle: WaitList::new(),
            inside: WaitList::new(),
        }
    }

    /// Places taken, by members and by promises.
    #[inline]
    pub(super) fn busy(&self) -> usize {
        self.running + self.promised
    }

    /// Takes a place if there is one that is not promised.
    #[inline]
    pub(super) fn take(&mut self) -> Option<()> {
        if self.busy() >= self.size {
            return None;
        }
        self.running += 1;
        Some(())
    }

    /// Whether that concerns anybody who waits: [`settle`](Self::settle) is due.
    #[inline]
    pub(super) fn give_back(&mut self) -> bool {
        self.running -= 1;
        !self.spawners.is_empty() || !self.inside.is_empty() || self.busy() == 0
    }

    pub(super) fn resize(&mut self, size: usize, wakers: &mut Wakers) {
        self.size = size;
        self.settle(wakers);
    }

    pub(super) fn settle(&mut self, wakers: &mut Wakers) {
        while !self.spawners.is_empty() && self.busy() < self.size {
            self.spawners.call_first(wakers);
            self.promised += 1;
        }
        if self.busy() == 0 {
            self.idle.call_all(wakers);
        }
        if !self.inside.is_empty() {
            self.call_members(wakers);
        }
    }

    #[cold]
    fn call_members(&mut self, wakers: &mut Wakers) {
        // The cheap comparisons first: they are almost always enough.
        if self.inside.len() >= self.busy() && self.members_inside(None) >= self.busy() {
            self.inside.call_all(wakers);
        }
    }

    /// How many different members are in `waitall`, with `newcomer` counted in.
    fn members_inside(&self, newcomer: Option<GreenThreadId>) -> usize {
        let mut ids: Vec<_> = self.inside.loads().copied().flatten().collect();
        ids.extend(newcomer);
        ids.sort_unstable();
        ids.dedup();
        ids.len()
    }
}

/// A spawner wants a place.
#[derive(Debug)]
pub(crate) struct Place;

impl Claim for Place {
    type State = Slots;
    type Load = ();
    type Output = ();
    const KIND: WaitKind = WaitKind::Pool;

    fn line<'s>(&self, slots: &'s mut Slots) -> &'s mut WaitList<()> {
        &mut slots.spawners
    }

    fn arrive(&mut self, slots: &mut Slots, _: &mut Wakers) -> Option<()> {
        slots.take()
    }

    fn load(&mut self) {}

    fn called(&mut self, slots: &mut Slots, _: &mut Option<()>, _: &mut Wakers) -> Option<()> {
        slots.promised -= 1;
        slots.running += 1;
        Some(())
    }

    fn gave_up(&mut self, slots: &mut Slots, left: &mut Left<()>, wakers: &mut Wakers) {
        if left.was_called {
            slots.promised -= 1;
            slots.settle(wakers);
        }
    }
}

/// Somebody waits until all is done; `Some`: a member, who counts as done meanwhile.
#[derive(Debug)]
pub(crate) struct AllDone(pub(super) Option<GreenThreadId>);

impl Claim for AllDone {
    type State = Slots;
    type Load = Option<GreenThreadId>;
    type Output = ();
    const KIND: WaitKind = WaitKind::Pool;

    fn line<'s>(&self, slots: &'s mut Slots) -> &'s mut WaitList<Option<GreenThreadId>> {
        if self.0.is_some() {
            &mut slots.inside
        } else {
            &mut slots.idle
        }
    }

    fn arrive(&mut self, slots: &mut Slots, wakers: &mut Wakers) -> Option<()> {
        let done = match self.0 {
            None => slots.busy() == 0,
            Some(_) => slots.members_inside(self.0) >= slots.busy(),
        };
        if done && self.0.is_some() {
            slots.inside.call_all(wakers);
        }
        done.then_some(())
    }

    fn load(&mut self) -> Option<GreenThreadId> {
        self.0
    }

    fn called(
        &mut self,
        _: &mut Slots,
        _: &mut Option<Option<GreenThreadId>>,
        _: &mut Wakers,
    ) -> Option<()> {
        Some(())
    }

    fn gave_up(&mut self, _: &mut Slots, _: &mut Left<Option<GreenThreadId>>, _: &mut Wakers) {}
}
