//! Every stream of ours passes the suite for streams.

use evlet_net::testing::{StreamConformance, duplex, duplex_with_capacity};
use evlet_net::{UnixStream, wrap_ssl};

use crate::loopback::{MS, pair, run, small_pair};
use crate::tls::configs;

/// So many checks there are: one that is forgotten in the table would never be missed.
const CHECKS: usize = 19;

#[test]
fn tcp() {
    let checked = run(StreamConformance::new(async || Ok(pair().await)).run());
    assert_eq!(checked.len(), CHECKS, "{checked:#?}");
}

#[test]
fn unix() {
    let checked = run(StreamConformance::new(async || UnixStream::pair()).run());
    assert_eq!(checked.len(), CHECKS, "{checked:#?}");
}

#[test]
fn tcp_with_small_buffers() {
    run(StreamConformance::new(async || Ok(small_pair().await)).run());
}

// Real time too: nothing in the suite needs a clock that jumps.
#[test]
fn tcp_in_real_time() {
    evlet_hub::run(StreamConformance::new(async || Ok(pair().await)).run());
}

#[test]
fn tls_over_tcp() {
    let (for_server, for_client) = configs();
    let checked = run(StreamConformance::new(async || {
        let (client, server) = pair().await;
        Ok((wrap_ssl(client, &for_client), wrap_ssl(server, &for_server)))
    })
    .run());
    assert_eq!(checked.len(), CHECKS, "{checked:#?}");
}

// A file made from a stream is a stream, but that closing it closes it for reading too, as eventlet's: both
// checks that are left out read on after that.
#[test]
fn files_made_from_tcp_and_unix() {
    const READ_ON: [&str; 2] = [
        "one direction may end alone",
        "both directions at once, from two green threads",
    ];
    let suite = StreamConformance::new(async || {
        let (client, server) = pair().await;
        Ok((client.makefile(), server.makefile()))
    });
    let checked = run(suite.skip(READ_ON[0]).skip(READ_ON[1]).run());
    assert_eq!(checked.len(), CHECKS - 2, "{checked:#?}");
    let suite = StreamConformance::new(async || {
        let (one, other) = UnixStream::pair()?;
        Ok((one.makefile(), other.makefile()))
    });
    run(suite.skip(READ_ON[0]).skip(READ_ON[1]).run());
}

// TLS needs no socket; here its records come in pieces, late.
#[test]
fn tls_over_a_bad_line() {
    let (for_server, for_client) = configs();
    run(StreamConformance::new(async || {
        let (client, server) = duplex_with_capacity(20_000);
        for wire in [client.wire(), server.wire()] {
            wire.set_piece(1_007);
            wire.set_delay(MS / 10);
        }
        Ok((wrap_ssl(client, &for_client), wrap_ssl(server, &for_server)))
    })
    .run());
}

#[test]
fn streams_in_memory() {
    let checked = run(StreamConformance::new(async || Ok(duplex())).run());
    assert_eq!(checked.len(), CHECKS, "{checked:#?}");
}

#[test]
fn streams_in_memory_on_a_bad_line() {
    run(StreamConformance::new(async || {
        let (near, far) = duplex_with_capacity(3_001);
        for wire in [near.wire(), far.wire()] {
            wire.set_piece(1_009);
            wire.set_delay(MS / 10);
        }
        Ok((near, far))
    })
    .run());
}

// The suite itself: what fails is named, with what was seen; what hangs is told.
#[test]
fn a_stream_that_breaks_its_promises_is_told_which() {
    let found = std::panic::catch_unwind(|| {
        run(StreamConformance::new(async || {
            let (near, far) = duplex();
            near.wire().cut_after(1_000);
            Ok((near, far))
        })
        .run())
    });
    let said = found.unwrap_err();
    let said = said.downcast_ref::<String>().unwrap();
    assert!(said.contains("once and in order"), "{said}");
    assert!(said.contains("the end after 999 of 100000"), "{said}");

    let found = std::panic::catch_unwind(|| {
        run(StreamConformance::new(async || {
            let (near, far) = duplex();
            far.wire().stall();
            Ok((near, far))
        })
        .run())
    });
    let said = found.unwrap_err();
    let said = said.downcast_ref::<String>().unwrap();
    assert!(said.contains("hangs"), "{said}");
}

#[test]
fn a_check_may_be_left_out_but_not_misspelled() {
    let suite = StreamConformance::new(async || Ok(duplex()));
    let checked = run(suite.skip("one direction may end alone").run());
    assert_eq!(checked.len(), CHECKS - 1);
    let misspelled = std::panic::catch_unwind(|| {
        let suite = StreamConformance::new(async || Ok(duplex()));
        drop(suite.skip("one direction may end a lone"));
    });
    assert!(misspelled.is_err());
}
