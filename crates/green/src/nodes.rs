//! The nodes of a [`WaitList`](crate::wait_list::WaitList): the first one in the list itself, so that a line in which one waiter stands
//! at a time, as most do, is no allocation and no way to elsewhere in memory.

use std::ops::{Index, IndexMut};

/// In place of a node's number: there is none.
pub(crate) const NONE: u32 = u32::MAX;

/// In place of who stands before a node: it was called, and stands in line no more.
pub(crate) const CALLED: u32 = u32::MAX - 1;

/// A place in the line.
pub(crate) struct Node<T, W> {
    /// Who stands before it in line; [`CALLED`] for one that was called.
    pub(crate) before: u32,
    /// The next in line; for a free node, the next free one.
    pub(crate) after: u32,
    pub(crate) waker: Option<W>,
    pub(crate) load: Option<T>,
}

impl<T, W> Node<T, W> {
    pub(crate) const FREE: Self = Node {
        before: NONE,
        after: NONE,
        waker: None,
        load: None,
    };

    /// Makes something of a free node, field by field: one that is put together first and then moved makes the
    /// processor wait for its own stores.
    #[inline(always)]
    pub(crate) fn fill(&mut self, before: u32, after: u32, waker: Option<W>, load: T) {
        self.before = before;
        self.after = after;
        // In a free node nothing is left that must be dropped, and to look for it would cost.
        std::mem::forget(std::mem::replace(&mut self.waker, waker));
        std::mem::forget(self.load.replace(load));
    }
}

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
