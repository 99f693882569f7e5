//! What the descriptor count of `alone.rs` uses and drops beside TCP: Unix sockets, datagrams,
//! descriptors on their way, connections that race, bytes that the kernel moves.

use std::fs::File;
use std::os::fd::AsFd;

use evlet_hub::timeout;
use evlet_net::{
    ConnectOptions, UdpSocket, UnixDatagram, UnixListener, UnixStream, send_file, splice,
    splice_bidirectional,
};

use crate::loopback::{MS, listener, pair, reset, small_pair};
use crate::unix::Dir;

pub(crate) async fn use_and_drop_more() {
    unix().await;
    datagrams().await;
    races().await;
    moved().await;
}

async fn unix() {
    let dir = Dir::new();
    let path = dir.path("a.sock");
    let listener = UnixListener::bind(&path).unwrap();
    assert!(UnixListener::bind(&path).is_err());
    assert!(UnixListener::bind(dir.path("no/such/dir")).is_err());
    drop(listener.accept().await.unwrap()); // the second one asked whether anybody answers
    assert!(timeout(MS, listener.accept()).await.is_err());
    let waiting = UnixStream::connect(&path).await.unwrap();
    drop(listener);
    assert!(matches!(waiting.recv(&mut [0; 1]).await, Ok(0) | Err(_)));
    assert!(UnixStream::connect(&path).await.is_err());
    // Descriptors that nobody takes, that are taken, and whose receiver gives up.
    let (one, other) = UnixStream::pair().unwrap();
    one.send_fds(b"12", &[one.as_fd(), other.as_fd()])
        .await
        .unwrap();
    let (_, fds) = other.recv_fds(&mut [0; 9]).await.unwrap();
    assert_eq!(fds.len(), 2);
    assert!(timeout(MS, other.recv_fds(&mut [0; 9])).await.is_err());
    let null = File::open("/dev/null").unwrap();
    one.send_fds(b"x", &[null.as_fd()]).await.unwrap();
    let (read, write) = one.split();
    let _file = other.makefile();
    drop((write, read));
}

async fn datagrams() {
    let dir = Dir::new();
    let socket = UnixDatagram::bind(dir.path("d")).unwrap();
    assert!(UnixDatagram::bind(dir.path("d")).is_err());
    let (one, other) = UnixDatagram::pair().unwrap();
    one.send(b"nobody takes it").await.unwrap();
    assert!(other.recv(&mut [0; 1]).await.is_err()); // cut
    drop(socket);
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    assert!(UdpSocket::bind(udp.local_addr().unwrap()).is_err());
    assert!(timeout(MS, udp.recv(&mut [0; 1])).await.is_err());
}

async fn races() {
    // Several attempts, of which the first is refused and the last is never begun.
    let good = listener();
    let dead = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let bad = "127.0.0.67:1".parse().unwrap();
    let addrs = [bad, good.local_addr().unwrap(), dead];
    drop(ConnectOptions::new().connect(addrs).await.unwrap());
    let local = ConnectOptions::new().bind("127.0.0.68:0").unwrap();
    assert!(local.connect([bad, bad]).await.is_err());
}

async fn moved() {
    let (source, from) = small_pair().await;
    let (to, sink) = small_pair().await;
    // Given up with bytes in the pipe, with nothing, and broken by a reset.
    assert!(timeout(MS, splice_bidirectional(&from, &to)).await.is_err());
    let big = vec![0; 1_000_000];
    let both = async {
        let sending = timeout(MS, source.send_all(&big));
        let copying = timeout(MS, splice(&from, &to));
        futures::future::join(sending, copying).await
    };
    let (sent, copied) = both.await;
    assert!(sent.is_err() && copied.is_err());
    reset(source);
    assert!(splice(&from, &sink).await.is_err());
    let (client, _server) = pair().await;
    let file = File::open(std::env::current_exe().unwrap()).unwrap();
    assert!(timeout(MS, send_file(&client, &file, ..)).await.is_err());
}
