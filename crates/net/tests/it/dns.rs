//! The resolver of our own: what is asked, of whom, and what is kept.

use std::collections::HashSet;
use std::io::{Error, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use evlet_hub::{now, sleep, spawn, timeout};
use evlet_net::dns::{DnsProblem, use_resolver};
use evlet_net::{ResolveError, connect, resolve};
use simple_dns::RCODE;

use crate::dns_server::{FakeDns, Says, nothing_known};
use crate::loopback::{MS, deaf, listener, run, text};

pub(crate) fn ips(addrs: &[&str]) -> Vec<IpAddr> {
    addrs.iter().map(|addr| addr.parse().unwrap()).collect()
}

/// What the name servers' part of it was.
pub(crate) fn problem(error: &Error) -> DnsProblem {
    let told = error.get_ref().unwrap().downcast_ref::<ResolveError>();
    let source = std::error::Error::source(told.unwrap()).unwrap();
    source.downcast_ref::<DnsProblem>().unwrap().clone()
}

/// A file for one test; gone when dropped.
pub(crate) struct File(pub(crate) PathBuf);

impl File {
    pub(crate) fn new(name: &str, text: &str) -> File {
        let name = format!("evlet-net-{name}-{}", std::process::id());
        let file = File(std::env::temp_dir().join(name));
        std::fs::write(&file.0, text).unwrap();
        file
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn both_families_are_asked_at_once_and_ipv6_comes_first() {
    run(async {
        let server = FakeDns::start(|asked| vec![asked.has(60, &["192.0.2.7", "2001:db8::7"])]);
        let resolver = server.resolver();
        let found = resolver.resolve("Host.Test").await.unwrap();
        assert_eq!(found, ips(&["2001:db8::7", "192.0.2.7"]));
        assert_eq!(server.names(), ["host.test 4", "host.test 6"]);
        let found = resolver.resolve_addr("host.test:80").await.unwrap();
        assert_eq!(found[1], SocketAddr::from(([192, 0, 2, 7], 80)));
        // Numbers are nobody's business.
        assert_eq!(
            resolver.resolve("192.0.2.9").await.unwrap(),
            ips(&["192.0.2.9"])
        );
        let loopback = resolver.resolve("localhost").await.unwrap();
        assert_eq!(loopback, ips(&["::1", "127.0.0.1"]));
        assert_eq!(server.count(), 2);
    });
}

#[test]
fn an_answer_is_kept_for_as_long_as_it_is_true() {
    run(async {
        let server = FakeDns::start(|asked| match asked.name.as_str() {
            "none.test" => vec![asked.has_not(5)],
            "zero.test" => vec![asked.has(0, &["192.0.2.1"])],
            _ => vec![asked.has(30, &["192.0.2.1", "2001:db8::1"])],
        });
        let resolver = server.resolver();
        for _ in 0..3 {
            resolver.resolve("kept.test").await.unwrap();
        }
        assert_eq!(server.count(), 2);
        sleep(Duration::from_secs(29)).await;
        resolver.resolve("kept.test").await.unwrap();
        assert_eq!(server.count(), 2);
        sleep(Duration::from_secs(2)).await;
        resolver.resolve("kept.test").await.unwrap();
        assert_eq!(server.count(), 4);
        for _ in 0..3 {
            let error = resolver.resolve("none.test.").await.unwrap_err();
            assert_eq!(problem(&error), DnsProblem::NoSuchName);
        }
        assert_eq!(server.count(), 6);
        sleep(Duration::from_secs(6)).await;
        resolver.resolve("none.test.").await.unwrap_err();
        assert_eq!(server.count(), 8);
        for _ in 0..2 {
            resolver.resolve("zero.test").await.unwrap();
        }
        assert_eq!(server.count(), 12);
        assert!(resolver.cached() > 0);
        resolver.clear();
        assert_eq!(resolver.cached(), 0);
    });
}

// RFC 2181: a time with the highest bit set counts as zero, whatever stands beside it.
#[test]
fn a_time_that_is_none_is_not_kept() {
    run(async {
        for ttl in [u32::MAX, u32::MAX - 1, 1 << 31] {
            let server = FakeDns::start(move |asked| match asked.name.as_str() {
                "none.test" => vec![asked.has_not(ttl)],
                "some.test" => vec![asked.has(i32::MAX as u32, &["192.0.2.1"])],
                _ => vec![asked.has(ttl, &["192.0.2.1", "2001:db8::1"])],
            });
            let resolver = server.resolver();
            resolver.resolve("h.test").await.unwrap();
            resolver.resolve("none.test").await.unwrap_err();
            assert_eq!(resolver.cached(), 0, "{ttl}");
            resolver.resolve("some.test").await.unwrap();
            assert_eq!(resolver.cached(), 1, "{ttl}");
        }
    });
}

#[test]
fn the_cache_is_bounded() {
    run(async {
        let server = FakeDns::start(|asked| vec![asked.has(60, &["192.0.2.1", "2001:db8::1"])]);
        let resolver = server.options().cache(10).build();
        for n in 0..50 {
            resolver.resolve(&format!("h{n}.test")).await.unwrap();
            assert!(resolver.cached() <= 10);
        }
        assert_eq!(resolver.cached(), 10);
        let none = server.options().cache(0).build();
        none.resolve("h.test").await.unwrap();
        assert_eq!(none.cached(), 0);
    });
}

// conformance 145: a short name is tried with the search list and as it is.
#[test]
fn the_search_list_is_tried_before_a_short_name_and_after_a_long_one() {
    run(async {
        let server = FakeDns::start(|asked| vec![asked.has_not(0)]);
        let resolver = server.options().search(["one.test", "TWO.test."]).build();
        let error = resolver.resolve("www").await.unwrap_err();
        assert_eq!(problem(&error), DnsProblem::NoSuchName);
        let order = |server: &FakeDns| {
            let asked = server.asked.borrow_mut().split_off(0);
            let v4 = asked.into_iter().filter(|asked| !asked.v6);
            v4.map(|asked| asked.name).collect::<Vec<_>>()
        };
        assert_eq!(order(&server), ["www.one.test", "www.two.test", "www"]);
        resolver.resolve("a.b").await.unwrap_err();
        assert_eq!(order(&server), ["a.b", "a.b.one.test", "a.b.two.test"]);
        resolver.resolve("www.").await.unwrap_err();
        assert_eq!(order(&server), ["www"]);
        let many_dots = server.options().search(["one.test"]).ndots(2).build();
        many_dots.resolve("a.b").await.unwrap_err();
        assert_eq!(order(&server), ["a.b.one.test", "a.b"]);
        // With its suffix it would be too long for a name.
        let long = ["abcdefgh"; 27].join(".");
        let long_suffix = server
            .options()
            .search(["abcdefghijk.test"])
            .ndots(99)
            .build();
        long_suffix.resolve(&long).await.unwrap_err();
        assert_eq!(order(&server), [long]);
    });
}

// The first name that has an address is the answer; a failing suffix does not hide it.
#[test]
fn the_first_name_with_an_address_ends_the_search() {
    run(async {
        let server = FakeDns::start(|asked| match asked.name.as_str() {
            "www.broken.test" => vec![asked.fails(RCODE::ServerFailure)],
            "www.good.test" => vec![asked.has(9, &["192.0.2.3"])],
            other => panic!("{other} was asked for"),
        });
        let options = server.options();
        let resolver = options
            .search(["broken.test", "good.test", "more.test"])
            .build();
        assert_eq!(resolver.resolve("www").await.unwrap(), ips(&["192.0.2.3"]));
    });
}

#[test]
fn an_alias_leads_to_its_address() {
    run(async {
        let server = FakeDns::start(|asked| {
            let mut records = vec![
                Says::Alias("www.test", "Web.Test"),
                Says::Alias("web.test", "host.test"),
            ];
            records.push(match asked.v6 {
                true => Says::Addr("host.test", "2001:db8::1"),
                false => Says::Addr("HOST.test", "192.0.2.1"),
            });
            vec![asked.says(60, &records)]
        });
        let found = server.resolver().resolve("www.test").await.unwrap();
        assert_eq!(found, ips(&["2001:db8::1", "192.0.2.1"]));
    });
}

// conformance 146: one family answers, the other is silent: the answer comes, soon; both silent: an
// error, in time.
#[test]
fn one_family_is_enough() {
    run(async {
        let server = FakeDns::start(|asked| match asked.v6 {
            true => vec![],
            false => vec![asked.has(60, &["192.0.2.1"])],
        });
        let start = now();
        let found = server.resolver().resolve("half.test").await.unwrap();
        assert_eq!(found, ips(&["192.0.2.1"]));
        assert_eq!(now() - start, 250 * MS);

        let silent = FakeDns::start(|_| vec![]);
        let start = now();
        let error = silent.resolver().resolve("none.test").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HostUnreachable);
        assert!(text(&error).contains("no answer within 1s"), "{error}");
        assert!(text(&error).contains(&silent.addr.to_string()), "{error}");
        assert_eq!(now() - start, 1000 * MS);
    });
}

#[test]
fn a_name_may_exist_and_have_no_address() {
    run(async {
        let server = FakeDns::start(|asked| vec![asked.has(60, &[])]);
        let error = server.resolver().resolve("mx.test").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(problem(&error), DnsProblem::NoAddress);
    });
}

// Each server is asked until one says something; what became of the others is told.
#[test]
fn the_next_server_is_asked_when_one_cannot_answer() {
    run(async {
        let silent = FakeDns::start(|_| vec![]);
        let broken = FakeDns::start(|asked| vec![asked.fails(RCODE::ServerFailure)]);
        let refusing = FakeDns::start(|asked| vec![asked.fails(RCODE::Refused)]);
        let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let closed = nobody.local_addr().unwrap();
        drop(nobody); // its port says so: connection refused
        let bad = [closed, broken.addr, refusing.addr, silent.addr];
        let good = FakeDns::start(|asked| vec![asked.has(9, &["192.0.2.1", "2001:db8::1"])]);
        let options = nothing_known();
        let resolver = options
            .clone()
            .servers(bad.into_iter().chain([good.addr]))
            .build();
        let start = now();
        assert_eq!(resolver.resolve("h.test").await.unwrap().len(), 2);
        assert_eq!(now() - start, 1000 * MS); // the silent one

        let none = options.attempts(2).servers(bad).build();
        let error = none.resolve("h.test").await.unwrap_err();
        let DnsProblem::NoServer(tries) = problem(&error) else {
            panic!("{error}");
        };
        let servers: Vec<_> = tries.iter().map(|(server, _)| *server).collect();
        assert_eq!(servers, [bad, bad].concat());
        for (n, word) in ["refused", "SERVFAIL", "REFUSED", "no answer"]
            .iter()
            .enumerate()
        {
            assert!(tries[n].1.contains(word), "{:?}", tries[n]);
        }
    });
}

#[test]
fn the_whole_look_up_has_a_limit() {
    run(async {
        let silent = FakeDns::start(|_| vec![]);
        let options = silent.options().attempts(100).limit(2500 * MS);
        let resolver = options.build();
        let start = now();
        let error = resolver.resolve("h.test").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(now() - start, 2500 * MS);
        assert!(
            text(&error).contains("h.test") && text(&error).contains("2.5s"),
            "{error}"
        );
    });
}

#[test]
fn so_many_names_are_looked_up_at_once_and_no_more() {
    run(async {
        let silent = FakeDns::start(|_| vec![]);
        let resolver = silent.options().at_once(3).limit(5000 * MS).build();
        let resolving: Vec<_> = (0..9)
            .map(|n| {
                let resolver = resolver.clone();
                spawn(async move { resolver.resolve(&format!("h{n}.test")).await })
            })
            .collect();
        sleep(500 * MS).await;
        assert_eq!(silent.count(), 6);
        // Given up, their places are free at once, and so are their sockets.
        let sources = evlet_hub::stats().sources;
        for look_up in &resolving {
            drop(look_up.kill());
        }
        sleep(MS).await;
        assert_eq!(evlet_hub::stats().sources, sources - 6);
        let found = timeout(100 * MS, resolver.resolve("more.test")).await;
        assert!(found.is_err());
        assert_eq!(silent.count(), 8);
    });
}

// proves F-9: numbers and ports cannot be foreseen.
#[test]
fn numbers_and_ports_are_random() {
    run(async {
        let server = FakeDns::start(|asked| vec![asked.has(0, &["192.0.2.1"])]);
        let resolver = server.resolver();
        for _ in 0..100 {
            resolver.resolve("h.test").await.unwrap();
        }
        let asked = server.asked.borrow();
        let ids: Vec<u16> = asked.iter().map(|asked| asked.id()).collect();
        let different: HashSet<_> = ids.iter().collect();
        assert!(different.len() > 190, "{} of 200", different.len());
        let steps: HashSet<_> = ids
            .windows(2)
            .map(|two| two[1].wrapping_sub(two[0]))
            .collect();
        assert!(steps.len() > 190, "{} steps of 199", steps.len());
        let ports: HashSet<_> = asked.iter().map(|asked| asked.from.port()).collect();
        assert!(ports.len() > 150, "{} ports for 200 questions", ports.len());
    });
}

#[test]
fn a_truncated_answer_is_fetched_over_tcp() {
    run(async {
        let server = FakeDns::start(|asked| match asked.tcp {
            false => vec![asked.truncated()],
            true => vec![asked.has(60, &["192.0.2.1", "192.0.2.2", "2001:db8::1"])],
        });
        let found = server.resolver().resolve("big.test").await.unwrap();
        assert_eq!(found, ips(&["2001:db8::1", "192.0.2.1", "192.0.2.2"]));
        assert_eq!(server.count(), 4);
    });
}

// With `use_resolver` everything that takes a name goes there, and `None` goes back.
#[test]
fn a_thread_may_choose_it_for_everything() {
    run(async {
        let server = FakeDns::start(|asked| vec![asked.has(60, &["127.0.0.1"])]);
        assert!(use_resolver(Some(server.resolver())).is_none());
        assert_eq!(resolve("own.test").await.unwrap(), ips(&["127.0.0.1"]));
        let listener = listener();
        let port = listener.local_addr().unwrap().port();
        let client = connect(("own.test", port)).await.unwrap();
        assert_eq!(client.peer_addr().unwrap(), listener.local_addr().unwrap());
        let error = connect(("own.test", deaf().addr.port())).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(use_resolver(None).is_some());
        assert_eq!(server.count(), 2 + 2); // "no IPv6 address" is not kept without a SOA record
    });
}
