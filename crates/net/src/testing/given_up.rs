//! Operations that are given up in the middle, and streams that change hands.

use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use evlet_hub::{sleep, spawn, timeout};
use futures::future::poll_fn;
use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::conformance::noise;
use super::order::same;
use super::pressure::MUCH;

const MS: Duration = Duration::from_millis(1);

/// A read under a limit that fires again and again: what arrives later is all there.
pub(super) async fn reads<S>(mut near: S, mut far: S)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let data = noise(3000);
    let sent = data.clone();
    let sender = spawn(async move {
        for piece in sent.chunks(100) {
            sleep(5 * MS).await;
            near.write_all(piece).await.expect("writing");
            near.flush().await.expect("flushing");
        }
        near.close().await.expect("closing");
        near
    });
    let (mut got, mut given_up) = (Vec::new(), 0);
    let mut buf = [0; 64];
    loop {
        match timeout(2 * MS, far.read(&mut buf)).await {
            Err(_) => given_up += 1,
            Ok(Ok(0)) => break,
            Ok(Ok(n)) => got.extend_from_slice(&buf[..n]),
            Ok(Err(error)) => panic!("reading: {error}"),
        }
    }
    assert!(given_up > 0, "no read was given up: nothing was tried");
    same(&got, &data);
    drop(sender.await);
}

/// A write that returned pending and was never polled again has sent nothing of it.
pub(super) async fn writes<S>(mut near: S, mut far: S)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let round = noise(50_000); // sent again and again
    let (mut sent, mut given_up) = (0, 0);
    let mut got = Got {
        round: round.clone(),
        count: 0,
        buf: vec![0; 64 * 1024],
    };
    while given_up < 5 {
        assert!(sent < MUCH, "{sent} bytes taken, and none of them read");
        match timeout(2 * MS, near.write(&round[sent % round.len()..])).await {
            Ok(n) => sent += n.expect("writing"),
            Err(_) => {
                given_up += 1;
                // Room for the next ones.
                for _ in 0..30 {
                    let read = timeout(2 * MS, got.read(&mut far)).await;
                    if read.is_err() {
                        break;
                    }
                }
            }
        }
    }
    let closing = spawn(async move {
        near.close().await.expect("closing");
        near
    });
    while got.read(&mut far).await > 0 {}
    assert_eq!(got.count, sent, "bytes received, and taken by writes");
    drop(closing.await);
}

/// What has arrived of a round of bytes that is sent again and again.
struct Got {
    round: Vec<u8>,
    count: usize,
    buf: Vec<u8>,
}

impl Got {
    async fn read<S: AsyncRead + Unpin>(&mut self, stream: &mut S) -> usize {
        // Reads end where the round does, so that each is one stretch of it.
        let expected = &self.round[self.count % self.round.len()..];
        let room = expected.len().min(self.buf.len());
        let n = stream.read(&mut self.buf[..room]).await.expect("reading");
        same(&self.buf[..n], &expected[..n]);
        self.count += n;
        n
    }
}

/// One green thread has begun to wait; the stream goes to another, which is the one that wakes.
pub(super) async fn handed_over<S>(mut near: S, mut far: S)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let first = spawn(async move {
        let mut buf = [0; 10];
        let polled = poll_fn(|cx| Poll::Ready(Pin::new(&mut far).poll_read(cx, &mut buf)));
        assert!(polled.await.is_pending(), "bytes that nobody wrote");
        far
    });
    let mut far = match first.await {
        Ok(far) => far,
        Err(exit) => panic!("the first green thread failed: {exit}"),
    };
    let second = spawn(async move {
        let mut buf = [0; 10];
        let n = far.read(&mut buf).await.expect("reading");
        assert_eq!(&buf[..n], b"hello");
        far
    });
    sleep(MS).await;
    near.write_all(b"hello").await.expect("writing");
    near.flush().await.expect("flushing");
    let woken = timeout(1000 * MS, second.wait()).await;
    let woken = woken.expect("the green thread that has the stream now is not woken");
    if let Err(exit) = woken {
        panic!("the second green thread failed: {exit}");
    }
}
