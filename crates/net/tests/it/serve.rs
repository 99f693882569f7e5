//! Serving.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::io;
use std::rc::Rc;

use evlet_green::GreenPool;
use evlet_hub::{sleep, spawn, spawn_n, timeout, yield_now};
use evlet_net::{IntoServed, Serve, StopServe, TcpStream, connect, serve};

use crate::loopback::{MS, listener, noise, read_all, reporting_hub, reset, run, text};

// Conformance case 107: a handler that returns ends its connection.
#[test]
fn the_connection_ends_with_its_handler() {
    run(async {
        let listener = listener();
        let addr = listener.local_addr().unwrap();
        let server = spawn(serve(listener, |_stream, _| async {}));
        let client = connect(addr).await.unwrap();
        assert_eq!(client.recv(&mut [0; 1]).await.unwrap(), 0);
        server.kill().await;
    });
}

// Conformance case 109: 100 connections, 100 calls, and each is told its peer.
#[test]
fn the_handler_is_called_for_each_connection() {
    run(async {
        let listener = listener();
        let addr = listener.local_addr().unwrap();
        let peers = Rc::new(RefCell::new(Vec::new()));
        let seen = Rc::clone(&peers);
        let server = spawn(serve(listener, move |_stream, peer| {
            seen.borrow_mut().push(peer);
            async {}
        }));
        let mut expected = Vec::new();
        for _ in 0..100 {
            let client = connect(addr).await.unwrap();
            expected.push(client.local_addr().unwrap());
            assert_eq!(client.recv(&mut [0; 1]).await.unwrap(), 0);
        }
        assert_eq!(*peers.borrow(), expected);
        server.kill().await;
    });
}

// Conformance case 110: serve blocks.
#[test]
fn serve_goes_on() {
    run(async {
        let listener = listener();
        assert!(
            timeout(10 * MS, serve(&listener, |_, _| async {}))
                .await
                .is_err()
        );
    });
}

/// An error of an application, with a cause.
#[derive(Debug)]
struct Wrapped(Box<dyn Error + Send + Sync>);

impl fmt::Display for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("wrapped")
    }
}

