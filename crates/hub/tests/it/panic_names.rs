//! Whoever panics is reported by its name, wherever the name came from and however it ended.
//!
//! All of this needs unwinding; `main.rs` leaves the module out where panics abort.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use evlet_hub::{
    GreenThread, Hub, Report, set_name, set_name_to_peer, sleep, spawn, spawn_n, yield_now,
};

use crate::stage::play;

const SECOND: Duration = Duration::from_secs(1);

/// How a green thread may come to its name, and the name.
type Naming = (fn(), Option<&'static str>);

const NAMES: [Naming; 4] = [
    (|| {}, None),
    (|| set_name("pump"), Some("pump")),
    // IPv4 is kept as a number, the other as text.
    (
        || set_name_to_peer("192.0.2.1:80".parse().unwrap()),
        Some("192.0.2.1:80"),
    ),
    (
        || set_name_to_peer("[2001:db8::1]:80".parse().unwrap()),
        Some("[2001:db8::1]:80"),
    ),
];

/// The names in the reports of panics, while `scene` is played with each of the names.
fn reported(scene: impl AsyncFn(fn())) -> Vec<Option<String>> {
    let names: Rc<RefCell<Vec<_>>> = Rc::default();
    for (name, _) in NAMES {
        let told = names.clone();
        let hub = Hub::builder().virtual_time(true).on_report(move |report| {
            if let Report::Panicked { name, .. } = report {
                told.borrow_mut().push(name.clone());
            }
        });
        play(&hub.build().unwrap(), scene(name));
    }
    names.take()
}

#[track_caller]
fn assert_all_named(reported: &[Option<String>]) {
    let expected: Vec<_> = NAMES
        .iter()
        .map(|(_, name)| name.map(str::to_owned))
        .collect();
    assert_eq!(reported, expected);
}

/// Takes its name, waits or not, and panics.
async fn panics(name: fn(), waits: bool) {
    name();
    if waits {
        sleep(SECOND).await;
    }
    panic!("as ordered");
}

// proves A-4
#[test]
fn one_that_nobody_waits_for() {
    for waits in [false, true] {
        let names = reported(async |name| {
            spawn_n(panics(name, waits));
            sleep(2 * SECOND).await;
        });
        assert_all_named(&names);
    }
}

// proves A-4
#[test]
fn one_with_links() {
    for waits in [false, true] {
        let names = reported(async |name| {
            let thread = spawn(panics(name, waits));
            thread.link(|_| {});
            drop(thread);
            sleep(2 * SECOND).await;
        });
        assert_all_named(&names);
    }
}

// proves A-4
#[test]
fn one_whose_link_panics() {
    for waits in [false, true] {
        let names = reported(async |name| {
            let thread = spawn(async move {
                name();
                if waits {
                    sleep(SECOND).await;
                }
            });
            thread.link(|_| panic!("in the link"));
            thread.await.unwrap();
        });
        assert_all_named(&names);
    }
}

// proves A-4
#[test]
fn one_whose_handle_is_dropped_unread() {
    for waits in [false, true] {
        let names = reported(async |name| {
            let thread = spawn(panics(name, waits));
            sleep(2 * SECOND).await;
            assert!(thread.is_finished());
            drop(thread);
        });
        assert_all_named(&names);
    }
}

// proves A-4: its place in the table may be another's by then, who has another name
#[test]
fn one_whose_place_is_anothers() {
    let names = reported(async |name| {
        let thread = spawn(panics(name, false));
        yield_now().await;
        let others: Vec<GreenThread<()>> = (0..100)
            .map(|n| spawn(async move { (set_name(format!("other {n}")), sleep(SECOND).await).1 }))
            .collect();
        yield_now().await;
        drop(thread);
        for other in others {
            other.await.unwrap();
        }
    });
    assert_all_named(&names);
}

// A panic that was handed to who waited is nobody else's business.
#[test]
fn one_that_was_waited_for_is_not_reported() {
    let names = reported(async |name| {
        let thread = spawn(panics(name, true));
        assert!(thread.wait().await.is_err());
        drop(thread);
    });
    assert_eq!(names, []);
}
