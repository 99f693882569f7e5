//! Sleeps: what they cost, how late they end.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::Runtime;
use super::runtime::Reply as _;
use crate::measure::{Figures, Stopwatch, quantile};

/// How often all of them fire.
const FIRED: usize = 3;

/// So many tasks that each sleep once, for 1 to 1,000 ms: one operation is one of them, from its spawn to
/// its end. Also how late they were, in nanoseconds.
///
/// They are spawned a hundred at a time, with a yield between: how late a sleep ends is to tell of timers,
/// not of a burst of a hundred thousand spawns that it had to wait for.
pub(super) async fn many<R: Runtime>(number: u64) -> Figures {
    // Written once before, so that its pages are there.
    let late = Rc::new(RefCell::new(vec![-1.0; number as usize]));
    late.borrow_mut().clear();
    let stopwatch = Stopwatch::start();
    sleep_all::<R>(number, &late, |n| {
        Duration::from_micros(1_000 + scattered(n) % 999_001)
    })
    .await;
    let figures = stopwatch.stop().over(number);
    let mut late = late.take();
    figures
        .with("late_p50", quantile(&mut late, 0.5))
        .with("late_p99", quantile(&mut late, 0.99))
        .with("late_max", quantile(&mut late, 1.0))
}

/// What it costs to fire a timer and run its task, without the waits: so many sleeps that end within one
/// millisecond, over which the hub is busy. Nothing but their ends is measured.
pub(super) async fn fired<R: Runtime>(number: u64) -> Figures {
    let late = Rc::new(RefCell::new(vec![-1.0; number as usize]));
    let mut of = Vec::new();
    while of.len() < FIRED {
        late.borrow_mut().clear();
        let setting = Instant::now();
        let (left, all) = counted::<R>(number);
        // Time enough to set them all before the first is due.
        let head_start = Duration::from_millis(20) + Duration::from_micros(number) * 2;
        let due = setting + head_start;
        for n in 0..number {
            let (left, late) = (left.clone(), late.clone());
            R::spawn_n(async move {
                let end = due + Duration::from_nanos(scattered(n) % 1_000_000);
                R::sleep(end.saturating_duration_since(Instant::now())).await;
                late.borrow_mut().push(0.0);
                left.one_less();
            });
        }
        // This task goes to the end of the queue: they all sleep when it is back.
        for _ in 0..3 {
            R::yield_now().await;
        }
        let is_in_time = Instant::now() < due;
        while Instant::now() < due + Duration::from_millis(4) {
            std::hint::spin_loop();
        }
        let stopwatch = Stopwatch::start();
        all.await;
        let spent = stopwatch.stop();
        assert_eq!(late.borrow().len() as u64, number);
        assert!(is_in_time, "the head start was too short");
        of.push(spent.cpu.as_nanos() as f64 / number as f64);
    }
    let cpu_ns = quantile(&mut of, 0.5);
    Figures {
        ops: number * FIRED as u64,
        cpu_ns,
        wall_ns: cpu_ns,
        ..Figures::default()
    }
}

/// A lone task's `sleep(0)`, again and again, for a tenth of a second.
pub(super) async fn zero<R: Runtime>() -> Figures {
    for _ in 0..10 {
        R::sleep(Duration::ZERO).await;
    }
    let stopwatch = Stopwatch::start();
    let mut ops = 0;
    while stopwatch.stop().wall < Duration::from_millis(100) {
        for _ in 0..50 {
            R::sleep(Duration::ZERO).await;
        }
        ops += 50;
    }
    stopwatch.stop().over(ops)
}

async fn sleep_all<R: Runtime>(
    number: u64,
    late: &Rc<RefCell<Vec<f64>>>,
    duration: impl Fn(u64) -> Duration,
) {
    let (left, all) = counted::<R>(number);
    for n in 0..number {
        let (left, late) = (left.clone(), late.clone());
        let duration = duration(n);
        R::spawn_n(async move {
            let due = Instant::now() + duration;
            R::sleep(duration).await;
            let by = Instant::now().saturating_duration_since(due);
            late.borrow_mut().push(by.as_nanos() as f64);
            left.one_less();
        });
        if n % 100 == 99 {
            R::yield_now().await;
        }
    }
    all.await;
}

/// Counts down; who takes the last one tells the waiter.
struct Left<R: Runtime> {
    number: Cell<u64>,
    all: Cell<Option<R::Reply<()>>>,
}

impl<R: Runtime> Left<R> {
    fn one_less(&self) {
        self.number.set(self.number.get() - 1);
        if self.number.get() == 0
            && let Some(all) = self.all.take()
        {
            all.send(());
        }
    }
}

fn counted<R: Runtime>(number: u64) -> (Rc<Left<R>>, impl Future<Output = ()> + 'static) {
    let (all, is_all) = R::oneshot();
    let left = Left {
        number: Cell::new(number),
        all: Cell::new(Some(all)),
    };
    (Rc::new(left), is_all)
}

/// Numbers in no order, the same each time.
fn scattered(n: u64) -> u64 {
    let mixed = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 20
}
