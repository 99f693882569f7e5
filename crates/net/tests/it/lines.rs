//! Files of lines.

use std::io::ErrorKind;

use evlet_hub::{now, sleep, spawn, timeout, yield_now};
use evlet_net::testing::duplex_with_capacity;
use evlet_net::{LINE_LIMIT, LineError, MakeFile, TcpStream};

use futures::io::AsyncReadExt;

use crate::loopback::{MS, noise, pair, read_all, reset, run, small_pair, text};
use crate::tls::wrapped;

/// What a peer that sends `bytes` and ends gives, line by line.
async fn lines_of(bytes: &[u8]) -> Vec<String> {
    let (client, server) = pair().await;
    let bytes = bytes.to_vec();
    let sender = spawn(async move { client.send_all(&bytes).await.unwrap() });
    let mut file = server.makefile();
    let mut lines = Vec::new();
    let mut line = String::new();
    while file.read_line(&mut line).await.unwrap() > 0 {
        lines.push(std::mem::take(&mut line));
    }
    assert_eq!(file.read_line(&mut line).await.unwrap(), 0); // for ever
    sender.await.unwrap();
    lines
}

#[test]
fn lines_come_with_their_ending() {
    run(async {
        assert_eq!(lines_of(b"").await, [""; 0]);
        assert_eq!(lines_of(b"\n").await, ["\n"]);
        assert_eq!(
            lines_of(b"a\nbc\r\n\nd").await,
            ["a\n", "bc\r\n", "\n", "d"]
        );
        let many: String = (0..10_000).map(|n| format!("line {n}\n")).collect();
        assert_eq!(lines_of(many.as_bytes()).await.concat(), many);
    });
}

#[test]
fn next_line_comes_without() {
    run(async {
        let (client, server) = pair().await;
        client
            .send_all(b"unix\ndos\r\n\r\n\n\rmac\r\nlast\r")
            .await
            .unwrap();
        drop(client);
        let mut file = server.makefile();
        for line in ["unix", "dos", "", "", "\rmac", "last"] {
            assert_eq!(file.next_line().await.unwrap().as_deref(), Some(line));
        }
        assert_eq!(file.next_line().await.unwrap(), None);
        assert_eq!(file.next_line().await.unwrap(), None);
    });
}

// Conformance case 132: written byte by byte, lines come whole; a large message is read back in
// parts.
#[test]
fn a_line_that_comes_byte_by_byte_is_whole() {
    run(async {
        let (client, server) = pair().await;
        let sender = spawn(async move {
            for byte in "grüße\nund\n".bytes() {
                client.send_all(&[byte]).await.unwrap();
                sleep(MS).await;
            }
        });
        let mut file = server.makefile();
        assert_eq!(file.next_line().await.unwrap().unwrap(), "grüße");
        assert_eq!(file.next_line().await.unwrap().unwrap(), "und");
        assert_eq!(file.next_line().await.unwrap(), None);
        sender.await.unwrap();

        let (client, server) = small_pair().await;
        let data = noise(65 * 1024);
        let sent = data.clone();
        let sender = spawn(async move {
            let mut file = client.makefile();
            assert_eq!(file.write(&sent).await.unwrap(), sent.len());
            file.close().await.unwrap();
        });
        let mut file = server.makefile();
        let mut all = Vec::new();
        let mut part = [0; 1024];
        loop {
            match file.read(&mut part).await.unwrap() {
                0 => break,
                n => all.extend_from_slice(&part[..n]),
            }
        }
        assert!(all == data);
        sender.await.unwrap();
    });
}

#[test]
fn a_line_that_never_ends_is_an_error_and_not_memory() {
    run(async {
        let (client, server) = pair().await;
        let sender = spawn(async move { client.send_all(&vec![b'x'; 3_000_000]).await });
        let mut file = server.makefile();
        let mut line = String::from("before ");
        let error = file.read_line(&mut line).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(text(&error).contains("65536"), "{error}");
        assert_eq!(line, "before ");
        assert!(
            file.buffered().len() <= LINE_LIMIT + 8192,
            "{}",
            file.buffered().len()
        );
        assert!(file.read_line(&mut line).await.is_err()); // and again, and nothing was lost
        let mut received = 0;
        let mut buf = [0; 10_000];
        while received < 3_000_000 {
            let n = file.read(&mut buf).await.unwrap();
            assert!(n > 0 && buf[..n].iter().all(|b| *b == b'x'));
            received += n;
        }
        sender.await.unwrap().unwrap();
    });
}

