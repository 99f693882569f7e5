//! The futures of Unix sockets, datagrams and races, dropped at every poll (promise D-1).

use std::fs::File;
use std::os::fd::AsFd;

use evlet_hub::{sleep, spawn, spawn_n};
use evlet_net::{
    DatagramBatch, UdpSocket, UnixDatagram, UnixListener, UnixStream, connect, send_file,
};

use crate::cancel::poll_times;
use crate::loopback::{MS, deaf, listener, noise, read_all, run, small_pair};
use crate::unix::Dir;

fn nothing_is_left() {
    assert_eq!(evlet_hub::stats().sources, 0);
    assert_eq!(evlet_hub::stats().timers, 0);
}

#[test]
fn accept_of_a_unix_listener_loses_no_connection() {
    run(async {
        let dir = Dir::new();
        for polls in 0..4 {
            for when in 0..3 {
                let path = dir.path("a");
                let listener = UnixListener::bind(&path).unwrap();
                let client = spawn(async move {
                    sleep(when * MS).await;
                    UnixStream::connect(&path).await.unwrap()
                });
                let (server, _) = match poll_times(listener.accept(), polls).await {
                    Some(accepted) => accepted.unwrap(),
                    None => listener.accept().await.unwrap(),
                };
                let client = client.await.unwrap();
                server.send_all(b"x").await.unwrap();
                assert_eq!(client.recv(&mut [0; 9]).await.unwrap(), 1);
            }
        }
        nothing_is_left();
    });
}

#[test]
fn receiving_descriptors_loses_none() {
    run(async {
        for polls in 0..4 {
            for when in 0..3 {
                let (one, other) = UnixStream::pair().unwrap();
                let sender = spawn(async move {
                    sleep(when * MS).await;
                    let null = File::open("/dev/null").unwrap();
                    one.send_fds(b"x", &[null.as_fd()]).await.unwrap();
                    one
                });
                let mut buf = [0; 9];
                let (n, fds) = match poll_times(other.recv_fds(&mut buf), polls).await {
                    Some(got) => got.unwrap(),
                    None => other.recv_fds(&mut buf).await.unwrap(),
                };
                assert_eq!((n, fds.len()), (1, 1));
                sender.await.unwrap();
            }
        }
        nothing_is_left();
    });
}

#[test]
fn receiving_datagrams_loses_none() {
    run(async {
        for polls in 0..4 {
            for when in 0..3 {
                let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                let (unix, other) = UnixDatagram::pair().unwrap();
                let to = socket.local_addr().unwrap();
                spawn_n(async move {
                    sleep(when * MS).await;
                    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
                    sender.send_to(b"one", to).await.unwrap();
                    sender.send_to(b"two", to).await.unwrap();
                    other.send(b"three").await.unwrap();
                });
                let mut buf = [0; 9];
                let n = match poll_times(socket.recv_from(&mut buf), polls).await {
                    Some(got) => got.unwrap().0,
                    None => socket.recv(&mut buf).await.unwrap(),
                };
                assert_eq!(&buf[..n], b"one");
                let mut batch = DatagramBatch::new(4, 9);
                let n = match poll_times(socket.recv_batch(&mut batch), polls).await {
                    Some(got) => got.unwrap(),
                    None => socket.recv_batch(&mut batch).await.unwrap(),
                };
                assert_eq!(n, 1);
                assert_eq!(batch.iter().next().unwrap().0, Ok(&b"two"[..]));
                let n = match poll_times(unix.recv(&mut buf), polls).await {
                    Some(got) => got.unwrap(),
                    None => unix.recv(&mut buf).await.unwrap(),
                };
                assert_eq!(&buf[..n], b"three");
            }
        }
        nothing_is_left();
    });
}

#[test]
fn a_race_that_is_dropped_leaves_no_socket() {
    run(async {
        for polls in 0..4 {
            let (one, two, good) = (deaf(), deaf(), listener());
            let addrs = [one.addr, two.addr, good.local_addr().unwrap()];
            let made = poll_times(connect(addrs), polls).await;
            drop((made, good));
        }
        nothing_is_left();
    });
}

// A file given up at any poll tells how much is gone: the rest makes it whole.
#[test]
fn send_file_tells_how_far_it_came() {
    run(async {
        let dir = Dir::new();
        let data = noise(400_000);
        std::fs::write(dir.path("data"), &data).unwrap();
        let file = File::open(dir.path("data")).unwrap();
        for polls in 0..6 {
            let (client, server) = small_pair().await;
            let receiver = spawn(async move { read_all(&server).await.unwrap() });
            let mut sending = send_file(&client, &file, ..);
            let whole = poll_times(&mut sending, polls).await;
            let sent = sending.sent();
            drop(sending);
            assert_eq!(whole.is_some(), sent == 400_000);
            send_file(&client, &file, sent..).await.unwrap();
            drop(client);
            assert!(receiver.await.unwrap() == data);
        }
        nothing_is_left();
    });
}
