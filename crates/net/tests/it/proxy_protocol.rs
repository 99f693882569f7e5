//! The PROXY protocol: headers that are right, and every way in which one can be wrong.

use std::io::ErrorKind;
use std::net::SocketAddr;

use evlet_hub::{now, sleep, spawn_n};
use evlet_net::proxy_protocol::{ProxyHeader, ProxyHeaderError, accept, accept_within};
use evlet_net::testing::duplex;
use futures::io::{AsyncReadExt, AsyncWriteExt};
use proptest::prelude::*;

use crate::loopback::{MS, run};

/// What is made of `bytes`, which come one by one, and what is left in the stream after it.
fn accepted(bytes: &[u8]) -> (std::io::Result<ProxyHeader>, Vec<u8>) {
    let bytes = bytes.to_vec();
    run(async move {
        let (mut proxy, mut server) = duplex();
        proxy.wire().set_piece(1);
        spawn_n(async move {
            let _ = proxy.write_all(&bytes).await; // refused in the middle is fine
            let _ = proxy.close().await;
        });
        let header = accept(&mut server).await;
        let mut rest = Vec::new();
        if header.is_ok() {
            server.read_to_end(&mut rest).await.unwrap();
        }
        (header, rest)
    })
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn v4() -> ProxyHeader {
    ProxyHeader::proxied(addr("192.0.2.7:50000"), addr("198.51.100.1:443"))
}

fn v6() -> ProxyHeader {
    ProxyHeader::proxied(addr("[2001:db8::7]:1"), addr("[::1]:65535"))
}

#[test]
fn what_is_written_is_read_and_what_follows_is_left_alone() {
    let headers = [v4(), v6(), ProxyHeader::Unknown, ProxyHeader::Local];
    for header in headers {
        let text = header.to_text().map(String::into_bytes);
        for mut bytes in text.into_iter().chain([header.to_bytes()]) {
            bytes.extend_from_slice(b"GET / HTTP/1.1\r\n");
            let (read, rest) = accepted(&bytes);
            assert_eq!(read.unwrap(), header);
            assert_eq!(rest, b"GET / HTTP/1.1\r\n");
        }
    }
    let mixed = ProxyHeader::proxied(addr("192.0.2.7:1"), addr("[::1]:2"));
    assert_eq!(mixed.to_text(), None);
    assert_eq!(accepted(&mixed.to_bytes()).0.unwrap(), ProxyHeader::Unknown);
    assert_eq!(v4().source(), Some(addr("192.0.2.7:50000")));
    assert_eq!(v4().destination(), Some(addr("198.51.100.1:443")));
    assert_eq!(ProxyHeader::Local.source(), None);
}

#[test]
fn lines_as_proxies_write_them() {
    for (line, header) in [
        ("PROXY TCP4 192.0.2.7 198.51.100.1 50000 443\r\n", v4()),
        ("PROXY TCP6 2001:db8::7 ::1 1 65535\r\n", v6()),
        ("PROXY UNKNOWN\r\n", ProxyHeader::Unknown),
        (
            "PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n",
            ProxyHeader::Unknown,
        ),
    ] {
        assert_eq!(accepted(line.as_bytes()).0.unwrap(), header, "{line}");
    }
}

#[test]
fn lines_that_are_not_perfect_are_refused() {
    let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(100));
    for line in [
        "PROXY TCP4 192.0.2.7 198.51.100.1 50000 443\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 50000 443\r\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 50000 443 \r\n",
        "PROXY TCP4  192.0.2.7 198.51.100.1 50000 443\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 50000\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 50000 443 1\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 +5 443\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 05 443\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 -1 443\r\n",
        "PROXY TCP4 192.0.2.07 198.51.100.1 1 443\r\n",
        "PROXY TCP4 192.0.2 198.51.100.1 1 443\r\n",
        "PROXY TCP4 ::1 ::1 1 443\r\n",
        "PROXY TCP6 192.0.2.7 198.51.100.1 1 443\r\n",
        "PROXY TCP6 ::1%eth0 ::1 1 443\r\n",
        "PROXY UDP4 192.0.2.7 198.51.100.1 1 443\r\n",
        "PROXY tcp4 192.0.2.7 198.51.100.1 1 443\r\n",
        "PROXY UNKNOWNX\r\n",
        "PROXY \u{e9}\u{e9}\u{e9}\u{e9}\r\n",
        "PROXY UNKNOWN\r x\r\n",
        &long,
    ] {
        let error = accepted(line.as_bytes()).0.expect_err(line);
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{line}");
        let told = error.get_ref().unwrap().downcast_ref();
        assert!(
            matches!(told, Some(ProxyHeaderError::BadText(_))),
            "{line}: {error}"
        );
    }
}

