//! Servers that are stopped from outside, wait for their handlers, or listen in several places.

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;

use evlet_green::GreenPool;
use evlet_hub::{now, sleep, spawn};
use evlet_net::{ListenOptions, Serve, StopServe, Stopper, TcpStream, connect, listen, serve};

use crate::loopback::{MS, listener, reporting_hub, run};

#[test]
fn a_stopped_server_accepts_no_more_and_lets_its_handlers_finish() {
    let (hub, reports) = reporting_hub();
    hub.run(async {
        let stopper = Stopper::new();
        let listener = listener();
        let addr = listener.local_addr().unwrap();
        let serving = Serve::new(listener)
            .stopped_by(&stopper)
            .drain(Duration::from_secs(60))
            .run(|stream, _| async move {
                sleep(500 * MS).await;
                stream.send_all(b"answer").await
            });
        let server = spawn(serving);
        let clients = [connect(addr).await.unwrap(), connect(addr).await.unwrap()];
        sleep(100 * MS).await;
        let start = now();
        assert!(!stopper.is_stopped());
        stopper.stop();
        stopper.stop();
        assert!(stopper.is_stopped());
        stopper.stopped().await;
        sleep(MS).await;
        let error = connect(addr).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        server.await.unwrap().unwrap();
        assert_eq!(now() - start, 400 * MS);
        for client in clients {
            assert_eq!(client.recv(&mut [0; 10]).await.unwrap(), 6);
        }
    });
    assert!(reports.borrow().is_empty(), "{reports:?}");
}

#[test]
fn handlers_that_are_left_at_the_limit_are_ended_and_counted() {
    let (hub, reports) = reporting_hub();
    hub.run(async {
        let stopper = Stopper::new();
        let listener = listener();
        let addr = listener.local_addr().unwrap();
        let given_up = Rc::new(Cell::new(0));
        let count = Rc::clone(&given_up);
        let serving = Serve::new(listener)
            .stopped_by(&stopper)
            .drain(2000 * MS)
            .run(move |stream: TcpStream, _| {
                struct OnDrop(Rc<Cell<u32>>);
                impl Drop for OnDrop {
                    fn drop(&mut self) {
                        self.0.set(self.0.get() + 1);
                    }
                }
                let dropped = OnDrop(Rc::clone(&count));
                async move {
                    stream.recv(&mut [0; 1]).await.map(drop)?; // a byte ends it
                    drop(dropped);
                    Ok::<(), std::io::Error>(())
                }
            });
        let server = spawn(serving);
        let mut clients = Vec::new();
        for _ in 0..5 {
            clients.push(connect(addr).await.unwrap());
        }
        sleep(MS).await;
        stopper.stop();
        let start = now();
        sleep(MS).await;
        clients[0].send_all(b"x").await.unwrap();
        sleep(MS).await;
        assert_eq!(given_up.get(), 1);
        server.await.unwrap().unwrap();
        assert_eq!(now() - start, 2000 * MS);
        assert_eq!(given_up.get(), 5);
        for client in &clients {
            assert_eq!(client.recv(&mut [0; 10]).await.unwrap(), 0);
        }
    });
    let reports = reports.borrow();
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(reports[0].contains("4 connections"), "{reports:?}");
    assert!(reports[0].contains("2s"), "{reports:?}");
}

// A handler that asks to stop counts as one that is waited for, and panics are told when they happen.
#[test]
fn stop_serve_drains_too_and_panics_are_told_at_once() {
    let (hub, reports) = reporting_hub();
    hub.run(async {
        let listener = listener();
        let addr = listener.local_addr().unwrap();
        let serving =
            Serve::new(&listener)
                .drain(Duration::from_secs(60))
                .run(|stream, _| async move {
                    let mut word = [0; 4];
                    stream.recv(&mut word).await.unwrap();
                    match &word {
                        b"stop" => Err(StopServe),
                        b"slow" => {
                            sleep(3000 * MS).await;
                            Ok(())
                        }
                        other => panic!("{other:?} is no word"),
                    }
                });
        let mut serving = std::pin::pin!(serving);
        let say = async |word: &str| {
            let client = connect(addr).await.unwrap();
            client.send_all(word.as_bytes()).await.unwrap();
            client
        };
        let clients = async {
            let slow = say("slow").await;
            let rude = say("what").await;
            sleep(MS).await;
            assert_eq!(rude.recv(&mut [0; 1]).await.unwrap(), 0);
            let stop = say("stop").await;
            (slow, stop)
        };
        let start = now();
        let (served, _clients) = futures::future::join(serving.as_mut(), clients).await;
        served.unwrap();
        assert_eq!((now() - start).as_secs(), 3);
        // By reference: the listener is still there.
        drop(connect(addr).await.unwrap());
    });
    let reports = reports.borrow();
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(reports[0].contains("no word"), "{reports:?}");
}

#[test]
fn one_stopper_stops_many_servers_also_those_that_begin_later() {
    run(async {
        let stopper = Stopper::new();
        let pool = GreenPool::new(10);
        let mut servers = Vec::new();
        for shared in [false, true] {
            let mut serve = Serve::new(listener()).stopped_by(&stopper);
            if shared {
                serve = serve.pool(pool.clone());
            }
            servers.push(spawn(serve.run(|_, _| async {})));
        }
        sleep(MS).await;
        stopper.stop();
        for server in servers {
            server.await.unwrap().unwrap();
        }
        sleep(MS).await;
        assert_eq!(pool.running(), 0); // the place that waited for a connection is given back
        let later = Serve::new(listener()).stopped_by(&stopper);
        later.run(|_, _| async {}).await.unwrap();
    });
}

