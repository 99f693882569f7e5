//! Real signals during the hub's wait, and a process that is stopped for a while.

use std::io::{Read, Write};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use evlet_alone::Scenario;
use evlet_hub::{Backend, Hub, Interest, Io, now, sleep, spawn, timeout, trampoline, yield_now};
use rustix::process::{Signal, getpid, kill_process};

pub(crate) const SCENARIOS: &[Scenario] = &[
    (
        "a_storm_of_signals_is_invisible",
        a_storm_of_signals_is_invisible,
    ),
    (
        "a_stopped_process_comes_back_in_order",
        a_stopped_process_comes_back_in_order,
    ),
];

// proves C-7: EINTR during the wait, on both backends
fn a_storm_of_signals_is_invisible() {
    let caught = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGUSR1, caught.clone()).unwrap();
    for backend in [Backend::Auto, Backend::Poll] {
        caught.store(false, Ordering::SeqCst);
        let over = Arc::new(AtomicBool::new(false));
        let ended = over.clone();
        // The kernel gives a signal of the process to its first thread when that one takes it: ours.
        let storm = thread::spawn(move || {
            while !ended.load(Ordering::SeqCst) {
                kill_process(getpid(), Signal::USR1).unwrap();
                let start = Instant::now();
                while start.elapsed() < Duration::from_micros(200) {
                    std::hint::spin_loop();
                }
            }
        });
        let hub = Hub::builder().backend(backend).build().unwrap();
        hub.run(async {
            for n in 1..=20 {
                let (start, delay) = (now(), Duration::from_millis(n));
                sleep(delay).await;
                assert!(now() - start >= delay, "ended early");
            }
            let (reader, mut writer) = std::io::pipe().unwrap();
            // The kernel interrupts a question that would not have waited, too.
            for _ in 0..20_000 {
                let waited = trampoline(&reader, Interest::Readable, Some(Duration::ZERO));
                let error = waited.await.unwrap_err();
                assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
            }
            let waited = trampoline(&reader, Interest::Readable, Some(Duration::from_millis(20)));
            let error = waited.await.unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
            let io = Io::new(reader).unwrap();
            let reading = spawn(async move {
                let mut byte = [0];
                io.read_with(|mut p| p.read(&mut byte)).await.unwrap()
            });
            sleep(Duration::from_millis(10)).await;
            writer.write_all(b"x").unwrap();
            assert_eq!(reading.await.unwrap(), 1);
        });
        over.store(true, Ordering::SeqCst);
        storm.join().unwrap();
        assert!(caught.load(Ordering::SeqCst), "there were signals");
    }
}

// proves B-5; conformance 119: each overdue timer fires once, a timeout still works
fn a_stopped_process_comes_back_in_order() {
    for backend in [Backend::Auto, Backend::Poll] {
        let hub = Hub::builder().backend(backend).build().unwrap();
        let fired = Arc::new(AtomicU32::new(0));
        let count = fired.clone();
        hub.run(async move {
            // Stops this process, and sends it on its way after 0.4 s.
            let pid = getpid().as_raw_nonzero();
            let script = format!("kill -STOP {pid}; sleep 0.4; kill -CONT {pid}");
            let mut stopper = Command::new("sh").args(["-c", &script]).spawn().unwrap();
            let start = Instant::now();
            let order = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
            let mut sleepers = Vec::new();
            for n in 1..=30_u64 {
                let (order, count) = (order.clone(), count.clone());
                sleepers.push(spawn(async move {
                    sleep(Duration::from_millis(n * 10)).await;
                    order.borrow_mut().push(n);
                    count.fetch_add(1, Ordering::SeqCst);
                }));
            }
            let (reader, _writer) = std::io::pipe().unwrap();
            let io = Io::new(reader).unwrap();
            let limit = Duration::from_millis(200);
            assert!(timeout(limit, io.readable()).await.is_err());
            for sleeper in sleepers {
                sleeper.await.unwrap();
            }
            assert!(start.elapsed() >= Duration::from_millis(300));
            assert_eq!(*order.borrow(), (1..=30).collect::<Vec<_>>());
            assert!(stopper.wait().unwrap().success());
            yield_now().await;
        });
        assert_eq!(fired.load(Ordering::SeqCst), 30, "once each");
        drop(hub);
    }
}
