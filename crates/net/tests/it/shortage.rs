//! Out of descriptors at accept (promise F-1): back off, say so once, go on, lose nobody.
//!
//! Here with injected faults, on virtual time, to the millisecond; `alone.rs` does it with a real
//! limit.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use evlet_hub::{Call, CallKind, Fault, now, sleep, spawn, timeout};
use evlet_net::{connect, serve};
use libc::{EMFILE, ENFILE, ENOBUFS, ENOMEM};

use crate::loopback::{MS, faulty_hub, listener, pair, read_all};

/// All of them, for the count of descriptors in `faults.rs`.
pub(crate) const ALL: &[fn()] = &[
    a_shortage_is_waited_out_with_growing_waits_and_reported_once,
    the_report_says_what_to_do,
    giving_up_does_not_repeat_the_report,
    a_closed_socket_of_ours_ends_the_wait_at_once,
    serve_goes_on_and_loses_nobody,
];

const UNHEARD_OF: i32 = 125;

#[derive(Clone, Default)]
struct Broken {
    errno: Rc<Cell<Option<i32>>>,
    tried: Rc<RefCell<Vec<Instant>>>,
}

impl Broken {
    fn faults(&self) -> impl FnMut(Call) -> Option<Fault> + 'static {
        let this = self.clone();
        move |call| {
            if call.kind != CallKind::Accept {
                return None;
            }
            this.tried.borrow_mut().push(now());
            this.errno.get().map(Fault::Errno)
        }
    }

    /// The waits between the tries so far.
    fn waits(&self) -> Vec<Duration> {
        let tried = self.tried.borrow();
        tried.windows(2).map(|two| two[1] - two[0]).collect()
    }
}

#[test]
fn a_shortage_is_waited_out_with_growing_waits_and_reported_once() {
    for errno in [EMFILE, ENFILE, ENOBUFS, ENOMEM, UNHEARD_OF] {
        let broken = Broken::default();
        let (hub, reports) = faulty_hub(broken.faults());
        hub.run(async {
            let listener = listener();
            let addr = listener.local_addr().unwrap();
            let client = connect(addr).await.unwrap();
            broken.errno.set(Some(errno));
            let accepting = spawn(async move {
                let (stream, peer) = listener.accept().await?;
                stream.send_all(b"at last").await?;
                io::Result::Ok((listener, peer))
            });
            sleep(5_000 * MS).await;
            let waits: Vec<_> = broken.waits().iter().map(Duration::as_millis).collect();
            assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000]);
            assert_eq!(reports.borrow().len(), 1);
            broken.errno.set(None);
            let (_listener, peer) = accepting.await.unwrap().unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
            assert_eq!(read_all(&client).await.unwrap(), b"at last");
            let reports = reports.borrow();
            assert_eq!(reports.len(), 2, "{reports:?}");
            assert!(reports[0].contains(&addr.to_string()), "{reports:?}");
            assert!(reports[0].contains("backlog"), "{reports:?}");
            assert!(reports[1].contains("again after"), "{reports:?}");
        });
    }
}

#[test]
fn the_report_says_what_to_do() {
    let broken = Broken::default();
    broken.errno.set(Some(EMFILE));
    let (hub, reports) = faulty_hub(broken.faults());
    hub.run(async {
        let listener = listener();
        assert!(timeout(MS, listener.accept()).await.is_err());
    });
    assert!(reports.borrow()[0].contains("ulimit -n"), "{reports:?}");
}

// The books are the listener's, not the future's: giving up and asking again neither hides the
// shortage nor repeats the report.
#[test]
fn giving_up_does_not_repeat_the_report() {
    let broken = Broken::default();
    broken.errno.set(Some(EMFILE));
    let (hub, reports) = faulty_hub(broken.faults());
    hub.run(async {
        let listener = listener();
        for _ in 0..20 {
            assert!(timeout(MS, listener.accept()).await.is_err());
        }
        assert_eq!(reports.borrow().len(), 1);
        assert_eq!(evlet_hub::stats().timers, 0);
        broken.errno.set(None);
        let _client = connect(listener.local_addr().unwrap()).await.unwrap();
        listener.accept().await.unwrap();
        assert_eq!(reports.borrow().len(), 2);
        // A new shortage is news again, once it keeps somebody waiting.
        broken.errno.set(Some(EMFILE));
        assert!(timeout(MS, listener.accept()).await.is_err());
        assert_eq!(reports.borrow().len(), 2);
        let _client = connect(listener.local_addr().unwrap()).await.unwrap();
        assert!(timeout(MS, listener.accept()).await.is_err());
        assert_eq!(reports.borrow().len(), 3);
    });
}

// As soon as a socket of ours is closed, it tries again: that is what it waits for.
#[test]
fn a_closed_socket_of_ours_ends_the_wait_at_once() {
    let broken = Broken::default();
    let (hub, _) = faulty_hub(broken.faults());
    hub.run(async {
        let (mine, _other) = pair().await;
        let listener = listener();
        let client = connect(listener.local_addr().unwrap()).await.unwrap();
        broken.errno.set(Some(EMFILE));
        let accepting = spawn(async move { listener.accept().await });
        sleep(3_000 * MS).await; // it tries once a second by now
        let start = now();
        broken.errno.set(None);
        drop(mine);
        let (_stream, peer) = accepting.await.unwrap().unwrap();
        assert_eq!(now(), start);
        assert_eq!(peer, client.local_addr().unwrap());
    });
}

// All clients that waited in the backlog are served afterwards, in order, and others run meanwhile.
#[test]
fn serve_goes_on_and_loses_nobody() {
    let broken = Broken::default();
    let (hub, reports) = faulty_hub(broken.faults());
    hub.run(async {
        let listener = listener();
        let addr = listener.local_addr().unwrap();
        broken.errno.set(Some(EMFILE));
        let server = spawn(serve(listener, |stream, _| async move {
            stream.send_all(b"served").await
        }));
        let mut clients = Vec::new();
        for _ in 0..40 {
            clients.push(connect(addr).await.unwrap());
        }
        sleep(10_000 * MS).await;
        broken.errno.set(None);
        for client in clients {
            assert_eq!(read_all(&client).await.unwrap(), b"served");
        }
        assert!(!server.is_finished());
        server.kill().await;
    });
    assert_eq!(reports.borrow().len(), 2, "{reports:?}");
}
