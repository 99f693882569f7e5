//! Making connections.

use std::io::ErrorKind;
use std::time::Duration;

use evlet_hub::{CallKind, Fault, Hub, timeout};
use evlet_net::{AddrError, ConnectError, ListenOptions, connect, connect_from, listen};
use libc::{ECONNREFUSED, EMFILE, ENETUNREACH, ETIMEDOUT};

use crate::loopback::{MS, deaf, faulty_hub, listener, pair, run, text};

#[test]
fn both_ends_know_each_other() {
    run(async {
        let (client, server) = pair().await;
        assert_eq!(client.peer_addr().unwrap(), server.local_addr().unwrap());
        assert_eq!(server.peer_addr().unwrap(), client.local_addr().unwrap());
        assert!(client.nodelay().unwrap());
        assert!(server.nodelay().unwrap());
    });
}

#[test]
fn nodelay_can_be_left_off_as_in_eventlet() {
    run(async {
        let listener = ListenOptions::new().nodelay(false).listen(":0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = connect(("127.0.0.1", port)).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        assert!(!server.nodelay().unwrap());
        client.set_nodelay(false).unwrap();
        assert!(!client.nodelay().unwrap());
    });
}

#[test]
fn a_refused_connection_names_the_address_and_asks_whether_anybody_listens() {
    run(async {
        let deaf = deaf();
        let addr = deaf.addr;
        let error = connect(addr).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let text = text(&error);
        assert!(text.contains(&addr.to_string()), "{text}");
        assert!(text.contains("Nothing listens there"), "{text}");
    });
}

// proves F-6: all addresses in order, every try in the error.
#[test]
fn all_addresses_are_tried_in_order() {
    run(async {
        let listener = listener();
        let (one, two) = (deaf(), deaf());
        let addrs = [one.addr, listener.local_addr().unwrap(), two.addr];
        let stream = connect(addrs).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addrs[1]);

        let dead = [one.addr, two.addr];
        let error = connect(&dead[..]).await.unwrap_err();
        let inside = error
            .get_ref()
            .unwrap()
            .downcast_ref::<ConnectError>()
            .unwrap();
        let tried: Vec<_> = inside.tries().iter().map(|one| one.addr()).collect();
        assert_eq!(tried, dead);
        assert_eq!(inside.addr(), format!("{}, {}", dead[0], dead[1]));
        for addr in dead {
            assert!(
                text(&error).matches(&addr.to_string()).count() >= 2,
                "{error}"
            );
        }
    });
}

#[test]
fn a_name_is_given_as_it_was_in_the_error() {
    // Real time: the name is looked up on another OS thread.
    Hub::new().unwrap().run(async {
        let deaf = deaf();
        let port = deaf.addr.port();
        let error = connect(("localhost", port)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(
            text(&error).contains(&format!("localhost:{port}")),
            "{error}"
        );
        assert!(
            text(&error).contains(&format!("127.0.0.1:{port}")),
            "{error}"
        );

        let listener = listener();
        let port = listener.local_addr().unwrap().port();
        let stream = connect(format!("localhost:{port}")).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap().port(), port);

        let error = connect("no-such-host.invalid:80").await.unwrap_err();
        assert!(text(&error).contains("no-such-host.invalid"), "{error}");
    });
}

#[test]
fn what_cannot_be_read_is_quoted() {
    run(async {
        for addr in ["localhost", "::1:80", "http://x:1", ""] {
            let error = connect(addr).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.get_ref().unwrap().is::<AddrError>());
            assert!(text(&error).contains(addr), "{error}");
        }
        assert!(text(&connect(":80").await.unwrap_err()).contains("names no host"));
    });
}

#[test]
fn the_kernels_reasons_become_advice() {
    for (errno, kind, advice) in [
        (
            ECONNREFUSED,
            ErrorKind::ConnectionRefused,
            "is the server up",
        ),
        (
            ENETUNREACH,
            ErrorKind::NetworkUnreachable,
            "network and routes",
        ),
        (ETIMEDOUT, ErrorKind::TimedOut, "firewall"),
    ] {
        let refuse = move |call: evlet_hub::Call| {
            (call.kind == CallKind::Connect).then_some(Fault::Errno(errno))
        };
        let (hub, _) = faulty_hub(refuse);
        let error = hub.run(connect("127.0.0.1:9")).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(text(&error).contains(advice), "{error}");
        assert!(text(&error).contains("127.0.0.1:9"), "{error}");
    }
    let out =
        |call: evlet_hub::Call| (call.kind == CallKind::Socket).then_some(Fault::Errno(EMFILE));
    let (hub, _) = faulty_hub(out);
    let error = hub.run(connect("127.0.0.1:9")).unwrap_err();
    assert!(text(&error).contains("Too many open files"), "{error}");
}

