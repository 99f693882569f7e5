//! A table with small, stable indices whose memory goes back when its entries do.
//!
//! The hub keeps three kinds of thing by index: green threads, timers and registered descriptors.
//! A plain `Vec` with a free list would do, but it never shrinks: a hub that once held a million
//! timers would hold their memory for ever (promise B-4). So entries live in chunks, and a chunk
//! whose last entry left is freed, save for a few that are kept: a thousand green threads that come
//! and go in waves would otherwise pay for the same memory with each wave.
//!
//! Insert, remove and look-up are O(1). Indices are reused; who stores one keeps a generation (an
//! id, a sequence number) in the entry and compares it.

/// Entries in a chunk; a power of two.
const CHUNK: usize = 256;
/// Vacant entries that are kept.
const SPARE: usize = 8 * CHUNK;
const NONE: u32 = u32::MAX;

#[derive(Debug)]
enum Entry<T> {
    /// The next vacant entry of the same chunk.
    Vacant(u32),
    Occupied(T),
}

#[derive(Debug)]
struct Chunk<T> {
    // An array, so that an index below its length needs no check.
    entries: Box<[Entry<T>; CHUNK]>,
    vacant: u32,
    used: u32,
}

impl<T> Chunk<T> {
    fn new() -> Self {
        let entries: Box<[Entry<T>]> = (1..=CHUNK as u32)
            .map(|next| Entry::Vacant(if next == CHUNK as u32 { NONE } else { next }))
            .collect();
        let Ok(entries) = entries.try_into() else {
            unreachable!("as many entries as the array has were made")
        };
        Chunk {
            entries,
            vacant: 0,
            used: 0,
        }
    }
}

/// See the module's page.
#[derive(Debug)]
pub(crate) struct Arena<T> {
    chunks: Vec<Option<Chunk<T>>>,
    /// Chunks that may have room; the top is tried first. May name a chunk that is full or gone:
    /// such entries are dropped when they come to the top.
    roomy: Vec<u32>,
    /// Numbers of chunks that were freed.
    freed: Vec<u32>,
    len: usize,
}

