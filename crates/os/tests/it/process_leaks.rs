//! No zombie, no descriptor, no thread is left behind, by whatever path a child leaves.

use std::cell::Cell;
use std::fs;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use evlet_hub::{CallKind, Fault, Hub, run, sleep, spawn, spawn_n, stats, timeout};
use evlet_os::fs::File;
use evlet_os::pipe::pipe;
use evlet_os::process::{Command, Stdio};
use evlet_os::signal::{Signal, signal};
use evlet_os::stdio::{stderr, stdin, stdout};
use std::os::unix::process::ExitStatusExt;

use crate::alone::{alone, open_descriptors};
use crate::process::sh;
use crate::signal::PATIENCE;

/// The states of this process's children, as the kernel shows them: `Z` is a zombie.
fn children() -> Vec<char> {
    let me = std::process::id().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        // pid (name with anything in it) state ppid ...
        let Some((_, rest)) = stat.rsplit_once(") ") else {
            continue;
        };
        let mut words = rest.split(' ');
        let state = words.next().and_then(|word| word.chars().next());
        if words.next() == Some(&me) {
            found.extend(state);
        }
    }
    found
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

/// Until it holds, or the test fails; the reaper is a thread of its own.
#[track_caller]
fn soon(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what}: {:?}", children());
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn awaited_ones() {
    alone("process_leaks::awaited_ones", || {
        run(async {
            let (sources, before) = (stats().sources, open_descriptors());
            for _ in 0..30 {
                let mut child = sh("exit 0").spawn().unwrap();
                child.wait().await.unwrap();
                assert_eq!(children(), [], "reaped when the wait is over");
                sh("echo x").output().await.unwrap();
                sh("sleep 100")
                    .time_limit(Duration::from_millis(1))
                    .output()
                    .await
                    .unwrap_err();
                assert!(Command::new("no-such-program").spawn().is_err());
                assert_eq!(open_descriptors(), before);
            }
            assert_eq!(stats().sources, sources);
        });
    });
}

#[test]
fn dropped_ones() {
    alone("process_leaks::dropped_ones", || {
        let (descriptors, before) = (open_descriptors(), threads());
        run(async {
            for _ in 0..10 {
                // Never waited for; ended already; waited for and given up; piped; killed by a drop.
                drop(sh("sleep 0.05").spawn().unwrap());
                let ended = sh("exit 0").spawn().unwrap();
                sleep(Duration::from_millis(5)).await;
                drop(ended);
                let mut given_up = sh("sleep 0.05").spawn().unwrap();
                let soon = Duration::from_millis(1);
                assert!(timeout(soon, given_up.wait()).await.is_err());
                drop(given_up);
                let mut piped = sh("exec sleep 0.05");
                drop(piped.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn());
                let mut long = Command::new("sleep");
                drop(long.arg("1000").kill_on_drop(true).spawn().unwrap());
                let collecting = spawn(async { sh("sleep 0.05; echo x").output().await });
                sleep(Duration::ZERO).await;
                collecting.kill();
            }
        });
        soon("children", || children().is_empty());
        soon("threads", || threads() <= before);
        soon("descriptors", || open_descriptors() == descriptors);
    });
}

#[test]
fn those_of_a_hub_that_has_ended() {
    alone("process_leaks::those_of_a_hub_that_has_ended", || {
        let hub = Hub::new().unwrap();
        hub.run(async {
            spawn_n(async {
                let mut child = sh("sleep 0.1").spawn().unwrap();
                child.wait().await.unwrap();
            });
            let kept = sh("sleep 0.1").spawn().unwrap();
            sleep(Duration::from_millis(10)).await;
            kept
        });
        drop(hub);
        soon("children", || children().is_empty());
    });
}

#[test]
fn a_drop_does_not_kill_unless_asked() {
    alone("process_leaks::a_drop_does_not_kill_unless_asked", || {
        let mark = std::env::temp_dir().join(format!("evlet-os-mark-{}", std::process::id()));
        run(async {
            let script = format!("sleep 0.1; echo done > {}", mark.display());
            drop(sh(&script).spawn().unwrap());
        });
        soon("the mark", || mark.exists());
        fs::remove_file(&mark).unwrap();
        soon("children", || children().is_empty());
    });
}

