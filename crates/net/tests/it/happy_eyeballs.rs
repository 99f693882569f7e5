//! Several addresses at once (RFC 8305): none is waited for longer than a quarter of a second.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;

use evlet_hub::{CallKind, Fault, Hub, now, timeout};
use evlet_net::{ATTEMPT_DELAY, ConnectError, ConnectOptions, connect, listen};
use libc::{ECONNREFUSED, EINPROGRESS, ENETUNREACH};

use crate::loopback::{MS, deaf, faulty_hub, listener, run, text};

/// What becomes of the connects of a test, in order: an error at once, or (`EINPROGRESS`) no answer
/// ever. Those after the last are real.
fn hub_with<const N: usize>(answers: [i32; N]) -> Hub {
    let mut answers = answers.into_iter();
    let (hub, _) = faulty_hub(move |call| {
        let asked = call.kind == CallKind::Connect;
        let answer = asked.then(|| answers.next()).flatten()?;
        (answer != 0).then_some(Fault::Errno(answer))
    });
    hub
}

fn tries(error: &std::io::Error) -> &ConnectError {
    error.get_ref().unwrap().downcast_ref().unwrap()
}

// proves F-6: the next address after 250 ms, the winner at once, the loser closed.
#[test]
fn the_next_address_is_tried_beside_one_that_does_not_answer() {
    hub_with([EINPROGRESS]).run(async {
        let (one, two) = (listener(), listener());
        let addrs = [one.local_addr().unwrap(), two.local_addr().unwrap()];
        let before = now();
        let stream = connect(addrs).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addrs[1]);
        assert_eq!(now() - before, ATTEMPT_DELAY);
        assert_eq!(evlet_hub::stats().sources, 3); // two listeners and the winner
        assert_eq!(evlet_hub::stats().timers, 0);
    });
}

#[test]
fn each_of_many_gets_its_quarter_of_a_second() {
    hub_with([EINPROGRESS, EINPROGRESS, EINPROGRESS]).run(async {
        let last = listener();
        let silent = [deaf(), deaf(), deaf()];
        let mut addrs: Vec<_> = silent.iter().map(|one| one.addr).collect();
        addrs.push(last.local_addr().unwrap());
        let before = now();
        let stream = connect(addrs).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), last.local_addr().unwrap());
        assert_eq!(now() - before, ATTEMPT_DELAY * 3);
    });
}

#[test]
fn a_failure_brings_the_next_at_once() {
    hub_with([EINPROGRESS, ECONNREFUSED, ENETUNREACH]).run(async {
        let last = listener();
        let dead = [deaf(), deaf(), deaf()];
        let mut addrs: Vec<_> = dead.iter().map(|one| one.addr).collect();
        addrs.push(last.local_addr().unwrap());
        let before = now();
        connect(addrs).await.unwrap();
        assert_eq!(now() - before, ATTEMPT_DELAY); // for the first only
    });
}

#[test]
fn families_take_turns() {
    let asked = Rc::new(RefCell::new(0));
    let count = Rc::clone(&asked);
    let (hub, _) = faulty_hub(move |call| {
        *count.borrow_mut() += u32::from(call.kind == CallKind::Connect);
        (call.kind == CallKind::Connect).then_some(Fault::Errno(ECONNREFUSED))
    });
    let addrs = [
        "[::1]:1",
        "[::1]:2",
        "[::1]:3",
        "127.0.0.1:1",
        "127.0.0.1:2",
    ];
    let addrs: Vec<_> = addrs.iter().map(|addr| addr.parse().unwrap()).collect();
    let error = hub.run(connect(&addrs[..])).unwrap_err();
    if *asked.borrow() < 5 {
        println!("skipped: no IPv6 here");
        return;
    }
    let order: Vec<_> = tries(&error).tries().iter().map(|one| one.addr()).collect();
    assert_eq!(order, [addrs[0], addrs[3], addrs[1], addrs[4], addrs[2]]);
}