#[test]
fn the_telling_try_gives_the_kind() {
    // The first address has no route at all; that says less than the refusal of the second.
    let mut first = true;
    let (hub, _) = faulty_hub(move |call| {
        let hit = call.kind == CallKind::Connect && std::mem::replace(&mut first, false);
        hit.then_some(Fault::Errno(ENETUNREACH))
    });
    hub.run(async {
        let (one, two) = (deaf(), deaf());
        let error = connect([one.addr, two.addr]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let error = connect([one.addr, two.addr]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

// Conformance case 121: an address that never answers times out. A full backlog on loopback
// swallows the packets, so no foreign address is needed.
#[test]
fn a_peer_that_never_answers_is_given_up_by_a_timeout() {
    run(async {
        let full = ListenOptions::new()
            .backlog(0)
            .listen("127.0.0.1:0")
            .unwrap();
        let addr = full.local_addr().unwrap();
        let mut held = Vec::new();
        let elapsed = loop {
            match timeout(100 * MS, connect(addr)).await {
                Ok(stream) => held.push(stream.unwrap()),
                Err(elapsed) => break elapsed,
            }
            assert!(held.len() < 100, "the backlog never fills");
        };
        assert_eq!(elapsed.limit(), 100 * MS);
        assert_eq!(evlet_hub::stats().sources, held.len() + 1); // and the socket is closed
        // The connections that were made are good.
        let (server, _) = full.accept().await.unwrap();
        drop(server);
    });
}

// proves F-6: connecting to oneself is found out.
#[test]
fn a_socket_that_got_connected_to_itself_counts_as_refused() {
    run(async {
        // An address that no other test uses: the port has to be free.
        let addr = listen("127.0.0.77:0").unwrap().local_addr().unwrap();
        let error = connect_from(addr, addr).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(text(&error).contains("itself"), "{error}");
        assert_eq!(evlet_hub::stats().sources, 0);
    });
}

#[test]
fn connect_from_binds_first() {
    run(async {
        let listener = listener();
        let addr = listener.local_addr().unwrap();
        let stream = connect_from(addr, "127.0.0.3:0").await.unwrap();
        let (_server, peer) = listener.accept().await.unwrap();
        assert_eq!(peer.ip().to_string(), "127.0.0.3");
        assert_eq!(stream.local_addr().unwrap(), peer);

        let error = connect_from(addr, "localhost:0").await.unwrap_err();
        assert!(text(&error).contains("resolve"), "{error}");
        let error = connect_from(addr, "[::1]:0").await.unwrap_err();
        assert!(text(&error).contains("other family"), "{error}");
        let error = connect_from(addr, peer).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(text(&error).contains("port 0"), "{error}");
    });
}

#[test]
fn ipv6_works_where_there_is_one() {
    run(async {
        let Ok(listener) = listen("[::1]:0") else {
            println!("skipped: no IPv6 loopback here");
            return;
        };
        let stream = connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, stream.local_addr().unwrap());
        server.send_all(b"six").await.unwrap();
        assert_eq!(stream.recv(&mut [0; 10]).await.unwrap(), 3);
    });
}

// proves A-8: outside a hub it says so.
#[test]
fn outside_a_hub_it_says_so() {
    let error = listen("127.0.0.1:0").unwrap_err();
    assert!(text(&error).contains("hub"), "{error}");
    let std = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = std::net::TcpStream::connect(std.local_addr().unwrap()).unwrap();
    let error = evlet_net::TcpStream::from_std(stream).unwrap_err();
    assert!(text(&error).contains("hub"), "{error}");
}

// proves A-9: even a loop over connects that fail at once lets others run.
#[test]
fn a_loop_of_failing_connects_lets_others_run() {
    run(async {
        let deaf = deaf();
        let others = evlet_hub::spawn(async {
            for _ in 0..3 {
                evlet_hub::yield_now().await;
            }
        });
        let mut tries = 0;
        while !others.is_finished() {
            assert!(connect(deaf.addr).await.is_err());
            tries += 1;
            assert!(tries < 10_000, "starved");
        }
    });
}

#[test]
fn a_stream_of_the_standard_library_is_taken_over() {
    run(async {
        let listener = listener();
        let std = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let stream = evlet_net::TcpStream::from_std(std).unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let waiting = timeout(Duration::from_secs(1), stream.recv(&mut [0; 1])).await;
        assert!(waiting.is_err()); // it is non-blocking
        server.send_all(b"x").await.unwrap();
        assert_eq!(stream.recv(&mut [0; 10]).await.unwrap(), 1);
    });
}
