//! What a fork may rely on.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use evlet_alone::Scenario;
use evlet_green::tpool;
use evlet_hub::{Hub, sleep, spawn, spawn_n, timeout};
use evlet_os::process::Command;
use evlet_os::signal::{Signal, SignalStream, after_fork, signal};
use futures::FutureExt;
use rustix::process::{WaitOptions, getpid, kill_process, wait};

use crate::fork::Forked;

pub(crate) const SCENARIOS: &[Scenario] = &[
    (
        "a_child_that_parted_is_not_heard",
        a_child_that_parted_is_not_heard,
    ),
    (
        "new_listeners_hear_their_own_process",
        new_listeners_hear_their_own_process,
    ),
    ("a_copied_stream_is_refused", a_copied_stream_is_refused),
    ("a_fork_of_a_fork", a_fork_of_a_fork),
    (
        "the_thread_pool_of_a_fork_has_threads",
        the_thread_pool_of_a_fork_has_threads,
    ),
    (
        "children_of_a_fork_are_reaped",
        children_of_a_fork_are_reaped,
    ),
];

const PATIENCE: Duration = Duration::from_secs(20);
/// Long enough for a signal that was sent before to arrive.
const A_MOMENT: Duration = Duration::from_millis(30);

fn send_to_myself() {
    kill_process(getpid(), rustix::process::Signal::USR1).unwrap();
}

/// How many arrivals are told until there is silence.
async fn heard(stream: &mut SignalStream) -> usize {
    let mut count = 0;
    while let Ok(arrival) = timeout(A_MOMENT, stream.recv()).await {
        assert_eq!(arrival.unwrap(), Signal::USR1);
        count += 1;
    }
    count
}

/// A hub with a listener, neither of them in use.
fn listening() -> (Hub, SignalStream) {
    let hub = Hub::new().unwrap();
    let stream = hub.run(async { signal(Signal::USR1).unwrap() });
    (hub, stream)
}

// proves K-7, for signals
fn a_child_that_parted_is_not_heard() {
    let (hub, mut stream) = listening();
    Forked::new(|| {
        after_fork();
        send_to_myself(); // handled, and told to nobody
        after_fork();
    })
    .ends_well();
    hub.run(async {
        assert_eq!(heard(&mut stream).await, 0);
        send_to_myself();
        assert_eq!(heard(&mut stream).await, 1);
    });
}

// proves K-7: the first listener parts the two, several hear each arrival, the parent's go on
fn new_listeners_hear_their_own_process() {
    let (hub, mut stream) = listening();
    let (mut ready, tell) = io::pipe().unwrap();
    let child = Forked::new(|| {
        Hub::new().unwrap().run(async {
            let mut one = signal(Signal::USR1).unwrap();
            let mut other = signal(Signal::USR1).unwrap();
            (&tell).write_all(b"x").unwrap();
            for stream in [&mut one, &mut other] {
                let arrival = timeout(PATIENCE, stream.recv()).await.unwrap();
                assert_eq!(arrival.unwrap(), Signal::USR1);
                assert_eq!(heard(stream).await, 0, "told once");
            }
        });
    });
    ready.read_exact(&mut [0]).unwrap();
    kill_process(child.pid(), rustix::process::Signal::USR1).unwrap();
    child.ends_well();
    hub.run(async {
        assert_eq!(heard(&mut stream).await, 0);
        // And the other way round: nobody of the child's is left to hear this one.
        send_to_myself();
        assert_eq!(heard(&mut stream).await, 1);
    });
}

// proves K-7: neither a read nor a drop of the copy takes anything from the original
fn a_copied_stream_is_refused() {
    let (hub, stream) = listening();
    send_to_myself();
    let mut stream = Some(stream);
    Forked::new(|| {
        let mut copy = stream.take().unwrap();
        let refused = Hub::new().unwrap().run(copy.recv()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unsupported);
        let text = refused.to_string();
        assert!(
            text.contains("SIGUSR1") && text.contains("after a fork"),
            "{text}"
        );
        drop(copy);
    })
    .ends_well();
    hub.run(async {
        let mut stream = stream.unwrap();
        assert_eq!(heard(&mut stream).await, 1, "the one from before the fork");
        send_to_myself();
        assert_eq!(heard(&mut stream).await, 1);
    });
}

fn a_fork_of_a_fork() {
    let (hub, mut stream) = listening();
    Forked::new(|| {
        let (hub, mut stream) = listening();
        Forked::new(|| {
            let (hub, mut stream) = listening();
            send_to_myself();
            assert_eq!(hub.run(heard(&mut stream)), 1);
        })
        .ends_well();
        assert_eq!(hub.run(heard(&mut stream)), 0);
        send_to_myself();
        assert_eq!(hub.run(heard(&mut stream)), 1);
    })
    .ends_well();
    assert_eq!(hub.run(heard(&mut stream)), 0);
}

// proves K-7: those of the parent are not in the child, and what they have to do is not done twice
fn the_thread_pool_of_a_fork_has_threads() {
    let read = || async {
        let text = evlet_os::fs::read_to_string("/proc/self/stat").await;
        assert!(text.unwrap().starts_with(&std::process::id().to_string()));
    };
    let hub = Hub::new().unwrap();
    let runs = Arc::new(AtomicU32::new(0));
    let count = runs.clone();
    let waiting = hub.run(async {
        read().await;
        tpool::set_num_threads(1);
        spawn_n(tpool::execute(|| std::thread::sleep(Duration::from_millis(300))).map(drop));
        let waiting = spawn(tpool::execute(move || count.fetch_add(1, Ordering::SeqCst)));
        sleep(Duration::from_millis(2)).await;
        Some(waiting)
    });
    assert_eq!(tpool::stats().queued, 1);
    Forked::new(|| {
        let hub = Hub::new().unwrap();
        hub.run(async { timeout(PATIENCE, read()).await.unwrap() });
        assert_eq!(runs.load(Ordering::SeqCst), 0, "it is the parent's job");
    })
    .ends_well();
    hub.run(waiting.unwrap()).unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    hub.run(read());
}

// proves K-6, K-7: awaited and dropped ones, while the parent has a reaper with work of its own
fn children_of_a_fork_are_reaped() {
    let hub = Hub::new().unwrap();
    hub.run(async {
        drop(Command::new("sleep").arg("0.3").spawn().unwrap());
        sleep(A_MOMENT).await; // the reaper has gone to sleep
    });
    Forked::new(|| {
        Hub::new().unwrap().run(async {
            let said = Command::new("echo").arg("x").output().await.unwrap();
            assert_eq!(said.stdout, b"x\n");
            drop(Command::new("sleep").arg("0.02").spawn().unwrap());
            timeout(PATIENCE, no_children()).await.unwrap();
        });
    })
    .ends_well();
    hub.run(async { timeout(PATIENCE, no_children()).await.unwrap() });
}

/// Until this process has no children, living or dead.
async fn no_children() {
    // Asked without reaping: that is somebody else's work here.
    while std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", std::process::id()))
        .unwrap()
        .split_whitespace()
        .next()
        .is_some()
    {
        sleep(Duration::from_millis(2)).await;
    }
    let none = wait(WaitOptions::NOHANG);
    assert_eq!(none.unwrap_err(), rustix::io::Errno::CHILD);
}
