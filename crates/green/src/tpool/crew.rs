//! Which threads there are: numbers only, kept under the pool's mutex.
//!
//! The threads that are there form a shift. When they are told to go, the jobs that were queued by
//! then are still theirs, and whoever comes later begins the next shift: a thread that is stuck in
//! its job never keeps a later job from being done.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

pub(super) struct Crew {
    size: usize,
    shift: u64,
    threads: usize,
    idle: usize,
    /// How many there ever were.
    started: u64,
    /// The shifts that were told to go and have not gone.
    leaving: BTreeMap<u64, Leaving>,
}

struct Leaving {
    threads: usize,
    last_ticket: u64,
}

impl Crew {
    pub(super) const fn new(size: usize) -> Self {
        Crew {
            size,
            shift: 0,
            threads: 0,
            idle: 0,
            started: 0,
            leaving: BTreeMap::new(),
        }
    }

    /// After a fork: none of the threads is in this process.
    pub(super) fn was_left_behind(&mut self) {
        self.shift += 1;
        self.threads = 0;
        self.idle = 0;
        self.leaving.clear();
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn resize(&mut self, size: usize) {
        self.size = size;
    }

    pub(super) fn shift(&self) -> u64 {
        self.shift
    }

    /// All there are, also those that were told to go.
    pub(super) fn threads(&self) -> usize {
        self.threads + self.of_shifts_up_to(u64::MAX)
    }

    pub(super) fn idle(&self) -> usize {
        self.idle
    }

    /// Counts as started as many threads as jobs lack; returns their numbers.
    pub(super) fn threads_for(&mut self, jobs: usize) -> RangeInclusive<u64> {
        let lacking = jobs.saturating_sub(self.idle);
        let allowed = self.size.saturating_sub(self.threads);
        let new = lacking.min(allowed);
        self.threads += new;
        let first = self.started + 1;
        self.started += new as u64;
        first..=self.started
    }

    /// Up to which ticket a thread of this shift takes jobs. `None`: it goes.
    pub(super) fn takes_up_to(&self, shift: u64) -> Option<u64> {
        if shift == self.shift {
            // Without any, the last one sees to the jobs that are queued already.
            return (self.threads <= self.size.max(1)).then_some(u64::MAX);
        }
        self.leaving.get(&shift).map(|leaving| leaving.last_ticket)
    }

    /// Whether a thread of this shift that finds no job waits for one.
    pub(super) fn may_rest(&self, shift: u64) -> bool {
        shift == self.shift
    }

    pub(super) fn begins_to_rest(&mut self) {
        self.idle += 1;
    }

    /// A dismissed shift's rest was ended for it.
    pub(super) fn ends_its_rest(&mut self, shift: u64) {
        if shift == self.shift {
            self.idle -= 1;
        }
    }

    /// Tells all threads to go when they have done the jobs up to this ticket. Returns their shift.
    pub(super) fn dismiss(&mut self, last_ticket: u64) -> u64 {
        let shift = self.shift;
        if self.threads > 0 {
            let threads = self.threads;
            let leaving = Leaving {
                threads,
                last_ticket,
            };
            self.leaving.insert(shift, leaving);
        }
        self.shift += 1;
        self.threads = 0;
        self.idle = 0;
        shift
    }

    /// One thread is gone. True: with it, a shift that was told to go.
    pub(super) fn one_has_gone(&mut self, shift: u64) -> bool {
        if shift == self.shift {
            self.threads -= 1;
            return false;
        }
        let Some(leaving) = self.leaving.get_mut(&shift) else {
            return false;
        };
        leaving.threads -= 1;
        let was_last = leaving.threads == 0;
        if was_last {
            self.leaving.remove(&shift);
        }
        was_last
    }

    /// Whether this shift and those before it have gone.
    pub(super) fn have_gone(&self, shift: u64) -> bool {
        self.leaving.range(..=shift).next().is_none()
    }

    /// How many threads of this shift and those before it are left.
    pub(super) fn of_shifts_up_to(&self, shift: u64) -> usize {
        let leaving = self.leaving.range(..=shift);
        leaving.map(|(_, leaving)| leaving.threads).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::Crew;

    #[test]
    fn threads_are_started_for_jobs_that_lack_one() {
        let mut crew = Crew::new(3);
        assert_eq!(crew.threads_for(1), 1..=1);
        crew.begins_to_rest();
        assert!(crew.threads_for(1).is_empty(), "it may take it");
        assert_eq!(crew.threads_for(10), 2..=3);
        assert_eq!((crew.threads(), crew.idle()), (3, 1));
    }

    #[test]
    fn a_dismissed_shift_does_the_jobs_of_its_time() {
        let mut crew = Crew::new(1);
        crew.threads_for(1);
        let shift = crew.dismiss(7);
        assert_eq!(crew.takes_up_to(shift), Some(7));
        assert!(!crew.may_rest(shift) && !crew.have_gone(shift));
        assert_eq!(crew.threads_for(1), 2..=2, "it is in nobody's way");
        assert_eq!((crew.threads(), crew.of_shifts_up_to(shift)), (2, 1));
        assert!(crew.one_has_gone(shift));
        assert!(crew.have_gone(shift));
        assert_eq!(crew.threads(), 1);
    }

    #[test]
    fn there_may_be_nobody_to_dismiss() {
        let mut crew = Crew::new(1);
        let shift = crew.dismiss(0);
        assert!(crew.have_gone(shift));
    }
}
