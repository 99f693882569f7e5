//! Killing: the future is dropped once, on the hub's thread, before anybody hears of it.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::io::Read;
use std::rc::Rc;
use std::time::Duration;

use evlet_hub::{Exit, GreenThread, Io, Outcome, Report, sleep, spawn, spawn_n, stats, yield_now};
use futures::FutureExt;

use crate::bell::Bell;
use crate::stage::{play, really, virtually};
use crate::trace::{OnDrop, Trace};

const SECOND: Duration = Duration::from_secs(1);

/// A handle that the task itself can reach.
type Shared<T> = Rc<RefCell<Option<GreenThread<T>>>>;

fn kill(shared: &Shared<()>) {
    shared.borrow().as_ref().unwrap().kill();
}

// proves A-5; conformance 3, 4
#[test]
fn an_unstarted_task_is_never_polled() {
    let trace = Trace::new();
    virtually(async {
        let (ran, mark) = (trace.clone(), trace.on_drop("dropped"));
        let task = spawn(async move {
            ran.add("ran");
            drop(mark);
        });
        task.kill();
        task.kill();
        assert!(matches!(task.wait().await, Err(Exit::Killed)));
        assert!(task.is_finished());
        task.kill();
        assert!(task.wait().await.is_err());

        // Nobody has a handle of this one.
        let (ran, mark) = (trace.clone(), trace.on_drop("detached"));
        let detached = spawn(async move {
            ran.add("ran");
            drop(mark);
        });
        let before = stats().green_threads;
        detached.kill();
        drop(detached);
        yield_now().await;
        assert_eq!(stats().green_threads, before - 1);
    });
    assert_eq!(trace.text(), "dropped detached");
}

// proves A-5; conformance 11
#[test]
fn a_running_task_ends_at_the_await_where_it_is() {
    let trace = Trace::new();
    virtually(async {
        let ran = trace.clone();
        let task = spawn(async move {
            let _mark = ran.on_drop("dropped");
            ran.add("started");
            pending::<()>().await;
            ran.add("never");
        });
        yield_now().await;
        task.kill();
        assert!(matches!(task.await, Err(Exit::Killed)));
    });
    assert_eq!(trace.text(), "started dropped");
}

// proves A-5: kill takes effect at the task's next turn, in its place of the line
#[test]
fn the_drop_takes_its_turn_in_the_line() {
    let trace = Trace::new();
    virtually(async {
        let mark = trace.on_drop("victim");
        let victim = spawn(async move {
            let _mark = mark;
            pending::<()>().await;
        });
        yield_now().await;
        let before = trace.clone();
        spawn_n(async move { before.add("before") });
        victim.kill();
        trace.add("killed");
        let after = trace.clone();
        spawn_n(async move { after.add("after") });
        yield_now().await;
        trace.add("killer");
        drop(victim);
    });
    assert_eq!(trace.text(), "killed before victim after killer");
}

// proves: a task that was woken and then killed is dropped, not polled
#[test]
fn a_woken_task_that_is_killed_is_not_polled_again() {
    let trace = Trace::new();
    virtually(async {
        let bell = Bell::new();
        let task = {
            let (trace, bell) = (trace.clone(), bell.clone());
            spawn(async move {
                bell.wait().await;
                trace.add("resumed");
            })
        };
        yield_now().await;
        bell.ring();
        task.kill();
        assert!(matches!(task.await, Err(Exit::Killed)));
    });
    assert_eq!(trace.text(), "");
}

// proves A-5: dropped first, then the links, then the waiters
#[test]
fn the_future_is_gone_before_anybody_hears_of_it() {
    let trace = Trace::new();
    virtually(async {
        let mark = trace.on_drop("dropped");
        let task = Rc::new(spawn(async move {
            let _mark = mark;
            pending::<()>().await;
        }));
        let waiter = {
            let (task, trace) = (task.clone(), trace.clone());
            spawn(async move {
                assert!(task.wait().await.is_err());
                trace.add("waiter");
            })
        };
        yield_now().await;
        let link = trace.clone();
        task.link(move |ended| {
            assert!(matches!(ended.outcome, Outcome::Killed));
            link.add("link");
        });
        task.kill();
        waiter.await.unwrap();
    });
    assert_eq!(trace.text(), "dropped link waiter");
}

