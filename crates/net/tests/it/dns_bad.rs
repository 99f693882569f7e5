//! Name servers that lie, are silent, or send garbage (promise F-9): each costs time at most, never a
//! wrong answer, a panic or a hang.

use std::io::ErrorKind;

use evlet_hub::now;
use evlet_net::dns::DnsProblem;
use proptest::prelude::*;
use simple_dns::RCODE;

use crate::dns::{ips, problem};
use crate::dns_server::{Asked, FakeDns, Says};
use crate::loopback::{MS, run, text};

/// All of them, for the count of descriptors in `faults.rs`.
pub(crate) const ALL: &[fn()] = &[
    an_answer_with_another_number_is_not_ours,
    an_answer_to_another_question_is_not_ours,
    a_question_is_no_answer,
    garbage_is_not_ours,
    an_answer_from_elsewhere_is_not_taken,
    records_of_other_names_are_not_believed_and_not_kept,
    an_answer_of_the_other_family_is_none,
    a_ring_of_aliases_ends,
    names_that_point_at_themselves_or_beyond_end,
    counts_that_cannot_be_true_set_no_memory_aside,
    an_answer_that_is_cut_off_is_damaged,
    a_server_that_truncates_over_tcp_too_has_no_answer,
    garbage_over_tcp_ends_the_try,
    a_flood_of_wrong_answers_ends_the_try,
];

/// A server whose every answer is `bad`: the look-up fails with `word` after `ms`.
fn fails(word: &str, ms: u32, bad: impl Fn(&Asked) -> Vec<u8> + 'static) {
    run(async {
        let server = FakeDns::start(move |asked| vec![bad(asked)]);
        let start = now();
        let error = server.resolver().resolve("h.test").await.unwrap_err();
        assert!(text(&error).contains(word), "{word}: {error}");
        assert_eq!(now() - start, ms * MS, "{error}");
    });
}

/// What is not an answer to our question is passed over, and the one that is, is taken.
fn passed_over(bad: impl Fn(&Asked) -> Vec<u8> + 'static) {
    run(async {
        let server = FakeDns::start(move |asked| {
            let good = asked.has(60, &["192.0.2.1", "2001:db8::1"]);
            vec![bad(asked), bad(asked), good]
        });
        let found = server.resolver().resolve("h.test").await.unwrap();
        assert_eq!(found, ips(&["2001:db8::1", "192.0.2.1"]));
    });
}

fn changed(mut bytes: Vec<u8>, at: usize, to: u8) -> Vec<u8> {
    bytes[at] = to;
    bytes
}

const LIE: &str = "203.0.113.66";

#[test]
fn an_answer_with_another_number_is_not_ours() {
    let lie = |asked: &Asked| {
        let bytes = asked.has(60, &[LIE]);
        let other = bytes[1].wrapping_add(1);
        changed(bytes, 1, other)
    };
    passed_over(lie);
    fails("no answer within 1s", 1000, lie);
}

#[test]
fn an_answer_to_another_question_is_not_ours() {
    // Another name, another type, another class, two questions, none.
    passed_over(|asked| changed(asked.has(60, &[LIE]), 13, b'x'));
    passed_over(|asked| changed(asked.has(60, &[LIE]), asked.query.len() - 3, 15));
    passed_over(|asked| changed(asked.has(60, &[LIE]), asked.query.len() - 1, 3));
    passed_over(|asked| changed(asked.has(60, &[LIE]), 5, 2));
    passed_over(|asked| changed(asked.has(60, &[LIE]), 5, 0));
}

#[test]
fn a_question_is_no_answer() {
    passed_over(|asked| asked.query.clone()); // a mirror
    fails("no answer within 1s", 1000, |asked| asked.query.clone());
}

#[test]
fn garbage_is_not_ours() {
    passed_over(|_| vec![]);
    passed_over(|_| vec![0; 11]);
    passed_over(|_| vec![0xff; 600]);
}

// conformance 148: what comes from another address never arrives.
#[test]
fn an_answer_from_elsewhere_is_not_taken() {
    run(async {
        let stranger = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let server = FakeDns::start(move |asked| {
            let lie = asked.has(60, &[LIE, "2001:db8::66"]);
            // The kernel refuses it for the resolver, or tells the stranger; neither is an answer.
            let _ = stranger.send_to(&lie, asked.from);
            vec![]
        });
        let error = server.resolver().resolve("h.test").await.unwrap_err();
        assert!(
            matches!(problem(&error), DnsProblem::NoServer(_)),
            "{error}"
        );
    });
}

