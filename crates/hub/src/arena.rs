//! A table with small, stable indices whose memory goes back when its entries do.
//!
//! The hub keeps two kinds of thing by an index of its own: green threads and timers.
//! A plain `Vec` with a free list would do, but it never shrinks: a hub that once held a million
//! timers would hold their memory for ever (promise B-4). So entries live in chunks, and a chunk
//! whose last entry left is freed, save for a few that are kept: a thousand green threads that come
//! and go in waves would otherwise pay for the same memory with each wave.
//!
//! Entries are filled and emptied where they stand, and a vacant one holds the default of its type. Moving
//! an entry of a few words in or out looks free and was a third of a whole spawn: the processor cannot
//! read with one wide load what two narrow stores have just written, and waits.
//!
//! Insert, remove and look-up are O(1). Indices are reused; who stores one keeps a generation (an
//! id, a sequence number) in the entry and compares it.

/// Entries in a chunk; a power of two.
pub(crate) const CHUNK: usize = 256;
/// Vacant entries that are kept.
const SPARE: usize = 5 * CHUNK;
/// The end of a chunk's list of vacant entries.
const NONE: u16 = u16::MAX;
/// In place of the next vacant entry: this one is taken.
const TAKEN: u16 = NONE - 1;

const _: () = assert!(CHUNK < TAKEN as usize);

// Arrays, so that an index below their length needs no check.
#[derive(Debug)]
struct Chunk<T> {
    entries: [T; CHUNK],
    /// For each entry the next vacant one of the chunk, or [`TAKEN`].
    next: [u16; CHUNK],
    vacant: u16,
    used: u32,
    /// Whether it stands in the list of those that may have room.
    is_listed: bool,
}

impl<T: Default> Chunk<T> {
    fn new() -> Box<Self> {
        Box::new(Chunk {
            entries: std::array::from_fn(|_| T::default()),
            next: std::array::from_fn(|place| match place + 1 {
                CHUNK => NONE,
                next => next as u16,
            }),
            vacant: 0,
            used: 0,
            is_listed: true,
        })
    }
}

/// See the module's page.
#[derive(Debug)]
pub(crate) struct Arena<T> {
    chunks: Vec<Option<Box<Chunk<T>>>>,
    /// Chunks that may have room, each once; the top is tried first. May name a chunk that is full or gone:
    /// such entries are dropped when they come to the top.
    roomy: Vec<u32>,
    /// Numbers of chunks that were freed.
    freed: Vec<u32>,
    /// Chunks that have memory.
    living: usize,
    len: usize,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vacated {
    /// It stays.
    No,
    /// It is vacant.
    Yes,
    /// And the chunk with this number is freed.
    WithChunk(usize),
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Arena::new()
    }
}

/// The number of its chunk and the place there.
#[inline]
pub(crate) fn split(index: u32) -> (usize, usize) {
    (index as usize / CHUNK, index as usize % CHUNK)
}

impl<T> Arena<T> {
    pub(crate) const fn new() -> Self {
        Arena {
            chunks: Vec::new(),
            roomy: Vec::new(),
            freed: Vec::new(),
            living: 0,
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        let (number, place) = split(index);
        let chunk = self.chunks.get(number)?.as_ref()?;
        (chunk.next[place] == TAKEN).then(|| &chunk.entries[place])
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        let (number, place) = split(index);
        let chunk = self.chunks.get_mut(number)?.as_mut()?;
        (chunk.next[place] == TAKEN).then(|| &mut chunk.entries[place])
    }

    /// The entry at an index, taken or vacant, if its chunk is there: for entries that tell themselves
    /// which they are.
    #[inline]
    pub(crate) fn place(&self, index: u32) -> Option<&T> {
        let (number, place) = split(index);
        let chunk = self.chunks.get(number)?.as_ref()?;
        Some(&chunk.entries[place])
    }

    /// The occupied entries, by index.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        let chunks = self.chunks.iter().enumerate();
        let chunks = chunks.filter_map(|(number, chunk)| Some((number, chunk.as_ref()?)));
        chunks.flat_map(|(number, chunk)| {
            let places = chunk.next.iter().zip(&chunk.entries).enumerate();
            let taken = places.filter(|(_, (next, _))| **next == TAKEN);
            taken.map(move |(place, (_, entry))| ((number * CHUNK + place) as u32, entry))
        })
    }
}

impl<T: Default> Arena<T> {
    /// Takes a vacant entry, which `fill` makes of the default value, and tells its index.
    #[inline]
    pub(crate) fn insert(&mut self, fill: impl FnOnce(&mut T)) -> u32 {
        loop {
            if let Some(&number) = self.roomy.last()
                && let Some(chunk) = self.chunks[number as usize].as_deref_mut()
                && let Some(next) = chunk.next.get_mut(usize::from(chunk.vacant))
            {
                let place = std::mem::replace(&mut chunk.vacant, *next);
                *next = TAKEN;
                chunk.used += 1;
                self.len += 1;
                fill(&mut chunk.entries[usize::from(place) % CHUNK]);
                return number * CHUNK as u32 + u32::from(place);
            }
            self.make_room();
        }
    }

