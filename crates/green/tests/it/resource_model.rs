//! The resource pool against two counters and two lines, under random operations with random cancels
//! (promise D-3).

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use evlet_green::Pool;
use evlet_green::resources::Item;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::model::{Name, Puppets};

#[derive(Debug, Clone)]
enum Operation {
    Get,
    /// Gives one back that somebody has.
    GiveBack(Index),
    Discard(Index),
    /// Drops one that waits.
    GiveUp(Index),
    Resize(usize),
    /// Lets one that was woken go on.
    Turn,
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let operation = prop_oneof![
        5 => Just(Operation::Get),
        4 => any::<Index>().prop_map(Operation::GiveBack),
        1 => any::<Index>().prop_map(Operation::Discard),
        2 => any::<Index>().prop_map(Operation::GiveUp),
        1 => (0_usize..5).prop_map(Operation::Resize),
        3 => Just(Operation::Turn),
    ];
    proptest::collection::vec(operation, 0..200)
}

/// Which items are free, who has which, and who waits.
struct Model {
    max_size: usize,
    as_stack: bool,
    made: u32,
    free: VecDeque<u32>,
    held: BTreeMap<Name, u32>,
    line: VecDeque<Name>,
}

impl Model {
    fn settle(&mut self) {
        while self.held.len() < self.max_size
            && let Some(name) = self.line.pop_front()
        {
            let free = match self.as_stack {
                true => self.free.pop_back(),
                false => self.free.pop_front(),
            };
            let item = free.unwrap_or_else(|| {
                self.made += 1;
                self.made
            });
            self.held.insert(name, item);
        }
    }

    fn give_back(&mut self, item: u32) {
        if self.free.len() + self.held.len() < self.max_size {
            self.free.push_back(item);
        }
    }

    fn resize(&mut self, max_size: usize) {
        self.max_size = max_size;
        while !self.free.is_empty() && self.free.len() + self.held.len() > max_size {
            self.free.pop_front();
        }
    }
}

type Held = BTreeMap<Name, Item<u32>>;

fn take(held: &mut Held, index: Index) -> Option<(Name, Item<u32>)> {
    let names: Vec<_> = held.keys().copied().collect();
    if names.is_empty() {
        return None;
    }
    held.remove_entry(index.get(&names))
}

fn numbers(max_size: usize, as_stack: bool) -> Pool<u32> {
    let made = Cell::new(0);
    Pool::builder()
        .max_size(max_size)
        .order_as_stack(as_stack)
        .create(async move || {
            made.set(made.get() + 1);
            Ok(made.get())
        })
}

fn infallible<T>(result: Result<T, std::convert::Infallible>) -> T {
    let Ok(value) = result;
    value
}

proptest! {
    /// When everybody who was woken goes on before the next operation, the pool is the model.
    #[test]
    fn a_pool_that_settles_is_the_model(
        max_size in 0_usize..4,
        as_stack in any::<bool>(),
        operations in operations(),
    ) {
        let pool = numbers(max_size, as_stack);
        let mut puppets = Puppets::new();
        let mut held = Held::new();
        let mut model = Model {
            max_size,
            as_stack,
            made: 0,
            free: VecDeque::new(),
            held: BTreeMap::new(),
            line: VecDeque::new(),
        };
        for operation in operations {
            match operation {
                Operation::Get => {
                    let (name, item) = puppets.start(pool.item());
                    held.extend(item.map(|item| (name, infallible(item))));
                    model.line.push_back(name);
                }
                Operation::GiveBack(index) => {
                    if let Some((name, item)) = take(&mut held, index) {
                        drop(item);
                        let item = model.held.remove(&name).unwrap();
                        model.give_back(item);
                    }
                }
                Operation::Discard(index) => {
                    if let Some((name, item)) = take(&mut held, index) {
                        item.discard();
                        model.held.remove(&name);
                    }
                }
                Operation::GiveUp(index) => {
                    let waiting = puppets.waiting();
                    if !waiting.is_empty() {
                        let name = *index.get(&waiting);
                        puppets.drop_one(name);
                        model.line.retain(|other| *other != name);
                    }
                }
                Operation::Resize(max_size) => {
                    pool.resize(max_size);
                    model.resize(max_size);
                }
                Operation::Turn => {}
            }
            model.settle();
            while let Some((name, item)) = puppets.turn() {
                held.extend(item.map(|item| (name, infallible(item))));
            }
            prop_assert!(held.iter().map(|(name, item)| (*name, **item)).eq(model.held.clone()));
            prop_assert_eq!(pool.waiting(), model.line.len());
            prop_assert_eq!(pool.idle(), model.free.len());
            prop_assert_eq!(pool.size(), model.free.len() + model.held.len());
            let free = model.max_size as isize - model.held.len() as isize;
            prop_assert_eq!(pool.free(), free);
        }
    }

    /// Whenever those who were woken go on or give up: there are never more items than there may be,
    /// and no place is lost.
    #[test]
    fn places_are_conserved(max_size in 1_usize..4, operations in operations()) {
        let alive = Rc::new(());
        let own = Rc::clone(&alive);
        let pool = Pool::new(max_size, async move || Rc::clone(&own));
        let mut puppets = Puppets::new();
        let mut held = Vec::new();
        for operation in operations {
            match operation {
                Operation::Get => held.extend(puppets.start(pool.item()).1.map(infallible)),
                Operation::GiveBack(index) if !held.is_empty() => {
                    drop(held.swap_remove(index.index(held.len())));
                }
                Operation::Discard(index) if !held.is_empty() => {
                    held.swap_remove(index.index(held.len())).discard();
                }
                Operation::GiveUp(index) => {
                    let waiting = puppets.waiting();
                    if !waiting.is_empty() {
                        puppets.drop_one(*index.get(&waiting));
                    }
                }
                _ => {
                    let turn = puppets.turn();
                    held.extend(turn.and_then(|(_, item)| item.map(infallible)));
                }
            }
            // One here and one in the function that makes them.
            prop_assert!(Rc::strong_count(&alive) - 2 <= max_size);
            prop_assert!(pool.size() <= max_size);
        }
        drop(puppets);
        drop(held);
        prop_assert_eq!((pool.free(), pool.waiting()), (max_size as isize, 0));
        prop_assert_eq!(pool.idle(), Rc::strong_count(&alive) - 2);
    }
}
