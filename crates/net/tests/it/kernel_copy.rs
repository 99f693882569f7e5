//! Bytes that the kernel moves: from files and sockets to sockets.

use std::cell::Cell;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::net::Shutdown;
use std::rc::Rc;

use evlet_hub::{CallKind, Fault, Hub, spawn, timeout, yield_now};
use evlet_net::{TcpStream, UnixStream, send_file, splice, splice_bidirectional};
use libc::{EINVAL, EIO};

use crate::loopback::{MS, faulty_hub, noise, pair, read_all, reset, run, small_pair};
use crate::unix::Dir;

/// A file with noise in it.
fn file(dir: &Dir, len: usize) -> (File, Vec<u8>) {
    let data = noise(len);
    let path = dir.path("data");
    File::create(&path).unwrap().write_all(&data).unwrap();
    (File::open(path).unwrap(), data)
}

async fn sent(client: TcpStream, server: TcpStream, file: File, part: (u64, u64)) -> Vec<u8> {
    let receiver = spawn(async move { read_all(&server).await.unwrap() });
    let n = send_file(&client, &file, part.0..part.1).await.unwrap();
    drop(client);
    let got = receiver.await.unwrap();
    assert_eq!(got.len() as u64, n);
    got
}

#[test]
fn a_file_goes_whole_and_in_parts() {
    run(async {
        let dir = Dir::new();
        let (file, data) = file(&dir, 1_000_000);
        for (start, end) in [
            (0, u64::MAX),
            (0, 1_000_000),
            (5, 10),
            (300_000, 900_001),
            (7, 7),
        ] {
            let (client, server) = small_pair().await;
            let got = sent(client, server, file.try_clone().unwrap(), (start, end)).await;
            assert!(got == data[start as usize..(end as usize).min(data.len())]);
        }
        // Behind the end, and the wrong way round, there is nothing.
        let (client, _server) = pair().await;
        assert_eq!(send_file(&client, &file, 2_000_000..).await.unwrap(), 0);
        let (from, to) = (10, 5);
        assert_eq!(send_file(&client, &file, from..to).await.unwrap(), 0);
        assert_eq!(
            send_file(&client, &file, 999_999..=u64::MAX).await.unwrap(),
            1
        );
    });
}

// Where the kernel has no way it goes through a buffer: the same bytes.
#[test]
fn what_the_kernel_cannot_move_goes_through_a_buffer() {
    let mut first = true;
    let (hub, _) = faulty_hub(move |call| {
        let refused = call.kind == CallKind::Write && std::mem::replace(&mut first, false);
        refused.then_some(Fault::Errno(EINVAL))
    });
    hub.run(async {
        // A file that sendfile does not take: what it tells is made while it is read.
        let (client, server) = pair().await;
        let file = File::open("/proc/self/status").unwrap();
        let got = sent(client, server, file, (0, u64::MAX)).await;
        assert!(String::from_utf8(got).unwrap().contains("Name:"));
    });
    run(async {
        let dir = Dir::new();
        let (file, data) = file(&dir, 300_000);
        let (client, server) = small_pair().await;
        assert!(sent(client, server, file, (0, u64::MAX)).await == data);
    });
}

// One who gives up knows how much is gone, and may go on from there.
#[test]
fn a_file_that_was_given_up_goes_on_where_it_was() {
    run(async {
        let dir = Dir::new();
        let (file, data) = file(&dir, 1_000_000);
        let (client, server) = small_pair().await;
        client.set_timeout(20 * MS);
        let mut sending = send_file(&client, &file, ..);
        let error = (&mut sending).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let so_far = sending.sent();
        drop(sending);
        assert!(0 < so_far && so_far < 1_000_000);
        let receiver = spawn(async move { read_all(&server).await.unwrap() });
        client.set_timeout(None);
        let rest = send_file(&client, &file, so_far..).await.unwrap();
        assert_eq!(so_far + rest, 1_000_000);
        drop(client);
        assert!(receiver.await.unwrap() == data);
    });
}

// A peer that is gone is an error, never a signal; and a file that shrinks ends early.
#[test]
fn a_file_to_nobody() {
    run(async {
        let dir = Dir::new();
        let (file, _) = file(&dir, 3_000_000);
        let (client, server) = small_pair().await;
        reset(server);
        let error = send_file(&client, &file, ..).await.unwrap_err();
        assert!(
            matches!(
                error.kind(),
                ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
            ),
            "{error}"
        );
        client.close();
        let error = send_file(&client, &file, ..).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
    });
}

// A directory is no file: the error of reading it comes through.
#[test]
fn what_cannot_be_read_is_an_error() {
    run(async {
        let (client, _server) = pair().await;
        let dir = File::open("/tmp").unwrap();
        let error = send_file(&client, &dir, ..).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::IsADirectory);
    });
}

