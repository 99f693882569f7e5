//! The hosts file and resolv.conf.

use std::time::Duration;

use evlet_hub::sleep;
use evlet_net::dns::{DnsProblem, ResolverOptions};

use crate::dns::{File, ips, problem};
use crate::dns_server::{FakeDns, nothing_known};
use crate::loopback::{run, text};

const HOSTS: &str = "# a comment\n\
    127.0.0.1\tlocalhost loop\r\n\
    192.0.2.1 Web www.test # the web\r\
    2001:db8::1   web www.test\n\
    192.0.2.2 web\n\
    192.0.2.2 web\n\
    fe80::1 linklocal\n\
    not-an-address broken\n\
    192.0.2.300 broken\n\
    192.0.2.9\n\
    \n\
    #192.0.2.4 hidden";

// conformance 141, 142
#[test]
fn exactly_the_entries_of_the_hosts_file_are_known() {
    run(async {
        let server = FakeDns::start(|asked| vec![asked.has_not(0)]);
        let file = File::new("hosts-141", HOSTS);
        let resolver = server.options().hosts_file(Some(&file.0)).build();
        let web = ips(&["192.0.2.1", "2001:db8::1", "192.0.2.2"]);
        assert_eq!(resolver.resolve("web").await.unwrap(), web);
        assert_eq!(resolver.resolve("WEB.").await.unwrap(), web);
        let www = ips(&["192.0.2.1", "2001:db8::1"]);
        assert_eq!(resolver.resolve("www.test").await.unwrap(), www);
        assert_eq!(resolver.resolve("loop").await.unwrap(), ips(&["127.0.0.1"]));
        assert_eq!(
            resolver.resolve("localhost").await.unwrap(),
            ips(&["127.0.0.1"])
        );
        assert_eq!(server.count(), 0);
        for unknown in ["linklocal", "broken", "hidden", "not-an-address"] {
            let error = resolver.resolve(unknown).await.unwrap_err();
            assert_eq!(problem(&error), DnsProblem::NoSuchName, "{unknown}");
        }
    });
}

// conformance 143, 144: the hosts file is first and final, also with one family only.
#[test]
fn the_hosts_file_goes_before_the_servers_and_is_final() {
    run(async {
        let server = FakeDns::start(|asked| vec![asked.has(60, &["203.0.113.1", "2001:db8::9"])]);
        let file = File::new("hosts-143", "192.0.2.1 web.test\n");
        let resolver = server.options().hosts_file(Some(&file.0)).build();
        assert_eq!(
            resolver.resolve("web.test").await.unwrap(),
            ips(&["192.0.2.1"])
        );
        assert_eq!(server.count(), 0);
    });
}

#[test]
fn files_are_read_again_when_they_change() {
    run(async {
        let (one, two) = (
            FakeDns::start(|asked| vec![asked.has(0, &["192.0.2.1"])]),
            FakeDns::start(|asked| vec![asked.has(0, &["192.0.2.2"])]),
        );
        let hosts = File::new("hosts-again", "192.0.2.7 web\n");
        let resolver = one.options().hosts_file(Some(&hosts.0)).build();
        assert_eq!(resolver.resolve("web").await.unwrap(), ips(&["192.0.2.7"]));
        std::fs::write(&hosts.0, "192.0.2.88 web\n").unwrap();
        assert_eq!(resolver.resolve("web").await.unwrap(), ips(&["192.0.2.7"]));
        sleep(Duration::from_secs(11)).await;
        assert_eq!(resolver.resolve("web").await.unwrap(), ips(&["192.0.2.88"]));
        std::fs::remove_file(&hosts.0).unwrap();
        sleep(Duration::from_secs(11)).await;
        assert_eq!(resolver.resolve("web").await.unwrap(), ips(&["192.0.2.1"]));
        drop(two);
    });
}

// Servers of a resolv.conf are on port 53, where a test has none: what it says is seen in the error.
#[test]
fn resolv_conf_says_whom_to_ask_and_how() {
    run(async {
        let conf = File::new(
            "resolv",
            "; a comment\n\
             nameserver 127.0.0.77\n\
             nameserver 127.0.0.78\n\
             nameserver nonsense\n\
             search one.test two.test\n\
             options timeout:1 attempts:1 ndots:2 an-option-of-tomorrow edns0\n\
             a line of another world\n",
        );
        let options = ResolverOptions::new().hosts_file(None::<&str>);
        let resolver = options.clone().conf_file(Some(&conf.0)).build();
        let error = resolver.resolve("h.test.").await.unwrap_err();
        let DnsProblem::NoServer(tries) = problem(&error) else {
            panic!("{error}");
        };
        let asked: Vec<_> = tries.iter().map(|(server, _)| server.to_string()).collect();
        assert_eq!(
            asked,
            ["127.0.0.77:53", "127.0.0.78:53"],
            "{}",
            text(&error)
        );

        // What is set in the program goes before the file.
        let server = FakeDns::start(|asked| vec![asked.has_not(0)]);
        let resolver = options
            .clone()
            .conf_file(Some(&conf.0))
            .servers([server.addr]);
        resolver.build().resolve("a.b").await.unwrap_err();
        let names = server.names();
        assert_eq!(names.len(), 6);
        assert!(names.contains(&"a.b.two.test 6".to_owned()), "{names:?}");
    });
}

#[test]
fn files_that_are_garbage_or_missing_are_empty() {
    run(async {
        let garbage = File::new(
            "garbage",
            "\u{0}\u{1}\u{2} nameserver search\nnameserver\nsearch ,\n",
        );
        let server = FakeDns::start(|asked| vec![asked.has(1, &["192.0.2.1"])]);
        for path in [garbage.0.as_path(), "/no/such/file".as_ref(), "/".as_ref()] {
            let options = nothing_known().servers([server.addr]);
            let resolver = options.hosts_file(Some(path)).conf_file(Some(path)).build();
            assert_eq!(
                resolver.resolve("h.test").await.unwrap(),
                ips(&["192.0.2.1"])
            );
        }
    });
}