#[test]
fn records_of_other_names_are_not_believed_and_not_kept() {
    run(async {
        let server = FakeDns::start(|asked| match asked.name.as_str() {
            "h.test" => vec![asked.says(
                600,
                &[
                    Says::Addr("bank.test", LIE),
                    Says::Alias("shop.test", "evil.test"),
                    Says::Addr("evil.test", LIE),
                ],
            )],
            _ => vec![asked.has(60, &["192.0.2.1"])],
        });
        let resolver = server.resolver();
        let error = resolver.resolve("h.test").await.unwrap_err();
        assert_eq!(problem(&error), DnsProblem::NoAddress);
        assert_eq!(
            resolver.resolve("bank.test").await.unwrap(),
            ips(&["192.0.2.1"])
        );
    });
}

#[test]
fn an_answer_of_the_other_family_is_none() {
    run(async {
        let server = FakeDns::start(|asked| {
            let other = if asked.v6 { "192.0.2.1" } else { "2001:db8::1" };
            vec![asked.says(60, &[Says::Addr("h.test", other)])]
        });
        let error = server.resolver().resolve("h.test").await.unwrap_err();
        assert_eq!(problem(&error), DnsProblem::NoAddress);
    });
}

#[test]
fn a_ring_of_aliases_ends() {
    fails("damaged", 0, |asked| {
        asked.says(
            60,
            &[
                Says::Alias("h.test", "a.test"),
                Says::Alias("a.test", "b.test"),
                Says::Alias("b.test", "a.test"),
            ],
        )
    });
}

#[test]
fn names_that_point_at_themselves_or_beyond_end() {
    // A record whose name is a pointer to itself, to the end, into the header.
    for pointer in [[0xc0_u8, 24], [0xff, 0xff], [0xc0, 0]] {
        fails("damaged", 0, move |asked| {
            let mut bytes = asked.fails(RCODE::NoError);
            bytes[7] = 1; // one answer
            bytes.truncate(asked.query.len());
            bytes.extend_from_slice(&pointer);
            bytes.extend_from_slice(&[0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 1]);
            bytes
        });
    }
}

#[test]
fn counts_that_cannot_be_true_set_no_memory_aside() {
    fails("damaged", 0, |asked| {
        let mut bytes = asked.fails(RCODE::NoError);
        bytes[6..12].fill(0xff);
        bytes
    });
}

#[test]
fn an_answer_that_is_cut_off_is_damaged() {
    fails("damaged", 0, |asked| {
        let mut bytes = asked.has(60, &["192.0.2.1", "2001:db8::1"]);
        bytes.truncate(bytes.len() - 2);
        bytes
    });
}

#[test]
fn a_server_that_truncates_over_tcp_too_has_no_answer() {
    fails("truncated as well", 0, Asked::truncated);
}

#[test]
fn garbage_over_tcp_ends_the_try() {
    fails("another question", 0, |asked| match asked.tcp {
        false => asked.truncated(),
        true => vec![7; 40],
    });
}

#[test]
fn a_flood_of_wrong_answers_ends_the_try() {
    run(async {
        let server = FakeDns::start(|asked| {
            let lie = changed(asked.has(60, &[LIE]), 13, b'x');
            vec![lie; 1200]
        });
        let error = server.resolver().resolve("h.test").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HostUnreachable, "{error}");
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    // Whatever a server does to its answers: an address that it has sent, or an error; in time.
    #[test]
    fn any_damage_is_an_error_or_the_answer(damage in prop::collection::vec((any::<u16>(), any::<u8>()), 1..8)) {
        run(async {
            let server = FakeDns::start(move |asked| {
                let mut bytes = asked.says(60, &[
                    Says::Alias("h.test", "web.test"),
                    Says::Addr("web.test", "192.0.2.1"),
                    Says::Addr("web.test", "192.0.2.2"),
                ]);
                for (at, to) in &damage {
                    let at = usize::from(*at) % bytes.len();
                    bytes[at] = *to;
                }
                vec![bytes]
            });
            let start = now();
            let found = server.resolver().resolve("h.test").await;
            if let Ok(found) = found {
                prop_assert!((1..=2).contains(&found.len()), "{found:?}");
            }
            prop_assert!(now() - start <= 2000 * MS);
            Ok(())
        })?;
    }
}