// A handler can end early when the server stops.
#[test]
fn idle_handlers_can_listen_to_the_stopper() {
    run(async {
        let stopper = Stopper::new();
        let listener = listener();
        let addr = listener.local_addr().unwrap();
        let for_handlers = stopper.clone();
        let serving = Serve::new(listener)
            .stopped_by(&stopper)
            .drain(Duration::from_secs(3600))
            .run(move |stream, _| {
                let stopper = for_handlers.clone();
                async move {
                    let mut buf = [0; 10];
                    let read = std::pin::pin!(stream.recv(&mut buf));
                    let stopped = std::pin::pin!(stopper.stopped());
                    futures::future::select(read, stopped).await;
                    stream.send_all(b"bye").await
                }
            });
        let server = spawn(serving);
        let client = connect(addr).await.unwrap();
        sleep(MS).await;
        let start = now();
        stopper.stop();
        server.await.unwrap().unwrap();
        assert_eq!(now(), start);
        assert_eq!(client.recv(&mut [0; 10]).await.unwrap(), 3);
    });
}

#[test]
fn several_listeners_are_one_server_with_one_bound() {
    run(async {
        let listeners = vec![listener(), listener(), listener()];
        let addrs: Vec<_> = listeners.iter().map(|l| l.local_addr().unwrap()).collect();
        let served = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&served);
        let server = spawn(Serve::new(listeners).concurrency(2).run(move |stream, _| {
            let log = Rc::clone(&log);
            async move {
                log.borrow_mut().push(stream.local_addr().unwrap());
                stream.recv(&mut [0; 1]).await.map(drop)
            }
        }));
        let mut clients = Vec::new();
        for round in 0..4 {
            clients.push(connect(addrs[round % 3]).await.unwrap());
            sleep(MS).await;
        }
        assert_eq!(*served.borrow(), addrs[..2]);
        clients.clear(); // all of them go, and the next ones are served
        sleep(MS).await;
        assert_eq!(served.borrow().len(), 4);
        assert!(served.borrow().contains(&addrs[2]));
        server.kill().await;
    });
}

#[test]
fn a_busy_listener_starves_no_other() {
    run(async {
        let listeners = [listener(), listener()];
        let addrs = [0, 1].map(|n: usize| listeners[n].local_addr().unwrap());
        let order = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&order);
        let mut clients = Vec::new();
        for addr in addrs {
            for _ in 0..50 {
                clients.push(connect(addr).await.unwrap());
            }
        }
        let server = spawn(serve(listeners, move |stream: TcpStream, _| {
            log.borrow_mut().push(stream.local_addr().unwrap());
            async {}
        }));
        sleep(10 * MS).await;
        let order = order.take();
        assert_eq!(order.len(), 100);
        let late = order[..50].iter().filter(|addr| **addr == addrs[1]).count();
        assert!((10..40).contains(&late), "{late} of the first 50");
        server.kill().await;
    });
}

// Several hubs share a port, each with a listener of its own: the kernel deals connections out.
#[test]
fn a_port_is_shared_by_several_hubs() {
    let port = {
        let hub = evlet_hub::Hub::new().unwrap();
        let probe = hub.run(async { listen("127.0.0.1:0").unwrap().local_addr().unwrap() });
        probe.port()
    };
    let addr = format!("127.0.0.1:{port}");
    let (ready, all_ready) = std::sync::mpsc::channel();
    let (ended, one_ended) = std::sync::mpsc::channel();
    let servers: Vec<_> = (0..2)
        .map(|n| {
            let (addr, ready, ended) = (addr.clone(), ready.clone(), ended.clone());
            std::thread::spawn(move || {
                evlet_hub::run(async move {
                    let options = ListenOptions::new().reuse_port(true);
                    let listener = options.listen(addr.as_str()).unwrap();
                    ready.send(()).unwrap();
                    serve(listener, move |stream, _| async move {
                        let mut word = [0; 1];
                        stream.recv(&mut word).await.unwrap();
                        stream.send_all(&[n]).await.unwrap();
                        match &word {
                            b"q" => Err(StopServe),
                            _ => Ok(()),
                        }
                    })
                    .await
                    .unwrap();
                });
                ended.send(()).unwrap();
            })
        })
        .collect();
    for _ in &servers {
        all_ready.recv().unwrap();
    }
    let mut served = [0; 2];
    evlet_hub::run(async {
        let ask = async |word: &[u8]| {
            let client = connect(addr.as_str()).await.unwrap();
            client.send_all(word).await.unwrap();
            let mut who = [0];
            client.recv(&mut who).await.unwrap();
            usize::from(who[0])
        };
        for _ in 0..64 {
            served[ask(b"?").await] += 1;
        }
        ask(b"q").await;
        one_ended.recv().unwrap(); // what waits in a backlog is lost with its listener
        // The one that is left serves everybody.
        let left = ask(b"?").await;
        assert_eq!(ask(b"q").await, left);
    });
    assert!(served.iter().all(|n| *n > 5), "{served:?}");
    for server in servers {
        server.join().unwrap();
    }
}