// One limit covers everything, and the error lists every address.
// conformance 121; proves F-6
#[test]
fn the_limit_covers_everything() {
    hub_with([ECONNREFUSED, EINPROGRESS, EINPROGRESS]).run(async {
        let dead = [deaf(), deaf(), deaf(), deaf()];
        let addrs: Vec<_> = dead.iter().map(|one| one.addr).collect();
        let limit = 400 * MS; // the fourth is tried after 500
        let before = now();
        let connecting = ConnectOptions::new().timeout(limit).connect(&addrs[..]);
        let error = connecting.await.unwrap_err();
        assert_eq!(now() - before, limit);
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let inside = tries(&error);
        assert_eq!(inside.limit(), Some(limit));
        let told: Vec<_> = inside
            .tries()
            .iter()
            .map(|one| (one.addr(), one.error().kind()))
            .collect();
        assert_eq!(
            told,
            [
                (addrs[0], ErrorKind::ConnectionRefused),
                (addrs[1], ErrorKind::TimedOut),
                (addrs[2], ErrorKind::TimedOut),
                (addrs[3], ErrorKind::TimedOut),
            ]
        );
        for part in [
            "within 400ms",
            "no answer so far",
            "not tried",
            "is the host up",
        ] {
            assert!(text(&error).contains(part), "{error}");
        }
        assert_eq!(evlet_hub::stats().sources, 0);
        assert_eq!(evlet_hub::stats().timers, 0);
    });
}

// An answer that is there is taken, also when the limit is over at the same moment.
#[test]
fn the_limit_leaves_a_connection_alone_that_is_made() {
    run(async {
        let listener = listener();
        let options = ConnectOptions::new().timeout(Duration::ZERO);
        options
            .connect(listener.local_addr().unwrap())
            .await
            .unwrap();
    });
}

#[test]
fn a_look_up_counts_too() {
    // Real time: the name is looked up on another OS thread.
    Hub::new().unwrap().run(async {
        let options = ConnectOptions::new().timeout(Duration::ZERO);
        let error = options.connect("localhost:9").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(text(&error).contains("looked up"), "{error}");
        assert!(text(&error).contains("localhost:9"), "{error}");
    });
}

#[test]
fn the_delay_can_be_set() {
    hub_with([EINPROGRESS]).run(async {
        let (one, two) = (deaf(), listener());
        let addrs = [one.addr, two.local_addr().unwrap()];
        let before = now();
        let options = ConnectOptions::new().attempt_delay(10 * MS);
        options.connect(addrs).await.unwrap();
        assert_eq!(now() - before, 10 * MS);
    });
    hub_with([EINPROGRESS]).run(async {
        let (one, two) = (deaf(), listener());
        let addrs = [one.addr, two.local_addr().unwrap()];
        let one_by_one = ConnectOptions::new().attempt_delay(Duration::MAX);
        let limited = timeout(3_600_000 * MS, one_by_one.connect(addrs)).await;
        assert!(limited.is_err());
    });
}

// Whoever gives up leaves nothing behind, however many attempts were under way.
#[test]
fn dropping_it_closes_all_attempts() {
    hub_with([EINPROGRESS; 5]).run(async {
        let dead = [deaf(), deaf(), deaf()];
        let addrs: Vec<_> = dead.iter().map(|one| one.addr).collect();
        assert!(timeout(600 * MS, connect(&addrs[..])).await.is_err());
        assert_eq!(evlet_hub::stats().sources, 0);
        assert_eq!(evlet_hub::stats().timers, 0);
    });
}

#[test]
fn all_errors_are_told_when_the_last_one_fails() {
    // The kernel's own refusals: no attempt is open when the next begins.
    run(async {
        let dead = [deaf(), deaf(), deaf()];
        let addrs: Vec<_> = dead.iter().map(|one| one.addr).collect();
        let before = now();
        let error = connect(&addrs[..]).await.unwrap_err();
        assert_eq!(tries(&error).tries().len(), 3);
        assert_eq!(tries(&error).limit(), None);
        assert_eq!(now(), before);
        let none = listen("127.0.0.1:0").unwrap();
        drop(none);
    });
}