#[test]
fn bytes_that_are_not_perfect_are_refused() {
    let change = |at: usize, to: u8| {
        let mut bytes = v4().to_bytes();
        bytes[at] = to;
        bytes
    };
    let value = |more: &[u8]| {
        let mut bytes = v4().to_bytes();
        bytes[15] += more.len() as u8;
        bytes.extend_from_slice(more);
        bytes
    };
    for (what, bytes) in [
        ("version 1", change(12, 0x11)),
        ("an unknown command", change(12, 0x22)),
        ("an unknown family", change(13, 0x41)),
        ("datagrams", change(13, 0x12)),
        ("no transport", change(13, 0x10)),
        ("no family", change(13, 0x01)),
        ("too short for its family", change(13, 0x21)),
        ("too short", change(15, 11)),
        ("much too long", change(14, 0x80)),
        ("a value that is cut off", value(&[1, 0, 5, 0])),
        ("half a value", value(&[1, 0])),
    ] {
        let error = accepted(&bytes).0.expect_err(what);
        let told = error.get_ref().unwrap().downcast_ref();
        assert!(
            matches!(told, Some(ProxyHeaderError::BadBytes(_))),
            "{what}: {error}"
        );
    }
    // Values that are whole are passed over; what LOCAL says beside itself does not count.
    let (read, rest) = accepted(&value(&[4, 0, 2, 9, 9, 3, 0, 0]));
    assert_eq!((read.unwrap(), rest), (v4(), vec![]));
    assert_eq!(accepted(&change(12, 0x20)).0.unwrap(), ProxyHeader::Local);
    let mut unix = v4().to_bytes();
    unix.truncate(16);
    (unix[13], unix[15]) = (0x31, 216);
    unix.extend([b'/'; 216]);
    assert_eq!(accepted(&unix).0.unwrap(), ProxyHeader::Unknown);
}

#[test]
fn something_else_is_refused_at_its_first_wrong_byte() {
    for start in [
        "GET / HTTP/1.1\r\n",
        "P",
        "PROXYY",
        "\r\n\r\nx",
        "\u{16}\u{3}\u{1}",
    ] {
        let start = start.to_owned();
        let error = run(async move {
            let (mut client, mut server) = duplex();
            client.write_all(start.as_bytes()).await.unwrap();
            if start == "P" {
                client.write_all(b"OST / HTTP/1.1\r\n").await.unwrap();
            }
            let error = accept(&mut server).await.unwrap_err(); // the client waits for us
            drop(client);
            error
        });
        let told = error.get_ref().unwrap().downcast_ref();
        assert_eq!(told, Some(&ProxyHeaderError::NotAHeader), "{error}");
        assert!(error.to_string().contains("send-proxy"), "{error}");
    }
}

#[test]
fn a_header_that_does_not_come_ends_in_time() {
    run(async {
        let (mut client, mut server) = duplex();
        spawn_n(async move {
            loop {
                sleep(1000 * MS).await; // a byte a second of a line that never ends
                if client
                    .write_all(b"PROXY UNKNOWN \0"[..1].as_ref())
                    .await
                    .is_err()
                {
                    break;
                }
                sleep(10_000 * MS).await;
            }
        });
        let start = now();
        let error = accept_within(&mut server, 3000 * MS).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(now() - start, 3000 * MS);
    });
    for header in [v4().to_bytes(), v6().to_text().unwrap().into_bytes()] {
        for len in 0..header.len() {
            let error = accepted(&header[..len]).0.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "after {len} bytes");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    // Whatever comes: a header or an error, no panic, no hang.
    #[test]
    fn any_bytes_are_a_header_or_an_error(
        damage in prop::collection::vec((any::<u8>(), any::<u8>()), 0..4),
        text in any::<bool>(),
        more in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut bytes = match text {
            true => v4().to_text().unwrap().into_bytes(),
            false => v6().to_bytes(),
        };
        for (at, to) in &damage {
            let at = usize::from(*at) % bytes.len();
            bytes[at] = *to;
        }
        bytes.extend_from_slice(&more);
        let (read, rest) = accepted(&bytes);
        if damage.is_empty() {
            prop_assert_eq!(read.unwrap(), if text { v4() } else { v6() });
            prop_assert_eq!(rest, more);
        }
    }
}
