//! Links: functions that are told of a green thread's end, in order, before anybody who waits.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use evlet_hub::{Exit, GreenThread, Outcome, Report, sleep, spawn, spawn_n, yield_now};

use crate::bell::Bell;
use crate::stage::virtually;
use crate::trace::Trace;

const SECOND: Duration = Duration::from_secs(1);

/// Counts itself, and links itself so many times more.
fn again(task: Rc<GreenThread<()>>, left: u32, count: Rc<Cell<u32>>) {
    count.set(count.get() + 1);
    if left > 0 {
        let next = task.clone();
        task.link(move |_| again(next, left - 1, count));
    }
}

// conformance 5; eventlet: in link order, before any waiter resumes
#[test]
fn links_are_called_in_order_before_any_waiter() {
    let trace = Trace::new();
    virtually(async {
        let task = Rc::new(spawn(sleep(SECOND)));
        let waiter = {
            let (task, trace) = (task.clone(), trace.clone());
            spawn(async move {
                task.wait().await.unwrap();
                assert!(task.is_finished());
                trace.add("waiter");
            })
        };
        yield_now().await;
        for n in 0..4 {
            let trace = trace.clone();
            task.link(move |_| trace.add(n.to_string()));
        }
        waiter.await.unwrap();
    });
    assert_eq!(trace.text(), "0 1 2 3 waiter");
}

// conformance 5: a link is told who ended, and how
#[test]
fn a_link_is_told_who_ended_and_how() {
    virtually(async {
        let seen: Rc<RefCell<Vec<_>>> = Rc::default();
        let returned = spawn(async {});
        let killed = spawn(std::future::pending::<()>());
        let panicked = spawn(async { panic!("as ordered") });
        let mut ids = Vec::new();
        for task in [&returned, &killed, &panicked] {
            let seen = seen.clone();
            ids.push(task.id());
            task.link(move |ended| {
                let how = match ended.outcome {
                    Outcome::Returned => "returned",
                    Outcome::Killed => "killed",
                    Outcome::Panicked => "panicked",
                };
                seen.borrow_mut().push((ended.id, how));
            });
        }
        killed.kill();
        assert!(panicked.await.is_err());
        assert_eq!(
            *seen.borrow(),
            [
                (ids[0], "returned"),
                (ids[1], "killed"),
                (ids[2], "panicked")
            ]
        );
        drop((returned, killed));
    });
}

// conformance 6
#[test]
fn a_link_on_a_finished_task_is_called_at_once() {
    virtually(async {
        let task = spawn(async {});
        yield_now().await;
        let called = Rc::new(Cell::new(false));
        let call = called.clone();
        let id = task.link(move |_| call.set(true));
        assert!(called.get());
        assert!(!task.unlink(id), "what has been called is not linked");
    });
}

// conformance 7: no recursion either, which would overflow the stack
#[test]
fn a_link_may_link_more() {
    virtually(async {
        let count = Rc::new(Cell::new(0));
        let task = Rc::new(spawn(sleep(SECOND)));
        let (first, counter) = (task.clone(), count.clone());
        task.link(move |_| again(first, 200_000, counter));
        task.wait().await.unwrap();
        assert_eq!(count.get(), 200_001);
    });
}

// the same after the end, where the first is called at once
#[test]
fn a_link_on_a_finished_task_may_link_more() {
    virtually(async {
        let count = Rc::new(Cell::new(0));
        let task = Rc::new(spawn(async {}));
        yield_now().await;
        let (first, counter) = (task.clone(), count.clone());
        task.link(move |_| again(first, 200_000, counter));
        assert_eq!(count.get(), 200_001);
    });
}

// eventlet: each is called when the one that made it has returned, behind those that were there
#[test]
fn links_made_by_links_come_last() {
    let trace = Trace::new();
    virtually(async {
        let task = Rc::new(spawn(sleep(SECOND)));
        let (makes, words) = (task.clone(), trace.clone());
        task.link(move |_| {
            words.add("one");
            let word = words.clone();
            let never = makes.link(move |_| word.add("never"));
            let word = words.clone();
            makes.link(move |_| word.add("three"));
            assert!(makes.unlink(never), "it was still to be called");
            words.add("ends");
        });
        let word = trace.clone();
        let second = task.link(move |_| word.add("two"));
        let taken = Rc::new(Cell::new(false));
        let (takes, took) = (task.clone(), taken.clone());
        task.link(move |_| took.set(takes.unlink(second)));
        task.wait().await.unwrap();
        assert!(!taken.get(), "it has been called");
    });
    assert_eq!(trace.text(), "one ends two three");
}

