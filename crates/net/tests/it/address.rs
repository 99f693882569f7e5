//! Addresses as people write them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};

use evlet_net::{Addr, AddrProblem, ToAddr};

#[track_caller]
fn reads(given: impl ToAddr, shown: &str) {
    assert_eq!(given.to_addr().unwrap().to_string(), shown);
}

#[track_caller]
fn fails(given: &str, problem: AddrProblem, says: &str) {
    let error = given.to_addr().unwrap_err();
    assert_eq!(error.problem(), problem, "{error}");
    assert_eq!(error.text(), given);
    let text = error.to_string();
    assert!(text.contains(says), "{text:?} should say {says:?}");
    if !given.is_empty() {
        assert!(text.contains(given), "{text:?} should quote {given:?}");
    }
    assert_eq!(
        std::io::Error::from(error).kind(),
        std::io::ErrorKind::InvalidInput
    );
}

#[test]
fn every_way_to_write_an_address_is_read() {
    reads("127.0.0.1:80", "127.0.0.1:80");
    reads("[::1]:80", "[::1]:80");
    reads("[0:0::1]:080", "[::1]:80");
    reads("localhost:8080", "localhost:8080");
    reads("LocalHost:8080", "LocalHost:8080"); // as it was given
    reads(String::from("example.com.:1"), "example.com.:1");
    reads("with_underscore.internal:1", "with_underscore.internal:1");
    reads(":80", "*:80");
    reads("*:80", "*:80");
    reads(("example.com", 80), "example.com:80");
    reads(("::1", 80), "[::1]:80");
    reads(("[::1]", 80), "[::1]:80");
    reads((String::from("10.0.0.1"), 0), "10.0.0.1:0");
    reads(("", 80), "*:80");
    reads((IpAddr::V6(Ipv6Addr::LOCALHOST), 80), "[::1]:80");
    reads((Ipv4Addr::LOCALHOST, 80), "127.0.0.1:80");
    reads((Ipv6Addr::LOCALHOST, 80), "[::1]:80");
    let socket = SocketAddr::from((Ipv4Addr::LOCALHOST, 7));
    let other = SocketAddr::from((Ipv4Addr::LOCALHOST, 8));
    reads(socket, "127.0.0.1:7");
    reads(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 7), "127.0.0.1:7");
    reads([socket, other], "127.0.0.1:7, 127.0.0.1:8");
    reads(&[socket, other][..], "127.0.0.1:7, 127.0.0.1:8");
    reads(vec![socket], "127.0.0.1:7");
    reads("127.0.0.1:7".to_addr().unwrap(), "127.0.0.1:7");
    reads(Addr::host("db", 5432).unwrap(), "db:5432");
}

#[test]
fn every_mistake_is_told_apart_and_quoted() {
    fails("", AddrProblem::Empty, "host:port");
    fails("localhost", AddrProblem::NoPort, "localhost:8080");
    fails("localhost:", AddrProblem::NoPort, "host:port");
    fails("[::1]", AddrProblem::NoPort, "[::1]:8080");
    fails("localhost:http", AddrProblem::BadPort, "0 to 65535");
    fails("localhost:65536", AddrProblem::BadPort, "0 to 65535");
    fails("localhost:+80", AddrProblem::BadPort, "0 to 65535");
    fails("localhost:-1", AddrProblem::BadPort, "0 to 65535");
    fails("http://example.com:80", AddrProblem::Url, "example.com:80");
    fails("::1:80", AddrProblem::BareV6, "[::1]:80 or [::1:80]:PORT");
    fails("fe80::1", AddrProblem::BareV6, "[fe80::1]:PORT");
    fails("a:b:80", AddrProblem::Colons, "brackets");
    fails("[::1:80", AddrProblem::Brackets, "[::1]:8080");
    fails("[localhost]:80", AddrProblem::Brackets, "[::1]:8080");
    fails("[::1]x:80", AddrProblem::Brackets, "[::1]:8080");
    fails("256.0.0.1:80", AddrProblem::BadV4, "0 to 255");
    fails("10.1:80", AddrProblem::BadV4, "four numbers");
    fails("two words:80", AddrProblem::BadName, "letters, digits");
    fails("a..b:80", AddrProblem::BadName, "between two dots");
    fails("bücher.example:80", AddrProblem::NotAscii, "xn--");
    assert_eq!(
        Vec::new().to_addr().unwrap_err().problem(),
        AddrProblem::NoAddress
    );
    assert_eq!(
        ("host:80", 80).to_addr().unwrap_err().problem(),
        AddrProblem::Colons
    );
}

#[test]
fn control_characters_and_endless_text_do_not_reach_the_log() {
    let error = "evil\u{1b}[31m\n:80".to_addr().unwrap_err().to_string();
    assert!(
        !error.contains('\u{1b}') && !error.contains('\n'),
        "{error:?}"
    );

    let endless = "x".repeat(100_000) + ":80";
    let error = endless.as_str().to_addr().unwrap_err();
    assert_eq!(error.problem(), AddrProblem::BadName);
    assert!(error.to_string().len() < 500);
    // Cut between two characters, not inside one.
    assert!(
        "é".repeat(1000)
            .as_str()
            .to_addr()
            .unwrap_err()
            .to_string()
            .len()
            < 800
    );
}

#[test]
fn text_from_anywhere_never_panics() {
    // Everything short over the characters that mean something.
    let letters = ["", ":", "[", "]", "%", "*", ".", "1", "a", "é", "\0", "/"];
    for a in letters {
        for b in letters {
            for c in letters {
                for d in letters {
                    let text = [a, b, c, d].concat();
                    if let Err(error) = text.to_addr() {
                        assert!(!error.to_string().is_empty());
                    }
                    drop((text.as_str(), 1).to_addr());
                }
            }
        }
    }
}
