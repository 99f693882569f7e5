//! A queue, those who use it, and what became of their items.

use std::collections::{BTreeMap, BTreeSet};

use evlet_green::Full;
use evlet_green::queue::{BaseQueue, Closed, Joinable, Order};
use proptest::sample::Index;

use super::plain::{Ended, Item};
use crate::model::{Name, Puppets};

/// The queue, those who use it, and what became of their items, by number.
pub(super) struct World<'a, O: Order<Item = Item>> {
    queue: &'a BaseQueue<O, Joinable>,
    pub(super) puppets: Puppets<'a, Ended>,
    next: u32,
    /// Sends that are not done.
    sending: BTreeMap<Name, u32>,
    pub(super) done: BTreeMap<Name, Ended>,
    pub(super) put: BTreeSet<u32>,
    pub(super) got: Vec<u32>,
    pub(super) given_up: BTreeSet<u32>,
}

impl<'a, O: Order<Item = Item>> World<'a, O> {
    pub(super) fn new(queue: &'a BaseQueue<O, Joinable>) -> Self {
        World {
            queue,
            puppets: Puppets::new(),
            next: 0,
            sending: BTreeMap::new(),
            done: BTreeMap::new(),
            put: BTreeSet::new(),
            got: Vec::new(),
            given_up: BTreeSet::new(),
        }
    }

    /// Five ranks, so that many are equal.
    fn item(&mut self) -> Item {
        self.next += 1;
        Item {
            rank: self.next * 7 % 5,
            number: self.next,
        }
    }

    pub(super) fn send(&mut self) -> (Name, Item) {
        let (queue, item) = (self.queue, self.item());
        let (name, result) = self.puppets.start(async move {
            match queue.send(item).await {
                Ok(()) => Ended::Sent,
                Err(Closed(item)) => Ended::Refused(item.number),
            }
        });
        self.sending.insert(name, item.number);
        self.note(name, result);
        (name, item)
    }

    pub(super) fn recv(&mut self) -> Name {
        let queue = self.queue;
        let (name, result) = self.puppets.start(async move {
            match queue.recv().await {
                Some(item) => Ended::Got(item.number),
                None => Ended::AtTheEnd,
            }
        });
        self.note(name, result);
        name
    }

    pub(super) fn put_nowait(&mut self) -> (Item, bool) {
        let item = self.item();
        let stored = match self.queue.put_nowait(item) {
            Ok(()) => self.put.insert(item.number),
            Err(Full(back)) => {
                assert_eq!(back.number, item.number);
                false
            }
        };
        (item, stored)
    }

    pub(super) fn get_nowait(&mut self) -> Option<u32> {
        let item = self.queue.get_nowait().ok().map(|item| item.number);
        self.got.extend(item);
        item
    }

    pub(super) fn give_up(&mut self, index: Index) -> Option<Name> {
        let waiting = self.puppets.waiting();
        if waiting.is_empty() {
            return None;
        }
        let name = *index.get(&waiting);
        self.puppets.drop_one(name);
        self.given_up.extend(self.sending.remove(&name));
        Some(name)
    }

    pub(super) fn turn(&mut self) -> bool {
        let Some((name, result)) = self.puppets.turn() else {
            return false;
        };
        self.note(name, result);
        true
    }

    fn note(&mut self, name: Name, result: Option<Ended>) {
        let Some(ended) = result else { return };
        self.done.insert(name, ended);
        let sent = self.sending.remove(&name);
        match ended {
            Ended::Sent => self.put.extend(sent),
            Ended::Refused(item) => assert_eq!(Some(item), sent, "not the item it was given"),
            Ended::Got(item) => self.got.push(item),
            Ended::AtTheEnd => {}
        }
    }
}
