//! The queue against a plain model, under random operations with random cancels (promise D-3).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use evlet_green::{Full, Queue};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::model::{Name, Puppets};

#[derive(Debug, Clone)]
enum Operation {
    Put,
    Get,
    PutNowait,
    GetNowait,
    /// Drops one that waits.
    GiveUp(Index),
    Resize(Option<usize>),
    /// Lets one that was woken go on.
    Turn,
}

fn limits() -> impl Strategy<Value = Option<usize>> {
    prop_oneof![Just(None), (0_usize..4).prop_map(Some)]
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let operation = prop_oneof![
        4 => Just(Operation::Put),
        4 => Just(Operation::Get),
        1 => Just(Operation::PutNowait),
        1 => Just(Operation::GetNowait),
        3 => any::<Index>().prop_map(Operation::GiveUp),
        1 => limits().prop_map(Operation::Resize),
        4 => Just(Operation::Turn),
    ];
    proptest::collection::vec(operation, 0..200)
}

/// What a queue means when everybody who can go on does so at once.
#[derive(Default)]
struct Model {
    items: VecDeque<u32>,
    limit: Option<usize>,
    getters: VecDeque<Name>,
    putters: VecDeque<(Name, u32)>,
    /// What waiters got; `None` for a put.
    done: BTreeMap<Name, Option<u32>>,
}

impl Model {
    fn has_room(&self) -> bool {
        self.limit.is_none_or(|limit| self.items.len() < limit)
    }

    /// Stores an item or gives it to the first getter; hands it back if it can do neither.
    fn put(&mut self, item: u32) -> Result<(), u32> {
        if let Some(getter) = self.getters.pop_front() {
            self.done.insert(getter, Some(item));
        } else if self.has_room() {
            self.items.push_back(item);
        } else {
            return Err(item);
        }
        Ok(())
    }

    fn get(&mut self) -> Option<u32> {
        let item = self.items.pop_front();
        self.admit();
        item.or_else(|| {
            let (putter, item) = self.putters.pop_front()?;
            self.done.insert(putter, None);
            Some(item)
        })
    }

    fn admit(&mut self) {
        while self.has_room()
            && let Some((putter, item)) = self.putters.pop_front()
        {
            self.items.push_back(item);
            self.done.insert(putter, None);
        }
    }

    fn give_up(&mut self, name: Name) {
        self.getters.retain(|getter| *getter != name);
        self.putters.retain(|(putter, _)| *putter != name);
    }
}

/// The queue, those who use it, and what became of their items.
struct World<'a> {
    queue: &'a Queue<u32>,
    puppets: Puppets<'a, Option<u32>>,
    next_item: u32,
    /// Puts that are not done.
    putting: BTreeMap<Name, u32>,
    /// What ended: `None` for a put.
    done: BTreeMap<Name, Option<u32>>,
    put: BTreeSet<u32>,
    got: Vec<u32>,
    given_up: BTreeSet<u32>,
}

impl<'a> World<'a> {
    fn new(queue: &'a Queue<u32>) -> Self {
        World {
            queue,
            puppets: Puppets::new(),
            next_item: 0,
            putting: BTreeMap::new(),
            done: BTreeMap::new(),
            put: BTreeSet::new(),
            got: Vec::new(),
            given_up: BTreeSet::new(),
        }
    }

    fn item(&mut self) -> u32 {
        self.next_item += 1;
        self.next_item
    }

    fn start_put(&mut self) -> (Name, u32) {
        let (queue, item) = (self.queue, self.item());
        let (name, result) = self.puppets.start(async move {
            queue.put(item).await;
            None
        });
        self.putting.insert(name, item);
        self.note(name, result);
        (name, item)
    }

    fn start_get(&mut self) -> Name {
        let queue = self.queue;
        let (name, result) = self.puppets.start(async move { Some(queue.get().await) });
        self.note(name, result);
        name
    }

    fn put_nowait(&mut self) -> (u32, Result<(), Full<u32>>) {
        let item = self.item();
        let result = self.queue.put_nowait(item);
        if result.is_ok() {
            self.put.insert(item);
        }
        (item, result)
    }

    fn get_nowait(&mut self) -> Option<u32> {
        let item = self.queue.get_nowait().ok();
        self.got.extend(item);
        item
    }

    fn give_up(&mut self, index: Index) -> Option<Name> {
        let waiting = self.puppets.waiting();
        if waiting.is_empty() {
            return None;
        }
        let name = *index.get(&waiting);
        self.puppets.drop_one(name);
        self.given_up.extend(self.putting.remove(&name));
        Some(name)
    }

