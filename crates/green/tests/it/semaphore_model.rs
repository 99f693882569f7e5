//! The semaphore against a counter and a line, under random operations with random cancels (promise
//! D-3).

use std::collections::{BTreeMap, VecDeque};

use evlet_green::Permit;
use evlet_green::Semaphore;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::model::{Name, Puppets};

#[derive(Debug, Clone)]
enum Operation {
    Acquire(usize),
    TryAcquire(usize),
    /// Drops a permit that somebody holds.
    GiveBack(Index),
    Release,
    /// Drops one that waits.
    GiveUp(Index),
    /// Lets one that was woken go on.
    Turn,
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let operation = prop_oneof![
        4 => (1_usize..4).prop_map(Operation::Acquire),
        2 => (0_usize..4).prop_map(Operation::TryAcquire),
        4 => any::<Index>().prop_map(Operation::GiveBack),
        1 => Just(Operation::Release),
        2 => any::<Index>().prop_map(Operation::GiveUp),
        3 => Just(Operation::Turn),
    ];
    proptest::collection::vec(operation, 0..200)
}

/// A counter and a line.
struct Model {
    available: usize,
    line: VecDeque<(Name, usize)>,
    held: BTreeMap<Name, usize>,
}

impl Model {
    fn settle(&mut self) {
        while let Some(&(name, needed)) = self.line.front()
            && needed <= self.available
        {
            self.available -= needed;
            self.held.insert(name, needed);
            self.line.pop_front();
        }
    }

    fn give(&mut self, permits: usize) {
        self.available += permits;
        self.settle();
    }
}

/// Drops one of the permits that are held; how many it was worth is what the model says.
fn give_back(held: &mut BTreeMap<Name, Permit>, index: Index) -> Option<Name> {
    if held.is_empty() {
        return None;
    }
    let names: Vec<_> = held.keys().copied().collect();
    let name = *index.get(&names);
    drop(held.remove(&name));
    Some(name)
}

proptest! {
    /// When everybody who was woken goes on before the next operation, the semaphore is the model.
    #[test]
    fn a_semaphore_that_settles_is_the_model(permits in 0_usize..4, operations in operations()) {
        let semaphore = Semaphore::new(permits);
        let mut puppets = Puppets::new();
        let mut held = BTreeMap::new();
        let mut model = Model { available: permits, line: VecDeque::new(), held: BTreeMap::new() };
        let mut tried = 1_000_000;
        for operation in operations {
            match operation {
                Operation::Acquire(needed) => {
                    let (name, permit) = puppets.start(semaphore.acquire_many(needed));
                    held.extend(permit.map(|permit| (name, permit)));
                    model.line.push_back((name, needed));
                    model.settle();
                }
                Operation::TryAcquire(needed) => {
                    let permit = semaphore.try_acquire_many(needed);
                    let expected = model.line.is_empty() && model.available >= needed;
                    prop_assert_eq!(permit.is_some(), expected);
                    if let Some(permit) = permit {
                        tried += 1;
                        held.insert(tried, permit);
                        model.available -= needed;
                        model.held.insert(tried, needed);
                    }
                }
                Operation::GiveBack(index) => {
                    if let Some(name) = give_back(&mut held, index) {
                        let permits = model.held.remove(&name).unwrap();
                        model.give(permits);
                    }
                }
                Operation::Release => {
                    semaphore.release();
                    model.give(1);
                }
                Operation::GiveUp(index) => {
                    let waiting = puppets.waiting();
                    if !waiting.is_empty() {
                        let name = *index.get(&waiting);
                        puppets.drop_one(name);
                        model.line.retain(|(other, _)| *other != name);
                        model.settle();
                    }
                }
                Operation::Turn => {}
            }
            while let Some((name, permit)) = puppets.turn() {
                held.extend(permit.map(|permit| (name, permit)));
            }
            prop_assert!(held.keys().eq(model.held.keys()));
            prop_assert_eq!(semaphore.available(), model.available);
            prop_assert_eq!(semaphore.waiting(), model.line.len());
            let balance = model.available as isize - model.line.len() as isize;
            prop_assert_eq!(semaphore.balance(), balance);
        }
    }

    /// Whenever those who were woken go on or give up: permits are neither lost nor made.
    #[test]
    fn permits_are_conserved(permits in 0_usize..4, operations in operations()) {
        let semaphore = Semaphore::new(permits);
        let mut puppets = Puppets::new();
        let mut held = BTreeMap::new();
        let mut total = permits;
        let mut names = 1_000_000;
        let mut keep = |permit: Option<Permit>, held: &mut BTreeMap<Name, Permit>| {
            names += 1;
            held.extend(permit.map(|permit| (names, permit)));
        };
        for operation in operations {
            match operation {
                Operation::Acquire(needed) => {
                    keep(puppets.start(semaphore.acquire_many(needed)).1, &mut held);
                }
                Operation::TryAcquire(needed) => {
                    keep(semaphore.try_acquire_many(needed), &mut held);
                }
                Operation::GiveBack(index) => drop(give_back(&mut held, index)),
                Operation::Release => {
                    semaphore.release();
                    total += 1;
                }
                Operation::GiveUp(index) => {
                    let waiting = puppets.waiting();
                    if !waiting.is_empty() {
                        puppets.drop_one(*index.get(&waiting));
                    }
                }
                Operation::Turn => {
                    if let Some((_, permit)) = puppets.turn() {
                        keep(permit, &mut held);
                    }
                }
            }
            prop_assert!(semaphore.available() <= total);
        }
        drop(puppets);
        drop(held);
        prop_assert_eq!((semaphore.available(), semaphore.waiting()), (total, 0));
    }
}
