//! Where a queue keeps its items, and in which order they come out.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;

use evlet_hub::wait::WaitKind;

use crate::semaphore::Permits;

/// The order in which a [`BaseQueue`](crate::queue::BaseQueue) gives its items out.
///
/// Sealed: an order works while its queue is in use, so it is for code that cannot call the queue.
pub trait Order: Default + sealed::Sealed {
    /// What is ordered.
    type Item;
    /// What the joinable queue of this order is called.
    #[doc(hidden)]
    const NAME: &'static str;
    /// What the hub is told of those who wait.
    #[doc(hidden)]
    const KIND: WaitKind = WaitKind::Queue;

    /// Takes an item in.
    #[doc(hidden)]
    fn push(&mut self, item: Self::Item);

    /// Gives out the item whose turn it is.
    #[doc(hidden)]
    fn pop(&mut self) -> Option<Self::Item>;

    /// How many items are inside.
    #[doc(hidden)]
    fn count(&self) -> usize;
}

mod sealed {
    pub trait Sealed {}
    impl<T> Sealed for super::Fifo<T> {}
    impl<T> Sealed for super::Lifo<T> {}
    impl<T: Ord> Sealed for super::Smallest<T> {}
    impl Sealed for super::Permits {}
}

/// A buffer with room for more items than this is given back when it is empty.
const KEPT: usize = 1024;

/// First in, first out.
pub struct Fifo<T>(VecDeque<T>);

impl<T> Fifo<T> {
    /// A buffer that is large is given back when it is empty.
    #[inline(never)]
    fn give_back(&mut self) {
        if self.0.is_empty() && size_of::<T>() > 0 {
            self.0 = VecDeque::new();
        }
    }
}

impl<T> Order for Fifo<T> {
    type Item = T;
    const NAME: &'static str = "Queue";

    #[inline]
    fn push(&mut self, item: T) {
        self.0.push_back(item);
    }

    #[inline]
    fn pop(&mut self) -> Option<T> {
        let item = self.0.pop_front();
        if self.0.capacity() > KEPT {
            self.give_back();
        }
        item
    }

    #[inline]
    fn count(&self) -> usize {
        self.0.len()
    }
}

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Fifo(VecDeque::new())
    }
}

/// Last in, first out: the newest item comes out first.
pub struct Lifo<T>(Vec<T>);

impl<T> Order for Lifo<T> {
    type Item = T;
    const NAME: &'static str = "LifoQueue";

    #[inline]
    fn push(&mut self, item: T) {
        self.0.push(item);
    }

    #[inline]
    fn pop(&mut self) -> Option<T> {
        let item = self.0.pop();
        if self.0.capacity() > KEPT && self.0.is_empty() && size_of::<T>() > 0 {
            self.0 = Vec::new();
        }
        item
    }

    #[inline]
    fn count(&self) -> usize {
        self.0.len()
    }
}

impl<T> Default for Lifo<T> {
    fn default() -> Self {
        Lifo(Vec::new())
    }
}

/// The smallest item comes out first; equal ones in the order in which they went in.
///
/// A tree and not a heap: it compares only when an item goes in, and before it changes anything. So
/// a comparison that panics leaves the queue as it was, and `get` runs no code of the user.
pub struct Smallest<T> {
    items: BTreeSet<(T, u64)>,
    /// How many were ever put: what tells equal ones apart. At a billion a second it lasts for 584
    /// years.
    seen: u64,
}

impl<T: Ord> Order for Smallest<T> {
    type Item = T;
    const NAME: &'static str = "PriorityQueue";

    fn push(&mut self, item: T) {
        self.items.insert((item, self.seen));
        self.seen += 1;
    }

    fn pop(&mut self) -> Option<T> {
        self.items.pop_first().map(|(item, _)| item)
    }

    fn count(&self) -> usize {
        self.items.len()
    }
}

impl<T> Default for Smallest<T> {
    fn default() -> Self {
        Smallest {
            items: BTreeSet::new(),
            seen: 0,
        }
    }
}

/// The items are the user's, and may not be printable: only their number is shown.
macro_rules! debug_as_number {
    ($($order:ident),*) => {$(
        impl<T> fmt::Debug for $order<T>
        where
            Self: Order,
        {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($order))
                    .field("items", &self.count())
                    .finish()
            }
        }
    )*};
}

debug_as_number!(Fifo, Lifo, Smallest);