    fn turn(&mut self) -> bool {
        let Some((name, result)) = self.puppets.turn() else {
            return false;
        };
        self.note(name, result);
        true
    }

    fn note(&mut self, name: Name, result: Option<Option<u32>>) {
        let Some(ended) = result else { return };
        self.done.insert(name, ended);
        self.put.extend(self.putting.remove(&name));
        self.got.extend(ended);
    }
}

fn queue_of(limit: Option<usize>) -> Queue<u32> {
    limit.map_or_else(Queue::unbounded, Queue::bounded)
}

proptest! {
    /// When everybody who was woken goes on before the next operation, the queue is the model.
    #[test]
    fn a_queue_that_settles_is_the_model(limit in limits(), operations in operations()) {
        let queue = queue_of(limit);
        let mut world = World::new(&queue);
        let mut model = Model { limit, ..Model::default() };
        for operation in operations {
            match operation {
                Operation::Put => {
                    let (name, item) = world.start_put();
                    match model.put(item) {
                        Ok(()) => drop(model.done.insert(name, None)),
                        Err(item) => model.putters.push_back((name, item)),
                    }
                }
                Operation::Get => {
                    let name = world.start_get();
                    match model.get() {
                        Some(item) => drop(model.done.insert(name, Some(item))),
                        None => model.getters.push_back(name),
                    }
                }
                Operation::PutNowait => {
                    let (item, result) = world.put_nowait();
                    prop_assert_eq!(result, model.put(item).map_err(Full));
                }
                Operation::GetNowait => prop_assert_eq!(world.get_nowait(), model.get()),
                Operation::GiveUp(index) => {
                    if let Some(name) = world.give_up(index) {
                        model.give_up(name);
                    }
                }
                Operation::Resize(limit) => {
                    queue.resize(limit);
                    model.limit = limit;
                    model.admit();
                }
                Operation::Turn => {}
            }
            while world.turn() {}
            prop_assert_eq!(&world.done, &model.done);
            prop_assert_eq!(queue.qsize(), model.items.len());
            prop_assert_eq!(queue.getting(), model.getters.len());
            prop_assert_eq!(queue.putting(), model.putters.len());
        }
    }

    /// Whenever those who were woken go on or give up: every item comes out once or is inside, what
    /// was given up never was inside, and nobody waits for what is there.
    #[test]
    fn a_queue_loses_nothing(limit in limits(), operations in operations()) {
        let queue = queue_of(limit);
        let mut world = World::new(&queue);
        let mut was_rendezvous = limit == Some(0);
        for operation in operations {
            match operation {
                Operation::Put => drop(world.start_put()),
                Operation::Get => drop(world.start_get()),
                Operation::PutNowait => drop(world.put_nowait()),
                Operation::GetNowait => drop(world.get_nowait()),
                Operation::GiveUp(index) => drop(world.give_up(index)),
                Operation::Resize(limit) => {
                    queue.resize(limit);
                    was_rendezvous |= limit == Some(0);
                }
                Operation::Turn => drop(world.turn()),
            }
        }
        while world.turn() {}

        let (size, limit) = (queue.qsize(), queue.maxsize());
        prop_assert!(size == 0 || queue.getting() == 0, "a getter waits for what is there");
        let has_room = limit.is_none_or(|limit| size < limit);
        prop_assert!(!has_room || queue.putting() == 0, "a putter waits for room that is there");
        prop_assert!(queue.putting() == 0 || queue.getting() == 0, "they wait for each other");
        prop_assert_eq!(queue.unfinished_tasks(), world.got.len() + size);

        let got: BTreeSet<_> = world.got.iter().copied().collect();
        prop_assert_eq!(got.len(), world.got.len(), "an item came out twice");
        let World { put, given_up, puppets, .. } = world;
        drop(puppets);
        let mut inside = BTreeSet::new();
        while let Ok(item) = queue.get_nowait() {
            prop_assert!(inside.insert(item) && !got.contains(&item));
        }
        prop_assert_eq!(inside.len(), size);
        let out: BTreeSet<_> = got.union(&inside).copied().collect();
        prop_assert!(put.is_subset(&out), "an item was lost");
        let dubious: BTreeSet<_> = out.difference(&put).copied().collect();
        // A rendezvous may have taken the item of a put that gave up before it heard of it.
        prop_assert!(dubious.is_subset(&given_up));
        prop_assert!(was_rendezvous || dubious.is_empty(), "a put that gave up was stored");
        prop_assert_eq!((queue.getting(), queue.putting()), (0, 0));
    }
}