#[test]
fn all_of_a_socket_goes_to_another() {
    run(async {
        let (source, from) = small_pair().await;
        let (to, sink) = small_pair().await;
        let data = noise(1_000_000);
        let expected = data.clone();
        let sender = spawn(async move { source.send_all(&data).await.unwrap() });
        let receiver = spawn(async move { read_all(&sink).await.unwrap() });
        assert_eq!(splice(&from, &to).await.unwrap(), 1_000_000);
        // It does not close the writer.
        to.send_all(b"!").await.unwrap();
        drop(to);
        sender.await.unwrap();
        let got = receiver.await.unwrap();
        assert!(got[..1_000_000] == expected && got.ends_with(b"!"));
    });
}

/// A proxy in the middle, with bytes both ways and a half close.
async fn through_a_proxy() {
    let (client, near) = small_pair().await;
    let (far, server) = UnixStream::pair().unwrap();
    let proxy = spawn(async move { splice_bidirectional(&near, &far).await });
    let data = noise(500_000);
    let expected = data.clone();
    let echo = spawn(async move {
        let mut all = Vec::new();
        let mut buf = vec![0; 10_000];
        loop {
            match server.recv(&mut buf).await.unwrap() {
                0 => break, // needs the half close
                n => all.extend_from_slice(&buf[..n]),
            }
        }
        server.send_all(&all).await.unwrap();
    });
    client.send_all(&data).await.unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert!(read_all(&client).await.unwrap() == expected);
    echo.await.unwrap();
    assert_eq!(proxy.await.unwrap().unwrap(), (500_000, 500_000));
}

#[test]
fn both_ways_with_a_half_close() {
    run(through_a_proxy());
    Hub::new().unwrap().run(through_a_proxy());
}

// The kernel may have no way between two sockets.
#[test]
fn without_the_kernels_help_a_buffer_does() {
    let mut first = true;
    let (hub, _) = faulty_hub(move |call| {
        let asked = call.kind == CallKind::Read;
        (asked && std::mem::replace(&mut first, false)).then_some(Fault::Errno(EINVAL))
    });
    hub.run(through_a_proxy());
}

#[test]
fn an_error_ends_both_directions_and_the_counts_stay() {
    run(async {
        let (client, near) = pair().await;
        let (far, server) = pair().await;
        client.send_all(b"question").await.unwrap();
        let ended = Rc::new(Cell::new(false));
        let told = Rc::clone(&ended);
        let proxy = spawn(async move {
            let mut copying = splice_bidirectional(&near, &far);
            let error = (&mut copying).await.unwrap_err();
            told.set(true);
            (error, copying.copied())
        });
        assert_eq!(server.recv(&mut [0; 100]).await.unwrap(), 8);
        yield_now().await;
        assert!(!ended.get());
        reset(server);
        let (error, copied) = proxy.await.unwrap();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(copied, (8, 0));
        assert_eq!(client.recv(&mut [0; 1]).await.unwrap(), 0);
    });
}

// The kernel's errors come through, and nothing is left behind.
#[test]
fn a_broken_socket_is_told() {
    let mut calls = 0;
    let (hub, _) = faulty_hub(move |call| {
        calls += u32::from(call.kind == CallKind::Write);
        (call.kind == CallKind::Write && calls == 2).then_some(Fault::Errno(EIO))
    });
    hub.run(async {
        let (source, from) = pair().await;
        let (to, _sink) = pair().await;
        source.send_all(b"lost").await.unwrap();
        let mut copying = splice(&from, &to);
        let error = (&mut copying).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(EIO));
        assert_eq!(copying.copied(), 0);
    });
}

#[test]
fn one_who_gives_up_stands_in_nobodys_way() {
    run(async {
        let (source, from) = pair().await;
        let (to, sink) = pair().await;
        assert!(timeout(MS, splice(&from, &to)).await.is_err());
        source.send_all(b"later").await.unwrap();
        assert_eq!(from.recv(&mut [0; 9]).await.unwrap(), 5);
        to.send_all(b"by hand").await.unwrap();
        assert_eq!(sink.recv(&mut [0; 9]).await.unwrap(), 7);
    });
}

// A direction that never has to wait does not keep the other one from its turns.
#[test]
fn with_a_budget_of_one_both_directions_get_on() {
    let hub = Hub::builder().budget(1).build().unwrap();
    hub.run(async {
        let (client, left) = pair().await;
        let (right, server) = pair().await;
        let proxy = spawn(async move { splice_bidirectional(&left, &right).await });
        server.send_all(b"hello").await.unwrap();
        let greeted = timeout(10_000 * MS, client.recv(&mut [0; 10])).await;
        assert_eq!(greeted.expect("in time").unwrap(), 5);
        client.send_all(b"hi").await.unwrap();
        let answered = timeout(10_000 * MS, server.recv(&mut [0; 10])).await;
        assert_eq!(answered.expect("in time").unwrap(), 2);
        drop((client, server));
        assert_eq!(proxy.await.unwrap().unwrap(), (2, 5));
    });
}
