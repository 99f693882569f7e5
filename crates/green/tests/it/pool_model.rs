//! The pool of green threads against a set and a line, under random operations with random cancels
//! (promise D-3), on a virtual clock.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::resume_unwind;
use std::rc::Rc;

use evlet_green::{Event, GreenPool};
use evlet_hub::{GreenThread, spawn, yield_now};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseResult;

use crate::stage::{settle, virtually};

#[derive(Debug, Clone)]
enum Operation {
    /// Somebody who waits for a place if there is none.
    Spawn,
    TrySpawn,
    /// Kills one who waits for a place.
    GiveUp(Index),
    /// Ends a member, in one of three ways.
    End(Index, End),
    Resize(usize),
    WaitAll,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Return,
    Panic,
    Kill,
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let end = prop_oneof![Just(End::Return), Just(End::Panic), Just(End::Kill)];
    let operation = prop_oneof![
        6 => Just(Operation::Spawn),
        2 => Just(Operation::TrySpawn),
        2 => any::<Index>().prop_map(Operation::GiveUp),
        6 => (any::<Index>(), end).prop_map(|(index, end)| Operation::End(index, end)),
        1 => (0_usize..4).prop_map(Operation::Resize),
        1 => Just(Operation::WaitAll),
    ];
    proptest::collection::vec(operation, 0..100)
}

type Name = usize;

/// The pool and those who use it.
struct World {
    pool: GreenPool,
    names: Name,
    spawners: BTreeMap<Name, GreenThread<()>>,
    /// Filled by the spawners, and emptied as members end.
    members: Rc<RefCell<BTreeMap<Name, Member>>>,
    waiters: Vec<GreenThread<()>>,
    /// Jobs that live: whatever becomes of them, they are dropped.
    lives: Rc<()>,
}

struct Member {
    thread: GreenThread<()>,
    gate: Event<()>,
    panics: Event<()>,
}

impl World {
    fn new(size: usize) -> Self {
        World {
            pool: GreenPool::new(size),
            names: 0,
            spawners: BTreeMap::new(),
            members: Rc::default(),
            waiters: Vec::new(),
            lives: Rc::default(),
        }
    }

    /// A job, and how its member is kept once it runs.
    fn job(
        &mut self,
    ) -> (
        Name,
        impl Future<Output = ()> + use<>,
        impl FnOnce(GreenThread<()>) + use<>,
    ) {
        self.names += 1;
        let name = self.names;
        let (gate, panics, life) = (Event::new(), Event::new(), self.lives.clone());
        let (own_gate, own_panics) = (gate.clone(), panics.clone());
        let job = async move {
            let _life = life;
            own_gate.wait().await;
            if own_panics.ready() {
                // Without the panic hook, which would fill the screen.
                resume_unwind(Box::new("on purpose"));
            }
        };
        let members = self.members.clone();
        let keep = move |thread| {
            let member = Member {
                thread,
                gate,
                panics,
            };
            members.borrow_mut().insert(name, member);
        };
        (name, job, keep)
    }

    fn spawn(&mut self) -> Name {
        let (name, job, keep) = self.job();
        let pool = self.pool.clone();
        let spawner = spawn(async move { keep(pool.spawn(job).await) });
        self.spawners.insert(name, spawner);
        name
    }

    fn try_spawn(&mut self) -> Option<Name> {
        let (name, job, keep) = self.job();
        let thread = self.pool.try_spawn(job).ok()?;
        keep(thread);
        Some(name)
    }

    /// One of those who wait for a place, as far as is known.
    fn give_up(&mut self, index: Index) -> Option<Name> {
        self.spawners.retain(|_, spawner| !spawner.is_finished());
        let names: Vec<_> = self.spawners.keys().copied().collect();
        let name = *names.get(index.index(names.len().max(1)))?;
        self.spawners.remove(&name).map(|spawner| spawner.kill())?;
        Some(name)
    }

    fn end(&mut self, index: Index, end: End) -> Option<Name> {
        let mut members = self.members.borrow_mut();
        let names: Vec<_> = members.keys().copied().collect();
        let name = *names.get(index.index(names.len().max(1)))?;
        let member = members.remove(&name)?;
        match end {
            End::Return => drop(member.gate.send(())),
            End::Panic => {
                let _ = member.panics.send(());
                let _ = member.gate.send(());
            }
            End::Kill => drop(member.thread.kill()),
        }
        // A handle that is kept has the panic; one that is dropped has it reported.
        self.waiters.push(spawn(async move {
            let _ = member.thread.await;
        }));
        Some(name)
    }

