//! The wheel itself: pure data, no clock.

use std::task::Waker;

use crate::arena::Arena;
use crate::clock::{NEVER, Nanos};

const TICK_BITS: u32 = 16;
const LEVEL_BITS: u32 = 6;
const SLOTS: usize = 1 << LEVEL_BITS;
const LEVELS: usize = 8;
/// Room for so many fresh entries is kept, and for so many that are moved down.
const KEPT: usize = 1024;
/// Room for so many is kept in a slot that is empty.
const KEPT_IN_SLOT: usize = 8;
/// In place of a level and slot: the entry is not in the wheel yet.
const FRESH: u16 = u16::MAX;

/// Where a timer is. The sequence number tells a reused place apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimerKey {
    index: u32,
    /// Its lower half: enough to tell a reused place from a place that is held, and a [`Sleep`](crate::Sleep)
    /// is eight bytes smaller.
    sequence: u32,
}

/// A timer that is due.
#[derive(Debug)]
pub(crate) struct Due {
    deadline: Nanos,
    sequence: u64,
    pub(crate) waker: Waker,
}

#[derive(Debug, Default)]
struct Entry {
    /// When it is due; of a fresh one, how long after the next reading of the clock.
    deadline: Nanos,
    sequence: u64,
    waker: Option<Waker>,
    /// Where it stands in its slot, or among the fresh ones.
    at: u32,
    /// Level times 64 plus slot, or [`FRESH`].
    place: u16,
}

/// An entry's mention in a slot.
#[derive(Debug, Clone, Copy)]
struct Item {
    deadline: Nanos,
    index: u32,
}

#[derive(Debug)]
struct Slot {
    items: Vec<Item>,
    /// No entry of the slot is due before this.
    bound: Nanos,
}

impl Slot {
    const fn new() -> Self {
        Slot {
            items: Vec::new(),
            bound: NEVER,
        }
    }
}

/// All timers of a hub.
#[derive(Debug)]
pub(crate) struct Timers {
    entries: Arena<Entry>,
    /// Allocated with the first timer.
    slots: Vec<Slot>,
    /// Entries whose time begins with the next reading of the clock.
    fresh: Vec<u32>,
    /// Empty between two calls: those on their way to a lower level.
    early: Vec<Item>,
    /// One bit for each slot that is not empty.
    occupied: [u64; LEVELS],
    /// The tick up to which the wheel has been turned.
    tick: u64,
    sequence: u64,
    /// The last answer of [`next`](Self::next), while nothing has changed it.
    next: Option<Nanos>,
}

