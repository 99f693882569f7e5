//! Several handles of one connection: who still works when one is closed, and who is told.

use std::io::ErrorKind;
use std::rc::Rc;

use evlet_hub::{spawn, timeout, yield_now};
use evlet_net::HandleClosed;

use crate::loopback::{MS, pair, read_all, run, text};

// Conformance case 126: closing either leaves the other working; both closed end the stream.
#[test]
fn a_file_lives_on_after_its_stream_and_the_other_way_round() {
    run(async {
        // The stream first.
        let (client, server) = pair().await;
        let mut file = client.makefile();
        client.close();
        assert_eq!(
            client.send(b"x").await.unwrap_err().kind(),
            ErrorKind::NotConnected
        );
        file.write("still here\n").await.unwrap();
        file.flush().await.unwrap();
        server.send_all(b"and back\n").await.unwrap();
        assert_eq!(file.next_line().await.unwrap().unwrap(), "and back");
        file.close().await.unwrap();
        assert_eq!(read_all(&server).await.unwrap(), b"still here\n");

        // The file first.
        let (client, server) = pair().await;
        let mut file = client.makefile();
        file.close().await.unwrap();
        file.close().await.unwrap(); // twice is once
        assert_eq!(
            file.write("x").await.unwrap_err().kind(),
            ErrorKind::NotConnected
        );
        assert_eq!(
            file.next_line().await.unwrap_err().kind(),
            ErrorKind::NotConnected
        );
        client.send_all(b"still here").await.unwrap();
        let mut buf = [0; 100];
        assert_eq!(server.recv(&mut buf).await.unwrap(), 10);
        let quiet = timeout(10 * MS, server.recv(&mut buf)).await;
        assert!(quiet.is_err(), "the connection is not to end yet");
        client.close();
        assert_eq!(server.recv(&mut buf).await.unwrap(), 0);

        // Dropping is closing.
        let (client, server) = pair().await;
        let file = client.makefile();
        drop(client);
        assert!(timeout(10 * MS, server.recv(&mut buf)).await.is_err());
        drop(file);
        assert_eq!(server.recv(&mut buf).await.unwrap(), 0);
    });
}

// proves C-1: who waits on a stream that is closed wakes with an error.
#[test]
fn closing_wakes_who_waits() {
    run(async {
        let (client, server) = pair().await;
        let client = Rc::new(client);
        let shared = Rc::clone(&client);
        let waits = spawn(async move { shared.recv(&mut [0; 1]).await });
        yield_now().await;
        client.close();
        let error = waits.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
        let error = client.recv(&mut [0; 1]).await.unwrap_err();
        assert!(error.get_ref().unwrap().is::<HandleClosed>(), "{error}");
        assert_eq!(
            client.send_all(b"x").await.unwrap_err().kind(),
            ErrorKind::NotConnected
        );
        // The peer sees the end although the value still lives.
        assert_eq!(server.recv(&mut [0; 1]).await.unwrap(), 0);
        client.close(); // twice is once
        assert_eq!(
            client.makefile().next_line().await.unwrap_err().kind(),
            ErrorKind::NotConnected
        );
    });
}

#[test]
fn halves_go_to_different_green_threads() {
    run(async {
        let (client, server) = pair().await;
        let (read, write) = client.split();
        let reader = spawn(async move {
            let mut buf = [0; 100];
            let n = read.recv(&mut buf).await.unwrap();
            (read, buf[..n].to_vec())
        });
        let writer = spawn(async move {
            write.send_all(b"ping").await.unwrap();
            write
        });
        let mut buf = [0; 100];
        assert_eq!(server.recv(&mut buf).await.unwrap(), 4);
        server.send_all(b"pong").await.unwrap();
        let (read, got) = reader.await.unwrap();
        assert_eq!(got, b"pong");
        let whole = read.reunite(writer.await.unwrap()).unwrap();
        whole.send_all(b"whole").await.unwrap();
        assert_eq!(server.recv(&mut buf).await.unwrap(), 5);
        drop(whole);
        assert_eq!(server.recv(&mut buf).await.unwrap(), 0);
    });
}

#[test]
fn dropping_the_write_half_tells_the_peer_and_reading_goes_on() {
    run(async {
        let (client, server) = pair().await;
        let (read, write) = client.into_split();
        write.send_all(b"all").await.unwrap();
        drop(write);
        assert_eq!(read_all(&server).await.unwrap(), b"all");
        server.send_all(b"answer").await.unwrap();
        let mut buf = [0; 100];
        assert_eq!(read.recv(&mut buf).await.unwrap(), 6);
    });
}

#[test]
fn a_file_keeps_the_stream_open_for_writing_when_the_write_half_goes() {
    run(async {
        let (client, server) = pair().await;
        let mut file = client.makefile();
        let (read, write) = client.split();
        drop(write);
        file.write("from the file").await.unwrap();
        file.flush().await.unwrap();
        let mut buf = [0; 100];
        assert_eq!(server.recv(&mut buf).await.unwrap(), 13);
        assert!(timeout(10 * MS, server.recv(&mut buf)).await.is_err());
        drop(file);
        assert_eq!(server.recv(&mut buf).await.unwrap(), 0); // the last that could write is gone
        server.send_all(b"x").await.unwrap();
        assert_eq!(read.recv(&mut buf).await.unwrap(), 1);
    });
}

#[test]
fn halves_of_two_connections_do_not_unite() {
    run(async {
        let (one, _server) = pair().await;
        let (two, _server) = pair().await;
        let (read, _write) = one.split();
        let (_read, write) = two.split();
        let error = read.reunite(write).unwrap_err();
        assert!(error.to_string().contains("different connections"));
        let evlet_net::ReuniteError(read, _write) = error;
        assert!(read.peer_addr().is_ok());
    });
}

#[test]
fn a_limit_belongs_to_the_connection() {
    run(async {
        let (client, _server) = pair().await;
        let mut file = client.makefile();
        client.set_timeout(10 * MS);
        assert_eq!(
            file.next_line().await.unwrap_err().kind(),
            ErrorKind::TimedOut
        );
        let (read, _write) = client.split();
        assert_eq!(
            read.recv(&mut [0; 1]).await.unwrap_err().kind(),
            ErrorKind::TimedOut
        );
        assert_eq!(evlet_hub::stats().timers, 0);
    });
}

#[test]
fn debug_shows_both_ends() {
    run(async {
        let (client, _server) = pair().await;
        let shown = format!("{client:?}");
        assert!(
            shown.contains(&client.local_addr().unwrap().to_string()),
            "{shown}"
        );
        assert!(
            shown.contains(&client.peer_addr().unwrap().to_string()),
            "{shown}"
        );
        let error = text(
            &client
                .makefile()
                .into_parts()
                .0
                .recv(&mut [0; 0])
                .await
                .map_or_else(|error| error, |_| std::io::Error::other("none")),
        );
        assert_eq!(error, "none");
    });
}

// The connection ends with its last user, also when one that was closed before is still held.
#[test]
fn the_peer_hears_of_the_end_while_a_closed_stream_is_held() {
    run(async {
        let (client, server) = pair().await;
        let mut file = client.makefile();
        client.close();
        file.write("last words").await.unwrap();
        file.flush().await.unwrap();
        drop(file);
        assert_eq!(read_all(&server).await.unwrap(), b"last words");
        drop(client);
    });
}