    fn wait_all(&mut self) -> GreenThread<()> {
        let pool = self.pool.clone();
        spawn(async move { pool.waitall().await })
    }

    /// Lets all go, and looks whether anything is left.
    async fn close(mut self) -> TestCaseResult {
        self.pool.resize(1000);
        settle().await;
        for (_, member) in self.members.take() {
            let _ = member.gate.send(());
        }
        self.pool.waitall().await;
        for waiter in self.waiters.drain(..) {
            waiter.await.unwrap();
        }
        let pool = &self.pool;
        prop_assert_eq!((pool.running(), pool.waiting(), pool.free()), (0, 0, 1000));
        prop_assert_eq!(Rc::strong_count(&self.lives), 1, "a job was not dropped");
        Ok(())
    }
}

/// A set and a line.
struct Model {
    size: usize,
    running: BTreeSet<Name>,
    line: VecDeque<Name>,
}

impl Model {
    fn admit(&mut self) {
        while self.running.len() < self.size
            && let Some(name) = self.line.pop_front()
        {
            self.running.insert(name);
        }
    }

    /// Nobody runs, and nobody is about to.
    fn is_idle(&self) -> bool {
        self.running.is_empty() && (self.line.is_empty() || self.size == 0)
    }
}

/// Everybody goes on as far as they can before the next operation: the pool is the model.
async fn settled(size: usize, operations: Vec<Operation>) -> TestCaseResult {
    let mut world = World::new(size);
    let mut model = Model {
        size,
        running: BTreeSet::new(),
        line: VecDeque::new(),
    };
    let mut waiting_for_all: Vec<GreenThread<()>> = Vec::new();
    for operation in operations {
        match operation {
            Operation::Spawn => model.line.push_back(world.spawn()),
            Operation::TrySpawn => {
                let has_room = model.running.len() < model.size && model.line.is_empty();
                let started = world.try_spawn();
                prop_assert_eq!(started.is_some(), has_room);
                model.running.extend(started);
            }
            Operation::GiveUp(index) => {
                if let Some(name) = world.give_up(index) {
                    model.line.retain(|other| *other != name);
                }
            }
            Operation::End(index, end) => {
                if let Some(name) = world.end(index, end) {
                    prop_assert!(model.running.remove(&name));
                }
            }
            Operation::Resize(size) => {
                world.pool.resize(size);
                model.size = size;
            }
            Operation::WaitAll => waiting_for_all.push(world.wait_all()),
        }
        model.admit();
        settle().await;

        prop_assert!(world.members.borrow().keys().eq(&model.running));
        let pool = &world.pool;
        prop_assert_eq!(pool.running(), model.running.len());
        prop_assert_eq!(pool.waiting(), model.line.len());
        let free = model.size as isize - model.running.len() as isize;
        prop_assert_eq!(pool.free(), free);
        if model.is_idle() {
            prop_assert!(waiting_for_all.iter().all(GreenThread::is_finished));
            waiting_for_all.clear();
        }
        prop_assert!(!waiting_for_all.iter().any(GreenThread::is_finished));
    }
    world.waiters.extend(waiting_for_all);
    world.close().await
}

/// Whenever the others go on or give up: no place is lost, none is made, and everybody who waits for
/// all goes on in the end.
async fn conserved(size: usize, operations: Vec<(Operation, usize)>) -> TestCaseResult {
    let mut world = World::new(size);
    let mut largest = size;
    for (operation, turns) in operations {
        match operation {
            Operation::Spawn => drop(world.spawn()),
            Operation::TrySpawn => drop(world.try_spawn()),
            Operation::GiveUp(index) => drop(world.give_up(index)),
            Operation::End(index, end) => drop(world.end(index, end)),
            Operation::Resize(size) => {
                largest = largest.max(size);
                world.pool.resize(size);
            }
            Operation::WaitAll => {
                let waiter = world.wait_all();
                world.waiters.push(waiter);
            }
        }
        for _ in 0..turns {
            yield_now().await;
        }
        prop_assert!(world.pool.running() <= largest);
    }
    world.close().await
}

proptest! {
    #[test]
    fn a_pool_that_settles_is_the_model(size in 0_usize..4, operations in operations()) {
        virtually(settled(size, operations))?;
    }

    #[test]
    fn no_place_is_lost(
        size in 0_usize..4,
        operations in operations(),
        turns in proptest::collection::vec(0_usize..3, 100),
    ) {
        let operations = operations.into_iter().zip(turns).collect();
        virtually(conserved(size, operations))?;
    }
}
