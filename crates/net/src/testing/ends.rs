//! How a stream ends: in order, one way only, or because the other end is gone.

use std::time::Duration;

use evlet_hub::{spawn, timeout};
use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::conformance::{is_an_end, noise};
use super::order::same;

const SOON: Duration = Duration::from_secs(2);

/// Written and not flushed, closed at once: all arrives, then the end, again and again.
pub(super) async fn after_the_data<S>(mut near: S, mut far: S)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let data = noise(50_000);
    let sent = data.clone();
    let sender = spawn(async move {
        near.write_all(&sent).await.expect("writing");
        near.close().await.expect("closing");
        near
    });
    let mut got = Vec::new();
    far.read_to_end(&mut got).await.expect("reading to the end");
    same(&got, &data);
    for _ in 0..3 {
        let n = timeout(SOON, far.read(&mut [0; 10])).await;
        let n = n.expect("a read after the end waits");
        assert_eq!(n.expect("reading after the end"), 0);
    }
    drop(sender.await);
}

/// The end of one direction is not the end of the other.
pub(super) async fn half_closed<S>(mut near: S, mut far: S)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    near.write_all(b"question").await.expect("writing");
    near.close().await.expect("closing");
    let answerer = spawn(async move {
        let mut question = Vec::new();
        far.read_to_end(&mut question).await.expect("reading");
        assert_eq!(question, b"question");
        let answer = noise(20_000);
        far.write_all(&answer)
            .await
            .expect("writing after the other has ended");
        far.close().await.expect("closing");
        far
    });
    let mut answer = Vec::new();
    let read = near.read_to_end(&mut answer).await;
    read.expect("reading after our own close");
    same(&answer, &noise(20_000));
    if let Err(exit) = answerer.await {
        panic!("the answering side failed: {exit}");
    }
}

/// Who has closed may not write, and is told so.
pub(super) async fn written_after<S>(mut near: S, far: S)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    near.close().await.expect("closing");
    let written = timeout(SOON, near.write(b"too late")).await;
    let written = written.expect("a write after a close waits");
    let error = written.expect_err("a write after a close is taken");
    assert!(is_an_end(&error), "{:?}: {error}", error.kind());
    drop(far);
}

/// A second close finds nothing to do.
pub(super) async fn closed_twice<S>(mut near: S, mut far: S)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    near.close().await.expect("closing");
    let again = timeout(SOON, near.close()).await;
    again
        .expect("a second close waits")
        .expect("closing a second time");
    let mut rest = Vec::new();
    far.read_to_end(&mut rest).await.expect("reading");
    assert_eq!(rest, b"", "closing twice sent something");
}

/// Nobody waits for an end that is gone: reads end, writes fail.
pub(super) async fn dropped<S>(near: S, mut far: S)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    drop(near);
    let got = timeout(SOON, far.read(&mut [0; 10])).await;
    match got.expect("a read waits for an end that is gone") {
        Ok(n) => assert_eq!(n, 0, "bytes that nobody wrote"),
        Err(error) => assert!(is_an_end(&error), "{:?}: {error}", error.kind()),
    }
    // The kernel may take some before it hears that the other end is gone.
    for _ in 0..1000 {
        let written = timeout(SOON, async {
            far.write_all(&[0; 1000]).await?;
            far.flush().await
        });
        let written = written.await;
        if let Err(error) = written.expect("a write waits for an end that is gone") {
            assert!(is_an_end(&error), "{:?}: {error}", error.kind());
            return;
        }
        evlet_hub::yield_now().await;
    }
    panic!("writing to an end that is gone goes on for ever");
}

/// The same while the other writes more than fits.
pub(super) async fn dropped_in_transfer<S>(mut near: S, mut far: S)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let sender = spawn(async move {
        let data = noise(10_000);
        loop {
            if let Err(error) = near.write_all(&data).await {
                return error;
            }
        }
    });
    let mut got = vec![0; 25_000];
    far.read_exact(&mut got).await.expect("reading");
    same(&got[..10_000], &noise(10_000));
    drop(far);
    let ended = timeout(SOON, sender.wait()).await;
    let error = ended.expect("a writer waits for an end that is gone");
    match error {
        Ok(error) => assert!(is_an_end(&error), "{:?}: {error}", error.kind()),
        Err(exit) => panic!("the writer failed: {exit}"),
    }
}