// the hub reports it, whenever the link is called
#[test]
fn a_link_that_panics_at_once_is_reported_too() {
    let reports = Trace::new();
    let told = reports.clone();
    let hub = evlet_hub::Hub::builder()
        .virtual_time(true)
        .on_report(move |report| told.add(report.to_string()))
        .build()
        .unwrap();
    crate::stage::play(&hub, async {
        let task = spawn(async {});
        yield_now().await;
        task.link(|_| panic!("as ordered"));
        let called = Rc::new(Cell::new(false));
        let call = called.clone();
        task.link(move |_| call.set(true));
        assert!(called.get());
    });
    assert!(
        reports.text().contains("a link of it"),
        "{}",
        reports.text()
    );
    assert!(reports.text().contains("as ordered"), "{}", reports.text());
}

#[test]
fn an_unlinked_function_is_not_called_and_not_kept() {
    let trace = Trace::new();
    virtually(async {
        let task = spawn(sleep(SECOND));
        let add = |word: &'static str| {
            let (trace, mark) = (trace.clone(), trace.on_drop(format!("-{word}")));
            task.link(move |_| {
                trace.add(word);
                drop(mark);
            })
        };
        let (_a, b, _c) = (add("a"), add("b"), add("c"));
        assert!(task.unlink(b));
        assert_eq!(trace.text(), "-b");
        assert!(!task.unlink(b), "only once");
        task.await.unwrap();
    });
    assert_eq!(trace.text(), "-b a -a c -c");
}

// proves A-4, and mends eventlet's D16: a link that panics does not silence the others
#[test]
fn a_link_that_panics_is_reported_and_the_others_are_called() {
    let trace = Trace::new();
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
    crate::stage::play(&hub, async {
        let task = spawn(sleep(SECOND));
        for word in ["a", "boom", "b"] {
            let trace = trace.clone();
            task.link(move |_| {
                assert_ne!(word, "boom", "as ordered");
                trace.add(word);
            });
        }
        task.await.expect("the task itself returned");
        trace.add("waiter");
    });
    assert_eq!(trace.text(), "a b waiter");
    assert_eq!(reports.text(), "panicked");
}

// proves A-4: the last handle goes while the task ends; its panic is told once, to the report
#[test]
#[cfg(panic = "unwind")]
fn a_link_may_drop_the_last_handle() {
    let reports = Trace::new();
    let told = reports.clone();
    let hub = evlet_hub::Hub::builder()
        .virtual_time(true)
        .on_report(move |_| told.add("reported"))
        .build()
        .unwrap();
    crate::stage::play(&hub, async {
        let handle: Rc<RefCell<Option<GreenThread<()>>>> = Rc::default();
        let task = spawn(async {
            sleep(SECOND).await;
            panic!("as ordered");
        });
        let last = handle.clone();
        task.link(move |_| drop(last.borrow_mut().take()));
        *handle.borrow_mut() = Some(task);
        drop(handle);
        sleep(SECOND * 2).await;
    });
    assert_eq!(reports.text(), "reported");
}

// proves D-4: a link may do everything a task may
#[test]
fn a_link_may_spawn_kill_and_wake() {
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
        let victim = spawn(std::future::pending::<()>());
        yield_now().await;
        let task = spawn(async {});
        let spawned = trace.clone();
        let kill = Rc::new(victim);
        let kill_it = kill.clone();
        task.link(move |_| {
            bell.ring();
            kill_it.kill();
            spawn_n(async move { spawned.add("spawned") });
        });
        woken.await.unwrap();
        assert!(matches!(kill.wait().await, Err(Exit::Killed)));
        task.await.unwrap();
        yield_now().await;
    });
    assert_eq!(trace.text(), "woken spawned");
}