impl<T> Arena<T> {
    pub(crate) const fn new() -> Self {
        Arena {
            chunks: Vec::new(),
            roomy: Vec::new(),
            freed: Vec::new(),
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The index that the next [`insert`](Self::insert) will use.
    pub(crate) fn next_index(&mut self) -> u32 {
        loop {
            if let Some(&number) = self.roomy.last()
                && let Some(chunk) = &self.chunks[number as usize]
                && chunk.vacant != NONE
            {
                return number * CHUNK as u32 + chunk.vacant;
            }
            self.make_room();
        }
    }

    /// Puts `value` into the table and tells its index.
    #[inline]
    pub(crate) fn insert(&mut self, value: T) -> u32 {
        loop {
            if let Some(&number) = self.roomy.last()
                && let Some(chunk) = &mut self.chunks[number as usize]
                && let Some(entry) = chunk.entries.get_mut(chunk.vacant as usize)
                && let Entry::Vacant(next) = *entry
            {
                let place = std::mem::replace(&mut chunk.vacant, next);
                chunk.used += 1;
                *entry = Entry::Occupied(value);
                self.len += 1;
                return number * CHUNK as u32 + place;
            }
            self.make_room();
        }
    }

    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        let chunk = self.chunks.get(index as usize / CHUNK)?.as_ref()?;
        match &chunk.entries[index as usize % CHUNK] {
            Entry::Occupied(value) => Some(value),
            Entry::Vacant(_) => None,
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        let chunk = self.chunks.get_mut(index as usize / CHUNK)?.as_mut()?;
        match &mut chunk.entries[index as usize % CHUNK] {
            Entry::Occupied(value) => Some(value),
            Entry::Vacant(_) => None,
        }
    }

    pub(crate) fn remove(&mut self, index: u32) -> Option<T> {
        let number = index / CHUNK as u32;
        let chunk = self.chunks.get_mut(number as usize)?.as_mut()?;
        let entry = &mut chunk.entries[index as usize % CHUNK];
        if matches!(entry, Entry::Vacant(_)) {
            return None;
        }
        let Entry::Occupied(value) = std::mem::replace(entry, Entry::Vacant(chunk.vacant)) else {
            unreachable!("checked above")
        };
        self.vacated(index);
        Some(value)
    }

    /// Removes an entry after `take` has taken out of it what is still wanted: a large entry is not
    /// moved. What `take` leaves is dropped here, so it must not hold values of users.
    #[inline]
    pub(crate) fn remove_with<R>(
        &mut self,
        index: u32,
        take: impl FnOnce(&mut T) -> R,
    ) -> Option<R> {
        let number = index / CHUNK as u32;
        let chunk = self.chunks.get_mut(number as usize)?.as_mut()?;
        let entry = &mut chunk.entries[index as usize % CHUNK];
        let Entry::Occupied(value) = entry else {
            return None;
        };
        let taken = take(value);
        *entry = Entry::Vacant(chunk.vacant);
        self.vacated(index);
        Some(taken)
    }

    /// The bookkeeping after an entry was made vacant.
    #[inline]
    fn vacated(&mut self, index: u32) {
        let number = index / CHUNK as u32;
        let Some(chunk) = &mut self.chunks[number as usize] else {
            return;
        };
        let was_full = chunk.vacant == NONE;
        chunk.vacant = index % CHUNK as u32;
        chunk.used -= 1;
        self.len -= 1;
        if chunk.used == 0 && self.vacancies() > SPARE {
            self.free(number);
        } else if was_full {
            self.roomy.push(number);
        }
    }

    #[cold]
    fn free(&mut self, number: u32) {
        self.chunks[number as usize] = None;
        self.freed.push(number);
        if self.len == 0 {
            self.roomy.retain(|&n| self.chunks[n as usize].is_some());
        }
    }

    /// The occupied entries, by index.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.chunks.iter().enumerate().flat_map(|(number, chunk)| {
            let entries = chunk.iter().flat_map(|c| c.entries.iter());
            entries
                .enumerate()
                .filter_map(move |(place, entry)| match entry {
                    Entry::Occupied(value) => Some(((number * CHUNK + place) as u32, value)),
                    Entry::Vacant(_) => None,
                })
        })
    }

    /// Empties the table and hands its entries over, by index.
    pub(crate) fn take_all(&mut self) -> Vec<T> {
        let old = std::mem::replace(self, Arena::new());
        let chunks = old.chunks.into_iter().flatten();
        chunks
            .flat_map(|c| (c.entries as Box<[Entry<T>]>).into_vec())
            .filter_map(|entry| match entry {
                Entry::Occupied(value) => Some(value),
                Entry::Vacant(_) => None,
            })
            .collect()
    }

    fn vacancies(&self) -> usize {
        (self.chunks.len() - self.freed.len()) * CHUNK - self.len
    }

    /// Sees to it that the chunk on top of those with room has some.
    #[cold]
    fn make_room(&mut self) {
        while let Some(&number) = self.roomy.last() {
            match &self.chunks[number as usize] {
                Some(chunk) if chunk.vacant != NONE => return,
                _ => {
                    self.roomy.pop();
                }
            }
        }
        let number = match self.freed.pop() {
            Some(number) => {
                self.chunks[number as usize] = Some(Chunk::new());
                number
            }
            None => {
                self.chunks.push(Some(Chunk::new()));
                (self.chunks.len() - 1) as u32
            }
        };
        self.roomy.push(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_reused_and_chunks_given_back() {
        let mut arena = Arena::new();
        let all: Vec<u32> = (0..10_000).map(|n| arena.insert(n)).collect();
        assert_eq!(arena.len(), 10_000);
        assert!(
            all.iter()
                .enumerate()
                .all(|(n, &i)| arena.get(i) == Some(&n))
        );
        for &index in &all[1..] {
            assert!(arena.remove(index).is_some());
            assert!(arena.remove(index).is_none(), "removed once only");
        }
        assert!(
            arena.chunks.iter().flatten().count() <= SPARE / CHUNK + 1,
            "the survivor's chunk and the spare ones stay"
        );
        assert_eq!(arena.get(all[0]), Some(&0));
        let next = arena.next_index();
        assert_eq!(arena.insert(7), next);
        for n in 0..5_000 {
            arena.insert(n);
        }
        assert_eq!(arena.iter().count(), 5_002);
        assert_eq!(arena.take_all().len(), 5_002);
        assert_eq!(arena.len(), 0);
    }
}
