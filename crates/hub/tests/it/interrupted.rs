//! System calls that fail on the hub's behalf: the user sees no EINTR, and no failure is unwrapped.
//!
//! Faults are injected through the hub's own seam. Real signals need a process of their own:
//! `tests/alone/signals.rs`.

use std::cell::{Cell, RefCell};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use evlet_hub::sys::{Call, CallKind, Fault, gate};
use evlet_hub::{Backend, Hub, Interest, Io, sleep, spawn, stats, trampoline};

use crate::bell::RemoteBell;
use crate::pairs;
use crate::stage::play;

const EINTR: i32 = rustix::io::Errno::INTR.raw_os_error();
const EBADF: i32 = rustix::io::Errno::BADF.raw_os_error();
const EEXIST: i32 = rustix::io::Errno::EXIST.raw_os_error();
const ENOENT: i32 = rustix::io::Errno::NOENT.raw_os_error();
const ENOSPC: i32 = rustix::io::Errno::NOSPC.raw_os_error();
const EMFILE: i32 = rustix::io::Errno::MFILE.raw_os_error();

/// A hub of each backend whose system calls of this kind fail: `fails` is asked with a count.
fn hubs(kind: CallKind, number: i32, fails: fn(u32) -> bool) -> [(Hub, Rc<Cell<u32>>); 2] {
    [Backend::Auto, Backend::Poll].map(|backend| {
        let asked = Rc::new(Cell::new(0));
        let count = asked.clone();
        let hub = Hub::builder()
            .backend(backend)
            .faults(move |call| {
                if call.kind != kind {
                    return None;
                }
                count.set(count.get() + 1);
                fails(count.get()).then_some(Fault::Errno(number))
            })
            .build()
            .unwrap();
        (hub, asked)
    })
}

// proves C-7: each second wait of the hub is interrupted
#[test]
fn an_interrupted_wait_is_invisible() {
    for (hub, asked) in hubs(CallKind::Wait, EINTR, |n| n % 2 == 0) {
        play(&hub, async {
            for n in 1..=5 {
                let (before, delay) = (evlet_hub::now(), Duration::from_millis(n));
                sleep(delay).await;
                assert!(evlet_hub::now() - before >= delay, "not early");
            }
            let (ours, theirs) = pairs::unix();
            let io = Io::new(ours).unwrap();
            let sender = thread::spawn(move || {
                for n in 0..100 {
                    (&theirs).write_all(&[n]).unwrap();
                }
                theirs
            });
            for n in 0..100 {
                let mut byte = [0];
                let read = io.read_with(|mut s| s.read(&mut byte)).await.unwrap();
                assert_eq!((read, byte), (1, [n]));
            }
            drop(sender.join().unwrap());
            let bell = RemoteBell::new();
            let ringer = bell.clone();
            let thread = thread::spawn(move || ringer.ring());
            bell.wait_for(1).await;
            thread.join().unwrap();
        });
        assert!(asked.get() >= 4, "the faults were real");
    }
}

// proves C-7: interrupted a hundred times in a row
#[test]
fn a_storm_of_interruptions_is_invisible() {
    for (hub, asked) in hubs(CallKind::Wait, EINTR, |n| n <= 100) {
        // Long enough for all of them on a machine that is slow.
        play(&hub, sleep(Duration::from_millis(100)));
        assert!(asked.get() > 100);
    }
}

// proves C-7, in the operations themselves
#[test]
fn an_interrupted_operation_is_tried_again() {
    for (hub, asked) in hubs(CallKind::Read, EINTR, |n| n % 4 != 0) {
        play(&hub, async {
            let (reader, writer) = pairs::pipe();
            writer.write_with(|mut p| p.write(b"abc")).await.unwrap();
            for expected in *b"abc" {
                let mut byte = [0];
                let read = reader.read_with(|mut p| {
                    gate(Call::new(CallKind::Read, p.as_raw_fd()))?;
                    p.read(&mut byte)
                });
                assert_eq!((read.await.unwrap(), byte), (1, [expected]));
            }
        });
        assert_eq!(asked.get(), 12);
    }
}

