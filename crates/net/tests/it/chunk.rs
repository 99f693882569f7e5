//! Receiving without a buffer of one's own: `recv_chunk`, and the buffers that it lends.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use evlet_hub::{CallKind, Fault, sleep, spawn, spawn_n};
use evlet_net::{CHUNK_LIMIT, Chunk, MakeFile, TcpStream, UnixStream, copy, wrap_ssl};
use futures::io::{AsyncRead, AsyncReadExt, Cursor, sink};

use crate::cancel::poll_times;
use crate::loopback::{MS, faulty_hub, noise, pair, reset, run};
use crate::tls::{configs, wrapped};

/// Everything up to the end, in chunks of at most `max`.
async fn chunks(stream: &TcpStream, max: usize) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let chunk = stream.recv_chunk(max).await.unwrap();
        assert!(chunk.len() <= max);
        if chunk.is_empty() {
            return all;
        }
        all.extend_from_slice(&chunk);
    }
}

#[test]
fn chunks_are_what_was_sent_whatever_their_size() {
    run(async {
        for max in [1, 511, 512, 513, 4096, 60_000, CHUNK_LIMIT, usize::MAX] {
            let (client, server) = pair().await;
            let data = noise(if max == 1 { 100 } else { 300_000 });
            let sent = data.clone();
            spawn_n(async move { client.send_all(&sent).await.unwrap() });
            assert!(chunks(&server, max).await == data, "at most {max}");
        }
    });
}

#[test]
fn one_is_never_larger_than_the_limit() {
    run(async {
        let (client, server) = pair().await;
        spawn_n(async move { client.send_all(&noise(1_000_000)).await.unwrap() });
        let mut largest = 0;
        loop {
            match server.recv_chunk(usize::MAX).await.unwrap().len() {
                0 => break,
                len => largest = largest.max(len),
            }
        }
        assert!(0 < largest && largest <= CHUNK_LIMIT, "{largest}");
    });
}

#[test]
fn none_is_asked_for_and_none_comes() {
    run(async {
        let (client, server) = pair().await;
        assert!(server.recv_chunk(0).await.unwrap().is_empty());
        client.send_all(b"left there").await.unwrap();
        assert!(server.recv_chunk(0).await.unwrap().is_empty());
        assert_eq!(&*server.recv_chunk(100).await.unwrap(), b"left there");
    });
}

// One buffer serves all of them, so none of those that wait has it.
#[test]
fn a_connection_that_waits_holds_no_buffer() {
    run(async {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let mut clients = Vec::new();
        for _ in 0..50 {
            let (client, server) = pair().await;
            let seen = Rc::clone(&seen);
            spawn_n(async move {
                while let Ok(chunk) = server.recv_chunk(3000).await {
                    if chunk.is_empty() {
                        break;
                    }
                    seen.borrow_mut().push(chunk.as_ptr());
                }
            });
            clients.push(client);
        }
        for _ in 0..3 {
            for client in &clients {
                client.send_all(b"one after the other").await.unwrap();
                sleep(MS).await;
            }
        }
        let seen = seen.borrow();
        assert_eq!(seen.len(), 150);
        assert!(seen.iter().all(|&at| at == seen[0]));
    });
}

#[test]
fn chunks_that_are_held_share_nothing() {
    run(async {
        let (client, server) = pair().await;
        let mut held = Vec::new();
        for number in 0..1000_u32 {
            client.send_all(&number.to_le_bytes()).await.unwrap();
            held.push(server.recv_chunk(1 + number as usize * 40).await.unwrap());
            if number % 3 == 0 {
                held.swap_remove(held.len() / 2); // some come back in between
            }
        }
        let mut all: Vec<_> = held.iter().map(|chunk| chunk.to_vec()).collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    });
}

#[test]
fn a_chunk_can_be_changed_and_kept() {
    run(async {
        let (client, server) = pair().await;
        client.send_all(b"quiet").await.unwrap();
        let mut chunk = server.recv_chunk(100).await.unwrap();
        chunk.make_ascii_uppercase();
        assert_eq!(format!("{chunk:?}"), format!("Chunk({:?})", b"QUIET"));
        let at = chunk.as_ptr();
        let kept = Vec::from(chunk);
        assert_eq!((kept.as_slice(), kept.as_ptr()), (&b"QUIET"[..], at));
        // It was not lent again.
        client.send_all(b"more").await.unwrap();
        assert_eq!(&*server.recv_chunk(100).await.unwrap(), b"more");
        assert_eq!(kept, b"QUIET");
    });
}

#[test]
fn a_chunk_may_be_dropped_anywhere() {
    thread_local! {
        static LAST: RefCell<Option<Chunk>> = const { RefCell::new(None) };
    }
    let received = || {
        run(async {
            let (client, server) = pair().await;
            client.send_all(b"away").await.unwrap();
            server.recv_chunk(100).await.unwrap()
        })
    };
    let chunk = received(); // outlives its hub
    let elsewhere = thread::spawn(move || {
        assert_eq!(&*chunk, b"away");
        LAST.set(Some(chunk)); // dropped at the end of the thread
    });
    elsewhere.join().unwrap();
    let at_the_end = thread::spawn(move || {
        LAST.set(None); // goes after what the chunks made
        LAST.set(Some(received()));
    });
    at_the_end.join().unwrap();
}

