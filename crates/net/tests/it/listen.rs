//! Opening listeners.

use std::io::ErrorKind;
use std::os::fd::AsFd;

use evlet_hub::{CallKind, Fault};
use evlet_net::{ListenError, ListenOptions, TcpListener, connect, listen};
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::{FdFlags, fcntl_getfd};

use crate::loopback::{faulty_hub, pair, reporting_hub, run, text};

#[test]
fn a_port_in_use_names_the_address_and_says_what_to_do() {
    run(async {
        let first = listen("127.0.0.55:0").unwrap(); // an address that no other test uses
        let addr = first.local_addr().unwrap();
        let error = listen(addr).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        let text = text(&error);
        assert!(text.contains(&addr.to_string()), "{text}");
        assert!(text.contains("another port"), "{text}");
        assert!(error.get_ref().unwrap().is::<ListenError>());
        drop(first);
        listen(addr).unwrap(); // free again
    });
}

// Conformance case 113: an explicit port already listened on is shared where that is asked for.
// (eventlet asks for it by itself; see the option's docs for why this does not.)
#[test]
fn a_port_can_be_shared_on_request() {
    let (hub, reports) = reporting_hub();
    hub.run(async {
        let options = ListenOptions::new().reuse_port(true);
        let first = options.listen("127.0.0.1:0").unwrap();
        let second = options.listen(first.local_addr().unwrap()).unwrap();
        assert_eq!(first.local_addr().unwrap(), second.local_addr().unwrap());
    });
    // Port 0 with it gets the remark that eventlet's warning makes.
    assert_eq!(reports.borrow().len(), 1, "{reports:?}");
    assert!(reports.borrow()[0].contains("port 0"), "{reports:?}");
}

#[test]
fn every_form_that_can_be_listened_on() {
    run(async {
        for (addr, ip) in [
            ("127.0.0.1:0", "127.0.0.1"),
            ("localhost:0", "127.0.0.1"),
            ("LOCALHOST:0", "127.0.0.1"),
            (":0", "0.0.0.0"),
            ("*:0", "0.0.0.0"),
        ] {
            let local = listen(addr).unwrap().local_addr().unwrap();
            assert_eq!(local.ip().to_string(), ip);
            assert_ne!(local.port(), 0);
        }
        let holder = listen("127.0.0.1:0").unwrap();
        let taken = holder.local_addr().unwrap();
        let free = "127.0.0.1:0".parse().unwrap();
        let second = listen([taken, free]).unwrap(); // the first that works
        assert_ne!(second.local_addr().unwrap(), holder.local_addr().unwrap());
    });
}

#[test]
fn names_are_not_asked_for() {
    run(async {
        let error = listen("example.com:80").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(text(&error).contains("example.com:80"), "{error}");
        assert!(text(&error).contains("resolve"), "{error}");
        let error = listen("nonsense").unwrap_err();
        assert!(text(&error).contains("host:port"), "{error}");
    });
}

#[test]
fn an_address_of_somebody_else_says_so() {
    run(async {
        // A documentation address (RFC 5737): no interface has it.
        let error = listen("192.0.2.1:0").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
        assert!(text(&error).contains("no such address"), "{error}");
    });
    use libc::EACCES;
    let refuse =
        |call: evlet_hub::Call| (call.kind == CallKind::Bind).then_some(Fault::Errno(EACCES));
    let error = faulty_hub(refuse).0.run(async { listen("127.0.0.1:80") });
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(text(&error).contains("below 1024"), "{error}");
}

// proves C-8: close-on-exec and non-blocking from the start.
#[test]
fn descriptors_are_close_on_exec_and_non_blocking() {
    fn check(fd: impl AsFd) {
        assert!(fcntl_getfd(&fd).unwrap().contains(FdFlags::CLOEXEC));
        assert!(fcntl_getfl(&fd).unwrap().contains(OFlags::NONBLOCK));
    }
    run(async {
        let (client, server) = pair().await;
        check(&client);
        check(&server);
        check(listen("127.0.0.1:0").unwrap());
        let std = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        check(TcpListener::from_std(std).unwrap());
    });
}

#[test]
fn only_v6_leaves_ipv4_alone() {
    run(async {
        let Ok(only) = ListenOptions::new().only_v6(true).listen("[::]:0") else {
            println!("skipped: no IPv6 here");
            return;
        };
        let port = only.local_addr().unwrap().port();
        assert!(connect(("127.0.0.1", port)).await.is_err());
        let both = ListenOptions::new()
            .only_v6(false)
            .listen("[::]:0")
            .unwrap();
        let port = both.local_addr().unwrap().port();
        assert!(connect(("127.0.0.1", port)).await.is_ok());
    });
}

#[test]
fn the_options_reach_the_socket() {
    run(async {
        use rustix::net::sockopt;
        let on = listen("127.0.0.1:0").unwrap();
        assert!(sockopt::socket_reuseaddr(&on).unwrap());
        assert!(!sockopt::socket_reuseport(&on).unwrap());
        let off = ListenOptions::new().reuse_addr(false).listen("127.0.0.1:0");
        assert!(!sockopt::socket_reuseaddr(off.unwrap()).unwrap());
    });
}
