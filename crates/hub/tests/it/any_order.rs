//! The order of turns, for any sequence of wake-ups, yields, spawns and kills: that of a plain queue.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use evlet_hub::{GreenThread, Hub, spawn};

/// What a task does in a poll, in this order. Numbers choose one of the tasks so far.
#[derive(Debug, Clone, Copy)]
enum Deed {
    WakeSelf,
    Wake(usize),
    Spawn,
    Kill(usize),
    Return,
}

/// The deeds of the `nth` poll of a task.
fn deeds(seed: u64, task: usize, nth: u64, first: usize) -> Vec<Deed> {
    let mut rng = fastrand::Rng::with_seed(seed ^ (task as u64) << 32 ^ nth << 16);
    if task == 0 {
        let spawns = if nth == 0 { first } else { rng.usize(..3) };
        let at = rng.usize(..=spawns);
        let mut deeds = vec![Deed::Spawn; spawns];
        deeds.insert(at, Deed::WakeSelf);
        return deeds;
    }
    (0..rng.usize(..5))
        .map(|_| match rng.u8(..20) {
            0..6 => Deed::WakeSelf,
            6..15 => Deed::Wake(rng.usize(..)),
            15 | 16 => Deed::Spawn,
            17 => Deed::Kill(rng.usize(..)),
            18 => Deed::Return,
            _ => Deed::Wake(0),
        })
        .collect()
}

#[derive(Default)]
struct Model {
    line: VecDeque<usize>,
    /// Whether it is in the line, was killed, has ended; and how often it was polled.
    tasks: Vec<(bool, bool, bool, u64)>,
    turns: Vec<usize>,
}

impl Model {
    fn wake(&mut self, task: usize) {
        let (is_in_line, _, is_over, _) = &mut self.tasks[task];
        if !*is_in_line && !*is_over {
            *is_in_line = true;
            self.line.push_back(task);
        }
    }

    fn spawn(&mut self) {
        self.tasks.push((false, false, false, 0));
        self.wake(self.tasks.len() - 1);
    }

    fn play(mut self, seed: u64, first: usize, rounds: u64) -> Vec<usize> {
        self.spawn();
        while let Some(task) = self.line.pop_front() {
            self.tasks[task].0 = false;
            let (_, killed, over, nth) = self.tasks[task];
            if killed || over {
                self.tasks[task].2 = true;
                continue;
            }
            if task == 0 && nth == rounds {
                break;
            }
            self.turns.push(task);
            self.tasks[task].3 += 1;
            let mut returns = false;
            for deed in deeds(seed, task, nth, first) {
                let all = self.tasks.len();
                match deed {
                    Deed::WakeSelf => self.wake(task),
                    // One that has not run yet has no waker to be had, and is in the line.
                    Deed::Wake(other) => self.wake(other % all),
                    Deed::Spawn => self.spawn(),
                    Deed::Kill(other) if other % all == 0 => {}
                    Deed::Kill(other) => {
                        self.tasks[other % all].1 = true;
                        if other % all != task {
                            self.wake(other % all);
                        }
                    }
                    Deed::Return => {
                        returns = true;
                        break;
                    }
                }
            }
            if returns || self.tasks[task].1 {
                self.tasks[task].2 = true;
            }
        }
        self.turns
    }
}

#[derive(Default)]
struct Stage {
    wakers: Vec<Option<Waker>>,
    handles: Vec<Option<GreenThread<()>>>,
    turns: Vec<usize>,
}

type Shared = Rc<RefCell<Stage>>;

async fn task(shared: Shared, number: usize, seed: u64, first: usize, rounds: u64) {
    let mut nth = 0;
    poll_fn(move |cx| {
        if number == 0 && nth == rounds {
            return Poll::Ready(());
        }
        let mut stage = shared.borrow_mut();
        stage.turns.push(number);
        stage.wakers[number].get_or_insert_with(|| cx.waker().clone());
        drop(stage);
        let these = deeds(seed, number, nth, first);
        nth += 1;
        for deed in these {
            let mut stage = shared.borrow_mut();
            let all = stage.wakers.len();
            match deed {
                Deed::WakeSelf => cx.waker().wake_by_ref(),
                Deed::Wake(other) => {
                    if let Some(waker) = &stage.wakers[other % all] {
                        waker.wake_by_ref();
                    }
                }
                Deed::Spawn => {
                    stage.wakers.push(None);
                    drop(stage);
                    let handle = spawn(task(shared.clone(), all, seed, first, rounds));
                    shared.borrow_mut().handles.push(Some(handle));
                }
                Deed::Kill(other) => {
                    if let Some(handle) = &stage.handles[other % all] {
                        drop(handle.kill());
                    }
                }
                Deed::Return => return Poll::Ready(()),
            }
        }
        Poll::Pending
    })
    .await;
}

// proves A-13
#[test]
fn turns_are_taken_in_the_order_of_a_plain_queue() {
    for seed in 0..20 {
        let first = [3, 30, 1_020, 1_030, 2_500][seed as usize % 5];
        let rounds = 20_000 / first as u64;
        let rounds = rounds.clamp(6, 300);
        let expected = Model::default().play(seed, first, rounds);
        let shared = Shared::default();
        let hub = Hub::builder().virtual_time(true).build().unwrap();
        shared.borrow_mut().wakers.push(None);
        shared.borrow_mut().handles.push(None);
        hub.run(task(shared.clone(), 0, seed, first, rounds));
        let turns = std::mem::take(&mut shared.borrow_mut().turns);
        drop(hub);
        shared.borrow_mut().handles.clear();
        let differs = turns.iter().zip(&expected).position(|(a, b)| a != b);
        assert!(
            differs.is_none() && turns.len() == expected.len(),
            "seed {seed}, {first} tasks at first: differs at {differs:?} of {} and {}",
            turns.len(),
            expected.len()
        );
    }
}
