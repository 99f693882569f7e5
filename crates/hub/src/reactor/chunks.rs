//! Which place a descriptor has.
//!
//! It is the one with the descriptor's own number: the kernel gives out the lowest that is free, so the
//! numbers of open descriptors lie close together, and no table is needed to find a descriptor's place or a place that
//! is vacant. But somebody may have closed a descriptor behind our back, so that its number is another's while the place still has
//! users; then the newcomer is a *stray* and stands in chunks that are for those.

use std::os::fd::RawFd;
use std::rc::Rc;

use super::place::{Chunk, Place};
use crate::arena::split;
use crate::core::Core;

/// Indices of strays begin here; descriptors have lower numbers.
const STRAYS: u32 = 1 << 31;

/// Chunks in which no place is taken are kept, up to so many.
const KEPT: usize = 5;

/// See the module's page.
#[derive(Default)]
pub(crate) struct Chunks {
    homes: Vec<Option<Rc<Chunk>>>,
    strays: Vec<Option<Rc<Chunk>>>,
    /// Chunks in which no place is taken.
    vacant: usize,
}

impl Chunks {
    /// The chunk of an index.
    #[inline]
    pub(crate) fn of(&self, index: u32) -> Option<&Rc<Chunk>> {
        match self.homes.get(split(index).0) {
            Some(chunk) => chunk.as_ref(),
            None => self.of_stray(index),
        }
    }

    #[cold]
    fn of_stray(&self, index: u32) -> Option<&Rc<Chunk>> {
        let place = index.checked_sub(STRAYS)?;
        self.strays.get(split(place).0)?.as_ref()
    }

    /// Where this descriptor serves.
    pub(crate) fn find(&self, fd: RawFd) -> Option<Place> {
        let home = u32::try_from(fd).ok()?;
        let is_home = |chunk: &&Rc<Chunk>| chunk.spot(home).serves(fd);
        if let Some(chunk) = self.of(home).filter(is_home) {
            return Some(Place::new(Rc::clone(chunk), home));
        }
        self.strays.iter().flatten().find_map(|chunk| {
            let stray = chunk.iter().find(|spot| spot.serves(fd))?;
            Some(Place::new(Rc::clone(chunk), stray.index()))
        })
    }

    /// A vacant place for a descriptor.
    pub(crate) fn vacancy(&self, fd: RawFd) -> u32 {
        let home = fd as u32;
        match self.of(home) {
            Some(chunk) if chunk.spot(home).is_taken() => self.vacancy_for_stray(),
            _ => home,
        }
    }

    #[cold]
    fn vacancy_for_stray(&self) -> u32 {
        let first = split(STRAYS).0;
        let chunks = self.strays.iter().enumerate();
        let mut vacancies = chunks.filter_map(|(number, chunk)| match chunk {
            Some(chunk) => chunk.vacancy(),
            None => Some(Chunk::first_index(first + number)),
        });
        let behind = Chunk::first_index(first + self.strays.len());
        vacancies.next().unwrap_or(behind)
    }

    /// Takes a vacant place for a descriptor.
    pub(crate) fn take(
        &mut self,
        index: u32,
        core: &Rc<Core>,
        fd: RawFd,
        generation: u32,
    ) -> Place {
        let (list, number) = self.list_of(split(index).0);
        if list.len() <= number {
            list.resize(number + 1, None);
        }
        let mut is_new = false;
        let chunk = list[number].get_or_insert_with(|| {
            is_new = true;
            Chunk::new(split(index).0, Rc::downgrade(core))
        });
        let (chunk, was_vacant) = (Rc::clone(chunk), !is_new && chunk.is_vacant());
        self.vacant -= usize::from(was_vacant);
        let place = Place::new(chunk, index);
        place.begin(fd, generation);
        place
    }

    /// A place of this chunk has been left.
    pub(crate) fn one_less(&mut self, chunk: &Chunk) {
        if !chunk.is_vacant() {
            return;
        }
        if self.vacant < KEPT {
            self.vacant += 1;
            return;
        }
        let (list, number) = self.list_of(chunk.number());
        list[number] = None;
        let used = list.iter().rposition(Option::is_some);
        list.truncate(used.map_or(0, |last| last + 1));
    }

    /// Where the chunk with this number is listed.
    fn list_of(&mut self, number: usize) -> (&mut Vec<Option<Rc<Chunk>>>, usize) {
        match number.checked_sub(split(STRAYS).0) {
            None => (&mut self.homes, number),
            Some(number) => (&mut self.strays, number),
        }
    }

    /// How many there are, with gaps.
    pub(crate) fn len(&self) -> usize {
        self.homes.len() + self.strays.len()
    }

    /// One of them, in any order.
    pub(crate) fn nth(&self, n: usize) -> Option<&Rc<Chunk>> {
        let mut all = self.homes.iter().chain(&self.strays);
        all.nth(n)?.as_ref()
    }
}
