//! The queues against plain models, under random operations with random cancels (promise D-3).

use std::collections::BTreeSet;

use evlet_green::queue::{BaseQueue, Fifo, Joinable, Lifo, Order, Smallest};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseResult;

mod plain; // what a queue means
mod world; // a queue and its users

use plain::{Ended, Item, Model, Pick, newest, oldest, smallest};
use world::World;

#[derive(Debug, Clone)]
enum Operation {
    Send,
    Recv,
    PutNowait,
    GetNowait,
    /// Drops one that waits.
    GiveUp(Index),
    Resize(Option<usize>),
    Close,
    /// Lets one that was woken go on.
    Turn,
}

fn limits() -> impl Strategy<Value = Option<usize>> {
    prop_oneof![Just(None), (0_usize..4).prop_map(Some)]
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let operation = || {
        prop_oneof![
            4 => Just(Operation::Send),
            4 => Just(Operation::Recv),
            1 => Just(Operation::PutNowait),
            1 => Just(Operation::GetNowait),
            3 => any::<Index>().prop_map(Operation::GiveUp),
            1 => limits().prop_map(Operation::Resize),
            4 => Just(Operation::Turn),
        ]
    };
    let open = proptest::collection::vec(operation(), 0..200);
    let closed = proptest::collection::vec(operation(), 0..40);
    // A queue is closed once, and not too early to have had a life.
    (open, any::<bool>(), closed).prop_map(|(mut all, closes, rest)| {
        if closes {
            all.push(Operation::Close);
            all.extend(rest);
        }
        all
    })
}

fn queue_of<O: Order>(limit: Option<usize>) -> BaseQueue<O, Joinable> {
    limit.map_or_else(BaseQueue::unbounded, BaseQueue::bounded)
}

/// Lets everybody who was woken go on before the next operation: the queue is the model.
fn settled<O: Order<Item = Item>>(
    pick: Pick,
    limit: Option<usize>,
    operations: Vec<Operation>,
) -> TestCaseResult {
    let queue = queue_of::<O>(limit);
    let mut world = World::new(&queue);
    let mut model = Model::new(pick, limit);
    for operation in operations {
        match operation {
            Operation::Send => {
                let (name, item) = world.send();
                if model.put(item) {
                    model.done.insert(name, Ended::Sent);
                } else if model.is_closed {
                    model.done.insert(name, Ended::Refused(item.number));
                } else {
                    model.putters.push_back((name, item));
                }
            }
            Operation::Recv => {
                let name = world.recv();
                match model.get() {
                    Some(item) => drop(model.done.insert(name, Ended::Got(item.number))),
                    None if model.is_closed => drop(model.done.insert(name, Ended::AtTheEnd)),
                    None => model.getters.push_back(name),
                }
            }
            Operation::PutNowait => {
                let (item, stored) = world.put_nowait();
                prop_assert_eq!(stored, model.put(item));
            }
            Operation::GetNowait => {
                let number = model.get().map(|item| item.number);
                prop_assert_eq!(world.get_nowait(), number);
            }
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
            Operation::Close => {
                queue.close();
                model.close();
            }
            Operation::Turn => {}
        }
        while world.turn() {}
        prop_assert_eq!(&world.done, &model.done);
        prop_assert_eq!(queue.qsize(), model.items.len());
        prop_assert_eq!(queue.getting(), model.getters.len());
        prop_assert_eq!(queue.putting(), model.putters.len());
        prop_assert_eq!(queue.is_closed(), model.is_closed);
    }
    Ok(())
}

/// Whenever those who were woken go on or give up: every item comes out once, is inside, or was handed
/// back; what was given up never was inside; and nobody waits for what is there.
fn conserved<O: Order<Item = Item>>(
    limit: Option<usize>,
    operations: Vec<Operation>,
) -> TestCaseResult {
    let queue = queue_of::<O>(limit);
    let mut world = World::new(&queue);
    let mut was_rendezvous = limit == Some(0);
    for operation in operations {
        match operation {
            Operation::Send => drop(world.send()),
            Operation::Recv => drop(world.recv()),
            Operation::PutNowait => drop(world.put_nowait()),
            Operation::GetNowait => drop(world.get_nowait()),
            Operation::GiveUp(index) => drop(world.give_up(index)),
            Operation::Resize(limit) => {
                queue.resize(limit);
                was_rendezvous |= limit == Some(0);
            }
            Operation::Close => queue.close(),
            Operation::Turn => drop(world.turn()),
        }
    }
    while world.turn() {}

    let (size, limit) = (queue.qsize(), queue.maxsize());
    prop_assert!(
        size == 0 || queue.getting() == 0,
        "a getter waits for what is there"
    );
    let has_room = limit.is_none_or(|limit| size < limit);
    prop_assert!(
        !has_room || queue.putting() == 0,
        "a putter waits for room that is there"
    );
    let waiting = queue.putting() + queue.getting();
    prop_assert!(
        queue.putting() == 0 || queue.getting() == 0,
        "they wait for each other"
    );
    prop_assert!(
        waiting == 0 || !queue.is_closed(),
        "somebody waits at the end"
    );
    prop_assert_eq!(queue.unfinished_tasks(), world.got.len() + size);

    let got: BTreeSet<_> = world.got.iter().copied().collect();
    prop_assert_eq!(got.len(), world.got.len(), "an item came out twice");
    let World {
        put,
        given_up,
        puppets,
        ..
    } = world;
    drop(puppets);
    let mut inside = BTreeSet::new();
    while let Ok(item) = queue.get_nowait() {
        prop_assert!(inside.insert(item.number) && !got.contains(&item.number));
    }
    prop_assert_eq!(inside.len(), size);
    let out: BTreeSet<_> = got.union(&inside).copied().collect();
    prop_assert!(put.is_subset(&out), "an item was lost");
    let dubious: BTreeSet<_> = out.difference(&put).copied().collect();
    // A rendezvous may have taken the item of a send that gave up before it heard of it.
    prop_assert!(dubious.is_subset(&given_up));
    prop_assert!(
        was_rendezvous || dubious.is_empty(),
        "a send that gave up was stored"
    );
    prop_assert_eq!((queue.getting(), queue.putting()), (0, 0));
    Ok(())
}

proptest! {
    #[test]
    fn a_fifo_queue_that_settles_is_the_model(limit in limits(), all in operations()) {
        settled::<Fifo<Item>>(oldest, limit, all)?;
    }

    #[test]
    fn a_lifo_queue_that_settles_is_the_model(limit in limits(), all in operations()) {
        settled::<Lifo<Item>>(newest, limit, all)?;
    }

    #[test]
    fn a_priority_queue_that_settles_is_the_model(limit in limits(), all in operations()) {
        settled::<Smallest<Item>>(smallest, limit, all)?;
    }

    #[test]
    fn a_fifo_queue_loses_nothing(limit in limits(), all in operations()) {
        conserved::<Fifo<Item>>(limit, all)?;
    }

    #[test]
    fn a_lifo_queue_loses_nothing(limit in limits(), all in operations()) {
        conserved::<Lifo<Item>>(limit, all)?;
    }

    #[test]
    fn a_priority_queue_loses_nothing(limit in limits(), all in operations()) {
        conserved::<Smallest<Item>>(limit, all)?;
    }
}
