//! The starvation problem, shown and cured.
//!
//! One green thread runs at a time, until it waits for something. So a task that computes for a
//! second without waiting keeps everyone else waiting for a second: here a heart that should beat
//! every 100 ms. The cure is one `checkpoint().await` in the loop: it costs a few nanoseconds and
//! lets others run when the task has held the thread for longer than its share. evlet also names
//! the culprit on standard error, without being asked.
//!
//! Run it: `cargo run --release --example heartbeat`

use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, Instant};

use evlet::{FixedIntervalLoopingCall, checkpoint, now, sleep, spawn};

const BEAT: Duration = Duration::from_millis(100);
const WORK: Duration = Duration::from_millis(1000);

#[evlet::main]
async fn main() {
    let starved = worst_lateness_beside(greedy()).await;
    tell("a greedy task", starved);
    let cured = worst_lateness_beside(considerate()).await;
    tell("the same with checkpoint()", cured);
}

/// Computes for a second and never waits.
async fn greedy() {
    let start = Instant::now();
    while start.elapsed() < WORK {
        compute();
    }
}

/// The same work; now and then it asks whether others should have a turn.
async fn considerate() {
    let start = Instant::now();
    while start.elapsed() < WORK {
        compute();
        checkpoint().await;
    }
}

fn compute() {
    for n in 0..1000_u64 {
        black_box(n.wrapping_mul(n));
    }
}

/// Beats a heart while `task` runs; how late was the latest beat?
async fn worst_lateness_beside(task: impl Future<Output = ()> + 'static) -> Duration {
    let beats = Rc::new(RefCell::new(Vec::new()));
    let seen = beats.clone();
    let heart = FixedIntervalLoopingCall::new(move || {
        seen.borrow_mut().push(now());
        async {}
    })
    .start(BEAT);
    sleep(BEAT * 2).await;
    spawn(task).await.expect("the task does not panic");
    sleep(BEAT * 2).await;
    heart.stop();
    let beats = beats.borrow();
    beats
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).saturating_sub(BEAT))
        .max()
        .unwrap_or_default()
}

fn tell(what: &str, worst: Duration) {
    let verdict = if worst > WORK / 2 { "starved" } else { "alive" };
    println!(
        "{what:<28} worst lateness {:>4} ms: {verdict}",
        worst.as_millis()
    );
}