#[test]
fn the_limit_counts_the_ending_and_can_be_set() {
    run(async {
        let (client, server) = pair().await;
        client.send_all(b"123\n1234\n").await.unwrap();
        let mut file = server.makefile();
        file.set_line_limit(4);
        assert_eq!(file.next_line().await.unwrap().unwrap(), "123");
        let error = file.next_line().await.unwrap_err();
        let inside = error
            .get_ref()
            .unwrap()
            .downcast_ref::<LineError>()
            .unwrap();
        assert!(
            matches!(inside, LineError::TooLong { limit: 4, .. }),
            "{inside:?}"
        );
        file.set_line_limit(5);
        assert_eq!(file.next_line().await.unwrap().unwrap(), "1234");
    });
}

// The last line may have no ending, and be as long as a line may be.
#[test]
fn a_last_line_may_be_as_long_as_the_limit() {
    run(async {
        for (limit, fits) in [(4, false), (5, true), (6, true)] {
            let (client, server) = pair().await;
            client.send_all(b"1234\n12345").await.unwrap();
            drop(client);
            let mut file = server.makefile();
            file.set_line_limit(5);
            assert_eq!(file.next_line().await.unwrap().unwrap(), "1234");
            file.set_line_limit(limit);
            let last = file.next_line().await;
            assert_eq!(last.is_ok(), fits, "{limit}: {last:?}");
            let mut rest = Vec::new();
            let read = file.read_until(b'\n', &mut rest).await;
            assert_eq!(read.is_ok(), fits, "{limit}: {read:?}");
        }
    });
}

#[test]
fn a_line_that_is_not_utf8_loses_no_byte() {
    run(async {
        let (client, server) = pair().await;
        client
            .send_all(b"good\nbad \xff\xfe\ngood again\n")
            .await
            .unwrap();
        drop(client);
        let mut file = server.makefile();
        assert_eq!(file.next_line().await.unwrap().unwrap(), "good");
        let mut line = String::new();
        let error = file.read_line(&mut line).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        let inside = error
            .get_ref()
            .unwrap()
            .downcast_ref::<LineError>()
            .unwrap();
        assert!(
            matches!(
                inside,
                LineError::NotUtf8 {
                    good: 4,
                    len: 7,
                    ..
                }
            ),
            "{inside:?}"
        );
        assert!(text(&error).contains("read_until"), "{error}");
        assert!(line.is_empty());
        let mut bytes = Vec::new();
        assert_eq!(file.read_until(b'\n', &mut bytes).await.unwrap(), 7);
        assert_eq!(bytes, b"bad \xff\xfe\n");
        assert_eq!(file.next_line().await.unwrap().unwrap(), "good again");
    });
}

// A letter whose bytes come in two packets is whole in the end.
#[test]
fn a_letter_cut_in_two_by_the_network_is_one() {
    run(async {
        let (client, server) = pair().await;
        let mut file = server.makefile();
        client.send_all(&[0xc3]).await.unwrap();
        assert!(timeout(MS, file.next_line()).await.is_err());
        client.send_all(&[0xa9, b'\n']).await.unwrap();
        assert_eq!(file.next_line().await.unwrap().unwrap(), "é");
    });
}

// proves D-1 for buffered reads: what has arrived stays, wherever the future is dropped, and
// another ending may be looked for afterwards.
#[test]
fn a_read_line_that_is_given_up_keeps_what_came() {
    run(async {
        let (client, server) = pair().await;
        let mut file = server.makefile();
        let mut line = String::new();
        for part in ["one;", "two;", "three\n"] {
            assert!(timeout(MS, file.read_line(&mut line)).await.is_err());
            client.send_all(part.as_bytes()).await.unwrap();
        }
        assert!(line.is_empty());
        let mut bytes = Vec::new();
        assert_eq!(file.read_until(b';', &mut bytes).await.unwrap(), 4);
        assert_eq!(file.read_line(&mut line).await.unwrap(), 10);
        assert_eq!(
            (bytes.as_slice(), line.as_str()),
            (&b"one;"[..], "two;three\n")
        );
    });
}

