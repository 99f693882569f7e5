//! The line in which waiters stand.
//!
//! A waiter is a place in a slab: nodes that point at each other by index. Joining,
//! leaving from anywhere and calling the first are O(1), need no `unsafe`, and after the first few
//! waits no allocation, none at all while only one waits: a node that was left is the next one to be taken,
//! and the first is in the list itself ([`Nodes`]). The future that waits
//! owns the [`Key`] of its node and gives it back when it is done or dropped, so the line cannot
//! grow through waits that were given up (promise D-5).
//!
//! A node goes through three states:
//!
//! ```text
//! free ── push ──> in line ── call_first, call_all ──> called ── leave_called, remove ──> free
//!                     └───────────────── remove ─────────────────────────────────────────^
//! ```
//!
//! *Called* means: it is your turn, come and get it. What it is that the waiter gets (an item, room,
//! a permit) stays with the primitive, which counts it as promised. Nothing is handed over before
//! the waiter is polled, so a called waiter that is dropped has nothing to give back but the promise.
//!
//! The list is plain data inside its primitive's `RefCell`. It never runs user code: a green thread
//! is woken at once, which puts it into the hub's queue and does no more; wakers of other libraries
//! go into [`Wakers`], to be woken when the borrow is over.

use std::fmt;
use std::task::Context;

use evlet_hub::wait::LocalWaker;

use crate::nodes::{CALLED, NONE, Node, Nodes};
use crate::wakers::{Wakers, Wakes};

/// The right to one place in the line. Not `Clone`: whoever holds it is the waiter.
#[derive(Debug)]
pub(crate) struct Key(u32);

/// A line of waiters, first come, first called. Each place carries a `T`.
///
/// `W` wakes them: a [`LocalWaker`], or where a line is shared by threads a [`Waker`](std::task::Waker).
pub(crate) struct WaitList<T, W = LocalWaker> {
    nodes: Nodes<Node<T, W>>,
    in_line: u32,
    free: u32,
    first: u32,
    last: u32,
    /// Not beside `in_line`: the two would be changed by one wide load and store, which waits for the narrow ones
    /// before it.
    called: u32,
}

/// What a waiter takes along when it leaves. Drop it after the borrow of the list has ended.
pub(crate) struct Left<T, W = LocalWaker> {
    pub(crate) was_called: bool,
    pub(crate) load: Option<T>,
    _waker: Option<W>,
}

/// A slab of more nodes than this is given back when the last waiter leaves.
const KEPT: usize = 64;

impl<T, W: Wakes> WaitList<T, W> {
    pub(crate) const fn new() -> Self {
        WaitList {
            nodes: Nodes::new(Node::FREE),
            free: 0,
            first: NONE,
            last: NONE,
            in_line: 0,
            called: 0,
        }
    }

    /// How many stand in line and have not been called.
    pub(crate) fn len(&self) -> usize {
        self.in_line as usize
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.in_line == 0
    }

    /// How many have been called and have not come yet.
    pub(crate) fn called(&self) -> usize {
        self.called as usize
    }

    /// How many wait: in line, or called and not yet polled.
    pub(crate) fn alive(&self) -> usize {
        (self.in_line + self.called) as usize
    }

    /// Joins the line at its end.
    #[inline]
    pub(crate) fn push_back(&mut self, waker: W, load: T) -> Key {
        let last = self.last;
        let index = self.take_node(last, NONE, Some(waker), load);
        match last {
            NONE => self.first = index,
            _ => self.nodes[last].after = index,
        }
        self.last = index;
        Key(index)
    }

    /// [`push_back`](Self::push_back) if a node is free. Otherwise nothing happens, and `load` is not called. So it
    /// calls nothing that may allocate or panic, for the sake of [`waiting`](crate::waiting).
    #[inline(always)]
    pub(crate) fn push_back_if_free(&mut self, waker: W, load: impl FnOnce() -> T) -> Option<Key> {
        let (index, last) = (self.free, self.last);
        let node = self.nodes.get_mut(index)?;
        self.free = node.after;
        node.fill(last, NONE, Some(waker), load());
        self.in_line += 1;
        match self.nodes.get_mut(last) {
            None => self.first = index,
            Some(node) => node.after = index,
        }
        self.last = index;
        Some(Key(index))
    }

    /// Joins the line at its front, for a waiter that was called in vain. Its waker is set by
    /// [`renew`](Self::renew).
    pub(crate) fn push_front(&mut self, load: T) -> Key {
        let first = self.first;
        let index = self.take_node(NONE, first, None, load);
        match first {
            NONE => self.last = index,
            _ => self.nodes[first].before = index,
        }
        self.first = index;
        Key(index)
    }

