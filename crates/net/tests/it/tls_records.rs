//! What goes together over the wire: records, and the system calls that carry them.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice, IoSliceMut};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use evlet_hub::spawn;
use evlet_net::testing::{Duplex, duplex, duplex_with_capacity};
use evlet_net::wrap_ssl;
use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use rustls::version::TLS13;

use crate::loopback::{noise, run};
use crate::tls::{configs, wrapped};
use crate::tls_by_hand::{self, records, serving};

/// A stream that notes each write and each read.
struct Noting {
    stream: Duplex,
    notes: Rc<Notes>,
}

#[derive(Default)]
struct Notes {
    written: RefCell<Vec<Vec<u8>>>,
    reads: Cell<usize>,
}

impl AsyncRead for Noting {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if polled.is_ready() {
            self.notes.reads.set(self.notes.reads.get() + 1);
        }
        polled
    }
}

impl AsyncWrite for Noting {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(data)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all: Vec<u8> = data.iter().flat_map(|part| part.to_vec()).collect();
        let polled = Pin::new(&mut self.stream).poll_write(cx, &all);
        if let Poll::Ready(Ok(count)) = &polled {
            self.notes.written.borrow_mut().push(all[..*count].to_vec());
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}

/// One that notes, its notes, and the other end.
fn noting() -> (Noting, Rc<Notes>, Duplex) {
    let (stream, far) = duplex_with_capacity(1_000_000);
    let notes = Rc::<Notes>::default();
    let kept = Rc::clone(&notes);
    (Noting { stream, notes }, kept, far)
}

// Parts that are written together make one record, and one write of the stream below.
#[test]
fn parts_written_together_share_a_record() {
    run(async {
        let (stream, notes, far) = noting();
        let (mut client, mut server) = wrapped((stream, far));
        let other = spawn(async move {
            let mut all = Vec::new();
            server.read_to_end(&mut all).await.unwrap();
            all
        });
        client.handshake().await.unwrap();
        notes.written.borrow_mut().clear();
        let parts = ["GET / HTTP/1.1\r\n", "", "Host: localhost\r\n", "\r\n"];
        let slices = parts.map(|part| IoSlice::new(part.as_bytes()));
        let whole = parts.concat();
        assert_eq!(client.write_vectored(&slices).await.unwrap(), whole.len());
        assert_eq!(client.write_vectored(&[]).await.unwrap(), 0);
        assert_eq!(client.write_vectored(&slices[1..2]).await.unwrap(), 0);
        // 16 bytes prove that it is whole, one says what it is.
        assert_eq!(notes.written.borrow().len(), 1);
        assert_eq!(
            records(&notes.written.borrow()[0]),
            [(23, whole.len() + 17)]
        );
        client.close().await.unwrap();
        assert_eq!(other.await.unwrap(), whole.as_bytes());
    });
}

// Room in several parts is filled in their order, with what is there; none of it waits.
#[test]
fn room_in_several_parts_is_filled_in_order() {
    run(async {
        let (mut client, mut server) = wrapped(duplex());
        let other = spawn(async move {
            server.send_all(b"0123456789").await.unwrap();
            server
        });
        let (mut a, mut b, mut c, mut d) = ([0; 3], [0; 0], [0; 2], [b'-'; 9]);
        let mut room = [&mut a[..], &mut b, &mut c, &mut d].map(IoSliceMut::new);
        assert_eq!(client.read_vectored(&mut room).await.unwrap(), 10);
        assert_eq!((&a, &c, &d), (b"012", b"34", b"56789----"));
        assert_eq!(client.read_vectored(&mut []).await.unwrap(), 0);
        drop(other.await.unwrap());
        // The end without a goodbye is not lost behind the first part.
        let mut room = [&mut a[..], &mut c].map(IoSliceMut::new);
        let error = client.read_vectored(&mut room).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    });
}

// More parts, and longer ones, than go at once: how much went is told, and the rest can follow.
#[test]
fn many_long_parts_arrive_whole() {
    run(async {
        let (mut client, mut server) = wrapped(duplex_with_capacity(10_000));
        let data = noise(300_000);
        let other = spawn(async move {
            let mut all = Vec::new();
            server.read_to_end(&mut all).await.unwrap();
            all
        });
        let mut sent = 0;
        while sent < data.len() {
            let parts: Vec<_> = data[sent..].chunks(777).map(IoSlice::new).collect();
            let count = client.write_vectored(&parts).await.unwrap();
            assert!((1..=64 * 1024).contains(&count), "{count}");
            sent += count;
        }
        client.close().await.unwrap();
        assert!(other.await.unwrap() == data);
    });
}

#[test]
fn sixty_four_kib_go_in_one_write_and_come_in_few_reads() {
    run(async {
        let (stream, notes, far) = noting();
        let (mut client, mut server) = wrapped((stream, far));
        let data = noise(64 * 1024);
        let back = data.clone();
        let other = spawn(async move {
            let mut all = vec![0; 64 * 1024];
            server.read_exact(&mut all).await.unwrap();
            server.send_all(&back).await.unwrap();
            (server, all)
        });
        client.handshake().await.unwrap();
        notes.written.borrow_mut().clear();
        client.send_all(&data).await.unwrap();
        assert_eq!(notes.written.borrow().len(), 1);
        let full = (23, 16 * 1024 + 17);
        assert_eq!(records(&notes.written.borrow()[0]), [full; 4]);
        let (server, all) = other.await.unwrap();
        assert!(all == data);
        notes.reads.set(0);
        let mut all = vec![0; 64 * 1024];
        let count = client.recv(&mut all).await.unwrap();
        assert_eq!((count, all == data), (64 * 1024, true));
        assert!(notes.reads.get() <= 6, "{} reads", notes.reads.get());
        drop(server);
    });
}

// Many small records that came together are one read of the stream below, also for who wants a byte.
#[test]
fn small_records_are_read_together() {
    run(async {
        let (stream, notes, far) = noting();
        let (for_client, other) = serving(&TLS13, far, async |mut by_hand, mut far| {
            let texts = (0..100_u8).map(|n| by_hand.record(&[n; 7]));
            let together: Vec<u8> = texts.flatten().collect();
            far.write_all(&together).await.unwrap();
            (by_hand, far)
        });
        let mut client = wrap_ssl(stream, &for_client);
        client.handshake().await.unwrap();
        let ends = other.await.unwrap();
        notes.reads.set(0);
        for n in 0..100 {
            for _ in 0..7 {
                let mut byte = [0];
                assert_eq!(client.recv(&mut byte).await.unwrap(), 1);
                assert_eq!(byte, [n]);
            }
        }
        assert!(notes.reads.get() <= 2, "{} reads", notes.reads.get());
        drop(ends);
    });
}

// A server's session tickets go with its first answer: two writes for a handshake and an exchange. A
// client's last word of the handshake goes with its first request.
#[test]
fn the_last_of_the_handshake_goes_with_the_first_text() {
    run(async {
        let (for_server, for_client) = configs();
        for server_notes in [true, false] {
            let (stream, notes, far) = noting();
            async fn serve(
                stream: impl AsyncRead + AsyncWrite + Unpin,
                config: evlet_net::TlsConfig,
            ) {
                let mut server = wrap_ssl(stream, &config);
                assert_eq!(server.recv(&mut [0; 9]).await.unwrap(), 8);
                server.send_all(b"answer").await.unwrap();
            }
            async fn ask(
                stream: impl AsyncRead + AsyncWrite + Unpin,
                config: &evlet_net::TlsConfig,
            ) {
                let mut client = wrap_ssl(stream, config);
                client.send_all(b"question").await.unwrap();
                assert_eq!(client.recv(&mut [0; 9]).await.unwrap(), 6);
            }
            if server_notes {
                let other = spawn(serve(stream, for_server.clone()));
                ask(far, &for_client).await;
                other.await.unwrap();
            } else {
                let other = spawn(serve(far, for_server.clone()));
                ask(stream, &for_client).await;
                other.await.unwrap();
            }
            let writes = notes.written.borrow().len();
            assert_eq!(
                writes,
                2,
                "by the {}",
                ["client", "server"][usize::from(server_notes)]
            );
        }
    });
}

// A client that only reads has finished the handshake for the server too; nor does a server that
// reads on wait with its tickets.
#[test]
fn who_only_reads_still_says_all_it_has_to() {
    run(async {
        let (mut client, mut server) = wrapped(duplex());
        let reader = spawn(async move { client.recv(&mut [0; 1]).await.map(|n| (n, client)) });
        server.handshake().await.unwrap();
        server.send_all(b"x").await.unwrap();
        assert_eq!(reader.await.unwrap().unwrap().0, 1);

        let (mut by_hand, for_server) = tls_by_hand::client();
        let (mut raw, server) = duplex();
        let mut server = wrap_ssl(server, &for_server);
        let waiting = spawn(async move { server.recv(&mut [0; 1]).await });
        by_hand.handshake(&mut raw).await;
        // Their tickets: without them this waits for ever.
        assert!(by_hand.hear(&mut raw).await);
        waiting.kill().await;
    });
}
