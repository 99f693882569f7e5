//! Closing that waits for the peer, and does not hold the hub meanwhile. In real time, since the wait is the
//! kernel's, and in processes of their own, since the thread pool is the process's.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use evlet_green::tpool;
use evlet_hub::{Hub, sleep, timeout};
use evlet_net::{TcpStream, connect, listen};

use crate::alone::{child, descriptors};
use crate::loopback::{MS, noise, pair, read_all, reporting_hub, run, small_pair};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn lingering_is_set_and_read_back() {
    run(async {
        let (client, server) = pair().await;
        assert_eq!(client.linger().unwrap(), None);
        client.set_linger(SECOND * 3 / 2).unwrap();
        assert_eq!(client.linger().unwrap(), Some(2 * SECOND));
        let error = client.set_linger(Duration::MAX).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        client.set_linger(None).unwrap();
        assert_eq!(client.linger().unwrap(), None);
        // Zero resets.
        client.set_linger(Duration::ZERO).unwrap();
        assert_eq!(client.linger().unwrap(), Some(Duration::ZERO));
        drop(client);
        let error = server.recv(&mut [0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

/// A connection whose peer does not read, and more sent over it than the kernel can pass on.
async fn full() -> (TcpStream, TcpStream, usize) {
    let (client, server) = small_pair().await;
    let data = noise(1_000_000);
    let mut sending = client.send_all(&data);
    assert!(timeout(50 * MS, &mut sending).await.is_err());
    let sent = sending.sent();
    drop(sending);
    (client, server, sent)
}

fn closers() -> usize {
    let stats = tpool::stats();
    stats.threads - stats.idle
}

async fn until(what: impl Fn() -> bool) {
    let done = timeout(20 * SECOND, async {
        while !what() {
            sleep(5 * MS).await;
        }
    });
    done.await.unwrap();
}

#[test]
fn a_close_that_lingers_is_waited_for_elsewhere() {
    let (mut child, _stdout) = child("linger::child_closes_what_lingers");
    assert!(child.wait().unwrap().success());
}

#[test]
#[ignore = "started by `a_close_that_lingers_is_waited_for_elsewhere` in a process of its own"]
fn child_closes_what_lingers() {
    Hub::new().unwrap().run(async {
        let before = descriptors();
        let (client, server, sent) = full().await;
        client.set_linger(60 * SECOND).unwrap();
        let start = Instant::now();
        drop(client);
        assert!(start.elapsed() < SECOND);
        until(|| closers() == 1).await;
        // The peer reads at last, and nothing is missing.
        let got = read_all(&server).await.unwrap();
        assert_eq!(got, noise(1_000_000)[..sent]);
        until(|| closers() == 0).await;
        drop(server);
        assert_eq!(descriptors(), before);

        // One that is taken over with the option set.
        let listener = listen("127.0.0.1:0").unwrap();
        let std = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        socket2::SockRef::from(&std)
            .set_linger(Some(60 * SECOND))
            .unwrap();
        let client = TcpStream::from_std(std).unwrap();
        let (server, _) = listener.accept().await.unwrap();
        client.set_timeout(50 * MS);
        assert!(client.send_all(&vec![0; 20_000_000]).await.is_err());
        let start = Instant::now();
        drop(client);
        assert!(start.elapsed() < SECOND);
        until(|| closers() == 1).await;
        drop(server); // a reset ends the wait
        until(|| closers() == 0).await;
    });
}

#[test]
fn peers_who_never_read_leave_the_pool_to_others() {
    let (mut child, _stdout) = child("linger::child_has_peers_who_never_read");
    assert!(child.wait().unwrap().success());
}

#[test]
#[ignore = "started by `peers_who_never_read_leave_the_pool_to_others` in a process of its own"]
fn child_has_peers_who_never_read() {
    Hub::new().unwrap().run(async {
        let before = descriptors();
        let mut peers = Vec::new();
        for _ in 0..30 {
            let (client, server, _) = full().await;
            client.set_linger(60 * SECOND).unwrap();
            peers.push(server);
        }
        until(|| closers() == 4).await;
        let answer = timeout(20 * SECOND, tpool::execute(|| 42)).await;
        assert_eq!(answer.unwrap(), 42);
        assert!(descriptors() >= before + 30 + 26); // theirs, and those that stand in line
        drop(peers);
        until(|| closers() == 0 && descriptors() == before).await;
    });
}

#[test]
fn without_the_pool_a_close_does_not_wait() {
    let (mut child, _stdout) = child("linger::child_has_no_pool");
    assert!(child.wait().unwrap().success());
}

#[test]
#[ignore = "started by `without_the_pool_a_close_does_not_wait` in a process of its own"]
fn child_has_no_pool() {
    tpool::set_num_threads(0);
    let (hub, reports) = reporting_hub();
    hub.run(async {
        let before = descriptors();
        let listener = listen("127.0.0.1:0").unwrap();
        let client = connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        client.set_timeout(MS);
        let data = noise(20_000_000);
        let mut sending = client.send_all(&data);
        assert!((&mut sending).await.is_err());
        let sent = sending.sent();
        drop(sending);
        client.set_linger(60 * SECOND).unwrap();
        let start = Instant::now();
        drop(client);
        assert!(start.elapsed() < SECOND);
        assert_eq!(read_all(&server).await.unwrap().len(), sent);
        drop((listener, server));
        assert_eq!(descriptors(), before);
    });
    let told = reports.borrow();
    assert!(
        told.iter().any(|told| told.contains("set_linger")),
        "{told:?}"
    );
}
