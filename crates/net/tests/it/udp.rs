//! UDP.

use std::cell::Cell;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use evlet_hub::{CallKind, Fault, now, spawn, timeout, yield_now};
use evlet_net::{
    AddrError, DatagramBatch, DatagramCut, ListenError, UdpOptions, UdpSocket, resolve_addr,
};

use crate::loopback::{MS, faulty_hub, run, text};

fn socket() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").unwrap()
}

async fn pair() -> (UdpSocket, UdpSocket) {
    let (one, other) = (socket(), socket());
    one.connect(other.local_addr().unwrap()).await.unwrap();
    other.connect(one.local_addr().unwrap()).await.unwrap();
    (one, other)
}

#[test]
fn datagrams_come_one_by_one_with_their_sender() {
    run(async {
        let (one, other) = (socket(), socket());
        let to = other.local_addr().unwrap();
        assert_eq!(one.send_to(b"first", to).await.unwrap(), 5);
        assert_eq!(one.send_to(b"", to).await.unwrap(), 0); // data, and no end: F-8
        assert_eq!(one.send_to(b"third", to.to_string()).await.unwrap(), 5);
        let mut buf = [0; 100];
        for expected in [&b"first"[..], b"", b"third"] {
            let (n, from) = other.recv_from(&mut buf).await.unwrap();
            assert_eq!(&buf[..n], expected);
            assert_eq!(from, one.local_addr().unwrap());
        }
    });
}

// proves F-8: a datagram longer than the buffer is reported as cut; the next one comes whole.
#[test]
fn a_datagram_that_was_cut_is_an_error() {
    run(async {
        let (one, other) = pair().await;
        one.send(b"0123456789").await.unwrap();
        one.send(b"next").await.unwrap();
        let mut buf = [0; 4];
        // To look at the beginning is no error.
        assert_eq!(other.peek_from(&mut buf).await.unwrap().0, 4);
        let error = other.recv_from(&mut buf).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        let cut = error.get_ref().unwrap().downcast_ref::<DatagramCut>();
        assert_eq!(cut.unwrap().kept(), 4);
        assert!(text(&error).contains("larger"), "{error}");
        if cfg!(target_os = "linux") {
            assert_eq!(cut.unwrap().whole(), Some(10));
            assert!(text(&error).contains("10 bytes"), "{error}");
        }
        assert_eq!(&buf, b"0123");
        assert_eq!(other.recv(&mut buf).await.unwrap(), 4);
        // One that fits exactly was not cut.
        assert_eq!(&buf, b"next");
        // No room at all: even then an empty one is no error, and a longer one is.
        one.send(b"").await.unwrap();
        one.send(b"x").await.unwrap();
        assert_eq!(other.recv(&mut []).await.unwrap(), 0);
        assert!(other.recv(&mut []).await.is_err());
    });
}

