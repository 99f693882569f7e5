//! Files by mode, and through the futures traits.

use std::io::ErrorKind;

use evlet_hub::{spawn, timeout};
use evlet_net::{FileMode, MakeFile, UnixStream, WrongMode};
use futures::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};

use crate::loopback::{MS, noise, pair, read_all, run, text};

#[test]
fn modes_are_read_as_python_writes_them() {
    for (text, mode) in [
        ("r", FileMode::Read),
        ("rb", FileMode::Read),
        ("br", FileMode::Read),
        ("w", FileMode::Write),
        ("wb", FileMode::Write),
        ("rw", FileMode::ReadWrite),
        ("rwb", FileMode::ReadWrite),
        ("wr", FileMode::ReadWrite),
    ] {
        assert_eq!(text.parse(), Ok(mode), "{text}");
    }
    for bad in ["", "b", "a", "r+", "rr", "rt", "x", "read", "rwbb"] {
        let error = bad.parse::<FileMode>().unwrap_err();
        assert!(error.to_string().contains(&format!("{bad:?}")), "{error}");
        assert_eq!(std::io::Error::from(error).kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(FileMode::default().to_string(), "rw");
}

#[test]
fn what_a_mode_does_not_allow_is_an_error() {
    run(async {
        let (client, server) = pair().await;
        let mut reader = client.makefile_with(FileMode::Read);
        let mut writer = client.makefile_with(FileMode::Write);
        assert_eq!(
            (reader.mode(), writer.mode()),
            (FileMode::Read, FileMode::Write)
        );
        for error in [
            reader.write("x").await.unwrap_err(),
            reader.flush().await.unwrap_err(),
            writer.read(&mut [0; 1]).await.unwrap_err(),
            writer.next_line().await.unwrap_err(),
            writer.read_until(b'\n', &mut Vec::new()).await.unwrap_err(),
            AsyncWriteExt::write_all(&mut reader, b"x")
                .await
                .unwrap_err(),
            writer.read_exact(&mut [0; 1]).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.get_ref().unwrap().is::<WrongMode>());
            assert!(text(&error).contains("does not allow"), "{error}");
        }
        // Each does its own, at once.
        let reading = spawn(async move { reader.next_line().await.unwrap() });
        writer.write("question\n").await.unwrap();
        writer.flush().await.unwrap();
        let mut file = server.makefile();
        assert_eq!(file.next_line().await.unwrap().as_deref(), Some("question"));
        file.write("answer\n").await.unwrap();
        file.flush().await.unwrap();
        assert_eq!(reading.await.unwrap().as_deref(), Some("answer"));
    });
}

// A file for reading keeps nobody's end from the peer.
// conformance 126
#[test]
fn the_peer_gets_its_end_while_a_reader_is_left() {
    run(async {
        let (client, server) = pair().await;
        let mut reader = client.makefile_with(FileMode::Read);
        let mut writer = client.makefile_with(FileMode::Write);
        drop(client);
        writer.write("all\n").await.unwrap();
        writer.close().await.unwrap();
        assert_eq!(read_all(&server).await.unwrap(), b"all\n");
        server.send_all(b"and back\n").await.unwrap();
        assert_eq!(
            reader.next_line().await.unwrap().as_deref(),
            Some("and back")
        );
    });
}

#[test]
fn without_a_buffer_each_write_goes_at_once() {
    run(async {
        let (client, server) = pair().await;
        let mut file = client.makefile();
        file.set_write_buffer(0);
        assert_eq!(file.write("now").await.unwrap(), 3);
        let mut buf = [0; 10];
        assert_eq!(server.recv(&mut buf).await.unwrap(), 3);
        file.set_write_buffer(4);
        file.write("abc").await.unwrap();
        assert!(timeout(MS, server.recv(&mut buf)).await.is_err());
        file.write("de").await.unwrap(); // does not fit beside it
        assert_eq!(server.recv(&mut buf).await.unwrap(), 3);
        file.flush().await.unwrap();
        assert_eq!(server.recv(&mut buf).await.unwrap(), 2);
    });
}

// read_exact, read_to_end, copy: whatever is written for the futures traits.
#[test]
fn the_futures_traits_share_the_files_buffers() {
    run(async {
        let (one, other) = UnixStream::pair().unwrap();
        let (mut left, mut right) = (MakeFile::new(one), MakeFile::new(other));
        let data = noise(100_000);
        let sent = data.clone();
        let writing = spawn(async move {
            left.write("head\n").await.unwrap();
            AsyncWriteExt::write_all(&mut left, &sent).await.unwrap();
            AsyncWriteExt::close(&mut left).await.unwrap();
            AsyncWriteExt::close(&mut left).await.unwrap();
            let error = left.write("more").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotConnected);
        });
        assert_eq!(right.next_line().await.unwrap().as_deref(), Some("head"));
        let mut start = [0; 1000];
        right.read_exact(&mut start).await.unwrap();
        let buffered = right.fill_buf().await.unwrap().len();
        assert!(buffered > 0);
        right.consume_unpin(1);
        let mut rest = Vec::new();
        right.read_to_end(&mut rest).await.unwrap();
        assert!(start[..] == data[..1000] && rest == data[1001..]);
        writing.await.unwrap();
    });
}

// A read that timed out loses no byte, whichever way it was limited.
#[test]
fn a_read_that_timed_out_loses_no_byte() {
    run(async {
        let (client, server) = pair().await;
        let mut file = client.makefile();
        let data = noise(300);
        let sent = data.clone();
        // One byte every 10 ms of it.
        let slow = spawn(async move {
            for byte in sent {
                server.send_all(&[byte]).await.unwrap();
                evlet_hub::sleep(10 * MS).await;
            }
        });
        let mut all = Vec::new();
        let mut late = 0;
        client.set_timeout(7 * MS);
        let mut buf = [0; 16];
        while all.len() < data.len() {
            // The stream's limit, and one for this operation.
            match timeout(4 * MS, file.read(&mut buf)).await {
                Ok(Ok(n)) => all.extend_from_slice(&buf[..n]),
                Ok(Err(error)) => assert_eq!(error.kind(), ErrorKind::TimedOut),
                Err(_) => late += 1,
            }
        }
        assert!(all == data);
        assert!(late > 100, "{late}");
        slow.await.unwrap();
    });
}
