//! The table of slots: both halves of each under one index.
//!
//! The hot halves stand in an [`Arena`], which gives out the indices and knows which are taken. The
//! cold ones stand beside them, chunk for chunk; a chunk of them is made when the first of its green threads
//! needs its half.

use std::panic::Location;

use crate::arena::{Arena, CHUNK, split};
use crate::clock::Nanos;
use crate::task::slot::{Cold, Hot};
use crate::task::{Flags, GreenThreadId, Key};

/// See the module's page.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    hot: Arena<Hot>,
    cold: Vec<Option<Box<[Cold; CHUNK]>>>,
}

/// What is known of a green thread when it is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Birth {
    pub(crate) spawned_at: &'static Location<'static>,
    pub(crate) since: Nanos,
    pub(crate) bytes: usize,
    pub(crate) flags: Flags,
}

impl Slots {
    pub(crate) fn len(&self) -> usize {
        self.hot.len()
    }

    #[inline]
    pub(crate) fn insert(&mut self, id: GreenThreadId, birth: Birth) -> Key {
        let index = self.hot.insert(|hot| hot.begin(id, birth));
        Key { id, index }
    }

    #[inline]
    pub(crate) fn is_live(&self, key: Key) -> bool {
        self.hot(key).is_some()
    }

    #[inline]
    pub(crate) fn hot(&self, key: Key) -> Option<&Hot> {
        self.hot.get(key.index).filter(|hot| hot.id == key.id)
    }

    #[inline]
    pub(crate) fn hot_mut(&mut self, key: Key) -> Option<&mut Hot> {
        let hot = self.hot.get_mut(key.index);
        hot.filter(|hot| hot.id == key.id)
    }

    /// That of one that is known to live: its task is at hand.
    #[inline]
    pub(crate) fn hot_of_live(&mut self, key: Key) -> &mut Hot {
        let hot = self.hot.at(key.index);
        debug_assert_eq!(hot.id, key.id);
        hot
    }

    /// Both halves, if the green thread lives; the second only if it was ever used.
    pub(crate) fn get(&self, key: Key) -> Option<(&Hot, Option<&Cold>)> {
        Some((self.hot(key)?, self.cold(key.index)))
    }

    /// Both halves, if the green thread lives. Whoever puts something into the second says so in the
    /// flags of the first.
    pub(crate) fn get_mut(&mut self, key: Key) -> Option<(&mut Hot, &mut Cold)> {
        let hot = self.hot.get_mut(key.index);
        let hot = hot.filter(|hot| hot.id == key.id)?;
        let (number, place) = split(key.index);
        if self.cold.len() <= number {
            self.cold.resize_with(number + 1, || None);
        }
        let chunk = self.cold[number]
            .get_or_insert_with(|| Box::new(std::array::from_fn(|_| Cold::default())));
        Some((hot, &mut chunk[place]))
    }

    fn cold(&self, index: u32) -> Option<&Cold> {
        let (number, place) = split(index);
        Some(&self.cold.get(number)?.as_ref()?[place])
    }

    /// Gives the place of a green thread back; what was in its cold half has been taken.
    #[inline]
    pub(crate) fn vacate(&mut self, index: u32) {
        self.hot.remove(index, |hot| hot.id = GreenThreadId(0));
        let (number, _) = split(index);
        if !self.hot.has_chunk(number) {
            self.free(number);
        }
    }

    #[cold]
    fn free(&mut self, number: usize) {
        if let Some(chunk) = self.cold.get_mut(number) {
            *chunk = None;
        }
        if self.hot.chunks() < self.cold.len() {
            self.cold.truncate(self.hot.chunks());
            self.cold.shrink_to_fit();
        }
    }

    /// All that live, by index.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &Hot, Option<&Cold>)> {
        self.hot.iter().map(|(index, hot)| {
            let key = Key { id: hot.id, index };
            (key, hot, self.cold(index))
        })
    }
}