// proves C-3: registration fails in any way: an error for the caller, never an unwrap
#[test]
fn a_failed_registration_is_an_error_for_its_caller() {
    for number in [EBADF, ENOENT, ENOSPC, EMFILE] {
        // The first two registrations that are asked for fail, the third is real.
        for (hub, _) in hubs(CallKind::Register, number, |n| n <= 2) {
            play(&hub, async {
                let (reader, mut writer) = io::pipe().unwrap();
                let refused = Io::new(reader.try_clone().unwrap())
                    .map(|_| ())
                    .unwrap_err();
                assert_eq!(refused.raw_os_error().or(Some(number)), Some(number));
                assert!(!refused.to_string().is_empty());
                assert_eq!(stats().sources, 0, "nothing stays behind");
                let waited = trampoline(&reader, Interest::Readable, None).await;
                assert!(waited.is_err());
                assert_eq!(stats().sources, 0, "nothing stays behind");
                let io = Io::new(reader).unwrap();
                writer.write_all(b"x").unwrap();
                assert_eq!(io.read_with(|mut p| p.read(&mut [0])).await.unwrap(), 1);
            });
        }
    }
}

// proves C-3: the kernel says that it knows the descriptor already: registered anew, or an error
#[test]
fn a_descriptor_that_the_kernel_knows_already_is_registered_anew_or_refused() {
    for (hub, _) in hubs(CallKind::Register, EEXIST, |n| n == 1) {
        play(&hub, async {
            let (reader, mut writer) = io::pipe().unwrap();
            match Io::new(reader) {
                Ok(io) => {
                    let reading = spawn(async move {
                        let read = io.read_with(|mut p| p.read(&mut [0]));
                        read.await.unwrap()
                    });
                    evlet_hub::yield_now().await;
                    writer.write_all(b"x").unwrap();
                    assert_eq!(reading.await.unwrap(), 1);
                }
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        });
    }
}

// proves C-3: a wait that fails in earnest is reported, not spun upon; the hub stays usable
#[test]
fn a_wait_that_fails_in_earnest_does_not_spin() {
    for backend in [Backend::Auto, Backend::Poll] {
        let failures = Rc::new(Cell::new(0_u32));
        let count = failures.clone();
        let reports = Rc::new(RefCell::new(Vec::new()));
        let told = reports.clone();
        let hub = Hub::builder()
            .backend(backend)
            .on_report(move |report| told.borrow_mut().push(report.to_string()))
            .faults(move |call| {
                (call.kind == CallKind::Wait && count.get() < 3).then(|| {
                    count.set(count.get() + 1);
                    Fault::Errno(ENOENT)
                })
            })
            .build()
            .unwrap();
        play(&hub, async {
            sleep(Duration::from_millis(5)).await;
            sleep(Duration::from_millis(5)).await;
        });
        assert!((1..=3).contains(&failures.get()), "{}", failures.get());
        assert!(!reports.borrow().is_empty(), "somebody should know");
    }
}

// proves D-4: the fault function may use the hub, the seam included
#[test]
fn the_fault_function_may_use_the_hub() {
    let hub = Hub::builder()
        .faults(|call| {
            if call.kind == CallKind::Other {
                assert!(gate(call).is_ok(), "no faults inside of it");
                assert_eq!(stats().sources, 0);
                evlet_hub::spawn_n(async {});
                return Some(Fault::Errno(EBADF));
            }
            None
        })
        .build()
        .unwrap();
    play(&hub, async {
        let refused = gate(Call::new(CallKind::Other, -1)).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(EBADF));
        evlet_hub::yield_now().await;
        assert_eq!(stats().spawned, 1);
    });
}

// The seam itself: kind and descriptor reach the fault function, and nothing else is disturbed.
#[test]
fn the_fault_function_sees_kind_and_descriptor() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let calls = seen.clone();
    let hub = Hub::builder()
        .faults(move |call| {
            calls.borrow_mut().push((call.kind, call.fd));
            (call.kind == CallKind::Accept).then_some(Fault::Errno(EMFILE))
        })
        .build()
        .unwrap();
    play(&hub, async {
        assert!(gate(Call::new(CallKind::Read, 7)).is_ok());
        let refused = gate(Call::new(CallKind::Accept, 9)).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(EMFILE));
        let (reader, _writer) = io::pipe().unwrap();
        let fd = reader.as_raw_fd();
        let _io = Io::new(reader).unwrap();
        assert!(seen.borrow().contains(&(CallKind::Register, fd)));
    });
    assert!(
        seen.borrow()
            .starts_with(&[(CallKind::Read, 7), (CallKind::Accept, 9)])
    );
    assert!(
        gate(Call::new(CallKind::Accept, 9)).is_ok(),
        "no hub, no fault"
    );
}
