//! The hub's own descriptors: close-on-exec, few, and gone with the hub.

use std::collections::BTreeMap;
use std::io::Write;
use std::thread;
use std::time::Duration;

use evlet_alone::Scenario;
use evlet_hub::{Backend, Hub, Io, handle, sleep, spawn, yield_now};

pub(crate) const SCENARIOS: &[Scenario] = &[
    (
        "all_descriptors_are_close_on_exec",
        all_descriptors_are_close_on_exec,
    ),
    (
        "an_idle_hub_uses_no_processor",
        an_idle_hub_uses_no_processor,
    ),
    (
        "only_the_monotonic_clock_is_read",
        only_the_monotonic_clock_is_read,
    ),
    (
        "running_out_of_descriptors_is_an_error",
        running_out_of_descriptors_is_an_error,
    ),
];

const O_CLOEXEC: u32 = rustix::fs::OFlags::CLOEXEC.bits();
const O_NONBLOCK: u32 = rustix::fs::OFlags::NONBLOCK.bits();

/// Number and flags of each open descriptor.
fn open_descriptors() -> BTreeMap<u32, u32> {
    let names = std::fs::read_dir("/proc/self/fd").expect("the list of descriptors");
    let numbers: Vec<u32> = names
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    let flags = |fd: u32| {
        let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok()?;
        let line = text.lines().find(|line| line.starts_with("flags:"))?;
        u32::from_str_radix(line.split_whitespace().nth(1)?, 8).ok()
    };
    numbers
        .into_iter()
        .filter_map(|fd| Some((fd, flags(fd)?)))
        .collect()
}

// proves C-8
fn all_descriptors_are_close_on_exec() {
    for backend in [Backend::Auto, Backend::Poll] {
        let before = open_descriptors();
        let hub = Hub::builder()
            .backend(backend)
            .watchdog(Duration::from_millis(50))
            .build()
            .unwrap();
        let inside = hub.run(async {
            let remote = handle();
            let task = spawn(async { sleep(Duration::from_millis(2)).await });
            let thread = thread::spawn(move || drop(remote.spawn(async {})));
            task.await.unwrap();
            thread.join().unwrap();
            let (reader, mut writer) = std::io::pipe().unwrap();
            let io = Io::new(reader).unwrap();
            writer.write_all(b"x").unwrap();
            io.readable().await.unwrap();
            let flags = open_descriptors()
                [&u32::try_from(std::os::fd::AsRawFd::as_raw_fd(io.get_ref())).unwrap()];
            assert_ne!(flags & O_NONBLOCK, 0, "a source is non-blocking");
            drop(io);
            yield_now().await;
            open_descriptors()
        });
        let mut own = 0;
        for (fd, flags) in inside.iter().filter(|(fd, _)| !before.contains_key(fd)) {
            own += 1;
            let what = std::fs::read_link(format!("/proc/self/fd/{fd}"));
            assert_ne!(flags & O_CLOEXEC, 0, "{what:?} would survive an exec");
        }
        // The writer's end and the directory being read are among them.
        assert!(own <= 7, "{own} descriptors for one hub");
        drop(hub);
        let after = open_descriptors();
        assert_eq!(
            before.keys().collect::<Vec<_>>(),
            after.keys().collect::<Vec<_>>()
        );
    }
}

/// Processor time of this process so far.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).expect("a positive time")
}

/// How often this thread gave the processor up by itself so far.
fn voluntary_switches() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/status").expect("status");
    let line = text
        .lines()
        .find(|line| line.starts_with("voluntary_ctxt_switches"))
        .expect("the count");
    line.split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .expect("a number")
}

// proves C-5, design promise 6: an idle hub sleeps in one system call
fn an_idle_hub_uses_no_processor() {
    for backend in [Backend::Auto, Backend::Poll] {
        let hub = Hub::builder().backend(backend).build().unwrap();
        hub.run(async {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let io = Io::new(listener).unwrap();
            let accepting = spawn(async move { io.read_with(|l| l.accept()).await.map(|_| ()) });
            let (readable, mut writer) = std::io::pipe().unwrap();
            let unread = Io::new(readable).unwrap();
            writer.write_all(b"unread").unwrap();
            let (gone, other) = std::io::pipe().unwrap();
            let hung_up = Io::new(gone).unwrap();
            drop(other);
            yield_now().await;
            let before = (processor_time(), voluntary_switches());
            sleep(Duration::from_millis(1_500)).await;
            let used = processor_time() - before.0;
            let slept = voluntary_switches() - before.1;
            assert!(used < Duration::from_millis(20), "{used:?} while idle");
            assert!(slept <= 5, "woke {slept} times while idle");
            accepting.kill().await;
            drop((unread, hung_up));
        });
    }
}

// proves B-1: nothing in the hub so much as names the wall clock
fn only_the_monotonic_clock_is_read() {
    fn look(folder: &std::path::Path, files: &mut u32) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                look(&path, files);
                continue;
            }
            *files += 1;
            let text = std::fs::read_to_string(&path).unwrap();
            for wall in [
                "SystemTime",
                "ClockId::Realtime",
                "TimerfdClockId::Realtime",
            ] {
                assert!(!text.contains(wall), "{wall} in {}", path.display());
            }
        }
    }
    let mut files = 0;
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    look(std::path::Path::new(sources), &mut files);
    assert!(files > 10, "the sources were found");
}

// proves C-3, promise 7: EMFILE at each step of making a hub and a source is an error value
fn running_out_of_descriptors_is_an_error() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let hub = Hub::new().unwrap();
    let limit = getrlimit(Resource::Nofile);
    let open = open_descriptors().len() as u64;
    for spare in 0..6 {
        let current = Some(open - 1 + spare);
        setrlimit(
            Resource::Nofile,
            Rlimit {
                current,
                maximum: limit.maximum,
            },
        )
        .unwrap();
        for backend in [Backend::Auto, Backend::Poll] {
            if let Err(error) = Hub::builder().backend(backend).build() {
                assert!(!error.to_string().is_empty());
            }
        }
        hub.run(async { spawn(async { 1 }).await.unwrap() });
    }
    setrlimit(Resource::Nofile, limit).unwrap();
    drop(Hub::new().unwrap());
}