impl Error for Wrapped {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

// Conformance case 111: StopServe, however it is wrapped, makes serve return normally.
#[test]
fn stop_serve_ends_it_however_it_is_wrapped() {
    async fn check<E: 'static, K: 'static>(make: fn() -> E)
    where
        Result<(), E>: IntoServed<K>,
    {
        let listener = listener();
        let _client = connect(listener.local_addr().unwrap()).await.unwrap();
        let handler = |_stream, _| async move { Err::<(), E>(make()) };
        timeout(1000 * MS, serve(&listener, handler))
            .await
            .unwrap()
            .unwrap();
    }
    run(async {
        check::<StopServe, _>(|| StopServe).await;
        check::<io::Error, _>(|| StopServe.into()).await;
        check::<io::Error, _>(|| io::Error::other(Wrapped(Box::new(StopServe)))).await;
        check::<Box<dyn Error>, _>(|| Box::new(StopServe)).await;
        check::<Box<dyn Error + Send + Sync>, _>(|| Box::new(Wrapped(Box::new(StopServe)))).await;
        check::<Wrapped, _>(|| Wrapped(Box::new(io::Error::from(StopServe)))).await;
    });
}

// The listening socket stays open and other handlers go on, as in eventlet.
#[test]
fn after_stop_serve_the_listener_and_the_handlers_live_on() {
    run(async {
        let listener = listener();
        let addr = listener.local_addr().unwrap();
        let handler = |stream: TcpStream, _| async move {
            let mut file = stream.makefile();
            match file.next_line().await?.as_deref() {
                Some("stop") => Err(StopServe.into()),
                _ => {
                    sleep(1000 * MS).await;
                    file.write("still here").await?;
                    file.flush().await
                }
            }
        };
        let long = connect(addr).await.unwrap();
        long.send_all(b"work\n").await.unwrap();
        let stopper = spawn(async move {
            sleep(100 * MS).await;
            connect(addr)
                .await
                .unwrap()
                .send_all(b"stop\n")
                .await
                .unwrap();
        });
        serve(&listener, handler).await.unwrap();
        stopper.await.unwrap();
        assert_eq!(read_all(&long).await.unwrap(), b"still here");
        // Not accepted any more, but held; a new serve takes them.
        let next = connect(addr).await.unwrap();
        next.send_all(b"stop\n").await.unwrap();
        serve(listener, handler).await.unwrap();
    });
}

// Conformance case 112, and stricter: at the bound nobody is accepted beyond it (eventlet accepts
// one more and lets it wait).
#[test]
fn at_its_bound_nobody_more_is_accepted() {
    run(async {
        let listener = listener();
        let addr = listener.local_addr().unwrap();
        let running = Rc::new(Cell::new(0));
        let most = Rc::new(Cell::new(0));
        let (count, peak) = (Rc::clone(&running), Rc::clone(&most));
        let server = Serve::new(listener).concurrency(5).run(move |stream, _| {
            let (count, peak) = (Rc::clone(&count), Rc::clone(&peak));
            count.set(count.get() + 1);
            peak.set(peak.get().max(count.get()));
            async move {
                let result = stream.send_all(b"hello").await;
                let result = result.and(stream.recv(&mut [0; 1]).await.map(drop));
                count.set(count.get() - 1);
                result
            }
        });
        let server = spawn(server);
        let sources_before = evlet_hub::stats().sources;
        let mut clients = Vec::new();
        for _ in 0..8 {
            clients.push(connect(addr).await.unwrap());
        }
        for client in &clients[..5] {
            assert_eq!(client.recv(&mut [0; 10]).await.unwrap(), 5);
        }
        assert!(
            timeout(100 * MS, clients[5].recv(&mut [0; 1]))
                .await
                .is_err()
        );
        assert_eq!(running.get(), 5);
        // Eight ends here, five there: the sixth is not even accepted.
        assert_eq!(evlet_hub::stats().sources, sources_before + 8 + 5);
        // One goes, one comes; in the order they came.
        drop(clients.remove(0));
        assert_eq!(clients[4].recv(&mut [0; 10]).await.unwrap(), 5);
        assert!(
            timeout(100 * MS, clients[5].recv(&mut [0; 1]))
                .await
                .is_err()
        );
        // All the others in the end.
        drop(clients.drain(..5));
        for client in &clients {
            assert_eq!(client.recv(&mut [0; 10]).await.unwrap(), 5);
        }
        assert_eq!(most.get(), 5);
        server.kill().await;
    });
}

// Conformance case 108, changed: a handler's error ends its own connection and is reported;
// eventlet ends the whole server with it.
#[test]
fn a_failing_handler_ends_only_its_connection_and_is_reported() {
    let (hub, reports) = reporting_hub();
    hub.run(async {
        let listener = listener();
        let addr = listener.local_addr().unwrap();
        let server = spawn(serve(listener, |stream, _| async move {
            let mut file = stream.makefile();
            match file.next_line().await?.as_deref() {
                Some("fail") => Err("the application's reason".into()),
                Some("panic") => panic!("the application's bug"),
                _ => Ok::<(), Box<dyn Error>>(file.close().await?),
            }
        }));
        let healthy = connect(addr).await.unwrap();
        for word in ["fail\n", "panic\n"] {
            let client = connect(addr).await.unwrap();
            client.send_all(word.as_bytes()).await.unwrap();
            let peer = client.local_addr().unwrap().to_string();
            assert_eq!(client.recv(&mut [0; 1]).await.unwrap(), 0);
            yield_now().await;
            let report = reports.borrow_mut().pop().expect("a report");
            assert!(report.contains(&peer), "{report}");
            assert!(report.contains("the application's"), "{report}");
        }
        healthy.send_all(b"bye\n").await.unwrap();
        assert_eq!(healthy.recv(&mut [0; 1]).await.unwrap(), 0);
        assert!(!server.is_finished());
        server.kill().await;
    });
    assert!(reports.borrow().is_empty(), "{reports:?}");
}

// The handler's own code, before its future, counts as part of it.
#[test]
fn a_panic_before_the_handlers_future_ends_only_its_connection() {
    let (hub, reports) = reporting_hub();
    hub.run(async {
        let listener = listener();
        let addr = listener.local_addr().unwrap();
        let mut first = true;
        let server = spawn(serve(listener, move |stream: TcpStream, _| {
            assert!(!std::mem::replace(&mut first, false), "not ready yet");
            async move { stream.send_all(b"ready").await }
        }));
        let client = connect(addr).await.unwrap();
        assert_eq!(client.recv(&mut [0; 1]).await.unwrap(), 0);
        let client = connect(addr).await.unwrap();
        assert_eq!(read_all(&client).await.unwrap(), b"ready");
        server.kill().await;
    });
    assert_eq!(reports.borrow().len(), 1);
    assert!(reports.borrow()[0].contains("not ready yet"), "{reports:?}");
}

// A peer that resets in mid-line: that connection ends, the others live, nobody is alarmed.
#[test]
fn a_peer_that_resets_in_mid_line_ends_only_its_connection() {
    let (hub, reports) = reporting_hub();
    hub.run(async {
        let listener = listener();
        let addr = listener.local_addr().unwrap();
        let server = spawn(serve(listener, |stream, _| async move {
            let mut file = stream.makefile();
            while let Some(line) = file.next_line().await? {
                file.write(format!("{line}\n")).await?;
                file.flush().await?;
            }
            io::Result::Ok(())
        }));
        let mut others = Vec::new();
        for n in 0..10 {
            let client = connect(addr).await.unwrap();
            let mut file = client.makefile();
            file.write(format!("hello {n}\n")).await.unwrap();
            file.flush().await.unwrap();
            others.push(file);
        }
        for _ in 0..5 {
            let rude = connect(addr).await.unwrap();
            rude.send_all(b"whole\nhal").await.unwrap();
            assert_eq!(rude.recv(&mut [0; 10]).await.unwrap(), 6);
            reset(rude);
        }
        for (n, file) in others.iter_mut().enumerate() {
            assert_eq!(
                file.next_line().await.unwrap().unwrap(),
                format!("hello {n}")
            );
            file.write("and again\n").await.unwrap();
            file.flush().await.unwrap();
            assert_eq!(file.next_line().await.unwrap().unwrap(), "and again");
        }
        assert!(!server.is_finished());
        server.kill().await;
        // Ten handlers are left: those of the rude ones are gone.
        yield_now().await;
        assert_eq!(evlet_hub::stats().green_threads, 10);
    });
    assert!(reports.borrow().is_empty(), "{reports:?}");
}

#[test]
fn handlers_are_named_after_their_peers() {
    run(async {
        let listener = listener();
        let addr = listener.local_addr().unwrap();
        let server = spawn(serve(listener, |stream: TcpStream, _| async move {
            stream.recv(&mut [0; 1]).await
        }));
        let client = connect(addr).await.unwrap();
        let own = client.local_addr().unwrap().to_string();
        sleep(MS).await;
        let found = evlet_hub::green_threads()
            .into_iter()
            .any(|info| info.name.as_deref() == Some(&*own));
        assert!(found, "{:?}", evlet_hub::green_threads());
        server.kill().await;
    });
}

#[test]
fn killing_serve_stops_accepting_and_handlers_go_on() {
    run(async {
        let listener = Rc::new(listener());
        let addr = listener.local_addr().unwrap();
        let shared = Rc::clone(&listener);
        let server = spawn(async move {
            serve(&*shared, |stream, _| async move {
                sleep(1000 * MS).await;
                stream.send_all(b"done").await
            })
            .await
        });
        let client = connect(addr).await.unwrap();
        sleep(MS).await;
        server.kill().await;
        let late = connect(addr).await.unwrap(); // into the backlog
        assert_eq!(read_all(&client).await.unwrap(), b"done");
        assert!(timeout(5000 * MS, late.recv(&mut [0; 1])).await.is_err());
        drop(listener);
        assert!(late.recv(&mut [0; 1]).await.is_err());
        assert_eq!(evlet_hub::stats().green_threads, 0);
    });
}

#[test]
fn a_pool_may_be_shared_with_others() {
    run(async {
        let listener = listener();
        let addr = listener.local_addr().unwrap();
        let pool = GreenPool::new(2);
        let server = Serve::new(listener).pool(pool.clone());
        let server = spawn(server.run(|stream, _| async move { stream.send_all(b"hello").await }));
        // Both places are taken by others: nobody is accepted.
        let other = pool.spawn(sleep(1000 * MS)).await;
        pool.spawn_n(sleep(2000 * MS)).await;
        let client = connect(addr).await.unwrap();
        let early = timeout(500 * MS, client.recv(&mut [0; 1])).await;
        assert!(early.is_err());
        other.await.unwrap();
        assert_eq!(read_all(&client).await.unwrap(), b"hello");
        server.kill().await;
        // Its place is given back.
        pool.waitall().await;
        assert_eq!(pool.free(), 2);
    });
}

// A member of a full pool that spawns in it runs the job itself; serve must not fall for that.
#[test]
fn a_server_that_is_a_member_of_its_own_full_pool_waits_for_a_place() {
    run(async {
        let listener = listener();
        let addr = listener.local_addr().unwrap();
        let pool = GreenPool::new(2);
        pool.spawn_n(sleep(100 * MS)).await;
        let server = Serve::new(listener).pool(pool.clone());
        pool.spawn_n(server.run(|stream, _| async move {
            stream.send_all(b"hello").await?;
            Err::<(), io::Error>(StopServe.into())
        }))
        .await;
        assert!(pool.is_full());
        let client = connect(addr).await.unwrap();
        assert_eq!(read_all(&client).await.unwrap(), b"hello");
        pool.waitall().await;
    });
}

// A server under load: every byte back, in order, over many connections at once.
#[test]
fn many_clients_get_every_byte_back_in_order() {
    run(async {
        let listener = listener();
        let addr = listener.local_addr().unwrap();
        let server = spawn(serve(listener, |stream, _| async move {
            let mut buf = [0; 4096];
            loop {
                match stream.recv(&mut buf).await? {
                    0 => return io::Result::Ok(()),
                    n => stream.send_all(&buf[..n]).await?,
                }
            }
        }));
        let mut clients = Vec::new();
        for n in 0..50 {
            clients.push(spawn(async move {
                let data = noise(30_000 + n);
                let (read, write) = connect(addr).await.unwrap().split();
                let sent = data.clone();
                spawn_n(async move {
                    for part in sent.chunks(777) {
                        write.send_all(part).await.unwrap();
                    }
                });
                let mut all = Vec::new();
                let mut buf = [0; 1000];
                while all.len() < data.len() {
                    let n = read.recv(&mut buf).await.unwrap();
                    assert_ne!(n, 0);
                    all.extend_from_slice(&buf[..n]);
                }
                assert!(all == data);
            }));
        }
        for client in clients {
            client.await.unwrap();
        }
        server.kill().await;
    });
}

#[test]
fn a_closed_listener_ends_serve_with_its_error() {
    run(async {
        let listener = Rc::new(listener());
        let shared = Rc::clone(&listener);
        let server = spawn(async move { serve(&*shared, |_, _| async {}).await });
        yield_now().await;
        listener.close();
        let error = server.await.unwrap().unwrap_err();
        assert!(text(&error).contains("listener 127.0.0.1"), "{error}");
    });
}
