//! The capped semaphore against a number and two lines, under random operations with random cancels
//! (promise D-3).

use std::collections::VecDeque;

use evlet_green::CappedSemaphore;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::model::{Name, Puppets};

#[derive(Debug, Clone)]
enum Operation {
    Acquire,
    Release,
    TryAcquire,
    TryRelease,
    /// Drops one that waits.
    GiveUp(Index),
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let operation = prop_oneof![
        4 => Just(Operation::Acquire),
        4 => Just(Operation::Release),
        2 => Just(Operation::TryAcquire),
        2 => Just(Operation::TryRelease),
        2 => any::<Index>().prop_map(Operation::GiveUp),
    ];
    proptest::collection::vec(operation, 0..200)
}

/// At most one of the lines is not empty.
struct Model {
    permits: usize,
    limit: usize,
    acquiring: VecDeque<Name>,
    releasing: VecDeque<Name>,
}

impl Model {
    fn take(&mut self) -> bool {
        if self.permits > 0 {
            self.permits -= 1;
            self.permits += usize::from(self.releasing.pop_front().is_some());
            return true;
        }
        self.releasing.pop_front().is_some()
    }

    fn give(&mut self) -> bool {
        if self.acquiring.pop_front().is_some() {
            return true;
        }
        let has_room = self.permits < self.limit;
        self.permits += usize::from(has_room);
        has_room
    }
}

proptest! {
    /// When everybody who was woken goes on before the next operation, the semaphore is the model.
    #[test]
    fn a_capped_semaphore_that_settles_is_the_model(
        limit in 0_usize..4,
        part in any::<Index>(),
        operations in operations(),
    ) {
        let permits = part.index(limit + 1);
        let semaphore = CappedSemaphore::new(permits, limit).unwrap();
        let mut puppets = Puppets::new();
        let mut model = Model {
            permits,
            limit,
            acquiring: VecDeque::new(),
            releasing: VecDeque::new(),
        };
        for operation in operations {
            match operation {
                Operation::Acquire => {
                    let own = &semaphore;
                    let (name, _) = puppets.start(async { own.acquire().await.forget() });
                    if !model.take() {
                        model.acquiring.push_back(name);
                    }
                }
                Operation::Release => {
                    let own = &semaphore;
                    let (name, _) = puppets.start(async { own.release().await });
                    if !model.give() {
                        model.releasing.push_back(name);
                    }
                }
                Operation::TryAcquire => {
                    let permit = semaphore.try_acquire();
                    prop_assert_eq!(permit.is_some(), model.take());
                    permit.into_iter().for_each(|permit| permit.forget());
                }
                Operation::TryRelease => {
                    prop_assert_eq!(semaphore.try_release().is_ok(), model.give());
                }
                Operation::GiveUp(index) => {
                    let waiting = puppets.waiting();
                    if !waiting.is_empty() {
                        let name = *index.get(&waiting);
                        puppets.drop_one(name);
                        model.acquiring.retain(|other| *other != name);
                        model.releasing.retain(|other| *other != name);
                    }
                }
            }
            while puppets.turn().is_some() {}
            prop_assert_eq!(semaphore.available(), model.permits);
            prop_assert_eq!(semaphore.waiting(), model.acquiring.len());
            prop_assert_eq!(semaphore.releasing(), model.releasing.len());
            let waiting: Vec<_> = model.acquiring.iter().chain(&model.releasing).copied().collect();
            prop_assert_eq!(puppets.waiting(), waiting);
        }
    }
}