// conformance 15: the victim's clean-up has run before `kill().await` goes on
#[test]
fn awaiting_the_kill_waits_until_it_is_gone() {
    let trace = Trace::new();
    virtually(async {
        let mark = trace.on_drop("cleaned up");
        let task = spawn(async move {
            let _mark = mark;
            sleep(SECOND).await;
        });
        yield_now().await;
        task.kill().await;
        trace.add("killer");
        assert!(task.is_finished());
        assert_eq!(stats().timers, 0);
        // Of one that has ended: at once.
        assert!(task.kill().now_or_never().is_some());
    });
    assert_eq!(trace.text(), "cleaned up killer");
}

// proves D-1, `kill().await` is class S: the kill itself stands
#[test]
fn a_kill_that_is_not_waited_for_stands() {
    virtually(async {
        let task = spawn(pending::<()>());
        yield_now().await;
        let mut kill = Box::pin(task.kill());
        assert!(futures::poll!(&mut kill).is_pending());
        drop(kill);
        assert!(matches!(task.await, Err(Exit::Killed)));
    });
}

// proves A-5
#[test]
fn the_kill_of_a_finished_task_changes_nothing() {
    virtually(async {
        let task = spawn(async { 6 });
        yield_now().await;
        task.kill();
        task.kill().await;
        assert_eq!(task.await.unwrap(), 6);
    });
}

// proves A-5: a task that kills itself ends at its next await
#[test]
fn a_task_that_kills_itself_ends_at_its_next_await() {
    let trace = Trace::new();
    virtually(async {
        let me: Shared<()> = Rc::default();
        let (own, ours) = (me.clone(), trace.clone());
        let task = spawn(async move {
            let _mark = ours.on_drop("dropped");
            kill(&own);
            ours.add("still here");
            yield_now().await;
            ours.add("never");
        });
        *me.borrow_mut() = Some(task);
        yield_now().await;
        yield_now().await;
        let task = me.borrow_mut().take().unwrap();
        assert!(matches!(task.await, Err(Exit::Killed)));
    });
    assert_eq!(trace.text(), "still here dropped");
}

// proves A-5; eventlet's D4: nothing stray is left of a task that killed itself while it waits for that
#[test]
fn awaiting_the_kill_of_oneself_ends_there() {
    let trace = Trace::new();
    virtually(async {
        let me: Shared<()> = Rc::default();
        let (own, ours) = (me.clone(), trace.clone());
        let task = spawn(async move {
            let _mark = ours.on_drop("dropped");
            let kill = own.borrow().as_ref().unwrap().kill();
            kill.await;
            ours.add("never");
        });
        *me.borrow_mut() = Some(task);
        sleep(SECOND).await;
        assert!(me.borrow().as_ref().unwrap().is_finished());
    });
    assert_eq!(trace.text(), "dropped");
}

// proves D-4: the one that is killed kills its killer while it goes
#[test]
fn two_tasks_may_kill_each_other() {
    virtually(async {
        let handles: [Shared<()>; 2] = Default::default();
        let (first, second) = (handles[0].clone(), handles[1].clone());
        *handles[0].borrow_mut() = Some(spawn(async move {
            sleep(SECOND).await;
            kill(&second);
            pending::<()>().await;
        }));
        let revenge = OnDrop::new(move || kill(&first));
        *handles[1].borrow_mut() = Some(spawn(async move {
            let _revenge = revenge;
            pending::<()>().await;
        }));
        for handle in handles {
            sleep(SECOND * 2).await;
            let task = handle.borrow_mut().take().unwrap();
            assert!(matches!(task.await, Err(Exit::Killed)));
        }
    });
}

/// A hub in virtual time, and the words `panicked` in a trace for each report of a panic.
fn reporting_hub() -> (evlet_hub::Hub, Trace) {
    let reports = Trace::new();
    let told = reports.clone();
    let hub = evlet_hub::Hub::builder()
        .virtual_time(true)
        .on_report(move |report| {
            told.add(match report {
                Report::Panicked { .. } => "panicked",
                _ => "other",
            });
        })
        .build()
        .unwrap();
    (hub, reports)
}

