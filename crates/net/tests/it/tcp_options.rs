//! What can be set on TCP connections: on a stream, on a listener for those it accepts, and before
//! connecting.

use std::io::ErrorKind;
use std::time::Duration;

use evlet_hub::{CallKind, Fault};
use evlet_net::{AddrError, ConnectOptions, KeepAlive, ListenOptions, connect};

use crate::loopback::{faulty_hub, listener, pair, run, text};

const SECOND: Duration = Duration::from_secs(1);

fn often() -> KeepAlive {
    KeepAlive {
        idle: 20 * SECOND,
        interval: 5 * SECOND,
        count: 3,
    }
}

#[test]
fn options_of_a_stream_are_set_and_read_back() {
    run(async {
        let (client, _server) = pair().await;
        assert_eq!(client.keep_alive().unwrap(), None);
        client.set_keep_alive(often()).unwrap();
        assert_eq!(client.keep_alive().unwrap(), Some(often()));
        client.set_keep_alive(None).unwrap();
        assert_eq!(client.keep_alive().unwrap(), None);
        // What the kernel does not know is the nearest that it does.
        let tiny = KeepAlive {
            idle: Duration::from_millis(1500),
            interval: Duration::ZERO,
            count: 0,
        };
        client.set_keep_alive(tiny).unwrap();
        let set = client.keep_alive().unwrap().unwrap();
        assert_eq!((set.idle, set.interval, set.count), (2 * SECOND, SECOND, 1));

        if cfg!(target_os = "linux") {
            assert_eq!(client.user_timeout().unwrap(), None);
            client.set_user_timeout(30 * SECOND).unwrap();
            assert_eq!(client.user_timeout().unwrap(), Some(30 * SECOND));
            client.set_user_timeout(None).unwrap();
            assert_eq!(client.user_timeout().unwrap(), None);
            let error = client.set_user_timeout(Duration::MAX).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }

        client.set_recv_buffer(50_000).unwrap();
        assert!(client.recv_buffer().unwrap() >= 50_000);
        client.set_send_buffer(50_000).unwrap();
        assert!(client.send_buffer().unwrap() >= 50_000);
        client.set_ttl(9).unwrap();
        assert_eq!(client.ttl().unwrap(), 9);
        let error = client.set_ttl(0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn accepted_connections_have_the_options_of_their_listener() {
    run(async {
        let mut options = ListenOptions::new()
            .keep_alive(often())
            .recv_buffer(60_000)
            .send_buffer(60_000);
        if cfg!(target_os = "linux") {
            options = options.user_timeout(7 * SECOND);
        }
        let listener = options.listen("127.0.0.1:0").unwrap();
        let client = connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        assert_eq!(server.keep_alive().unwrap(), Some(often()));
        assert_eq!(client.keep_alive().unwrap(), None);
        assert!(server.recv_buffer().unwrap() >= 60_000);
        if cfg!(target_os = "linux") {
            assert_eq!(server.user_timeout().unwrap(), Some(7 * SECOND));
        }
    });
}

#[test]
fn a_connection_is_made_with_its_options() {
    run(async {
        let listener = listener();
        let mut options = ConnectOptions::new()
            .nodelay(false)
            .keep_alive(often())
            .recv_buffer(60_000)
            .send_buffer(60_000)
            .bind("127.0.0.5:0")
            .unwrap();
        if cfg!(target_os = "linux") {
            options = options.user_timeout(7 * SECOND);
        }
        let stream = options
            .connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        assert!(!stream.nodelay().unwrap());
        assert_eq!(stream.keep_alive().unwrap(), Some(often()));
        assert!(stream.recv_buffer().unwrap() >= 60_000);
        assert!(stream.send_buffer().unwrap() >= 60_000);
        assert_eq!(stream.local_addr().unwrap().ip().to_string(), "127.0.0.5");
    });
}

// Two connections from one port, to different places.
#[test]
fn a_local_port_can_be_shared() {
    run(async {
        let (one, two) = (listener(), listener());
        let options = ConnectOptions::new().reuse_addr(true).reuse_port(true);
        let first = options.clone().bind("127.0.0.6:0").unwrap();
        let first = first.connect(one.local_addr().unwrap()).await.unwrap();
        let here = first.local_addr().unwrap();
        let second = options.bind(here).unwrap();
        let second = second.connect(two.local_addr().unwrap()).await.unwrap();
        assert_eq!(second.local_addr().unwrap(), here);
    });
}

#[test]
fn what_cannot_be_bound_to_is_refused_at_once() {
    for addr in ["localhost:0", "no port", "127.0.0.1:99999", ""] {
        let error = ConnectOptions::new().bind(addr).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.get_ref().unwrap().is::<AddrError>());
        assert!(text(&error).contains(addr), "{error}");
    }
}

// An option that the kernel refuses is an error of the connect, and nothing stays open.
#[test]
fn a_refused_option_is_told() {
    use libc::ENOPROTOOPT;
    let (hub, _) =
        faulty_hub(|call| (call.kind == CallKind::SetOption).then_some(Fault::Errno(ENOPROTOOPT)));
    hub.run(async {
        let error = connect("127.0.0.1:9").await.unwrap_err();
        assert!(text(&error).contains("127.0.0.1:9"), "{error}");
        let error = ListenOptions::new().listen("127.0.0.1:0").unwrap_err();
        assert!(text(&error).contains("127.0.0.1:0"), "{error}");
        assert_eq!(evlet_hub::stats().sources, 0);
    });
}