// proves F-8: what the kernel heard (ICMP: nobody listens) surfaces on the next call.
#[test]
fn a_connected_socket_hears_that_nobody_listens() {
    run(async {
        let one = socket();
        let gone = socket().local_addr().unwrap();
        one.connect(gone).await.unwrap();
        assert_eq!(one.peer_addr().unwrap(), gone);
        one.send(b"anybody?").await.unwrap();
        let error = one.recv(&mut [0; 9]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        // It is as good as before.
        let live = socket();
        one.connect(live.local_addr().unwrap()).await.unwrap();
        one.send(b"you!").await.unwrap();
        assert_eq!(live.recv(&mut [0; 9]).await.unwrap(), 4);
        // It receives only from there.
        let stranger = socket();
        stranger
            .send_to(b"hey", one.local_addr().unwrap())
            .await
            .unwrap();
        assert!(timeout(MS, one.recv(&mut [0; 9])).await.is_err());
    });
}

#[test]
fn a_batch_takes_all_that_has_arrived() {
    run(async {
        let (one, other) = pair().await;
        for i in 0..10u8 {
            one.send(&vec![i; usize::from(i)]).await.unwrap();
        }
        let mut batch = DatagramBatch::new(6, 8);
        assert!(batch.is_empty());
        assert_eq!(other.recv_batch(&mut batch).await.unwrap(), 6);
        for (i, (datagram, from)) in batch.iter().enumerate() {
            assert_eq!(datagram.unwrap(), vec![i as u8; i]);
            assert_eq!(from, one.local_addr().unwrap());
        }
        assert_eq!(other.recv_batch(&mut batch).await.unwrap(), 4);
        let all: Vec<_> = batch.into_iter().map(|(datagram, _)| datagram).collect();
        assert_eq!(all[2].unwrap().len(), 8);
        assert_eq!(all[3].unwrap_err().kept(), 8); // 9 bytes do not fit
        // The next waits, and a wait that is given up loses nothing.
        assert!(timeout(MS, other.recv_batch(&mut batch)).await.is_err());
        assert!(batch.is_empty());
        let waits = spawn(async move {
            let n = other.recv_batch(&mut batch).await.unwrap();
            (n, batch.iter().next().unwrap().0.unwrap().to_vec())
        });
        yield_now().await;
        one.send(b"late").await.unwrap();
        assert_eq!(waits.await.unwrap(), (1, b"late".to_vec()));
    });
}

// On Linux one system call takes all that has come, up to 64 of them; where there is none it is one for each.
#[test]
fn a_batch_is_one_system_call() {
    use libc::ENOSYS;
    let linux = cfg!(target_os = "linux");
    for missing in [false, true] {
        let reads = Rc::new(Cell::new(0));
        let count = Rc::clone(&reads);
        let (hub, _) = faulty_hub(move |call| {
            if call.kind != CallKind::Read {
                return None;
            }
            count.set(count.get() + 1);
            // Every other call is the one that a system may lack.
            (missing && count.get() % 2 == 1).then_some(Fault::Errno(ENOSYS))
        });
        hub.run(async {
            for ip in ["127.0.0.1", "::1"] {
                let (one, other) = (bound(ip), bound(ip));
                let here = one.local_addr().unwrap();
                one.connect(other.local_addr().unwrap()).await.unwrap();
                for i in 0..100_u8 {
                    one.send(&[i; 3]).await.unwrap();
                }
                reads.set(0);
                let mut batch = DatagramBatch::new(40, 3);
                assert_eq!(other.recv_batch(&mut batch).await.unwrap(), 40);
                let calls = if missing { 80 } else { 1 };
                assert!(!linux || reads.get() == calls, "{}", reads.get());
                assert_eq!(batch.iter().nth(39), Some((Ok(&[39; 3][..]), here)));
                let mut batch = DatagramBatch::new(1000, 2);
                assert_eq!(other.recv_batch(&mut batch).await.unwrap(), 60);
                let calls = if missing { 122 } else { 1 };
                assert!(!linux || reads.get() <= 80 + calls, "{}", reads.get());
                let (datagram, from) = batch.iter().nth(59).unwrap();
                assert_eq!((datagram.unwrap_err().kept(), from), (2, here));
                assert!(!linux || datagram.unwrap_err().whole() == Some(3));
            }
        });
    }
}

fn bound(ip: &str) -> UdpSocket {
    UdpSocket::bind((ip, 0)).unwrap()
}

// A receiver that never stops lets others run, and one that never receives costs nothing.
#[test]
fn a_flood_lets_others_run() {
    run(async {
        let (one, other) = pair().await;
        let receiver = spawn(async move {
            let mut batch = DatagramBatch::new(32, 100);
            let mut got = 0;
            loop {
                got += other.recv_batch(&mut batch).await.unwrap();
                if batch.iter().any(|(datagram, _)| datagram == Ok(b"end")) {
                    return got;
                }
            }
        });
        for _ in 0..20_000 {
            one.send(b"flood").await.unwrap();
        }
        // The kernel drops what does not fit: say it until it is heard.
        while !receiver.is_finished() {
            one.send(b"end").await.unwrap();
            yield_now().await;
        }
        assert!(receiver.await.unwrap() > 100);
    });
}

#[test]
fn limits_and_close() {
    run(async {
        let one = socket();
        one.set_timeout(40 * MS);
        let before = now();
        let error = one.recv_from(&mut [0; 9]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(now() - before, 40 * MS);
        assert_eq!(one.timeout(), Some(40 * MS));
        one.set_timeout(Duration::ZERO);
        let error = one.recv(&mut [0; 9]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        one.set_timeout(None);
        let one = std::rc::Rc::new(one);
        let shared = std::rc::Rc::clone(&one);
        let waits = spawn(async move { shared.recv(&mut [0; 9]).await }).named("receiver");
        yield_now().await;
        let error = one.recv(&mut [0; 9]).await.unwrap_err();
        assert!(text(&error).contains("receiver"), "{error}"); // C-4
        one.close();
        one.close();
        assert_eq!(
            waits.await.unwrap().unwrap_err().kind(),
            ErrorKind::NotConnected
        );
        let error = one.send_to(b"x", "127.0.0.1:9").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
    });
}

#[test]
fn bad_addresses_are_refused_with_a_reason() {
    run(async {
        let one = socket();
        for (addr, reason) in [
            ("127.0.0.1", "port"),
            ("127.0.0.1:99999", "port"),
            ("example.com:53", "resolve"),
            (":53", "names no host"),
        ] {
            let error = one.send_to(b"x", addr).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.get_ref().unwrap().is::<AddrError>());
            assert!(text(&error).contains(reason), "{error}");
        }
        let error = one.send(b"x").await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(89)); // destination address required
        let error = one
            .send_to(&[0; 70_000], one.local_addr().unwrap())
            .await
            .unwrap_err();
        assert_eq!(error.raw_os_error(), Some(90)); // message too long
        let error = one.connect("[::1]:9").await.unwrap_err();
        assert!(text(&error).contains("[::1]:9"), "{error}");
        let error = UdpSocket::bind(one.local_addr().unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(error.get_ref().unwrap().is::<ListenError>());
        let error = UdpSocket::bind("example.com:0").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
    let error = UdpSocket::bind("127.0.0.1:0").unwrap_err();
    assert!(text(&error).contains("hub"), "{error}");
}

#[test]
fn localhost_and_lists_can_be_sent_to() {
    run(async {
        let (one, other) = (socket(), socket());
        let port = other.local_addr().unwrap().port();
        one.send_to(b"a", ("localhost", port)).await.unwrap();
        one.send_to(b"b", resolve_addr(("127.0.0.1", port)).await.unwrap())
            .await
            .unwrap();
        let mut buf = [0; 9];
        other.recv(&mut buf).await.unwrap();
        other.recv(&mut buf).await.unwrap();
        assert_eq!(buf[0], b'b');
    });
}

#[test]
fn options_are_set() {
    run(async {
        let options = UdpOptions::new().broadcast(true).recv_buffer(100_000);
        let one = options.send_buffer(100_000).bind(":0").unwrap();
        assert!(one.broadcast().unwrap());
        assert!(one.recv_buffer().unwrap() >= 100_000);
        one.set_broadcast(false).unwrap();
        assert!(!one.broadcast().unwrap());
        let error = one.send_to(b"x", "255.255.255.255:9").await.unwrap_err();
        assert!(
            matches!(
                error.kind(),
                ErrorKind::PermissionDenied | ErrorKind::NetworkUnreachable
            ),
            "{error}"
        );
        one.set_ttl(3).unwrap();
        assert_eq!(one.ttl().unwrap(), 3);
        assert_eq!(one.multicast_ttl().unwrap(), 1);
        one.set_multicast_ttl(7).unwrap();
        assert_eq!(one.multicast_ttl().unwrap(), 7);
        assert!(one.multicast_loop().unwrap());
        one.set_multicast_loop(false).unwrap();
        assert!(!one.multicast_loop().unwrap());
        if let Ok(six) = UdpOptions::new().only_v6(true).bind("[::1]:0") {
            six.set_ttl(4).unwrap();
            assert_eq!(six.ttl().unwrap(), 4);
            six.set_multicast_ttl(5).unwrap();
            assert_eq!(six.multicast_ttl().unwrap(), 5);
            six.set_multicast_loop(false).unwrap();
            assert!(!six.multicast_loop().unwrap());
        }
    });
}

// Over the loopback interface, which is number 1 on Linux.
#[cfg(target_os = "linux")]
#[test]
fn a_group_is_heard_by_all_who_joined_and_by_nobody_who_left() {
    run(async {
        let group: IpAddr = "239.77.77.77".parse().unwrap();
        let options = UdpOptions::new().reuse_addr(true);
        let one = options.bind("0.0.0.0:0").unwrap();
        let port = one.local_addr().unwrap().port();
        let two = options.bind(("0.0.0.0", port)).unwrap();
        let sender = socket();
        sender.set_multicast_interface(1).unwrap();
        for member in [&one, &two] {
            if let Err(error) = member.join_multicast(group, 1) {
                println!("skipped: no multicast over loopback here: {error}");
                return;
            }
        }
        if let Err(error) = sender.send_to(b"all", (group, port)).await {
            println!("skipped: no multicast over loopback here: {error}");
            return;
        }
        let mut buf = [0; 9];
        for member in [&one, &two] {
            member.set_timeout(1000 * MS);
            assert_eq!(member.recv(&mut buf).await.unwrap(), 3);
        }
        two.leave_multicast(group, 1).unwrap();
        assert!(two.leave_multicast(group, 1).is_err());
        let error = one
            .join_multicast("10.0.0.1".parse().unwrap(), 0)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let error = one
            .join_multicast("ff02::1".parse().unwrap(), 1)
            .unwrap_err();
        assert_ne!(error.kind(), ErrorKind::InvalidData); // the kernel's: wrong family
    });
}

// proves C-7: interrupted calls are invisible; and a short of buffers is an error of its call.
#[test]
fn interrupted_calls_are_repeated_and_shortages_told() {
    use libc::{EINTR, ENOBUFS};
    let mut calls = 0;
    let (hub, _) = faulty_hub(move |call| {
        let io = matches!(call.kind, CallKind::Read | CallKind::Write);
        calls += u32::from(io);
        match calls {
            _ if !io => None,
            9 => Some(Fault::Errno(ENOBUFS)),
            _ => (calls % 3 != 0).then_some(Fault::Errno(EINTR)),
        }
    });
    hub.run(async {
        let (one, other) = pair().await;
        one.send(b"x").await.unwrap(); // 3 calls
        assert_eq!(other.recv(&mut [0; 9]).await.unwrap(), 1);
        let error = one.send(b"x").await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(ENOBUFS));
        one.send(b"x").await.unwrap();
    });
}
