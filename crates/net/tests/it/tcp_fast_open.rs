//! TCP Fast Open: bytes with the first packet. Whether the kernel does it depends on the machine's settings;
//! `lab` has a network of its own where it does.

use std::io::ErrorKind;

use evlet_hub::{CallKind, Fault, spawn};
use evlet_net::{ConnectError, ConnectOptions, ListenOptions, UnsupportedOption};
use libc::EOPNOTSUPP;

use crate::loopback::{faulty_hub, read_all, run, text};

// With or without it in effect, a connection is one.
#[test]
fn a_connection_is_made_either_way() {
    if !cfg!(target_os = "linux") {
        return eprintln!("SKIPPED: only Linux has TCP Fast Open");
    }
    run(async {
        let listener = ListenOptions::new()
            .fast_open(16)
            .listen("127.0.0.1:0")
            .unwrap();
        let addr = listener.local_addr().unwrap();
        let server = spawn(async move {
            for _ in 0..3 {
                let (stream, _) = listener.accept().await.unwrap();
                let mut word = [0; 5];
                assert_eq!(stream.recv(&mut word).await.unwrap(), 5);
                stream.send_all(&word).await.unwrap();
            }
        });
        for _ in 0..3 {
            let client = ConnectOptions::new().fast_open(true).connect(addr).await;
            let client = match client {
                Err(error) if text(&error).contains("tcp_fastopen") => {
                    return eprintln!("SKIPPED: TCP Fast Open is switched off on this machine");
                }
                client => client.unwrap(),
            };
            client.send_all(b"hello").await.unwrap();
            assert_eq!(read_all(&client).await.unwrap(), b"hello");
        }
        server.await.unwrap();
    });
}

// Where it is missing the error names the option, on both sides, and nothing stays open.
#[test]
fn a_system_without_it_says_so() {
    // The second call that sets options of a socket is that of fast open.
    let mut calls = 0;
    let (hub, _) = faulty_hub(move |call| {
        let sets = call.kind == CallKind::SetOption;
        calls += u32::from(sets);
        (sets && calls.is_multiple_of(2)).then_some(Fault::Errno(EOPNOTSUPP))
    });
    hub.run(async {
        let client = ConnectOptions::new().fast_open(true);
        let error = client.connect("127.0.0.1:9").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let failed = error.get_ref().unwrap().downcast_ref::<ConnectError>();
        let tried = failed.unwrap().tries()[0].error();
        let option = tried.get_ref().unwrap().downcast_ref::<UnsupportedOption>();
        assert_eq!(option.unwrap().option(), "TCP_FASTOPEN_CONNECT");
        assert!(text(&error).contains("net.ipv4.tcp_fastopen"), "{error}");

        let server = ListenOptions::new().fast_open(1);
        let error = server.listen("127.0.0.1:0").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(text(&error).contains("127.0.0.1:0"), "{error}");
        assert!(text(&error).contains("TCP_FASTOPEN"), "{error}");
        assert_eq!(evlet_hub::stats().sources, 0);
    });
}
