//! The thread pool as a stage: one pool serves the process, so the tests that look at it take turns.

use std::pin::pin;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use evlet_green::tpool;
use evlet_hub::{spawn_n, yield_now};
use futures::poll;

/// The pool for this test alone, with twenty threads.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    tpool::set_num_threads(20);
    turn
}

/// Keeps as many threads busy as there are, until the sender is dropped. Returns when they are.
pub(crate) async fn occupy(threads: usize) -> mpsc::Sender<()> {
    tpool::set_num_threads(threads);
    let (release, held) = mpsc::channel::<()>();
    let (held, started) = (Arc::new(Mutex::new(held)), Arc::new(AtomicUsize::new(0)));
    for _ in 0..threads {
        let (held, started) = (held.clone(), started.clone());
        spawn_n(tpool::execute(move || {
            started.fetch_add(1, Ordering::SeqCst);
            let _ = held.lock().unwrap_or_else(PoisonError::into_inner).recv();
        }));
    }
    while started.load(Ordering::SeqCst) < threads {
        yield_now().await;
    }
    release
}

/// Drops a call once its job has started.
pub(crate) async fn give_up_once<T>(started: &AtomicUsize, call: impl Future<Output = T>) {
    let mut call = pin!(call);
    while started.load(Ordering::SeqCst) == 0 {
        assert!(poll!(&mut call).is_pending());
        yield_now().await;
    }
}

/// Runs one of the ignored tests in a process of its own.
pub(crate) fn in_a_process(test: &str, size: &str) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            test,
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env("EVLET_THREADPOOL_SIZE", size)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");
    text
}
