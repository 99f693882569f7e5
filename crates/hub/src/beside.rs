//! More of what an [`Arena`](crate::arena) holds, kept beside it and only where it is needed.
//!
//! Some entries of a table have something that most have not. It stands under the same index in chunks of
//! its own, and such a chunk is made when the first entry of the arena's chunk needs it. So what nobody
//! has costs nothing, and what all have costs its size.

use crate::arena::{CHUNK, split};

/// See the module's page. A place that nobody has used holds the default.
#[derive(Debug)]
pub(crate) struct Beside<T> {
    chunks: Vec<Option<Box<[T; CHUNK]>>>,
}

impl<T> Default for Beside<T> {
    fn default() -> Self {
        Beside { chunks: Vec::new() }
    }
}

impl<T: Default> Beside<T> {
    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        let (number, place) = split(index);
        Some(&self.chunks.get(number)?.as_ref()?[place])
    }

    #[inline]
    pub(crate) fn get_or_make(&mut self, index: u32) -> &mut T {
        let (number, place) = split(index);
        if self.chunks.len() <= number {
            self.chunks.resize_with(number + 1, || None);
        }
        let chunk = self.chunks[number]
            .get_or_insert_with(|| Box::new(std::array::from_fn(|_| T::default())));
        &mut chunk[place]
    }

    /// Frees the chunk beside the arena's one with this number, and forgets all after the first
    /// `chunks`.
    pub(crate) fn free(&mut self, number: usize, chunks: usize) {
        if let Some(chunk) = self.chunks.get_mut(number) {
            *chunk = None;
        }
        if chunks < self.chunks.len() {
            self.chunks.truncate(chunks);
            self.chunks.shrink_to_fit();
        }
    }
}