#[test]
fn writes_are_gathered_until_flush() {
    run(async {
        let (client, server) = pair().await;
        let mut file = client.makefile();
        file.write("a").await.unwrap();
        file.write(String::from("b")).await.unwrap();
        file.write_all(b"c").await.unwrap();
        file.write(vec![b'd']).await.unwrap();
        let mut buf = [0; 100];
        assert!(timeout(MS, server.recv(&mut buf)).await.is_err());
        file.flush().await.unwrap();
        assert_eq!(server.recv(&mut buf).await.unwrap(), 4);
        assert_eq!(&buf[..4], b"abcd");
        file.flush().await.unwrap(); // nothing to do
    });
}

// With nothing gathered a write is sent whole, also by a stream that keeps what it has no room for.
#[test]
fn a_write_that_is_not_gathered_waits_until_all_is_sent() {
    run(async {
        let (client, mut server) = wrapped(duplex_with_capacity(1_000));
        let data = noise(5_000);
        let sent = data.clone();
        let writer = spawn(async move {
            let mut file = MakeFile::new(client);
            file.set_write_buffer(0);
            file.write(&sent).await.unwrap();
            file
        });
        let mut all = vec![0; 5_000];
        let read = timeout(1_000 * MS, server.read_exact(&mut all)).await;
        read.expect("the end is not sent").unwrap();
        assert!(all == data);
        drop(writer.await);
    });
}

#[test]
fn nothing_is_lost_or_swapped_whatever_the_sizes() {
    run(async {
        let (client, server) = small_pair().await;
        let data = noise(600_000);
        let expected = data.clone();
        let sender = spawn(async move {
            let mut file = client.makefile();
            let mut rest = &data[..];
            for size in [1, 8191, 8192, 8193, 3, 50_000, 0, 8192, 100]
                .into_iter()
                .cycle()
            {
                let (part, more) = rest.split_at(size.min(rest.len()));
                file.write(part).await.unwrap();
                rest = more;
                if rest.is_empty() {
                    break;
                }
            }
            file.close().await.unwrap();
        });
        assert!(read_all(&server).await.unwrap() == expected);
        sender.await.unwrap();
    });
}

// A flush that is given up goes on where it was.
#[test]
fn a_flush_that_is_given_up_goes_on_later() {
    run(async {
        let (client, server) = small_pair().await;
        let mut file = client.makefile();
        let data = noise(8000);
        let mut written = Vec::new();
        loop {
            file.write(&data).await.unwrap();
            written.extend_from_slice(&data);
            if timeout(MS, file.flush()).await.is_err() {
                break; // the kernel is full
            }
        }
        // A write that does not fit beside it waits too, and is whole or not at all.
        if timeout(MS, file.write(&data)).await.is_ok() {
            written.extend_from_slice(&data);
        }
        let reader = spawn(async move { read_all(&server).await.unwrap() });
        file.flush().await.unwrap();
        drop((file, client));
        assert!(reader.await.unwrap() == written);
    });
}

// A peer that resets in mid-line is an error at that line, and not a line.
#[test]
fn a_reset_in_mid_line_is_an_error() {
    run(async {
        let (client, server) = pair().await;
        let mut file = server.makefile();
        client.send_all(b"whole\nhal").await.unwrap();
        assert_eq!(file.next_line().await.unwrap().unwrap(), "whole");
        reset(client);
        let error = file.next_line().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(file.buffered(), b"hal");
    });
}

#[test]
fn the_parts_come_apart_again() {
    run(async {
        let (client, server) = pair().await;
        client.send_all(b"header\nbody").await.unwrap();
        let mut file = MakeFile::new(server);
        assert_eq!(file.next_line().await.unwrap().unwrap(), "header");
        let (server, rest): (TcpStream, Vec<u8>) = file.into_parts();
        assert_eq!(rest, b"body");
        client.send_all(b" more").await.unwrap();
        let mut buf = [0; 10];
        assert_eq!(server.recv(&mut buf).await.unwrap(), 5);
    });
}

// proves A-9: even lines that are all here already leave turns to others.
#[test]
fn reading_lines_that_are_here_lets_others_run() {
    run(async {
        let (client, server) = pair().await;
        client.send_all(&[b'\n'; 8000]).await.unwrap();
        let mut file = server.makefile();
        let others = spawn(async {
            for _ in 0..10 {
                yield_now().await;
            }
            now()
        });
        let mut lines = 0;
        while !others.is_finished() {
            file.next_line().await.unwrap().unwrap();
            lines += 1;
            assert!(lines < 8000, "starved");
        }
    });
}