// proves A-4: the destructor's panic reaches one reader, the waiter or the report, and only one
#[test]
fn a_destructor_that_panics_ends_only_its_task() {
    let (hub, reports) = reporting_hub();
    let trace = Trace::new();
    play(&hub, async {
        let bomb = OnDrop::new(|| panic!("in the destructor"));
        let task = spawn(async move {
            let _bomb = bomb;
            pending::<()>().await;
        });
        let neighbour = trace.clone();
        spawn_n(async move {
            sleep(SECOND).await;
            neighbour.add("neighbour");
        });
        yield_now().await;
        task.kill();
        match task.await {
            Err(Exit::Panicked(payload)) => {
                assert_eq!(payload.downcast_ref(), Some(&"in the destructor"));
                trace.add("told");
            }
            Err(Exit::Killed) => {}
            Ok(()) => panic!("it was killed"),
        }
        sleep(SECOND * 2).await;
    });
    assert_eq!(trace.count("neighbour"), 1);
    assert_eq!(
        trace.count("told") + reports.count("panicked"),
        1,
        "told once"
    );
}

// proves D-4: the destructor of a killed task may spawn, wake, kill
#[test]
fn a_destructor_may_use_the_hub() {
    let trace = Trace::new();
    virtually(async {
        let bell = Bell::new();
        let woken = {
            let (bell, trace) = (bell.clone(), trace.clone());
            spawn(async move {
                bell.wait().await;
                trace.add("woken");
            })
        };
        let other = Rc::new(spawn(pending::<()>()));
        let (spawned, victim) = (trace.clone(), other.clone());
        let work = OnDrop::new(move || {
            spawn_n(async move { spawned.add("spawned") });
            bell.ring();
            victim.kill();
        });
        let task = spawn(async move {
            let _work = work;
            pending::<()>().await;
        });
        yield_now().await;
        task.kill().await;
        assert!(matches!(other.wait().await, Err(Exit::Killed)));
        woken.await.unwrap();
    });
    assert_eq!(trace.text(), "spawned woken");
}

// proves D-1, `sleep` is class S: the timer's entry is free at once
#[test]
fn a_killed_sleeper_gives_its_timer_back() {
    virtually(async {
        let before = stats().green_threads;
        let tasks: Vec<_> = (0..100).map(|_| spawn(sleep(SECOND))).collect();
        yield_now().await;
        assert_eq!(stats().timers, 100);
        tasks.iter().for_each(|task| drop(task.kill()));
        yield_now().await;
        assert_eq!(stats().timers, 0);
        assert_eq!(stats().green_threads, before);
    });
}

// proves C-4, D-1: a killed reader makes room for the next, and takes no byte with it
#[test]
fn a_killed_reader_makes_room_for_the_next() {
    really(async {
        let (pipe, mut writer) = std::io::pipe().unwrap();
        let pipe = Rc::new(Io::new(pipe).unwrap());
        let reader = |io: Rc<Io<std::io::PipeReader>>| async move {
            let mut byte = [0];
            io.read_with(|mut p| p.read(&mut byte)).await.unwrap();
            byte[0]
        };
        let first = spawn(reader(pipe.clone()));
        yield_now().await;
        first.kill().await;
        let second = spawn(reader(pipe));
        yield_now().await;
        std::io::Write::write_all(&mut writer, b"x").unwrap();
        assert_eq!(second.await.unwrap(), b'x');
    });
}

// proves A-5: exactly once, also for a thousand of them in all states
#[test]
fn each_of_a_thousand_is_dropped_once() {
    let drops = Rc::new(Cell::new(0));
    virtually(async {
        let mut tasks = Vec::new();
        for n in 0..1_000_u32 {
            let drops = drops.clone();
            let mark = OnDrop::new(move || drops.set(drops.get() + 1));
            tasks.push(spawn(async move {
                let _mark = mark;
                match n % 4 {
                    0 => {}
                    1 => yield_now().await,
                    2 => sleep(SECOND * n).await,
                    _ => pending::<()>().await,
                }
            }));
            if n % 3 == 0 {
                tasks[n as usize].kill();
            }
            if n % 5 == 0 {
                yield_now().await;
            }
        }
        tasks.iter().for_each(|task| drop(task.kill()));
        for task in tasks {
            let _ = task.await;
        }
    });
    assert_eq!(drops.get(), 1_000);
}
