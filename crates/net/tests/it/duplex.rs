//! Streams in memory, and what can be made to go wrong on them.

use std::io::ErrorKind;
use std::time::Duration;

use evlet_hub::{now, sleep, spawn, timeout};
use evlet_net::testing::{duplex, duplex_with_capacity};
use evlet_net::{HandleClosed, MakeFile};
use futures::io::{AsyncReadExt, AsyncWriteExt};

use crate::loopback::{MS, run, text};

#[test]
fn a_delay_delays_each_byte_and_the_end() {
    run(async {
        let (mut near, mut far) = duplex();
        near.wire().set_delay(100 * MS);
        let start = now();
        near.write_all(b"one").await.unwrap();
        sleep(30 * MS).await;
        near.write_all(b"two").await.unwrap();
        near.close().await.unwrap();
        let mut buf = [0; 100];
        assert_eq!(far.read(&mut buf).await.unwrap(), 3);
        assert_eq!(now() - start, 100 * MS);
        assert_eq!(far.read(&mut buf).await.unwrap(), 3);
        assert_eq!(far.read(&mut buf).await.unwrap(), 0);
        assert_eq!(now() - start, 130 * MS);
    });
}

#[test]
fn what_was_sent_earlier_arrives_earlier_whatever_the_delay_is_now() {
    run(async {
        let (mut near, mut far) = duplex();
        near.wire().set_delay(100 * MS);
        near.write_all(b"slow").await.unwrap();
        near.wire().set_delay(Duration::ZERO);
        near.write_all(b"fast").await.unwrap();
        let start = now();
        let mut buf = [0; 100];
        assert_eq!(far.read(&mut buf).await.unwrap(), 8);
        assert_eq!(&buf[..8], b"slowfast");
        assert_eq!(now() - start, 100 * MS);
    });
}

#[test]
fn pieces_are_as_small_as_asked() {
    run(async {
        let (mut near, mut far) = duplex();
        near.wire().set_piece(3);
        assert_eq!(near.write(b"abcdefgh").await.unwrap(), 3);
        near.write_all(b"defgh").await.unwrap();
        let mut buf = [0; 100];
        for piece in ["abc", "def", "gh"] {
            let n = far.read(&mut buf).await.unwrap();
            assert_eq!(&buf[..n], piece.as_bytes());
        }
    });
}

#[test]
fn a_cut_is_an_end_at_the_very_byte_and_the_writer_does_not_know() {
    run(async {
        let (mut near, mut far) = duplex();
        near.wire().cut_after(5);
        near.write_all(b"hello, world").await.unwrap();
        near.write_all(b"more").await.unwrap();
        assert_eq!(near.wire().carried(), 16);
        let mut all = Vec::new();
        far.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"hello");
    });
}

#[test]
fn a_break_is_an_error_on_both_sides_after_what_came_before() {
    run(async {
        let (mut near, mut far) = duplex();
        near.wire().fail_after(5, ErrorKind::ConnectionReset);
        let error = near.write_all(b"hello, world").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert!(text(&error).contains("as the test has asked for"));
        let mut hello = [0; 5];
        far.read_exact(&mut hello).await.unwrap();
        for _ in 0..2 {
            let error = far.read(&mut [0; 1]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
        // The other direction is another wire.
        far.write_all(b"still here").await.unwrap();
        assert_eq!(near.read(&mut [0; 100]).await.unwrap(), 10);
    });
}

#[test]
fn a_break_wakes_who_waits() {
    run(async {
        let (near, mut far) = duplex();
        let reader = spawn(async move { far.read(&mut [0; 1]).await });
        sleep(MS).await;
        near.wire().fail_after(0, ErrorKind::TimedOut);
        let error = reader.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn one_write_fails_and_the_next_works() {
    run(async {
        let (mut near, mut far) = duplex();
        near.wire().fail_write(ErrorKind::StorageFull);
        let error = near.write_all(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        near.wire().fail_write(ErrorKind::TimedOut);
        let error = near.flush().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        near.write_all(b"y").await.unwrap();
        assert_eq!(far.read(&mut [0; 9]).await.unwrap(), 1);
    });
}

#[test]
fn a_stall_holds_everything_until_it_is_over() {
    run(async {
        let (mut near, mut far) = duplex();
        near.wire().stall();
        near.write_all(b"late").await.unwrap();
        near.close().await.unwrap();
        let mut all = Vec::new();
        let waited = timeout(1000 * MS, far.read_to_end(&mut all)).await;
        assert!(waited.is_err());
        let reader = spawn(async move {
            far.read_to_end(&mut all).await.unwrap();
            all
        });
        sleep(MS).await;
        near.wire().resume();
        assert_eq!(reader.await.unwrap(), b"late");
    });
}

#[test]
fn a_writer_waits_when_the_wire_is_full() {
    run(async {
        let (mut near, mut far) = duplex_with_capacity(10);
        assert_eq!(near.write(b"twelve bytes").await.unwrap(), 10);
        assert!(timeout(MS, near.write(b"es")).await.is_err());
        assert_eq!(near.wire().waiting(), 10);
        far.read_exact(&mut [0; 4]).await.unwrap();
        assert_eq!(near.write(b"es").await.unwrap(), 2);
    });
}

#[test]
fn ends_that_are_gone() {
    run(async {
        let (mut near, mut far) = duplex();
        near.write_all(b"last words").await.unwrap();
        near.close().await.unwrap();
        let error = near.write(b"x").await.unwrap_err();
        assert!(error.get_ref().unwrap().is::<HandleClosed>(), "{error}");
        drop(near);
        let mut all = Vec::new();
        far.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"last words");
        let error = far.write(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

// A file of lines does not care in which pieces they come, and a read that is given up keeps them.
#[test]
fn lines_over_a_bad_line() {
    run(async {
        let (near, far) = duplex();
        near.wire().set_piece(1);
        near.wire().set_delay(7 * MS);
        evlet_hub::spawn_n(async move {
            let mut file = MakeFile::new(near);
            for n in 0..20 {
                file.write(format!("line {n}\r\n")).await.unwrap();
                file.flush().await.unwrap();
                sleep(20 * MS).await;
            }
        });
        let mut file = MakeFile::new(far);
        let mut lines = Vec::new();
        loop {
            match timeout(5 * MS, file.next_line()).await {
                Err(_) => continue,
                Ok(Ok(Some(line))) => lines.push(line),
                Ok(Ok(None)) => break,
                Ok(Err(error)) => panic!("{error}"),
            }
        }
        let expected: Vec<_> = (0..20).map(|n| format!("line {n}")).collect();
        assert_eq!(lines, expected);
    });
}

// proves the deadlock report: two who wait for each other in memory are told, not waited for.
#[test]
fn waiting_for_each_other_is_a_deadlock() {
    let hub = evlet_hub::Hub::builder()
        .virtual_time(true)
        .build()
        .unwrap();
    let (mut near, mut far) = duplex();
    let ended = hub.try_run(async move {
        let (one, other) = (&mut [0; 1], &mut [0; 1]);
        futures::future::join(near.read(one), far.read(other)).await
    });
    let error = ended.map(drop).unwrap_err().to_string();
    assert!(error.contains("duplex.rs"), "{error}");
}
