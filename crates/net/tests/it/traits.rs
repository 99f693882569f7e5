//! The futures traits: whatever is written for `futures::io` works on our streams.

use std::io::{ErrorKind, IoSlice, IoSliceMut};

use evlet_hub::{spawn, timeout};
use futures::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use crate::loopback::{MS, noise, pair, read_all, run, small_pair};

#[test]
fn the_extension_traits_work() {
    run(async {
        let (mut client, mut server) = pair().await;
        client.write_all(b"exactly\nand more").await.unwrap();
        client.flush().await.unwrap();
        let mut seven = [0; 8];
        server.read_exact(&mut seven).await.unwrap();
        assert_eq!(&seven, b"exactly\n");
        AsyncWriteExt::close(&mut client).await.unwrap(); // ends writing, no more
        let mut rest = String::new();
        server.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "and more");
        server.write_all(b"answer\n").await.unwrap();
        let mut lines = BufReader::new(client);
        let mut line = String::new();
        lines.read_line(&mut line).await.unwrap();
        assert_eq!(line, "answer\n");
    });
}

#[test]
fn shared_references_read_and_write() {
    run(async {
        let (client, server) = pair().await;
        (&client).write_all(b"through a reference").await.unwrap();
        drop(client);
        let mut all = Vec::new();
        (&server).read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"through a reference");
    });
}

#[test]
fn the_generic_split_works_too() {
    run(async {
        let (client, server) = small_pair().await;
        let (mut read, mut write) = AsyncReadExt::split(client);
        let data = noise(300_000);
        let sent = data.clone();
        let writer = spawn(async move {
            write.write_all(&sent).await.unwrap();
            write.close().await.unwrap();
        });
        let echo = spawn(async move {
            let (read, mut write) = AsyncReadExt::split(server);
            futures::io::copy(read, &mut write).await.unwrap();
            write.close().await.unwrap();
        });
        let mut all = Vec::new();
        read.read_to_end(&mut all).await.unwrap();
        assert!(all == data);
        writer.await.unwrap();
        echo.await.unwrap();
    });
}

#[test]
fn gathering_and_scattering() {
    run(async {
        let (mut client, mut server) = pair().await;
        let parts = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cde")];
        assert_eq!(client.write_vectored(&parts).await.unwrap(), 5);
        let (mut one, mut two) = ([0; 3], [0; 10]);
        let mut bufs = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
        assert_eq!(server.read_vectored(&mut bufs).await.unwrap(), 5);
        assert_eq!((&one, &two[..2]), (b"abc", &b"de"[..]));

        assert_eq!(client.write_vectored(&[]).await.unwrap(), 0);
        assert_eq!(server.read_vectored(&mut []).await.unwrap(), 0);

        // More slices than the kernel takes in one call: some of them, and no error.
        let letter = [b'x'];
        let many: Vec<_> = (0..5000).map(|_| IoSlice::new(&letter)).collect();
        let n = client.write_vectored(&many).await.unwrap();
        assert!(0 < n && n <= 1024, "{n}");
        drop(client);
        let mut singles = vec![[0; 1]; 5000];
        let mut got = 0;
        loop {
            let mut bufs: Vec<_> = singles.iter_mut().map(|b| IoSliceMut::new(b)).collect();
            match server.read_vectored(&mut bufs).await.unwrap() {
                0 => break,
                n => got += n,
            }
        }
        assert_eq!(got, n);
    });
}

#[test]
fn a_limit_holds_through_the_traits() {
    run(async {
        let (mut client, server) = small_pair().await;
        client.set_timeout(30 * MS);
        let start = evlet_hub::now();
        let error = client.read(&mut [0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(evlet_hub::now() - start, 30 * MS);
        let error = client.write_all(&noise(5_000_000)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(evlet_hub::stats().timers, 0);
        drop(client);
        assert!(!read_all(&server).await.unwrap().is_empty());
    });
}

// A read that one green thread gave up does not stand in another one's way.
#[test]
fn a_read_given_up_by_one_green_thread_can_be_made_by_another() {
    run(async {
        let (mut client, server) = pair().await;
        assert!(timeout(MS, client.read(&mut [0; 1])).await.is_err());
        let other = spawn(async move {
            let mut buf = [0; 10];
            let n = client.read(&mut buf).await.unwrap();
            buf[..n].to_vec()
        });
        evlet_hub::sleep(MS).await;
        server.send_all(b"hi").await.unwrap();
        assert_eq!(other.await.unwrap(), b"hi");
    });
}

// Nor does it stand in the way of the other ways to read, in whichever green thread.
#[test]
fn a_read_given_up_stands_in_nobodys_way() {
    run(async {
        let (mut client, server) = pair().await;
        let mut file = client.makefile();
        let mut buf = [0; 10];
        // Each of them waits, gives up, and the next one waits in the same turn.
        assert!(timeout(MS, client.read(&mut buf)).await.is_err());
        assert!(timeout(MS, client.recv(&mut buf)).await.is_err());
        assert!(timeout(MS, file.next_line()).await.is_err());
        assert!(timeout(MS, (&client).read(&mut buf)).await.is_err());
        assert!(timeout(MS, client.peek(&mut buf)).await.is_err());
        assert!(timeout(MS, file.next_line()).await.is_err());
        assert!(timeout(MS, client.read(&mut buf)).await.is_err());
        // And one in another green thread, while this one does not wait at all.
        let other = spawn(async move {
            let mut buf = [0; 10];
            let n = client.recv(&mut buf).await.unwrap();
            (client, n)
        });
        evlet_hub::yield_now().await;
        server.send_all(b"one").await.unwrap();
        let (client, n) = other.await.unwrap();
        assert_eq!(n, 3);
        server.send_all(b"two\n").await.unwrap();
        assert_eq!(file.next_line().await.unwrap().unwrap(), "two");
        drop(client);
    });
}
