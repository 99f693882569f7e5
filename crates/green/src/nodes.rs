//! The nodes of a [`WaitList`](crate::wait_list::WaitList): the first one in the list itself, so that a line in which one waiter stands
//! at a time, as most do, is no allocation and no way to elsewhere in memory.

use std::ops::{Index, IndexMut};

/// Nodes by their numbers, which are without gaps.
pub(crate) struct Nodes<N> {
    first: N,
    more: Vec<N>,
}

impl<N> Nodes<N> {
    pub(crate) const fn new(first: N) -> Self {
        Nodes {
            first,
            more: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        1 + self.more.len()
    }

    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&N> {
        match index {
            0 => Some(&self.first),
            _ => self.more.get(index as usize - 1),
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut N> {
        match index {
            0 => Some(&mut self.first),
            _ => self.more.get_mut(index as usize - 1),
        }
    }

    pub(crate) fn push(&mut self, node: N) {
        self.more.push(node);
    }

    /// All but the first are dropped, and their memory is given back.
    pub(crate) fn shrink(&mut self) {
        self.more = Vec::new();
    }
}

impl<N> Index<u32> for Nodes<N> {
    type Output = N;

    #[inline]
    fn index(&self, index: u32) -> &N {
        match index {
            0 => &self.first,
            _ => &self.more[index as usize - 1],
        }
    }
}

impl<N> IndexMut<u32> for Nodes<N> {
    #[inline]
    fn index_mut(&mut self, index: u32) -> &mut N {
        match index {
            0 => &mut self.first,
            _ => &mut self.more[index as usize - 1],
        }
    }
}
