//! The table of slots: both halves of each under one index.
//!
//! The cold halves stand in an [`Arena`], which gives out the indices and knows which are taken; the
//! hot ones stand beside them, chunk for chunk. The hot half of a place that is not taken holds old
//! data without meaning.

use std::panic::Location;

use crate::arena::{Arena, CHUNK, split};
use crate::clock::Nanos;
use crate::task::slot::{Cold, Hot};
use crate::task::{Flags, GreenThreadId, Key};

/// See the module's page.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    cold: Arena<Cold>,
    hot: Vec<Option<Box<[Hot; CHUNK]>>>,
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
        self.cold.len()
    }

    #[inline]
    pub(crate) fn insert(&mut self, id: GreenThreadId, birth: Birth) -> Key {
        let index = self.cold.insert(|cold| cold.id = id);
        let (chunk, place) = split(index);
        match self.hot.get_mut(chunk) {
            Some(Some(hot)) => hot[place].begin(birth),
            _ => self.grow(index, birth),
        }
        Key { id, index }
    }

    #[cold]
    fn grow(&mut self, index: u32, birth: Birth) {
        let (chunk, place) = split(index);
        if self.hot.len() <= chunk {
            self.hot.resize_with(chunk + 1, || None);
        }
        let mut hot: Box<[Hot; CHUNK]> = Box::new(std::array::from_fn(|_| Hot::default()));
        hot[place].begin(birth);
        self.hot[chunk] = Some(hot);
    }

    /// The hot half of a green thread that lives.
    #[inline]
    pub(crate) fn hot(&mut self, index: u32) -> Option<&mut Hot> {
        let (chunk, place) = split(index);
        let chunk = self.hot.get_mut(chunk)?.as_mut()?;
        Some(&mut chunk[place])
    }

    /// Both halves, if the green thread lives.
    pub(crate) fn get(&self, key: Key) -> Option<(&Hot, &Cold)> {
        let cold = self.cold.get(key.index).filter(|cold| cold.id == key.id)?;
        let (chunk, place) = split(key.index);
        let chunk = self.hot.get(chunk)?.as_ref()?;
        Some((&chunk[place], cold))
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, key: Key) -> Option<(&mut Hot, &mut Cold)> {
        let cold = self.cold.get_mut(key.index);
        let cold = cold.filter(|cold| cold.id == key.id)?;
        let (chunk, place) = split(key.index);
        let chunk = self.hot.get_mut(chunk)?.as_mut()?;
        Some((&mut chunk[place], cold))
    }

    #[inline]
    pub(crate) fn is_live(&self, key: Key) -> bool {
        let cold = self.cold.get(key.index);
        cold.is_some_and(|cold| cold.id == key.id)
    }

    /// Gives the place of a green thread back, from which everything that has a destructor has been
    /// taken.
    #[inline]
    pub(crate) fn vacate(&mut self, index: u32) {
        self.cold.remove(index, |cold| cold.id = Cold::NOBODY);
        let (chunk, _) = split(index);
        if !self.cold.has_chunk(chunk) {
            self.free(chunk);
        }
    }

    #[cold]
    fn free(&mut self, chunk: usize) {
        self.hot[chunk] = None;
        if self.cold.chunks() < self.hot.len() {
            self.hot.truncate(self.cold.chunks());
            self.hot.shrink_to_fit();
        }
    }

    /// All that live, by index.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &Hot, &Cold)> {
        self.cold.iter().filter_map(|(index, cold)| {
            let (chunk, place) = split(index);
            let key = Key { id: cold.id, index };
            let chunk = self.hot.get(chunk)?.as_ref()?;
            Some((key, &chunk[place], cold))
        })
    }
}
