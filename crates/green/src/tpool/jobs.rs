//! The queue of jobs that no thread has begun, and the line of those who wait for room in it.
//!
//! Plain data, kept under the pool's mutex. It calls nothing of the user's: a job is put in, taken
//! out and handed back, never run or dropped here.

use std::collections::BTreeMap;
use std::task::Waker;

use crate::wait_list::{Key, Left, WaitList};
use crate::wakers::Wakers;

pub(super) type Job = Box<dyn FnOnce() + Send>;

pub(super) struct Jobs {
    /// By ticket: the smallest is the oldest.
    queued: BTreeMap<u64, Job>,
    tickets: u64,
    capacity: usize,
    room: WaitList<(), Waker>,
    /// Places kept for those who were called from `room`.
    promised: usize,
}

impl Jobs {
    pub(super) const fn new(capacity: usize) -> Self {
        Jobs {
            queued: BTreeMap::new(),
            tickets: 0,
            capacity,
            room: WaitList::new(),
            promised: 0,
        }
    }

    /// After a fork: the jobs are those of the process before. They are not even dropped here, since what
    /// they own is in use there.
    pub(super) fn were_left_behind(&mut self) {
        std::mem::forget(std::mem::take(&mut self.queued));
    }

    pub(super) fn len(&self) -> usize {
        self.queued.len()
    }

    /// How many wait for room.
    pub(super) fn waiting(&self) -> usize {
        self.room.alive()
    }

    /// The ticket of the youngest job there ever was.
    pub(super) fn last_ticket(&self) -> u64 {
        self.tickets
    }

    /// Whether a job may go in now, by promise or because there is room that nobody waits for.
    pub(super) fn takes_one(&mut self, place: &mut Option<Key>) -> bool {
        match place.take_if(|key| self.room.is_called(key)) {
            Some(key) => {
                // Its waker went when it was called, so no foreign code is dropped.
                drop(self.room.remove(key));
                self.promised -= 1;
                true
            }
            None => place.is_none() && self.has_room(),
        }
    }

    pub(super) fn put(&mut self, job: Job) -> u64 {
        self.tickets += 1;
        self.queued.insert(self.tickets, job);
        self.tickets
    }

    /// The oldest job, if it is at least as old as the one with this ticket.
    pub(super) fn take_up_to(&mut self, ticket: u64, wakers: &mut Wakers<Waker>) -> Option<Job> {
        let first = self.queued.first_entry()?;
        let job = (*first.key() <= ticket).then(|| first.remove())?;
        self.offer_room(wakers);
        Some(job)
    }

    pub(super) fn take_back(&mut self, ticket: u64, wakers: &mut Wakers<Waker>) -> Option<Job> {
        let job = self.queued.remove(&ticket);
        self.offer_room(wakers);
        job
    }

    /// Waits for room at `place`. The waker that was there is given back, to be dropped after the
    /// mutex is released.
    pub(super) fn stand_in_line(&mut self, place: &mut Option<Key>, waker: Waker) -> Option<Waker> {
        match place {
            Some(key) => self.room.renew(key, waker),
            None => {
                *place = Some(self.room.push_back(waker, ()));
                None
            }
        }
    }

    /// Leaves the line. A place that was promised is the next one's.
    pub(super) fn leave_line(&mut self, key: Key, wakers: &mut Wakers<Waker>) -> Left<(), Waker> {
        let left = self.room.remove(key);
        if left.was_called {
            self.promised -= 1;
            self.offer_room(wakers);
        }
        left
    }

    fn has_room(&self) -> bool {
        self.queued.len() + self.promised < self.capacity
    }

    fn offer_room(&mut self, wakers: &mut Wakers<Waker>) {
        while self.has_room() && self.room.call_first(wakers) {
            self.promised += 1;
        }
    }
}
