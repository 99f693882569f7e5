//! Other OS threads: wake-ups from them, work handed to them.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use super::Runtime;
use crate::measure::{Figures, Stopwatch, quantile, repeat};
use crate::pin;

/// A thread on another cpu wakes a sleeping runtime so many times: how long from the wake-up to the poll.
pub(super) async fn from_thread<R: Runtime>(wakes: u64) -> Figures {
    let bell = Arc::new(Mutex::new(Bell::default()));
    let ringer = thread::spawn({
        let bell = bell.clone();
        move || {
            pin::to(pin::load());
            for _ in 0..wakes {
                // Long enough for the runtime to have gone to sleep.
                thread::sleep(Duration::from_micros(300));
                let waker = loop {
                    let waker = bell.lock().ok().and_then(|mut bell| bell.waker.take());
                    match waker {
                        Some(waker) => break waker,
                        None => thread::sleep(Duration::from_micros(50)),
                    }
                };
                if let Ok(mut bell) = bell.lock() {
                    bell.rung = Some(Instant::now());
                }
                waker.wake();
            }
        }
    });
    let stopwatch = Stopwatch::start();
    let mut took = Vec::with_capacity(wakes as usize);
    for _ in 0..wakes {
        let rung = Rings(&bell).await;
        took.push(rung.elapsed().as_nanos() as f64);
    }
    let figures = stopwatch.stop().over(wakes);
    let _ = ringer.join();
    figures
        .with("p50", quantile(&mut took, 0.5))
        .with("p99", quantile(&mut took, 0.99))
}

/// Hands a job that does nothing to the runtime's pool of threads: one operation is there and back.
/// All threads are on one cpu, so that the scheduler's choice of cpus is not what is measured.
pub(super) async fn blocking<R: Runtime>() -> Figures {
    const JOBS: u64 = 500;
    let on = pin::allowed() as f64;
    repeat(JOBS, async || {
        for n in 0..JOBS {
            assert_eq!(R::blocking(move || n).await, n);
        }
    })
    .await
    .with("cpus", on)
}

#[derive(Debug, Default)]
struct Bell {
    waker: Option<Waker>,
    rung: Option<Instant>,
}

/// Ready when the bell was rung, with when.
struct Rings<'a>(&'a Mutex<Bell>);

impl Future for Rings<'_> {
    type Output = Instant;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Instant> {
        let Ok(mut bell) = self.0.lock() else {
            panic!("the ringing thread panicked");
        };
        match bell.rung.take() {
            Some(rung) => Poll::Ready(rung),
            None => {
                bell.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}