/// Where the kernel has no pidfd: asked for through the seam over system calls.
#[test]
fn without_a_pidfd_sigchld_tells() {
    alone("process_leaks::without_a_pidfd_sigchld_tells", || {
        let asked = Rc::new(Cell::new(0));
        let count = Rc::clone(&asked);
        let nosys = rustix::io::Errno::NOSYS.raw_os_error();
        let hub = Hub::builder()
            .faults(move |call| {
                (call.kind == CallKind::Other).then(|| {
                    count.set(count.get() + 1);
                    Fault::Errno(nosys)
                })
            })
            .build()
            .unwrap();
        let before = open_descriptors();
        hub.run(async {
            let waits: Vec<_> = (0..10)
                .map(|n| {
                    spawn(async move { sh(&format!("sleep 0.0{n}; exit {n}")).status().await })
                })
                .collect();
            for (n, wait) in waits.into_iter().enumerate() {
                let status = timeout(PATIENCE, wait).await.unwrap().unwrap().unwrap();
                assert_eq!(status.code(), Some(n as i32));
            }
            let mut killed = sh("exec sleep 100").spawn().unwrap();
            killed.kill().unwrap();
            assert_eq!(killed.wait().await.unwrap().signal(), Some(9));
            drop(sh("sleep 0.05").spawn().unwrap());
        });
        assert!(asked.get() > 10);
        soon("children", || children().is_empty());
        soon("descriptors", || open_descriptors() == before);
    });
}

// proves K-6: by neither of the two ways to hear of an end, awaited and dropped ones beside it
#[test]
fn a_strangers_child_is_left_to_the_stranger() {
    alone(
        "process_leaks::a_strangers_child_is_left_to_the_stranger",
        || {
            for has_pidfd in [true, false] {
                let nosys = rustix::io::Errno::NOSYS.raw_os_error();
                let hub = Hub::builder()
                    .faults(move |call| {
                        let refused = !has_pidfd && call.kind == CallKind::Other;
                        refused.then_some(Fault::Errno(nosys))
                    })
                    .build()
                    .unwrap();
                let start = |script| {
                    std::process::Command::new("sh")
                        .args(["-c", script])
                        .spawn()
                };
                let mut ended = start("exit 4").unwrap();
                let mut running = start("sleep 0.2; exit 5").unwrap();
                hub.run(async {
                    sh("exit 0").status().await.unwrap();
                    drop(sh("sleep 0.05").spawn().unwrap());
                    sh("sleep 0.1").status().await.unwrap();
                });
                assert_eq!(ended.wait().unwrap().code(), Some(4));
                assert_eq!(running.wait().unwrap().code(), Some(5));
                soon("children", || children().is_empty());
            }
        },
    );
}

// proves C-8: with one of everything open
#[test]
fn a_child_inherits_none_of_our_descriptors() {
    alone(
        "process_leaks::a_child_inherits_none_of_our_descriptors",
        || {
            // Whoever started this test may have left some open that are not ours.
            let list = || ["sh", "-c", "ls /proc/$$/fd; exit 0"];
            let usual = std::process::Command::new(list()[0])
                .args(&list()[1..])
                .output();
            let usual = usual.unwrap().stdout;
            run(async {
                let _ends = pipe().unwrap();
                let _signals = signal(Signal::URG).unwrap();
                let _streams = (stdin().unwrap(), stdout().unwrap(), stderr().unwrap());
                let _file = File::open("/proc/self/stat").await.unwrap();
                let mut other = Command::new("sleep");
                other
                    .arg("100")
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped());
                let mut child = other.kill_on_drop(true).spawn().unwrap();
                let _input = child.stdin.take();
                let limit = Duration::from_millis(2);
                assert!(child.wait_timeout(limit).await.is_err(), "it is watched");
                let all = Command::new(list()[0]).args(&list()[1..]).output().await;
                let text = |bytes| String::from_utf8(bytes).unwrap();
                assert_eq!(text(all.unwrap().stdout), text(usual));
            });
        },
    );
}

#[test]
fn a_child_that_somebody_else_reaped_is_an_error() {
    alone(
        "process_leaks::a_child_that_somebody_else_reaped_is_an_error",
        || {
            run(async {
                let mut child = sh("exit 0").spawn().unwrap();
                rustix::process::wait(rustix::process::WaitOptions::empty()).unwrap();
                let gone = child.wait().await.unwrap_err();
                assert!(gone.to_string().contains("cannot watch `sh -c"), "{gone}");
                assert!(child.try_wait().is_err());
            });
        },
    );
}