    /// Vacates an entry, after `empty` has taken out of it what is still wanted and made it a default
    /// value again.
    #[inline]
    pub(crate) fn remove<R>(&mut self, index: u32, empty: impl FnOnce(&mut T) -> R) -> Option<R> {
        let (number, place) = split(index);
        let chunk = self.chunks.get(number)?.as_ref()?;
        if chunk.next[place] != TAKEN {
            return None;
        }
        let mut emptied = None;
        self.vacate_if(index, |entry| {
            emptied = Some(empty(entry));
            true
        });
        emptied
    }

    /// Vacates an entry that is known to be taken, if `empty` says so; then it has made it a default
    /// value again.
    ///
    /// # Panics
    /// When its chunk is not there.
    #[inline]
    pub(crate) fn vacate_if(&mut self, index: u32, empty: impl FnOnce(&mut T) -> bool) -> Vacated {
        let (number, place) = split(index);
        let Some(chunk) = self.chunks[number].as_deref_mut() else {
            unreachable!("an entry that is taken keeps its chunk")
        };
        if !empty(&mut chunk.entries[place]) {
            return Vacated::No;
        }
        let vacant = std::mem::replace(&mut chunk.vacant, place as u16);
        chunk.next[place] = vacant;
        chunk.used -= 1;
        self.len -= 1;
        if chunk.used == 0 {
            return self.free_when_many(number);
        }
        if !chunk.is_listed {
            chunk.is_listed = true;
            self.list_as_roomy(number);
        }
        Vacated::Yes
    }

    /// The chunk is empty.
    #[cold]
    fn free_when_many(&mut self, number: usize) -> Vacated {
        if self.vacancies() <= SPARE {
            return Vacated::Yes;
        }
        self.free(number);
        Vacated::WithChunk(number)
    }

    /// The chunk was full.
    #[cold]
    fn list_as_roomy(&mut self, number: usize) {
        self.roomy.push(number as u32);
    }

    /// Empties the table and hands its entries over, by index.
    pub(crate) fn take_all(&mut self) -> Vec<T> {
        let old = std::mem::take(self);
        let chunks = old.chunks.into_iter().flatten();
        chunks
            .flat_map(|chunk| chunk.entries.into_iter().zip(chunk.next))
            .filter_map(|(entry, next)| (next == TAKEN).then_some(entry))
            .collect()
    }

    #[cold]
    fn free(&mut self, number: usize) {
        self.chunks[number] = None;
        self.living -= 1;
        self.freed.push(number as u32);
        let used = self.chunks.iter().rposition(Option::is_some);
        let used = used.map_or(0, |last| last + 1);
        if used < self.chunks.len() / 2 {
            // The lists of chunks shrink with what they list.
            self.chunks.truncate(used);
            self.chunks.shrink_to_fit();
            let chunks = &self.chunks;
            let there = |n: &u32| chunks.get(*n as usize).is_some_and(Option::is_some);
            self.roomy.retain(there);
            self.roomy.shrink_to_fit();
            self.freed.retain(|n| (*n as usize) < used);
            self.freed.shrink_to_fit();
        }
    }

    fn vacancies(&self) -> usize {
        self.living * CHUNK - self.len
    }

    /// How many chunks are listed, with memory or without.
    pub(crate) fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// Sees to it that the chunk on top of those with room has some.
    #[cold]
    fn make_room(&mut self) {
        while let Some(&number) = self.roomy.last() {
            if let Some(chunk) = &mut self.chunks[number as usize] {
                if chunk.vacant != NONE {
                    return;
                }
                chunk.is_listed = false;
            }
            self.roomy.pop();
        }
        self.living += 1;
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
        let all: Vec<u32> = (0..10_000).map(|n| arena.insert(|e| *e = n)).collect();
        assert_eq!(arena.len(), 10_000);
        assert!(
            all.iter()
                .enumerate()
                .all(|(n, &i)| arena.get(i) == Some(&n))
        );
        for &index in &all[1..] {
            assert!(arena.remove(index, std::mem::take).is_some());
            assert!(
                arena.remove(index, std::mem::take).is_none(),
                "removed once only"
            );
            assert!(arena.get(index).is_none(), "gone");
        }
        assert!(
            arena.chunks.iter().flatten().count() <= SPARE / CHUNK + 1,
            "the survivor's chunk and the spare ones stay"
        );
        assert_eq!(arena.get(all[0]), Some(&0));
        for n in 0..5_001 {
            arena.insert(|e| *e = n);
        }
        assert_eq!(arena.iter().count(), 5_002);
        assert_eq!(arena.take_all().len(), 5_002);
        assert_eq!(arena.len(), 0);
    }

    // proves A-12
    #[test]
    fn a_chunk_that_fills_and_has_room_again_is_listed_once() {
        let mut arena = Arena::new();
        let all: Vec<u32> = (0..2 * CHUNK).map(|n| arena.insert(|e| *e = n)).collect();
        for n in 0..1000 {
            // One that comes and goes where all others stay, in this chunk and in that.
            let index = all[n % 2 * CHUNK];
            assert!(arena.remove(index, std::mem::take).is_some());
            assert_eq!(arena.insert(|e| *e = n), index);
        }
        assert!(arena.roomy.len() <= arena.chunks.len());
    }
}
