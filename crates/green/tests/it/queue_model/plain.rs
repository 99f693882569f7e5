//! What a queue means, in the plainest words.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};

use crate::model::Name;

/// An item has a rank by which it is ordered and a number by which it is told from all others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    pub(super) rank: u32,
    pub(super) number: u32,
}

impl Ord for Item {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Item {}

/// What became of a `send` or a `recv`. Items by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Sent,
    Refused(u32),
    Got(u32),
    AtTheEnd,
}

/// Takes the item whose turn it is out of those inside, which are in the order of their coming.
pub(super) type Pick = fn(&mut Vec<Item>) -> Option<Item>;

pub(super) fn oldest(items: &mut Vec<Item>) -> Option<Item> {
    (!items.is_empty()).then(|| items.remove(0))
}

pub(super) fn newest(items: &mut Vec<Item>) -> Option<Item> {
    items.pop()
}

pub(super) fn smallest(items: &mut Vec<Item>) -> Option<Item> {
    let least = items.iter().map(|item| item.rank).min()?;
    let place = items.iter().position(|item| item.rank == least)?;
    Some(items.remove(place))
}

/// What a queue means when everybody who can go on does so at once.
pub(super) struct Model {
    pick: Pick,
    pub(super) items: Vec<Item>,
    pub(super) limit: Option<usize>,
    pub(super) is_closed: bool,
    pub(super) getters: VecDeque<Name>,
    pub(super) putters: VecDeque<(Name, Item)>,
    pub(super) done: BTreeMap<Name, Ended>,
}

impl Model {
    pub(super) fn new(pick: Pick, limit: Option<usize>) -> Self {
        Model {
            pick,
            items: Vec::new(),
            limit,
            is_closed: false,
            getters: VecDeque::new(),
            putters: VecDeque::new(),
            done: BTreeMap::new(),
        }
    }

    fn has_room(&self) -> bool {
        self.limit.is_none_or(|limit| self.items.len() < limit)
    }

    /// Stores an item or gives it to the first getter; whether it could do either.
    pub(super) fn put(&mut self, item: Item) -> bool {
        if self.is_closed {
            return false;
        }
        if let Some(getter) = self.getters.pop_front() {
            self.done.insert(getter, Ended::Got(item.number));
            return true;
        }
        let has_room = self.has_room();
        if has_room {
            self.items.push(item);
        }
        has_room
    }

    pub(super) fn get(&mut self) -> Option<Item> {
        let item = (self.pick)(&mut self.items);
        self.admit();
        item.or_else(|| {
            let (putter, item) = self.putters.pop_front()?;
            self.done.insert(putter, Ended::Sent);
            Some(item)
        })
    }

    pub(super) fn admit(&mut self) {
        while self.has_room()
            && let Some((putter, item)) = self.putters.pop_front()
        {
            self.items.push(item);
            self.done.insert(putter, Ended::Sent);
        }
    }

    pub(super) fn close(&mut self) {
        self.is_closed = true;
        let refused = self.putters.drain(..);
        let refused = refused.map(|(name, item)| (name, Ended::Refused(item.number)));
        self.done.extend(refused);
        // Somebody waits only while nothing is inside.
        let ended = self.getters.drain(..).map(|name| (name, Ended::AtTheEnd));
        self.done.extend(ended);
    }

    pub(super) fn give_up(&mut self, name: Name) {
        self.getters.retain(|getter| *getter != name);
        self.putters.retain(|(putter, _)| *putter != name);
    }
}
