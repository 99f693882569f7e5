//! Operations that need not wait are counted, each of them once, so that others get their turns.

use std::cell::Cell;
use std::rc::Rc;

use evlet_hub::{Hub, sleep, spawn, stats, timeout, yield_now};
use evlet_net::{Serve, StopServe, UnixStream, connect, listen};

use crate::loopback::{MS, pair};

// proves A-9 for sockets: a receiver that always has something, and a sender that always has room
#[test]
fn a_poll_makes_as_many_operations_as_its_budget() {
    let hub = Hub::builder().virtual_time(true).budget(5).build().unwrap();
    hub.run(async {
        let (client, server) = pair().await;
        client.send_all(&[7; 40]).await.unwrap();
        sleep(MS).await;
        let made = Rc::new(Cell::new(0));
        let count = Rc::clone(&made);
        let worker = spawn(async move {
            for _ in 0..20 {
                assert_eq!(server.recv(&mut [0]).await.unwrap(), 1);
                count.set(count.get() + 1);
            }
            for _ in 0..20 {
                server.send_all(b"x").await.unwrap();
                count.set(count.get() + 1);
            }
            server
        });
        let mut each_poll = Vec::new();
        while !worker.is_finished() {
            let before = made.get();
            yield_now().await;
            each_poll.push(made.get() - before);
        }
        each_poll.retain(|made| *made > 0);
        assert_eq!(each_poll, [5; 8]);
        drop(client);
    });
}

// proves A-9: what has to wait is counted as well, and waits nevertheless
#[test]
fn with_a_budget_of_one_a_wait_is_a_wait() {
    let hub = Hub::builder().virtual_time(true).budget(1).build().unwrap();
    hub.run(async {
        let (client, server) = UnixStream::pair().unwrap();
        let echo = spawn(async move {
            let mut buf = [0; 64];
            while let 1.. = server.recv(&mut buf).await.unwrap() {
                server.send_all(&buf[..1]).await.unwrap();
            }
        });
        sleep(MS).await;
        let before = stats().polls;
        for _ in 0..10 {
            sleep(MS).await;
        }
        let polls = stats().polls - before;
        assert_eq!(polls, 10, "those of this one; the other one sleeps");
        for byte in 0..100 {
            let mut answer = [0; 8];
            client.send_all(&[byte]).await.unwrap();
            assert_eq!(client.recv(&mut answer).await.unwrap(), 1);
            assert_eq!(answer[0], byte);
        }
        drop(client);
        echo.await.unwrap();
    });
}

// proves A-9: what is made of other operations gets to its end with the smallest budget too
#[test]
fn with_a_budget_of_one_a_connection_is_made_and_served() {
    let hub = Hub::builder().budget(1).build().unwrap();
    hub.run(async {
        let listener = listen("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let server = Serve::new(listener).run(|stream, _| async move {
            let mut buf = [0; 8];
            let got = stream.recv(&mut buf).await.unwrap();
            stream.send_all(&buf[..got]).await.unwrap();
            Err::<(), _>(StopServe)
        });
        let server = spawn(server);
        let client = timeout(5_000 * MS, connect(addr)).await.expect("in time");
        let client = client.unwrap();
        client.send_all(b"hello").await.unwrap();
        let mut answer = [0; 8];
        assert_eq!(client.recv(&mut answer).await.unwrap(), 5);
        assert_eq!(&answer[..5], b"hello");
        server.await.unwrap().unwrap();
    });
}
