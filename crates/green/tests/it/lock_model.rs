//! The read-write lock against a line and two numbers, under random operations with random cancels
//! (promise D-3). A mutex is the same lock with writers only.

use std::collections::{BTreeSet, VecDeque};

use evlet_green::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::model::{Name, Puppets};

#[derive(Debug, Clone)]
enum Operation {
    Read,
    Write,
    TryRead,
    TryWrite,
    /// Drops a guard that somebody holds.
    GiveBack(Index),
    /// Drops one that waits.
    GiveUp(Index),
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let operation = prop_oneof![
        4 => Just(Operation::Read),
        3 => Just(Operation::Write),
        1 => Just(Operation::TryRead),
        1 => Just(Operation::TryWrite),
        6 => any::<Index>().prop_map(Operation::GiveBack),
        2 => any::<Index>().prop_map(Operation::GiveUp),
    ];
    proptest::collection::vec(operation, 0..200)
}

#[derive(Default)]
struct Model {
    readers: BTreeSet<Name>,
    writer: Option<Name>,
    line: VecDeque<(Name, bool)>,
}

impl Model {
    fn lets_in(&self, writes: bool) -> bool {
        self.writer.is_none() && (!writes || self.readers.is_empty())
    }

    fn settle(&mut self) {
        while let Some(&(name, writes)) = self.line.front()
            && self.lets_in(writes)
        {
            self.line.pop_front();
            match writes {
                true => self.writer = Some(name),
                false => _ = self.readers.insert(name),
            }
        }
    }

    fn remove(&mut self, name: Name) {
        self.readers.remove(&name);
        self.writer.take_if(|writer| *writer == name);
        self.line.retain(|(other, _)| *other != name);
        self.settle();
    }
}

enum Guard<'a> {
    Reads(#[expect(dead_code, reason = "held")] RwLockReadGuard<'a, u8>),
    Writes(#[expect(dead_code, reason = "held")] RwLockWriteGuard<'a, u8>),
}

proptest! {
    /// When everybody who was let in goes on before the next operation, the lock is the model.
    #[test]
    fn a_lock_that_settles_is_the_model(operations in operations()) {
        let lock = RwLock::new(0);
        let mut puppets = Puppets::new();
        let mut held: Vec<(Name, Guard<'_>)> = Vec::new();
        let mut model = Model::default();
        let mut tried = 1_000_000;
        for operation in operations {
            match operation {
                Operation::Read | Operation::Write => {
                    let writes = matches!(operation, Operation::Write);
                    let own = &lock;
                    let (name, guard) = puppets.start(async move {
                        match writes {
                            true => Guard::Writes(own.write().await),
                            false => Guard::Reads(own.read().await),
                        }
                    });
                    held.extend(guard.map(|guard| (name, guard)));
                    model.line.push_back((name, writes));
                    model.settle();
                }
                Operation::TryRead | Operation::TryWrite => {
                    let writes = matches!(operation, Operation::TryWrite);
                    let guard = match writes {
                        true => lock.try_write().map(Guard::Writes),
                        false => lock.try_read().map(Guard::Reads),
                    };
                    prop_assert_eq!(guard.is_some(), model.line.is_empty() && model.lets_in(writes));
                    if let Some(guard) = guard {
                        tried += 1;
                        held.push((tried, guard));
                        model.line.push_back((tried, writes));
                        model.settle();
                    }
                }
                Operation::GiveBack(index) if !held.is_empty() => {
                    let (name, guard) = held.remove(index.index(held.len()));
                    drop(guard);
                    model.remove(name);
                }
                Operation::GiveUp(index) if !puppets.waiting().is_empty() => {
                    let name = *index.get(&puppets.waiting());
                    puppets.drop_one(name);
                    model.remove(name);
                }
                Operation::GiveBack(_) | Operation::GiveUp(_) => {}
            }
            while let Some((name, guard)) = puppets.turn() {
                held.extend(guard.map(|guard| (name, guard)));
            }
            let names: BTreeSet<_> = held.iter().map(|(name, _)| *name).collect();
            let expected: BTreeSet<_> = model.readers.iter().copied().chain(model.writer).collect();
            prop_assert_eq!(names, expected);
            prop_assert_eq!(lock.waiting(), model.line.len());
        }
    }

    /// Whenever those who were let in go on or give up: no turn is lost.
    #[test]
    fn turns_are_conserved(operations in operations(), turns in any::<u64>()) {
        let lock = RwLock::new(0);
        let mut puppets = Puppets::new();
        let mut held: Vec<Guard<'_>> = Vec::new();
        for (n, operation) in operations.into_iter().enumerate() {
            match operation {
                Operation::Read | Operation::Write => {
                    let writes = matches!(operation, Operation::Write);
                    let own = &lock;
                    let (_, guard) = puppets.start(async move {
                        match writes {
                            true => Guard::Writes(own.write().await),
                            false => Guard::Reads(own.read().await),
                        }
                    });
                    held.extend(guard);
                }
                Operation::TryRead => held.extend(lock.try_read().map(Guard::Reads)),
                Operation::TryWrite => held.extend(lock.try_write().map(Guard::Writes)),
                Operation::GiveBack(index) if !held.is_empty() => {
                    drop(held.remove(index.index(held.len())));
                }
                Operation::GiveUp(index) if !puppets.waiting().is_empty() => {
                    puppets.drop_one(*index.get(&puppets.waiting()));
                }
                Operation::GiveBack(_) | Operation::GiveUp(_) => {}
            }
            if turns >> (n % 64) & 1 == 1 {
                held.extend(puppets.turn().and_then(|(_, guard)| guard));
            }
            let writers = held.iter().filter(|guard| matches!(guard, Guard::Writes(_))).count();
            prop_assert!(writers == 0 || held.len() == 1);
        }
        // Whoever still waits is let in, one after the other, once those before have left.
        held.clear();
        for _ in 0..=puppets.waiting().len() {
            while let Some((_, guard)) = puppets.turn() {
                drop(guard);
            }
        }
        prop_assert!(puppets.waiting().is_empty());
        prop_assert!(lock.try_write().is_some());
        prop_assert_eq!(lock.waiting(), 0);
    }
}