impl Timers {
    pub(crate) const fn new() -> Self {
        Timers {
            entries: Arena::new(),
            slots: Vec::new(),
            fresh: Vec::new(),
            early: Vec::new(),
            occupied: [0; LEVELS],
            tick: 0,
            sequence: 0,
            next: None,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    fn add(&mut self, deadline: Nanos, waker: Waker) -> TimerKey {
        self.sequence += 1;
        let sequence = self.sequence;
        let (place, at) = (FRESH, self.fresh.len() as u32);
        let index = self.entries.insert(|entry| {
            entry.deadline = deadline;
            entry.sequence = sequence;
            entry.waker = Some(waker);
            entry.place = place;
            entry.at = at;
        });
        let sequence = sequence as u32;
        TimerKey { index, sequence }
    }

    /// Sets a timer that is due `after` nanoseconds from the next reading of the clock, which
    /// [`settle`](Self::settle) brings. O(1).
    #[inline]
    pub(crate) fn insert_after(&mut self, after: Nanos, waker: Waker) -> TimerKey {
        let key = self.add(after, waker);
        self.fresh.push(key.index);
        key
    }

    pub(crate) fn has_fresh(&self) -> bool {
        !self.fresh.is_empty()
    }

    /// The time of the fresh ones begins: it is `now`.
    pub(crate) fn settle(&mut self, now: Nanos) {
        for place in 0..self.fresh.len() {
            let index = self.fresh[place];
            if let Some(entry) = self.entries.get_mut(index) {
                entry.deadline = now.saturating_add(entry.deadline);
                let deadline = entry.deadline;
                self.put(Item { deadline, index });
                if let Some(next) = &mut self.next {
                    *next = deadline.min(*next);
                }
            }
        }
        self.fresh.clear();
        if self.fresh.capacity() > KEPT {
            self.fresh.shrink_to(KEPT);
        }
    }

    /// When a timer is due, unless its time has not begun or it is not set.
    pub(crate) fn deadline(&self, key: TimerKey) -> Option<Nanos> {
        let entry = self.entries.get(key.index)?;
        (entry.sequence as u32 == key.sequence && entry.place != FRESH).then_some(entry.deadline)
    }

    /// Sets a timer. O(1).
    pub(crate) fn insert(&mut self, deadline: Nanos, waker: Waker) -> TimerKey {
        let TimerKey { index, sequence } = self.add(deadline, waker);
        self.put(Item { deadline, index });
        if let Some(next) = &mut self.next {
            *next = deadline.min(*next);
        }
        TimerKey { index, sequence }
    }

    /// Whether the timer is still set; if so, makes `waker` the one to be woken. Returns the waker
    /// that it replaced, to be dropped outside of any borrow.
    pub(crate) fn update(&mut self, key: TimerKey, waker: &Waker) -> Option<Option<Waker>> {
        let entry = self.entries.get_mut(key.index)?;
        if entry.sequence as u32 != key.sequence {
            return None;
        }
        let old = entry.waker.as_ref();
        if old.is_some_and(|old| old.will_wake(waker)) {
            return Some(None);
        }
        Some(entry.waker.replace(waker.clone()))
    }

    /// Cancels a timer; its waker comes back to be dropped outside of any borrow. O(1).
    #[inline]
    pub(crate) fn remove(&mut self, key: TimerKey) -> Option<Waker> {
        let entry = self.entries.get(key.index)?;
        if entry.sequence as u32 != key.sequence {
            return None;
        }
        let (place, at, deadline) = (entry.place, entry.at, entry.deadline);
        let moved = if place == FRESH {
            self.fresh.swap_remove(at as usize);
            self.fresh.get(at as usize).copied()
        } else {
            if self.next.is_some_and(|next| next >= deadline) {
                self.next = None;
            }
            self.take_item(usize::from(place), at as usize)
        };
        if let Some(moved) = moved
            && let Some(moved) = self.entries.get_mut(moved)
        {
            moved.at = at;
        }
        self.take_waker(key.index)
    }

    /// Takes an item out of a slot; the entry that now stands there in its stead comes back.
    fn take_item(&mut self, place: usize, at: usize) -> Option<u32> {
        let slot = &mut self.slots[place];
        slot.items.swap_remove(at);
        if slot.items.is_empty() {
            slot.bound = NEVER;
            slot.items.shrink_to(KEPT_IN_SLOT);
            self.occupied[place / SLOTS] &= !(1 << (place % SLOTS));
        }
        slot.items.get(at).map(|item| item.index)
    }

    /// A time before which nothing is due; `None` without timers. Exact, save that it may be too
    /// early after a cancel.
    pub(crate) fn next(&mut self) -> Option<Nanos> {
        if self.next.is_none() {
            let (level, slot) = self.first_occupied()?;
            self.next = Some(self.slots[level * SLOTS + slot].bound);
        }
        self.next
    }

    /// Takes all timers whose deadline is not after `now`, in order.
    pub(crate) fn fire(&mut self, now: Nanos, due: &mut Vec<Due>) {
        debug_assert!(self.fresh.is_empty(), "settled before");
        if self.entries.len() == 0 || self.next().is_some_and(|next| next > now) {
            return;
        }
        let now_tick = now >> TICK_BITS;
        let mut early = std::mem::take(&mut self.early);
        while let Some((level, slot)) = self.first_occupied() {
            let start = self.start_of(level, slot);
            if start > now_tick {
                break;
            }
            self.tick = self.tick.max(start);
            let place = level * SLOTS + slot;
            self.occupied[level] &= !(1 << slot);
            self.slots[place].bound = NEVER;
            let mut items = std::mem::take(&mut self.slots[place].items);
            for item in items.drain(..) {
                if item.deadline > now {
                    // Not yet: put aside, so that this loop does not meet it again.
                    early.push(item);
                } else if let Some((sequence, waker)) = self.take_due(item.index) {
                    due.push(Due {
                        deadline: item.deadline,
                        sequence,
                        waker,
                    });
                }
            }
            if items.capacity() <= KEPT_IN_SLOT {
                self.slots[place].items = items;
            }
        }
        self.tick = self.tick.max(now_tick);
        early.drain(..).for_each(|item| self.put(item));
        if early.capacity() <= KEPT {
            self.early = early;
        }
        self.next = None;
        due.sort_unstable_by_key(|timer| (timer.deadline, timer.sequence));
    }

    /// Drops all timers; their wakers come back.
    pub(crate) fn clear(&mut self) -> Vec<Waker> {
        let old = std::mem::replace(self, Timers::new());
        self.sequence = old.sequence;
        let mut entries = old.entries;
        let entries = entries.take_all().into_iter();
        entries.filter_map(|entry| entry.waker).collect()
    }

    /// Gives the place of an entry back that stands in no slot any more.
    #[inline]
    fn take_waker(&mut self, index: u32) -> Option<Waker> {
        self.take_due(index).map(|(_, waker)| waker)
    }

    #[inline]
    fn take_due(&mut self, index: u32) -> Option<(u64, Waker)> {
        let taken = self.entries.remove(index, |entry| {
            let sequence = std::mem::take(&mut entry.sequence);
            (sequence, entry.waker.take())
        });
        let (sequence, waker) = taken?;
        Some((sequence, waker?))
    }

    /// Puts an entry into the slot of its deadline.
    fn put(&mut self, item: Item) {
        if self.slots.is_empty() {
            self.slots.resize_with(LEVELS * SLOTS, Slot::new);
        }
        let tick = (item.deadline >> TICK_BITS).max(self.tick);
        let level = level_of(self.tick, tick);
        let number = (tick >> (level as u32 * LEVEL_BITS)) as usize % SLOTS;
        let place = level * SLOTS + number;
        let slot = &mut self.slots[place];
        let at = slot.items.len() as u32;
        slot.items.push(item);
        slot.bound = item.deadline.min(slot.bound);
        self.occupied[level] |= 1 << number;
        if let Some(entry) = self.entries.get_mut(item.index) {
            entry.at = at;
            entry.place = place as u16;
        }
    }

    /// The slot whose entries come first: the first occupied one of the lowest level that has any,
    /// since a level's entries all lie within one slot of the level above.
    fn first_occupied(&self) -> Option<(usize, usize)> {
        let level = self.occupied.iter().position(|&bits| bits != 0)?;
        Some((level, self.occupied[level].trailing_zeros() as usize))
    }

    /// The tick at which a slot's range begins.
    fn start_of(&self, level: usize, slot: usize) -> u64 {
        let shift = level as u32 * LEVEL_BITS;
        let above = self.tick >> (shift + LEVEL_BITS);
        (above << (shift + LEVEL_BITS)) | ((slot as u64) << shift)
    }
}

/// The level on which `tick` differs from `now`: that of the highest bit in which they do.
fn level_of(now: u64, tick: u64) -> usize {
    let differing = (now ^ tick) | (SLOTS as u64 - 1);
    ((u64::BITS - 1 - differing.leading_zeros()) / LEVEL_BITS) as usize
}
