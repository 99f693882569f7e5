//! Bytes arrive: all, once, in order, and when they are there.

use std::io::{IoSlice, IoSliceMut};
use std::time::Duration;

use evlet_hub::{spawn, timeout};
use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::conformance::noise;

const SOON: Duration = Duration::from_millis(500);

/// Writes and reads of every size, none like the one before.
pub(super) async fn in_order<S>(mut near: S, mut far: S)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let data = noise(100_000);
    let sent = data.clone();
    let sender = spawn(async move {
        let mut rest = &sent[..];
        for size in (1..).map(|n| n * 7919 % 3001 + 1) {
            let (piece, after) = rest.split_at(size.min(rest.len()));
            near.write_all(piece).await.expect("writing");
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        near.flush().await.expect("flushing");
        near
    });
    let mut got = Vec::new();
    let mut buf = [0; 2048];
    for size in (1..).map(|n| n * 6007 % 2048 + 1) {
        let n = far.read(&mut buf[..size]).await.expect("reading");
        assert!(n > 0, "the end after {} of {} bytes", got.len(), data.len());
        assert!(n <= size, "{n} bytes read into a buffer of {size}");
        got.extend_from_slice(&buf[..n]);
        if got.len() >= data.len() {
            break;
        }
    }
    same(&got, &data);
    drop(sender.await);
}

/// Each byte is its own write, flush and read.
pub(super) async fn byte_by_byte<S>(mut near: S, mut far: S)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    for byte in noise(300) {
        near.write_all(&[byte]).await.expect("writing a byte");
        near.flush().await.expect("flushing a byte");
        let mut got = [0];
        far.read_exact(&mut got).await.expect("reading a byte");
        assert_eq!(got, [byte], "another byte came");
    }
}

/// Slices, some of them empty, are written and read in their order.
pub(super) async fn in_slices<S>(mut near: S, mut far: S)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let data = noise(1000);
    let mut sent = 0;
    while sent < data.len() {
        let rest = &data[sent..];
        let (one, two) = rest.split_at(rest.len() / 3);
        let slices = [IoSlice::new(&[]), IoSlice::new(one), IoSlice::new(two)];
        let n = near.write_vectored(&slices).await.expect("writing slices");
        assert!(n > 0, "nothing was taken from slices that hold something");
        assert!(n <= rest.len(), "{n} bytes taken of {}", rest.len());
        sent += n;
    }
    near.flush().await.expect("flushing slices");
    let mut got = Vec::new();
    while got.len() < data.len() {
        let (mut one, mut two) = ([0; 13], [0; 100]);
        let mut slices = [
            IoSliceMut::new(&mut []),
            IoSliceMut::new(&mut one),
            IoSliceMut::new(&mut two),
        ];
        let read = far.read_vectored(&mut slices).await;
        let n = read.expect("reading into slices");
        assert!(n > 0, "the end after {} bytes", got.len());
        got.extend_from_slice(&one[..n.min(13)]);
        got.extend_from_slice(&two[..n.saturating_sub(13)]);
    }
    same(&got, &data);
}

/// An empty buffer is filled at once, with nothing there and with something there, which stays.
pub(super) async fn reading_nothing<S>(mut near: S, mut far: S)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    for _ in 0..2 {
        let n = timeout(SOON, far.read(&mut [])).await;
        let n = n.expect("a read into an empty buffer waits");
        assert_eq!(n.expect("reading nothing"), 0);
    }
    near.write_all(b"ab").await.expect("writing");
    near.flush().await.expect("flushing");
    let mut byte = [0];
    far.read_exact(&mut byte).await.expect("reading");
    assert_eq!(far.read(&mut []).await.expect("reading nothing"), 0);
    far.read_exact(&mut byte).await.expect("reading");
    assert_eq!(&byte, b"b", "a read of nothing took something");
}

/// Nothing written is nothing sent, and no end.
pub(super) async fn writing_nothing<S>(mut near: S, mut far: S)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let n = timeout(SOON, near.write(&[])).await;
    let n = n.expect("a write of nothing waits");
    assert_eq!(n.expect("writing nothing"), 0);
    near.flush().await.expect("flushing nothing");
    let got = timeout(SOON, far.read(&mut [0; 10])).await;
    assert!(got.is_err(), "a write of nothing arrived as {got:?}");
    near.write_all(b"x").await.expect("writing");
    near.flush().await.expect("flushing");
    let n = far.read(&mut [0; 10]).await.expect("reading");
    assert_eq!(n, 1, "one byte was written");
}

/// A large buffer does not wait until it is full.
pub(super) async fn at_once<S>(mut near: S, mut far: S)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    near.write_all(b"abc").await.expect("writing");
    near.flush().await.expect("flushing");
    let mut got = Vec::new();
    let mut buf = vec![0; 64 * 1024];
    while got.len() < 3 {
        let n = timeout(SOON, far.read(&mut buf)).await;
        let n = n.expect("a read waits although there is something");
        got.extend_from_slice(&buf[..n.expect("reading")]);
    }
    assert_eq!(got, b"abc");
}

/// After a flush the writer has nothing more to do for it.
pub(super) async fn flushed<S>(mut near: S, mut far: S)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let data = noise(1000);
    near.write_all(&data).await.expect("writing");
    near.flush().await.expect("flushing");
    near.flush().await.expect("flushing again");
    let mut got = vec![0; data.len()];
    let read = timeout(SOON, far.read_exact(&mut got)).await;
    read.expect("what was flushed does not arrive")
        .expect("reading");
    same(&got, &data);
    drop(near);
}

/// Says where two long rows of bytes part, instead of showing both.
pub(super) fn same(got: &[u8], sent: &[u8]) {
    let differs = got.iter().zip(sent).position(|(got, sent)| got != sent);
    assert_eq!(differs, None, "the first byte that is not the one sent");
    assert_eq!(got.len(), sent.len(), "bytes received, and sent");
}
