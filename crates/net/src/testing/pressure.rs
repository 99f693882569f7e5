//! Streams under load: back-pressure, both directions at once, and no work while they wait.

use std::time::Duration;

use evlet_hub::{sleep, spawn, timeout};
use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::conformance::noise;
use super::order::same;

const MS: Duration = Duration::from_millis(1);

/// More than the kernel buffers for one connection under its usual limits.
pub(super) const MUCH: usize = 64 * 1024 * 1024;

/// A peer that does not read stops the one that writes; when it reads, all arrives.
pub(super) async fn waits<S>(mut near: S, mut far: S)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let piece = noise(64 * 1024);
    let mut sent = 0;
    let mut left: &[u8] = &piece;
    while let Ok(n) = timeout(50 * MS, near.write(left)).await {
        let n = n.expect("writing");
        assert!(n > 0, "a write takes nothing and does not wait");
        sent += n;
        left = match left.len() == n {
            true => &piece,
            false => &left[n..],
        };
        assert!(sent < MUCH, "{sent} bytes taken, and none of them read");
    }
    let sender = spawn(async move {
        near.close().await.expect("closing");
        near
    });
    let (mut got, mut buf) = (0, vec![0; 64 * 1024]);
    loop {
        let n = far.read(&mut buf).await.expect("reading");
        if n == 0 {
            break;
        }
        for byte in &buf[..n] {
            assert_eq!(*byte, piece[got % piece.len()], "byte {got} is another");
            got += 1;
        }
    }
    assert_eq!(got, sent, "bytes received, and taken by writes");
    drop(sender.await);
}

/// A stream that waits to read, or to write, leaves the hub alone.
pub(super) async fn idle<S>(near: S, far: S)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    const FEW: u64 = 20;
    let quiet = async |what: &str| {
        sleep(50 * MS).await;
        let before = evlet_hub::stats().polls;
        sleep(200 * MS).await;
        let polls = evlet_hub::stats().polls - before;
        assert!(polls < FEW, "{polls} polls while a {what} waits");
    };
    let (mut read, mut write) = near.split();
    let reader = spawn(async move { read.read(&mut [0; 10]).await });
    quiet("read").await;
    let writer = spawn(async move {
        let data = noise(100_000);
        while write.write_all(&data).await.is_ok() {}
    });
    quiet("write").await;
    writer.kill();
    reader.kill();
    drop(far);
}

/// Much in both directions at once; each end's two directions are two green threads.
pub(super) async fn both_ways<S>(near: S, far: S)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    const SIZE: usize = 1_500_000;
    let mut ends = Vec::new();
    for end in [near, far] {
        let (mut read, mut write) = end.split();
        let sender = spawn(async move {
            let data = noise(SIZE);
            for piece in data.chunks(77_777) {
                write.write_all(piece).await.expect("writing");
            }
            write.close().await.expect("closing");
            write
        });
        let receiver = spawn(async move {
            let mut got = Vec::new();
            read.read_to_end(&mut got).await.expect("reading");
            same(&got, &noise(SIZE));
            read
        });
        ends.push((sender, receiver));
    }
    for (sender, receiver) in ends {
        match (sender.await, receiver.await) {
            (Ok(_), Ok(_)) => {}
            (Err(exit), _) => panic!("a sender failed: {exit}"),
            (_, Err(exit)) => panic!("a receiver failed: {exit}"),
        }
    }
}