    /// Replaces the waker; the old one is returned, to be dropped after the borrow.
    pub(crate) fn renew(&mut self, key: &Key, waker: W) -> Option<W> {
        self.nodes[key.0].waker.replace(waker)
    }

    #[inline]
    pub(crate) fn is_called(&self, key: &Key) -> bool {
        self.nodes[key.0].before == CALLED
    }

    /// What the first in line carries.
    pub(crate) fn first_load(&mut self) -> Option<&mut T> {
        let first = self.nodes.get_mut(self.first)?;
        first.load.as_mut()
    }

    /// What those in line carry, in order.
    pub(crate) fn loads(&self) -> impl Iterator<Item = &T> {
        let mut next = self.first;
        std::iter::from_fn(move || {
            let node = self.nodes.get(next)?;
            next = node.after;
            Some(node.load.as_ref())
        })
        .flatten()
    }

    /// Calls the first in line; whether there was one.
    #[inline]
    pub(crate) fn call_first(&mut self, wakers: &mut Wakers<W>) -> bool {
        self.call_first_if(wakers, |_| true)
    }

    /// Calls the first in line if `has_its_turn` says so of what it carries; whether it did.
    #[inline]
    pub(crate) fn call_first_if(
        &mut self,
        wakers: &mut Wakers<W>,
        has_its_turn: impl FnOnce(&Option<T>) -> bool,
    ) -> bool {
        let Some(node) = self.nodes.get_mut(self.first) else {
            return false;
        };
        if !has_its_turn(&node.load) {
            return false;
        }
        node.before = CALLED;
        let waker = node.waker.take();
        let after = node.after;
        self.first = after;
        match self.nodes.get_mut(after) {
            None => self.last = NONE,
            Some(next) => next.before = NONE,
        }
        self.in_line -= 1;
        self.called += 1;
        if let Some(waker) = waker {
            wakers.push(waker);
        }
        true
    }

    /// Calls everybody who is in line now.
    #[inline]
    pub(crate) fn call_all(&mut self, wakers: &mut Wakers<W>) {
        while !self.is_empty() {
            self.call_first(wakers);
        }
    }

    /// Wakes everybody in line without calling anybody: they keep their places and look for
    /// themselves.
    pub(crate) fn wake_all(&mut self, wakers: &mut Wakers<W>) {
        let mut next = self.first;
        while let Some(node) = self.nodes.get_mut(next) {
            next = node.after;
            if let Some(waker) = node.waker.take() {
                wakers.push(waker);
            }
        }
    }

    /// Leaves after a call. There is no waker to be dropped: it went with the call.
    #[inline]
    pub(crate) fn leave_called(&mut self, key: Key) -> Option<T> {
        debug_assert!(self.is_called(&key));
        self.called -= 1;
        let node = self.free(key.0);
        debug_assert!(node.waker.is_none());
        let load = node.load.take();
        self.shrink_if_large();
        load
    }

    /// Leaves, from the line or after a call.
    pub(crate) fn remove(&mut self, key: Key) -> Left<T, W> {
        let index = key.0;
        let was_called = self.is_called(&key);
        match was_called {
            true => self.called -= 1,
            false => self.unlink(index),
        }
        let node = self.free(index);
        let left = Left {
            was_called,
            load: node.load.take(),
            _waker: node.waker.take(),
        };
        self.shrink_if_large();
        left
    }

    /// Puts a node among the free ones. What is in it is for the caller to take out.
    #[inline]
    fn free(&mut self, index: u32) -> &mut Node<T, W> {
        let node = &mut self.nodes[index];
        node.after = self.free;
        self.free = index;
        node
    }

    #[inline]
    fn shrink_if_large(&mut self) {
        if self.nodes.len() > KEPT && self.in_line + self.called == 0 {
            self.give_back();
        }
    }

    /// All nodes are free, so this drops no user's value.
    #[cold]
    fn give_back(&mut self) {
        self.nodes.shrink();
        self.nodes[0].after = NONE;
        self.free = 0;
    }

    #[inline]
    fn take_node(&mut self, before: u32, after: u32, waker: Option<W>, load: T) -> u32 {
        self.in_line += 1;
        let index = self.free;
        let Some(node) = self.nodes.get_mut(index) else {
            return self.add_node(before, after, waker, load);
        };
        self.free = node.after;
        node.fill(before, after, waker, load);
        index
    }

