//! `green_local!`: a value for each green thread.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use evlet_hub::{
    Hub, LocalError, Report, green_local, run, sleep, spawn, spawn_after, spawn_n, yield_now,
};

use crate::stage::{play, run_and_drop, virtually};
use crate::trace::{Mark, OnDrop, Trace};

/// Something to be done when a value goes.
type Farewell = OnDrop<Box<dyn FnOnce()>>;

fn farewell(f: impl FnOnce() + 'static) -> Farewell {
    OnDrop::new(Box::new(f))
}

green_local! {
    static NUMBER: Cell<u32> = Cell::new(1);

    /// Attributes before and after are kept.
    #[inherit]
    #[allow(dead_code)]
    static USER: RefCell<String> = RefCell::new(String::from("nobody"));

    #[inherit]
    static SHARED: Rc<Cell<u32>> = Rc::new(Cell::new(0));
}

// conformance 96
#[test]
fn each_green_thread_has_a_value_of_its_own() {
    virtually(async {
        NUMBER.set(10);
        let tasks: Vec<_> = (0..3)
            .map(|n| {
                spawn(async move {
                    let first = NUMBER.get();
                    NUMBER.set(n);
                    yield_now().await;
                    (first, NUMBER.get())
                })
            })
            .collect();
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), (1, n as u32));
        }
        assert_eq!(NUMBER.replace(11), 10);
        assert_eq!(NUMBER.take(), 11);
        assert_eq!(NUMBER.get(), 0);
    });
}

// conformance 97
#[test]
fn the_value_is_made_once_in_each_green_thread_that_asks() {
    thread_local! { static MADE: Cell<u32> = const { Cell::new(0) } }
    green_local! { static LOCAL: u32 = { MADE.set(MADE.get() + 1); 5 } }
    virtually(async {
        for _ in 0..3 {
            spawn_n(async {
                for _ in 0..3 {
                    assert_eq!(LOCAL.with(|value| *value), 5);
                    yield_now().await;
                }
            });
        }
        spawn_n(async { yield_now().await });
        sleep(Duration::from_secs(1)).await;
    });
    assert_eq!(MADE.get(), 3);
}

// conformance 98
#[test]
fn values_of_green_threads_that_ended_are_gone() {
    green_local! { static LOCAL: RefCell<Option<Rc<()>>> = RefCell::new(None) }
    let token = Rc::new(());
    virtually(async {
        let tasks: Vec<_> = (0..99)
            .map(|n| {
                let token = Rc::clone(&token);
                spawn(async move {
                    LOCAL.set(Some(token));
                    match n % 3 {
                        0 => {}
                        1 => pending().await,
                        _ => drop(LOCAL.with_borrow_mut(|held| held.clone())),
                    }
                })
            })
            .collect();
        LOCAL.set(Some(Rc::clone(&token)));
        yield_now().await;
        tasks.iter().for_each(|task| drop(task.kill()));
        yield_now().await;
        assert_eq!(Rc::strong_count(&token), 2);
    });
    assert_eq!(Rc::strong_count(&token), 1, "the root's went with it");
}

// openstack case 92
#[test]
fn a_value_marked_so_is_inherited_as_it_is_at_the_spawn() {
    virtually(async {
        USER.set("ann".into());
        SHARED.with(|shared| shared.set(1));
        let child = spawn(async {
            assert_eq!(USER.get(), "ann", "and not what it became since");
            USER.with_borrow_mut(|user| user.push_str("'s child"));
            // A grandchild inherits from the child, later spawns and detached ones too.
            let grandchild = spawn_after(Duration::from_secs(1), async { USER.take() });
            SHARED.with(|shared| shared.set(2));
            grandchild.await.unwrap()
        });
        USER.set("bob".into());
        assert_eq!(child.await.unwrap(), "ann's child");
        assert_eq!(USER.get(), "bob");
        assert_eq!(SHARED.with(|shared| shared.get()), 2, "the clone shares");
        NUMBER.set(9);
        assert_eq!(
            spawn(async { NUMBER.get() }).await.unwrap(),
            1,
            "not marked"
        );
    });
}

// openstack case 92
#[test]
fn what_the_spawner_never_asked_for_is_made_anew() {
    virtually(async {
        let child = spawn(async { spawn(async { USER.get() }).await.unwrap() });
        assert_eq!(child.await.unwrap(), "nobody");
    });
}

