//! Green threads in any sequence of spawning, waking, killing, cancelling, detaching and yielding,
//! with and without shuffling, up to the drop of the hub: what must hold for each of them holds.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use evlet_hub::{Exit, GreenThread, Hub, Outcome, sleep, spawn, spawn_after, yield_now};
use proptest::prelude::*;

use crate::bell::Bell;
use crate::deadline::Deadline;
use crate::trace::OnDrop;

/// What a task does with its life.
#[derive(Debug, Clone, Copy)]
enum Life {
    Returns,
    Yields(u8),
    Sleeps(u8),
    WaitsForBell,
    StartsLate(u8),
    SpawnsWhenDropped,
}

/// One step of a history. Numbers choose one of the tasks so far.
#[derive(Debug, Clone, Copy)]
enum Step {
    Spawn(Life),
    Ring(usize),
    Kill(usize),
    Cancel(usize),
    Detach(usize),
    Wait(usize),
    Yield,
    Sleep(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let life = prop_oneof![
        Just(Life::Returns),
        (0..4_u8).prop_map(Life::Yields),
        (0..4_u8).prop_map(Life::Sleeps),
        Just(Life::WaitsForBell),
        (0..4_u8).prop_map(Life::StartsLate),
        Just(Life::SpawnsWhenDropped),
    ];
    prop_oneof![
        5 => life.prop_map(Step::Spawn),
        1 => any::<usize>().prop_map(Step::Ring),
        1 => any::<usize>().prop_map(Step::Kill),
        1 => any::<usize>().prop_map(Step::Cancel),
        1 => any::<usize>().prop_map(Step::Detach),
        1 => any::<usize>().prop_map(Step::Wait),
        2 => Just(Step::Yield),
        1 => (0..3_u8).prop_map(Step::Sleep),
    ]
}

/// What happened to one task, in order.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Happened {
    Polled,
    Returned,
    Dropped,
    Told(Outcome),
    Waited(Outcome),
}

type Diary = Rc<RefCell<Vec<Happened>>>;

struct Task {
    handle: Option<GreenThread<()>>,
    bell: Bell,
    diary: Diary,
}

fn start(life: Life) -> Task {
    let (bell, diary) = (Bell::new(), Diary::default());
    let (rings, notes, last) = (bell.clone(), diary.clone(), diary.clone());
    let dropped = OnDrop::new(move || {
        last.borrow_mut().push(Happened::Dropped);
        if matches!(life, Life::SpawnsWhenDropped) {
            drop(spawn(async {}));
        }
    });
    let future = async move {
        let _dropped = dropped;
        notes.borrow_mut().push(Happened::Polled);
        let tick = Duration::from_millis(1);
        match life {
            Life::Returns | Life::StartsLate(_) => {}
            Life::Yields(times) => {
                for _ in 0..times {
                    yield_now().await;
                }
            }
            Life::Sleeps(ticks) => sleep(tick * u32::from(ticks)).await,
            Life::WaitsForBell | Life::SpawnsWhenDropped => rings.wait().await,
        }
        notes.borrow_mut().push(Happened::Returned);
    };
    let handle = match life {
        Life::StartsLate(ticks) => spawn_after(Duration::from_millis(u64::from(ticks)), future),
        _ => spawn(future),
    };
    let notes = diary.clone();
    handle.link(move |ended| notes.borrow_mut().push(Happened::Told(ended.outcome)));
    Task {
        handle: Some(handle),
        bell,
        diary,
    }
}

async fn replay(steps: Vec<Step>, tasks: &RefCell<Vec<Task>>) {
    let pick = |which: usize| {
        let tasks = tasks.borrow();
        (!tasks.is_empty()).then(|| which % tasks.len())
    };
    for step in steps {
        match step {
            Step::Spawn(life) => tasks.borrow_mut().push(start(life)),
            Step::Yield => yield_now().await,
            Step::Sleep(ticks) => sleep(Duration::from_millis(u64::from(ticks))).await,
            Step::Ring(which) => {
                let bell = pick(which).map(|n| tasks.borrow()[n].bell.clone());
                bell.iter().for_each(Bell::ring);
            }
            Step::Kill(which) => {
                let Some(n) = pick(which) else { continue };
                if let Some(handle) = &tasks.borrow()[n].handle {
                    handle.kill();
                }
            }
            Step::Cancel(which) => {
                let Some(n) = pick(which) else { continue };
                let tasks = tasks.borrow();
                if let Some(handle) = &tasks[n].handle {
                    let had_started = !tasks[n].diary.borrow().is_empty();
                    assert!(!(handle.cancel() && had_started), "it had started");
                }
            }
            Step::Detach(which) => {
                let Some(n) = pick(which) else { continue };
                let handle = tasks.borrow_mut()[n].handle.take();
                drop(handle);
            }
            Step::Wait(which) => {
                let Some(n) = pick(which) else { continue };
                let handle = tasks.borrow_mut()[n].handle.take();
                let Some(handle) = handle else { continue };
                handle.kill();
                let outcome = match handle.await {
                    Ok(()) => Outcome::Returned,
                    Err(Exit::Killed) => Outcome::Killed,
                    Err(Exit::Panicked(_)) => Outcome::Panicked,
                };
                let diary = tasks.borrow()[n].diary.clone();
                diary.borrow_mut().push(Happened::Waited(outcome));
            }
        }
    }
}

/// What must hold for each task, whatever its history.
fn check(diary: &[Happened]) {
    use Happened::{Dropped, Polled, Returned, Told, Waited};
    let place = |what: fn(&Happened) -> bool| {
        let count = diary.iter().filter(|h| what(h)).count();
        assert!(count <= 1, "more than once: {diary:?}");
        diary.iter().position(what)
    };
    let polled = place(|h| *h == Polled);
    let returned = place(|h| *h == Returned);
    let dropped = place(|h| *h == Dropped).expect("dropped once");
    let told = place(|h| matches!(h, Told(_))).expect("its end was told");
    let waited = place(|h| matches!(h, Waited(_)));
    let outcome = match returned {
        Some(_) => Outcome::Returned,
        None => Outcome::Killed,
    };
    assert!(polled.is_none_or(|at| at < dropped), "{diary:?}");
    assert!(returned.is_none_or(|at| at < dropped), "{diary:?}");
    assert!(dropped < told, "{diary:?}");
    assert_eq!(diary[told], Told(outcome), "{diary:?}");
    if let Some(waited) = waited {
        assert!(told < waited, "{diary:?}");
        assert_eq!(diary[waited], Waited(outcome), "{diary:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    // proves
    #[test]
    fn any_history_of_tasks_ends_each_of_them_once(
        steps in proptest::collection::vec(step(), 1..80),
        seed in proptest::option::of(any::<u64>()),
    ) {
        let _limit = Deadline::new();
        let builder = Hub::builder().virtual_time(true);
        let hub = match seed {
            Some(seed) => builder.seed(seed).shuffle(true),
            None => builder,
        };
        let hub = hub.build().unwrap();
        let tasks = RefCell::new(Vec::new());
        hub.run(replay(steps, &tasks));
        drop(hub);
        for task in tasks.borrow().iter() {
            check(&task.diary.borrow());
        }
    }
}
