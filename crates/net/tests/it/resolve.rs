//! Names to addresses.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::Poll;
use std::time::Duration;

use evlet_hub::Hub;
use evlet_net::dns::Resolver;
use evlet_net::{AddrError, ResolveError, connect, resolve, resolve_addr};
use futures::{FutureExt, poll};

use crate::loopback::run;

/// All of them, for the count of descriptors in `faults.rs`.
pub(crate) const ALL: &[fn()] = &[
    a_numeric_host_is_its_own_answer_without_waiting,
    localhost_is_found_by_the_system,
    a_look_up_takes_no_virtual_time,
    others_run_while_a_name_is_looked_up,
    a_name_that_does_not_exist_is_an_error_that_names_it,
    what_cannot_be_a_name_is_refused_without_asking,
    an_abandoned_look_up_holds_nobody_up,
    outside_of_a_hub_it_is_an_error,
];

#[test]
fn a_numeric_host_is_its_own_answer_without_waiting() {
    run(async {
        let before = evlet_hub::stats();
        assert_eq!(
            resolve("10.1.2.3").await.unwrap(),
            [Ipv4Addr::new(10, 1, 2, 3)]
        );
        assert_eq!(resolve("::1").await.unwrap(), [Ipv6Addr::LOCALHOST]);
        assert_eq!(resolve("[::1]").await.unwrap(), [Ipv6Addr::LOCALHOST]);
        let addrs = resolve_addr("10.1.2.3:4").await.unwrap();
        assert_eq!(addrs, [SocketAddr::from(([10, 1, 2, 3], 4))]);
        let after = evlet_hub::stats();
        assert_eq!(before.polls, after.polls); // all within this poll
        assert_eq!(before.spawned, after.spawned); // and nobody was asked
    });
}

#[test]
fn localhost_is_found_by_the_system() {
    // Real time: the answer comes from another OS thread.
    let addrs = Hub::new().unwrap().run(resolve("localhost")).unwrap();
    assert!(addrs.iter().all(IpAddr::is_loopback), "{addrs:?}");
    let addrs = Hub::new()
        .unwrap()
        .run(resolve_addr("localhost:7"))
        .unwrap();
    assert!(
        addrs
            .iter()
            .all(|addr| addr.port() == 7 && addr.ip().is_loopback())
    );
}

// Virtual time waits for the answer, which comes from another OS thread.
#[test]
fn a_look_up_takes_no_virtual_time() {
    run(async {
        let start = evlet_hub::now();
        let addrs = evlet_hub::timeout(Duration::from_millis(1), resolve("localhost")).await;
        assert!(addrs.expect("virtual time ran on").is_ok());
        assert_eq!(evlet_hub::now(), start);
    });
}

#[test]
fn others_run_while_a_name_is_looked_up() {
    Hub::new().unwrap().run(async {
        let other = evlet_hub::spawn(async { evlet_hub::yield_now().await });
        let mut looking = std::pin::pin!(resolve("localhost"));
        let first = std::future::poll_fn(|cx| Poll::Ready(looking.as_mut().poll(cx)));
        assert!(first.await.is_pending());
        assert!(!other.is_finished());
        assert!(looking.await.is_ok());
        assert!(other.is_finished());
    });
}

#[test]
fn a_name_that_does_not_exist_is_an_error_that_names_it() {
    // The name is reserved never to exist (RFC 6761); with or without a name server it fails.
    let error = Hub::new().unwrap().run(resolve("no-such-host.invalid"));
    let error = error.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("no-such-host.invalid"), "{text}");
    assert!(text.contains("check the spelling"), "{text}");
    let inside = error.get_ref().unwrap().downcast_ref::<ResolveError>();
    assert_eq!(inside.unwrap().host(), "no-such-host.invalid");
}

#[test]
fn what_cannot_be_a_name_is_refused_without_asking() {
    run(async {
        for host in ["", "two words", "a..b", "10.1", "http://x", "a:1", "nul\0"] {
            let error = resolve(host).await.unwrap_err();
            assert!(
                error.get_ref().unwrap().is::<AddrError>(),
                "{host:?}: {error}"
            );
        }
        let error = resolve_addr(":80").await.unwrap_err();
        assert!(error.to_string().contains("names no host"), "{error}");
        assert_eq!(evlet_hub::stats().spawned, 0);
    });
}

// proves D-1 for DNS: abandoned look-ups hold nobody up, and nothing of them is left.
#[test]
fn an_abandoned_look_up_holds_nobody_up() {
    Hub::new().unwrap().run(async {
        for _ in 0..20 {
            // Dropped after its first poll; four of these run, the others wait in line.
            let abandoned = evlet_hub::timeout(Duration::ZERO, resolve("localhost"));
            drop(abandoned.await);
        }
        assert!(resolve("localhost").await.is_ok());
        while evlet_hub::stats().green_threads > 0 {
            evlet_hub::sleep(Duration::from_millis(1)).await;
        }
    });
}

#[test]
fn outside_of_a_hub_it_is_an_error() {
    fn refused<T: std::fmt::Debug>(future: impl Future<Output = std::io::Result<T>>) {
        let outside = future.now_or_never().expect("at once");
        let error = outside.unwrap_err().to_string();
        assert!(error.contains("needs a hub"), "{error}");
    }
    let own = Resolver::new();
    for _ in 0..2 {
        refused(resolve("localhost"));
        refused(resolve_addr("localhost:80"));
        refused(own.resolve("localhost"));
        refused(connect("localhost:80"));
    }
    // What was begun inside goes on inside only.
    let mut begun = resolve("localhost");
    run(async { assert!(poll!(&mut begun).is_pending()) });
    refused(begun);
}
