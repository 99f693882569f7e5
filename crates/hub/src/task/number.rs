//! A green thread as one word: what wakers carry and what stands in the run queue.
//!
//! It says which hub (by its place among those that live), where in that hub's table, and enough of the
//! id to tell a reused place apart. It owns nothing, so it may be copied to any thread and kept for any time;
//! one that is stale meets a place that is vacant or somebody else's, and wakes nobody. Of ids only the
//! lowest bits are in it: after 16 million green threads (on a processor of 64 bits) a stale number may name a
//! new one in the same place. Then that one gets a turn that it did not need, which every future allows.

use crate::task::{GreenThreadId, Key};

/// See the module's page.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Number(usize);

#[cfg(target_pointer_width = "64")]
const INDEX_BITS: u32 = 28;
#[cfg(target_pointer_width = "64")]
const HUB_BITS: u32 = 12;
#[cfg(not(target_pointer_width = "64"))]
const INDEX_BITS: u32 = 20;
#[cfg(not(target_pointer_width = "64"))]
const HUB_BITS: u32 = 6;

const TAG_SHIFT: u32 = INDEX_BITS + HUB_BITS;

/// Green threads that a hub can hold: 268 million, or a million where a word has 32 bits. Their memory
/// ends long before.
pub(crate) const MOST_GREEN_THREADS: u32 = 1 << INDEX_BITS;

/// Hubs that can live at the same time.
pub(crate) const MOST_HUBS: usize = (1 << HUB_BITS) - 1;

impl Number {
    /// No green thread's: hubs have places from 1.
    pub(crate) const NOBODY: Number = Number(0);

    #[inline]
    pub(crate) fn new(place: usize, key: Key) -> Self {
        let tag = (key.id.as_u64() as usize) << TAG_SHIFT;
        Number(tag | place << INDEX_BITS | key.index as usize)
    }

    /// One that was read back from a word.
    #[inline]
    pub(crate) fn from_word(word: usize) -> Self {
        Number(word)
    }

    #[inline]
    pub(crate) fn word(self) -> usize {
        self.0
    }

    /// The hub's place.
    #[inline]
    pub(crate) fn place(self) -> usize {
        self.0 >> INDEX_BITS & MOST_HUBS
    }

    /// Where in the hub's table.
    #[inline]
    pub(crate) fn index(self) -> u32 {
        self.0 as u32 & (MOST_GREEN_THREADS - 1)
    }

    /// Whether it can be the one with this id, given that the place is right.
    #[inline]
    pub(crate) fn names(self, id: GreenThreadId) -> bool {
        let other = (id.as_u64() as usize) << TAG_SHIFT;
        (self.0 ^ other) >> TAG_SHIFT == 0
    }
}

impl std::fmt::Debug for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (tag, place, index) = (self.0 >> TAG_SHIFT, self.place(), self.index());
        write!(f, "Number({place}.{index}.{tag})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_gives_back_what_went_into_it() {
        let index = MOST_GREEN_THREADS - 1;
        let id = GreenThreadId(u64::MAX - 7);
        let number = Number::new(MOST_HUBS, Key { id, index });
        assert_eq!((number.place(), number.index()), (MOST_HUBS, index));
        assert!(number.names(id));
        assert!(!number.names(GreenThreadId(u64::MAX - 6)));
        assert_eq!(Number::from_word(number.word()), number);
        let first = Number::new(
            1,
            Key {
                id: GreenThreadId(1),
                index: 0,
            },
        );
        assert_ne!(first, Number::NOBODY);
    }
}
