//! A process that is forked from one with a hub.
#![expect(
    unsafe_code,
    reason = "a fork is what these tests are about, and no safe crate offers one"
)]

use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use evlet_alone::Scenario;
use evlet_hub::{Exit, Hub, Io, RunError, sleep, spawn, spawn_n, stats, timeout, yield_now};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

pub(crate) const SCENARIOS: &[Scenario] = &[
    (
        "a_copy_of_a_hub_is_refused_and_its_drop_leaves_the_original_alone",
        a_copy_of_a_hub_is_refused_and_its_drop_leaves_the_original_alone,
    ),
    (
        "a_new_hub_in_the_child_is_a_whole_one",
        a_new_hub_in_the_child_is_a_whole_one,
    ),
    (
        "a_handle_from_before_the_fork_reaches_nobody",
        a_handle_from_before_the_fork_reaches_nobody,
    ),
];

/// Runs `body` in a forked child; fails when that panics or does not end.
fn in_a_child(body: impl FnOnce()) {
    // SAFETY: after a fork only the calling thread lives on, so a lock that another one held stays locked for
    // ever. The others here are the watchdog's and this test's limit, both asleep nearly always, and
    // what the child runs takes no lock of theirs; it ends without destructors of this process.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "{}", io::Error::last_os_error());
    let Some(child) = Pid::from_raw(child) else {
        let passed = catch_unwind(AssertUnwindSafe(body)).is_ok();
        // SAFETY: ends the process at once.
        unsafe { libc::_exit(i32::from(!passed)) };
    };
    let start = Instant::now();
    loop {
        let ended = waitpid(Some(child), WaitOptions::NOHANG).unwrap();
        if let Some((_, status)) = ended {
            assert_eq!(
                status.exit_status(),
                Some(0),
                "the child failed: {status:?}"
            );
            return;
        }
        if start.elapsed() > Duration::from_secs(10) {
            kill_process(child, Signal::KILL).unwrap();
            waitpid(Some(child), WaitOptions::empty()).unwrap();
            panic!("the child hangs");
        }
        thread::sleep(Duration::from_millis(1));
    }
}

// proves K-7
fn a_copy_of_a_hub_is_refused_and_its_drop_leaves_the_original_alone() {
    let hub = Hub::new().unwrap();
    let (reader, mut writer) = io::pipe().unwrap();
    let (other, mut to_other) = io::pipe().unwrap();
    let mut io = hub.run(async { Some(Io::new(reader).unwrap()) });
    let reading = hub.run(async {
        let reading = spawn(async {
            let io = Io::new(other).unwrap();
            io.read_with(|mut pipe| pipe.read(&mut [0])).await.unwrap()
        });
        yield_now().await;
        Some(reading)
    });
    let mut hub = Some(hub);
    in_a_child(|| {
        let copy = hub.take().unwrap();
        let refused = copy.try_run(async {}).unwrap_err();
        assert!(matches!(refused, RunError::Forked { .. }));
        assert!(refused.to_string().contains("make a new hub"), "{refused}");
        drop(io.take());
        drop(copy);
    });
    // Both descriptors are still known to the kernel's set, which the child shared.
    hub.unwrap().run(async {
        let io = io.unwrap();
        let waiting = spawn(async move {
            let read = io.read_with(|mut pipe| pipe.read(&mut [0]));
            read.await.unwrap()
        });
        sleep(Duration::from_millis(2)).await;
        writer.write_all(b"x").unwrap();
        let read = timeout(Duration::from_secs(5), waiting).await;
        assert_eq!(read.unwrap().unwrap(), 1);
        to_other.write_all(b"x").unwrap();
        let read = timeout(Duration::from_secs(5), reading.unwrap()).await;
        assert_eq!(read.unwrap().unwrap(), 1);
    });
}

// proves K-7: descriptors, timers, other threads; the watchdog is a new one
fn a_new_hub_in_the_child_is_a_whole_one() {
    let before = Hub::new().unwrap();
    before.run(async {
        spawn_n(sleep(Duration::from_secs(60)));
        yield_now().await;
    });
    in_a_child(|| {
        let hub = Hub::new().unwrap();
        let handle = hub.handle();
        hub.run(async move {
            assert_eq!(stats().green_threads, 0, "none is inherited");
            let (reader, mut writer) = io::pipe().unwrap();
            let io = Io::new(reader).unwrap();
            let reading = spawn(async move {
                let read = io.read_with(|mut pipe| pipe.read(&mut [0]));
                read.await.unwrap()
            });
            sleep(Duration::from_millis(2)).await;
            let from_afar = thread::spawn(move || {
                writer.write_all(b"x").unwrap();
                handle.spawn(async { 7 })
            });
            assert_eq!(reading.await.unwrap(), 1);
            assert_eq!(from_afar.join().unwrap().await.unwrap(), 7);
        });
    });
    before.run(sleep(Duration::from_millis(1)));
}

// proves K-7
fn a_handle_from_before_the_fork_reaches_nobody() {
    let hub = Hub::new().unwrap();
    let handle = hub.handle();
    in_a_child(|| {
        let sent = handle.spawn(async {});
        handle.stop();
        let ended = Hub::new().unwrap().run(sent);
        assert!(matches!(ended, Err(Exit::Killed)));
    });
    hub.run(async {
        sleep(Duration::from_millis(2)).await;
        assert_eq!(stats().spawned, 0);
    });
}