#[test]
fn dropping_the_future_loses_no_byte() {
    run(async {
        for polls in 0..4 {
            for when in 0..3 {
                let (client, server) = pair().await;
                let data = noise(1000);
                let sent = data.clone();
                spawn_n(async move {
                    sleep(when * MS).await;
                    client.send_all(&sent).await.unwrap();
                });
                let first = poll_times(server.recv_chunk(300), polls).await;
                let mut all = first.map_or_else(Vec::new, |chunk| chunk.unwrap().to_vec());
                all.extend(chunks(&server, 300).await);
                assert!(
                    all == data,
                    "dropped after {polls} polls, sent at {when} ms"
                );
            }
        }
        assert_eq!(evlet_hub::stats().timers, 0);
    });
}

#[test]
fn it_fails_as_recv_does() {
    run(async {
        let (client, server) = pair().await;
        server.set_timeout(10 * MS);
        let error = server.recv_chunk(100).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        server.set_timeout(Duration::ZERO);
        let error = server.recv_chunk(100).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        server.set_timeout(None);

        let server = Rc::new(server);
        let other = Rc::clone(&server);
        let waiting = spawn(async move { other.recv_chunk(100).await.map(|_| ()) });
        sleep(MS).await;
        let second = server.recv_chunk(100).await.unwrap_err();
        assert!(second.to_string().contains("already waits"), "{second}");

        reset(client);
        let error = waiting.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert!(server.recv_chunk(100).await.unwrap().is_empty());
        server.close();
        for max in [0, 100] {
            let error = server.recv_chunk(max).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotConnected);
        }
    });
}

#[test]
fn an_interrupted_call_is_made_again() {
    const EINTR: i32 = 4;
    let mut reads = 0_u32;
    let (hub, _) = faulty_hub(move |call| {
        let read = call.kind == CallKind::Read;
        reads += u32::from(read);
        (read && !reads.is_multiple_of(3)).then_some(Fault::Errno(EINTR))
    });
    hub.run(async {
        let (client, server) = pair().await;
        let data = noise(50_000);
        let sent = data.clone();
        spawn_n(async move { client.send_all(&sent).await.unwrap() });
        assert!(chunks(&server, 1000).await == data);
    });
}

#[test]
fn other_streams_have_it_too() {
    run(async {
        let (one, other) = UnixStream::pair().unwrap();
        one.send_all(b"between us").await.unwrap();
        assert_eq!(&*other.recv_chunk(100).await.unwrap(), b"between us");

        let (client, server) = pair().await;
        let (reader, _writer) = server.split();
        client.send_all(b"half").await.unwrap();
        assert_eq!(&*reader.recv_chunk(100).await.unwrap(), b"half");
        client.shutdown(Shutdown::Write).unwrap();
        assert!(reader.recv_chunk(100).await.unwrap().is_empty());
    });
}

#[test]
fn tls_gives_plain_text_in_chunks() {
    run(async {
        let (mut client, mut server) = wrapped(pair().await);
        let data = noise(100_000);
        let sent = data.clone();
        let sender = spawn(async move {
            client.send_all(&sent).await.unwrap();
            client.close().await.unwrap();
        });
        let mut all = Vec::new();
        loop {
            let chunk = server.recv_chunk(5000).await.unwrap();
            if chunk.is_empty() {
                break;
            }
            all.extend_from_slice(&chunk);
        }
        assert!(all == data);
        sender.await.unwrap();

        let (for_server, _) = configs();
        let (client, server) = pair().await;
        drop(client);
        let error = wrap_ssl(server, &for_server).recv_chunk(1).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    });
}

/// A stream on which nothing ever comes. It notes where it was to write.
struct Silent(Rc<RefCell<Vec<*const u8>>>);

impl AsyncRead for Silent {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().push(buf.as_ptr());
        Poll::Pending
    }
}

// Three wait at the same time, and all of them were lent the same buffer for their last try.
#[test]
fn a_copy_that_waits_holds_no_buffer() {
    run(async {
        let tried = Rc::new(RefCell::new(Vec::new()));
        for _ in 0..3 {
            let mut silent = Silent(Rc::clone(&tried));
            spawn_n(async move { copy(&mut silent, &mut sink()).await.map(|_| ()) });
        }
        sleep(MS).await;
        let tried = tried.borrow();
        assert_eq!(tried.len(), 3);
        assert!(tried.iter().all(|&at| at == tried[0]));
    });
}

#[test]
fn a_file_that_waits_holds_no_buffer() {
    run(async {
        let tried = Rc::new(RefCell::new(Vec::new()));
        for _ in 0..3 {
            // It has had a line before.
            let stream = Cursor::new("a line\n").chain(Silent(Rc::clone(&tried)));
            spawn_n(async move {
                let mut file = MakeFile::new(stream);
                assert_eq!(file.next_line().await?.as_deref(), Some("a line"));
                file.next_line().await.map(|_| ())
            });
        }
        sleep(MS).await;
        let tried = tried.borrow();
        assert_eq!(tried.len(), 3);
        assert!(tried.iter().all(|&at| at == tried[0]));
    });
}

// What has arrived of a line stays where it is, however the file is asked meanwhile.
#[test]
fn a_file_that_waits_keeps_what_is_unread() {
    run(async {
        let (client, server) = pair().await;
        let (other_client, other) = pair().await;
        let mut file = server.makefile();
        client.send_all(b"begin").await.unwrap();
        assert!(poll_times(file.next_line(), 3).await.is_none());
        other_client.send_all(&[b'x'; 5000]).await.unwrap();
        assert_eq!(other.recv_chunk(8192).await.unwrap().len(), 5000);
        client.send_all(b"ning\n").await.unwrap();
        let line = file.next_line().await.unwrap();
        assert_eq!(line.as_deref(), Some("beginning"));
    });
}
