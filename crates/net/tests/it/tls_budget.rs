//! Operations of TLS that need not wait are counted, so that others get their turns (promise A-9).

use std::io::Result;
use std::time::Duration;

use evlet_hub::{GreenThread, Hub, spawn, timeout, yield_now};
use evlet_net::testing::duplex;
use evlet_net::{TcpStream, TlsStream, wrap_ssl};
use futures::io::{AsyncReadExt, AsyncWriteExt};

use crate::loopback::{noise, run, small_pair};
use crate::tls::{configs, wrapped};

/// Repeats what never waits until others have had ten turns.
async fn lets_others_run<T>(mut again: impl AsyncFnMut() -> Result<T>) {
    let others = spawn(async {
        for _ in 0..10 {
            yield_now().await;
        }
    });
    let mut times = 0;
    while !others.is_finished() {
        let _ = again().await;
        times += 1;
        assert!(times < 5_000, "others are starved");
    }
}

#[test]
fn text_that_is_here_is_read_with_turns_for_others() {
    run(async {
        let (mut client, mut server) = wrapped(duplex());
        let other = spawn(async move { server.send_all(&[7; 16_000]).await.map(|()| server) });
        client.handshake().await.unwrap();
        let _server = other.await.unwrap().unwrap();
        lets_others_run(async || client.recv(&mut [0]).await).await;
        // Small records come many at a time: those that are not looked at yet are here as well.
        let (mut client, mut server) = wrapped(duplex());
        let other = spawn(async move {
            for _ in 0..2_000 {
                server.write_all(b"x").await?;
            }
            server.flush().await.map(|()| server)
        });
        client.handshake().await.unwrap();
        let _server = other.await.unwrap().unwrap();
        lets_others_run(async || client.recv(&mut [0]).await).await;
    });
}

#[test]
fn ends_and_errors_that_are_known_leave_turns_to_others() {
    run(async {
        let (mut client, mut server) = wrapped(duplex());
        let other = spawn(async move {
            server.handshake().await?;
            server.close().await.map(|()| server)
        });
        assert_eq!(client.recv(&mut [0]).await.unwrap(), 0);
        let mut server = other.await.unwrap().unwrap();
        lets_others_run(async || client.recv(&mut [0]).await).await;
        lets_others_run(async || server.write(b"x").await).await;

        let (mut client, server) = wrapped(duplex());
        let other = spawn(async move {
            let mut server = server;
            server.handshake().await
        });
        client.handshake().await.unwrap();
        other.await.unwrap().unwrap(); // and it is gone, without a goodbye
        assert!(client.recv(&mut [0]).await.is_err());
        lets_others_run(async || client.recv(&mut [0]).await).await;

        let (near, mut far) = duplex();
        let mut client = wrap_ssl(near, &configs().1);
        far.write_all(&[0; 100]).await.unwrap();
        assert!(client.handshake().await.is_err());
        lets_others_run(async || client.recv(&mut [0]).await).await;
        lets_others_run(async || client.write(b"x").await).await;
    });
}

/// Sends and receives at once, each half in a green thread of its own.
fn talk(stream: TlsStream<TcpStream>) -> GreenThread<(Result<()>, Result<Vec<u8>>)> {
    let (mut read, mut write) = stream.split();
    let writer = spawn(async move {
        write.write_all(&noise(300_000)).await?;
        write.close().await
    });
    spawn(async move {
        let mut all = Vec::new();
        let read = read.read_to_end(&mut all).await.map(|_| all);
        (writer.await.unwrap(), read)
    })
}

// With the smallest budget there is one of the two for a poll: to say what is left, or to read. Both get on.
#[test]
fn with_a_budget_of_one_both_directions_get_on() {
    let hub = Hub::builder().budget(1).build().unwrap();
    hub.run(async {
        let (client, server) = wrapped(small_pair().await);
        let talking = [talk(client), talk(server)];
        let over = timeout(Duration::from_secs(20), async {
            for talk in talking {
                let (written, read) = talk.await.unwrap();
                written.unwrap();
                assert!(read.unwrap() == noise(300_000));
            }
        });
        assert!(over.await.is_ok(), "it hangs");
    });
}
