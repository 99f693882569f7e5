//! A kernel, or a sandbox, that does not know the call the hub waits with: it waits in an older way, and
//! nobody can tell but by counting system calls.
//!
//! Here the hub is told so by its own seam; `xtask/src/realclients/faults` lets strace play such a kernel.
#![cfg(target_os = "linux")]

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use evlet_hub::sys::{CallKind, Fault};
use evlet_hub::{Hub, Io, sleep, spawn};

use crate::bell::RemoteBell;
use crate::pairs;
use crate::stage::play;

const EPERM: i32 = rustix::io::Errno::PERM.raw_os_error();
const ENOSYS: i32 = rustix::io::Errno::NOSYS.raw_os_error();

/// A hub whose first wait finds that the call is unknown; what it reports.
fn hub(number: i32) -> (Hub, Rc<RefCell<Vec<String>>>) {
    let reports = Rc::new(RefCell::new(Vec::new()));
    let told = reports.clone();
    let asked = Cell::new(0);
    let hub = Hub::builder()
        .on_report(move |report| told.borrow_mut().push(report.to_string()))
        .faults(move |call| {
            if call.kind != CallKind::Wait {
                return None;
            }
            asked.set(asked.get() + 1);
            (asked.get() == 1).then_some(Fault::Errno(number))
        })
        .build()
        .unwrap();
    (hub, reports)
}

// The old call knows milliseconds only. Were the hub to round up, no short sleep would take less than one.
#[test]
fn sleeps_are_neither_early_nor_rounded_to_milliseconds() {
    for number in [ENOSYS, EPERM] {
        let (hub, reports) = hub(number);
        let nap = Duration::from_micros(300);
        let naps = play(&hub, async {
            let mut naps = Vec::new();
            for _ in 0..100 {
                let start = Instant::now();
                sleep(nap).await;
                naps.push(start.elapsed());
            }
            naps
        });
        assert!(naps.iter().all(|took| *took >= nap), "{naps:?}");
        let best = naps.iter().min().unwrap();
        assert!(*best < Duration::from_micros(950), "{best:?}");
        assert!(reports.borrow().is_empty(), "{reports:?}");
    }
}

#[test]
fn sockets_tell_what_they_tell_elsewhere() {
    let (hub, reports) = hub(ENOSYS);
    play(&hub, async {
        for (ours, theirs) in [pairs::unix(), pairs::unix()] {
            let (reader, writer) = (Io::new(ours).unwrap(), Io::new(theirs).unwrap());
            let reading = spawn(async move {
                let mut all = Vec::new();
                let mut buffer = [0; 4096];
                loop {
                    match reader.read_with(|mut s| s.read(&mut buffer)).await {
                        Ok(0) => return (all, reader),
                        Ok(n) => all.extend_from_slice(&buffer[..n]),
                        Err(error) => panic!("{error}"),
                    }
                }
            });
            // More than the sockets hold, so that both directions have to wait for edges.
            let sent: Vec<u8> = (0..1_000_000_u32).map(|n| n as u8).collect();
            let mut left = &sent[..];
            while !left.is_empty() {
                let n = writer.write_with(|mut s| s.write(left)).await.unwrap();
                left = &left[n..];
            }
            writer.get_ref().shutdown(Shutdown::Write).unwrap();
            let (read, reader) = reading.await.unwrap();
            assert!(read == sent);
            // A hang-up ends a wait that has begun.
            let waiting = spawn(async move {
                writer
                    .read_with(|mut s| s.read(&mut [0]))
                    .await
                    .unwrap_or(0)
            });
            sleep(Duration::from_millis(1)).await;
            drop(reader);
            assert_eq!(waiting.await.unwrap(), 0);
        }
    });
    assert!(reports.borrow().is_empty(), "{reports:?}");
}

// proves A-2 there: with a limit on the wait and without one
#[test]
fn other_threads_end_the_wait() {
    let (hub, _) = hub(ENOSYS);
    play(&hub, async {
        let guard = spawn(sleep(Duration::from_secs(20)));
        let bell = RemoteBell::new();
        for round in 1..=100 {
            let ringer = bell.clone();
            let thread = thread::spawn(move || ringer.ring());
            bell.wait_for(round).await;
            thread.join().unwrap();
            if round == 50 {
                guard.kill().await;
            }
        }
    });
}

// Only once: a wait that is refused after that is reported as any other.
#[test]
fn a_second_refusal_is_a_failure_of_the_wait() {
    let reports = Rc::new(Cell::new(0));
    let told = reports.clone();
    let asked = Cell::new(0);
    let hub = Hub::builder()
        .on_report(move |_| told.set(told.get() + 1))
        .faults(move |call| {
            asked.set(asked.get() + 1);
            let refused = call.kind == CallKind::Wait && asked.get() <= 3;
            refused.then_some(Fault::Errno(ENOSYS))
        })
        .build()
        .unwrap();
    play(&hub, async {
        for _ in 0..3 {
            sleep(Duration::from_millis(3)).await;
        }
    });
    assert_eq!(reports.get(), 1);
}
