//! TLS over streams that may not wait, and over one that fails and goes on.

use std::io::ErrorKind;
use std::time::Duration;

use evlet_hub::{sleep, spawn, timeout};
use evlet_net::testing::duplex;
use evlet_net::wrap_ssl;
use futures::io::{AsyncReadExt, AsyncWriteExt};
use rustls::version::TLS13;

use crate::loopback::{MS, noise, pair, run, small_pair};
use crate::tls::wrapped;
use crate::tls_by_hand::serving;

/// No operation that may not wait takes so long.
const SOON: Duration = Duration::from_secs(5);

// With a limit of zero a write that has no room is an error at once, and not a wait that nobody ends.
#[test]
fn a_write_that_may_not_wait_says_so_and_what_it_took_arrives_once() {
    run(async {
        let (mut client, mut server) = wrapped(small_pair().await);
        let other = spawn(async move { server.handshake().await.map(|()| server) });
        client.handshake().await.unwrap();
        let mut server = other.await.unwrap().unwrap();
        client.get_ref().unwrap().set_timeout(Duration::ZERO);
        let data = noise(4_000_000);
        let mut taken = 0;
        let error = loop {
            let part = &data[taken..taken + 7_000];
            match timeout(SOON, client.write(part)).await.expect("it waits") {
                Ok(count) => taken += count,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
        let error = timeout(SOON, client.flush()).await.expect("it waits");
        assert_eq!(error.unwrap_err().kind(), ErrorKind::WouldBlock);

        client.get_ref().unwrap().set_timeout(None);
        let reader = spawn(async move {
            let mut all = Vec::new();
            server.read_to_end(&mut all).await.map(|_| all)
        });
        client.close().await.unwrap();
        let all = reader.await.unwrap().unwrap();
        assert!(all == data[..taken], "{} of {taken} bytes", all.len());
    });
}

#[test]
fn a_read_that_may_not_wait_says_so_in_the_middle_of_a_record_too() {
    run(async {
        let (client, server) = pair().await;
        let (for_client, other) = serving(&TLS13, server, async |mut by_hand, mut server| {
            let bytes = by_hand.record(&noise(16_000));
            server.write_all(&bytes[..8_000]).await.unwrap();
            sleep(1_000 * MS).await;
            server.write_all(&bytes[8_000..]).await.unwrap();
            server
        });
        let mut client = wrap_ssl(client, &for_client);
        client.handshake().await.unwrap();
        sleep(MS).await;
        client.get_ref().unwrap().set_timeout(Duration::ZERO);
        let mut buf = [0; 20_000];
        for _ in 0..3 {
            let read = timeout(500 * MS, client.recv(&mut buf)).await;
            let error = read.expect("it waits").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
        }
        client.get_ref().unwrap().set_timeout(None);
        client.read_exact(&mut buf[..16_000]).await.unwrap();
        assert!(buf[..16_000] == noise(16_000));
        drop(other.await);
    });
}

// Text that was taken is taken, whatever becomes of it: who got an error would send it once more. The
// error is told by the next operation that writes, and reading does not hide it.
#[test]
fn text_that_was_taken_is_not_sent_twice_after_an_error() {
    run(async {
        let (mut client, mut server) = wrapped(duplex());
        let other = spawn(async move {
            server.send_all(b"x").await.unwrap();
            let mut all = Vec::new();
            server.read_to_end(&mut all).await.map(|_| all)
        });
        client.handshake().await.unwrap();
        let wire = client.get_ref().unwrap().wire();
        wire.fail_write(ErrorKind::TimedOut);
        assert_eq!(client.write(b"once").await.unwrap(), 4);
        assert_eq!(client.recv(&mut [0; 9]).await.unwrap(), 1);
        let error = client.write(b", not taken").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
        client.write_all(b" and again").await.unwrap();
        client.close().await.unwrap();
        assert_eq!(other.await.unwrap().unwrap(), b"once and again");
    });
}