// proves A-5: after the future, before links and waiters, the last one first
#[test]
fn values_go_after_the_future_and_before_anybody_hears_of_the_end() {
    green_local! {
        static FIRST: RefCell<Option<Mark>> = RefCell::new(None);
        static SECOND: RefCell<Option<Mark>> = RefCell::new(None);
    }
    let trace = Trace::new();
    let marks = [
        trace.on_drop("future"),
        trace.on_drop("first"),
        trace.on_drop("second"),
    ];
    virtually(async {
        let task = spawn(async move {
            let [future, first, second] = marks;
            FIRST.set(Some(first));
            SECOND.set(Some(second));
            pending::<()>().await;
            drop(future);
        });
        yield_now().await;
        let linked = trace.clone();
        task.link(move |_| linked.add("link"));
        task.kill();
        assert!(task.wait().await.is_err());
        trace.add("waiter");
    });
    assert_eq!(trace.text(), "future second first link waiter");
}

// proves D-4: a destructor may use other locals, of which none is made anew
#[test]
fn a_destructor_may_ask_for_other_locals() {
    green_local! {
        static EARLY: Cell<u32> = Cell::new(3);
        static LATE: Cell<u32> = Cell::new(4);
        static GUARD: RefCell<Option<Farewell>> = RefCell::new(None);
    }
    let seen = Rc::new(RefCell::new(Vec::new()));
    let notes = Rc::clone(&seen);
    virtually(async {
        let task = spawn(async move {
            EARLY.set(30);
            GUARD.set(Some(farewell(move || {
                let mut notes = notes.borrow_mut();
                notes.push(EARLY.try_with(Cell::get));
                notes.push(LATE.try_with(Cell::get));
                notes.push(NUMBER.try_with(Cell::get));
                notes.push(GUARD.try_with(|_| 0));
                spawn_n(async {});
            })));
            LATE.set(40);
        });
        task.await.unwrap();
        yield_now().await;
    });
    let gone = Err(LocalError::Gone);
    assert_eq!(*seen.borrow(), [Ok(30), gone, gone, gone]);
    assert!(LocalError::Gone.to_string().contains("try_with"));
}

// proves A-4: also in the destructor of a local
#[cfg(panic = "unwind")]
#[test]
fn a_destructor_that_panics_is_told_and_keeps_nothing_back() {
    green_local! {
        static OTHER: RefCell<Option<Mark>> = RefCell::new(None);
        static BOMB: RefCell<Option<Farewell>> = RefCell::new(None);
    }
    let reports = Trace::new();
    let told = reports.clone();
    let hub = Hub::builder()
        .virtual_time(true)
        .on_report(move |report| {
            if let Report::Panicked { place, .. } = report {
                told.add(*place);
            }
        })
        .build()
        .unwrap();
    let other = reports.on_drop("other");
    play(&hub, async {
        let task = spawn(async move {
            OTHER.set(Some(other));
            BOMB.set(Some(farewell(|| panic!("boom"))));
            6
        });
        assert_eq!(task.await.unwrap(), 6);
    });
    assert_eq!(reports.text(), "a local of it other");
}

#[test]
fn outside_of_green_threads_the_value_is_the_os_threads() {
    NUMBER.set(100);
    assert_eq!(run(async { NUMBER.get() }), 1, "nobody inherits it");
    assert_eq!(NUMBER.get(), 100);
    let elsewhere = std::thread::spawn(|| NUMBER.get());
    assert_eq!(elsewhere.join().unwrap(), 1);
    assert_eq!(NUMBER.take(), 100);
}

#[test]
fn one_that_asks_for_itself_while_it_is_made_is_an_error() {
    green_local! {
        static SNAKE: Option<u32> = SNAKE.try_with(|_| 0).ok();
    }
    virtually(async {
        assert_eq!(SNAKE.with(|value| *value), None);
    });
    assert!(!LocalError::Recursive.to_string().is_empty());
}

#[cfg(panic = "unwind")]
#[test]
fn one_that_could_not_be_made_is_tried_again() {
    thread_local! { static TRIES: Cell<u32> = const { Cell::new(0) } }
    green_local! {
        static MOODY: u32 = {
            TRIES.set(TRIES.get() + 1);
            assert!(TRIES.get() > 1, "not yet");
            7
        };
    }
    virtually(async {
        let caught = std::panic::catch_unwind(|| MOODY.with(|value| *value));
        assert!(caught.is_err());
        assert_eq!(MOODY.with(|value| *value), 7);
    });
}

// proves A-7: with the hub
#[test]
fn values_of_those_that_the_hub_drops_go_too() {
    green_local! { static LOCAL: RefCell<Option<Mark>> = RefCell::new(None) }
    let trace = Trace::new();
    run_and_drop(async {
        for name in ["one", "two"] {
            let mark = trace.on_drop(name);
            spawn_n(async move {
                LOCAL.set(Some(mark));
                pending::<()>().await;
            });
        }
        yield_now().await;
    });
    assert_eq!(trace.text(), "one two");
}