    #[cold]
    fn add_node(&mut self, before: u32, after: u32, waker: Option<W>, load: T) -> u32 {
        let node = Node {
            before,
            after,
            waker,
            load: Some(load),
        };
        // A node is larger than 32 bytes: memory ends long before the numbers do.
        let index = self.nodes.len() as u32;
        self.nodes.push(node);
        index
    }

    #[cold]
    fn unlink(&mut self, index: u32) {
        let Node { before, after, .. } = self.nodes[index];
        match before {
            NONE => self.first = after,
            _ => self.nodes[before].after = after,
        }
        match after {
            NONE => self.last = before,
            _ => self.nodes[after].before = before,
        }
        self.in_line -= 1;
    }
}

impl<T> WaitList<T> {
    /// Whether `key`'s waiter would be woken through the waker of `cx`.
    #[inline]
    pub(crate) fn has_waker(&self, key: &Key, cx: &Context<'_>) -> bool {
        let stored = &self.nodes[key.0].waker;
        stored.as_ref().is_some_and(|own| own.will_wake(cx))
    }
}

impl<T, W: Wakes> fmt::Debug for WaitList<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitList")
            .field("in_line", &self.in_line)
            .field("called", &self.called())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn line(list: &WaitList<char>) -> String {
        list.loads().collect()
    }

    fn waker() -> LocalWaker {
        LocalWaker::new(&Context::from_waker(Waker::noop()))
    }

    fn push(list: &mut WaitList<char>, load: char) -> Key {
        list.push_back(waker(), load)
    }

    #[test]
    fn first_come_first_called_and_any_may_leave() {
        let mut list = WaitList::new();
        let [a, b, c, d] = ['a', 'b', 'c', 'd'].map(|load| push(&mut list, load));
        assert_eq!(line(&list), "abcd");
        assert!(!list.remove(b).was_called);
        assert_eq!(line(&list), "acd");
        assert!(list.call_first(&mut Wakers::default()));
        assert!(list.is_called(&a) && !list.is_called(&c));
        assert_eq!((list.len(), list.called(), list.alive()), (2, 1, 3));
        assert!(!list.remove(d).was_called);
        assert_eq!(line(&list), "c");
        assert!(list.remove(a).was_called);
        assert_eq!(list.remove(c).load, Some('c'));
        assert_eq!((list.len(), list.called(), list.alive()), (0, 0, 0));
        assert!(!list.call_first(&mut Wakers::default()));
    }

    #[test]
    fn one_that_was_called_in_vain_is_first_again() {
        let mut list = WaitList::new();
        let a = push(&mut list, 'a');
        let _b = push(&mut list, 'b');
        list.call_first(&mut Wakers::default());
        let left = list.remove(a);
        let a = list.push_front(left.load.unwrap());
        assert_eq!(line(&list), "ab");
        assert!(list.renew(&a, waker()).is_none());
    }

    #[test]
    fn only_a_free_node_is_taken_at_once() {
        let mut list = WaitList::new();
        let a = list.push_back_if_free(waker(), || 'a').unwrap();
        assert!(list.push_back_if_free(waker(), || unreachable!()).is_none());
        let b = push(&mut list, 'b');
        list.call_first(&mut Wakers::default());
        assert_eq!(list.leave_called(a), Some('a'));
        let c = list.push_back_if_free(waker(), || 'c').unwrap();
        assert_eq!(line(&list), "bc");
        [b, c].into_iter().for_each(|key| drop(list.remove(key)));
        assert_eq!((list.len(), list.called()), (0, 0));
    }

    #[test]
    fn who_has_not_its_turn_is_not_called() {
        let mut list = WaitList::new();
        let _a = push(&mut list, 'a');
        let mut call = |who| list.call_first_if(&mut Wakers::default(), |load| *load == Some(who));
        assert_eq!(['b', 'a', 'a'].map(&mut call), [false, true, false]);
    }

    // proves D-5
    #[test]
    fn left_nodes_are_taken_again() {
        let mut list = WaitList::new();
        for _ in 0..1000 {
            let key = push(&mut list, 'x');
            list.remove(key);
        }
        assert_eq!(list.nodes.len(), 1);
        let keys: Vec<_> = (0..1000).map(|_| push(&mut list, 'x')).collect();
        assert_eq!(list.nodes.len(), 1000);
        keys.into_iter().for_each(|key| drop(list.remove(key)));
        assert_eq!(list.nodes.len(), 1, "a big slab is given back");
        let key = push(&mut list, 'x');
        assert!(!list.remove(key).was_called);
    }
}
