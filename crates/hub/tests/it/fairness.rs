//! Nobody starves: not by a task that is always ready, not by a loop over what is always ready.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Wake, Waker, ready};
use std::thread;
use std::time::{Duration, Instant};

use evlet_hub::wait::poll_budget;
use evlet_hub::{
    GreenThread, Hub, Interest, Io, Sleep, checkpoint, handle, now, sleep, sleep_until, spawn,
    spawn_n, stats, timeout, trampoline, yield_now,
};

use crate::bell::{RemoteBell, poll_with};
use crate::pairs;
use crate::stage::{on_each_backend, play, really, virtually};

const SECOND: Duration = Duration::from_secs(1);

/// Tasks that are ready at all times, until they are dropped.
struct Greedy(Vec<GreenThread<()>>);

impl Greedy {
    fn new(count: usize) -> Self {
        let spin = |n| async move {
            if n % 2 == 0 {
                loop {
                    yield_now().await;
                }
            }
            poll_fn(|cx| {
                cx.waker().wake_by_ref();
                Poll::<()>::Pending
            })
            .await;
        };
        Greedy((0..count).map(|n| spawn(spin(n))).collect())
    }

    async fn end(self) {
        for task in self.0 {
            task.kill().await;
        }
    }
}

// proves A-9, B-6
#[test]
fn greedy_tasks_do_not_starve_timers() {
    on_each_backend(async || {
        let greedy = Greedy::new(3);
        for _ in 0..5 {
            sleep(Duration::from_millis(1)).await;
        }
        greedy.end().await;
    });
}

// proves A-9: input is looked at at least each `batch` polls, however long the line
#[test]
fn greedy_tasks_do_not_starve_input() {
    on_each_backend(async || {
        const CROWD: u64 = 500;
        let greedy = Greedy::new(CROWD as usize);
        let (reader, mut writer) = io::pipe().unwrap();
        let io = Io::new(reader).unwrap();
        let polls_before = Rc::new(Cell::new(0));
        let seen = polls_before.clone();
        let waiting = spawn(async move {
            io.read_with(|mut p| p.read(&mut [0])).await.unwrap();
            stats().polls - seen.get()
        });
        yield_now().await;
        yield_now().await;
        polls_before.set(stats().polls);
        writer.write_all(b"x").unwrap();
        let took = waiting.await.unwrap();
        // The rest of this round, a batch until the look, and a round until its turn.
        assert!(took <= 2 * CROWD + 2 * 61, "{took} polls");
        greedy.end().await;
    });
}

// proves A-9: the bound follows the setting
#[test]
fn the_batch_can_be_set() {
    let looks = |batch| {
        let hub = Hub::builder().batch(batch).build().unwrap();
        play(&hub, async {
            let greedy = Greedy::new(10);
            let turns = stats().turns;
            for _ in 0..100 {
                yield_now().await;
            }
            let turns = stats().turns - turns;
            greedy.end().await;
            turns
        })
    };
    // 1,100 polls in turns of 5 and of 100.
    assert!((150..=400).contains(&looks(5)), "{}", looks(5));
    assert!((8..=40).contains(&looks(100)), "{}", looks(100));
}

// proves A-9
#[test]
fn greedy_tasks_do_not_starve_remote_wake_ups() {
    on_each_backend(async || {
        let greedy = Greedy::new(3);
        let bell = RemoteBell::new();
        let ringer = bell.clone();
        let thread = thread::spawn(move || (0..100).for_each(|_| ringer.ring()));
        bell.wait_for(100).await;
        thread.join().unwrap();
        greedy.end().await;
    });
}

// proves A-9: a thread that spawns without end does not starve timers, descriptors and tasks
#[test]
fn a_flood_of_remote_spawns_starves_nobody() {
    on_each_backend(async || {
        let over = Arc::new(AtomicBool::new(false));
        let (remote, ended) = (handle(), over.clone());
        let flood = thread::spawn(move || {
            let mut left = 200_000;
            while left > 0 && !ended.load(Ordering::Relaxed) {
                drop(remote.spawn(async {}));
                left -= 1;
            }
        });
        let (reader, mut writer) = io::pipe().unwrap();
        let io = Io::new(reader).unwrap();
        for _ in 0..5 {
            sleep(Duration::from_millis(1)).await;
            writer.write_all(b"x").unwrap();
            io.read_with(|mut p| p.read(&mut [0])).await.unwrap();
        }
        over.store(true, Ordering::Relaxed);
        flood.join().unwrap();
        while stats().green_threads > 0 {
            sleep(Duration::from_millis(1)).await;
        }
    });
}

/// A task that takes every turn it gets, and how many those were.
fn counts_its_turns() -> (GreenThread<()>, Rc<Cell<u32>>) {
    let turns = Rc::new(Cell::new(0));
    let count = turns.clone();
    let task = spawn(async move {
        loop {
            count.set(count.get() + 1);
            yield_now().await;
        }
    });
    (task, turns)
}

/// Runs an endless loop over `operation` beside another task: does that one get its turns?
async fn lets_others_run<F: Future + 'static>(name: &str, operation: impl Fn() -> F + 'static) {
    let (other, turns) = counts_its_turns();
    let operations = Rc::new(Cell::new(0_u64));
    let done = operations.clone();
    let looping = spawn(async move {
        while done.get() < 10_000 {
            done.set(done.get() + 1);
            operation().await;
        }
    });
    looping.await.unwrap();
    other.kill().await;
    let turns = turns.get();
    assert!(turns >= 10_000 / 128, "{name}: the other ran {turns} times");
    drop(other);
}

// proves A-9 for what is always ready, error paths included
#[test]
fn loops_over_ready_input_let_others_run() {
    on_each_backend(async || {
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(&[0; 20_000]).unwrap();
        let io = Rc::new(Io::new(reader).unwrap());
        let source = io.clone();
        lets_others_run("read", move || {
            let io = source.clone();
            async move { io.read_with(|mut p| p.read(&mut [0])).await.unwrap() }
        })
        .await;
        let source = io.clone();
        lets_others_run("a read that fails at once", move || {
            let io = source.clone();
            async move {
                let failing =
                    io.read_with(|_| Err::<(), _>(io::ErrorKind::ConnectionAborted.into()));
                assert!(failing.await.is_err());
            }
        })
        .await;
        let source = io.clone();
        lets_others_run("readable", move || {
            let io = source.clone();
            async move { io.readable().await.unwrap() }
        })
        .await;
        let source = io.clone();
        lets_others_run("trampoline", move || {
            let io = source.clone();
            async move {
                // Registered twice, once by `io`: through a descriptor of its own.
                let own = io.get_ref().try_clone().unwrap();
                trampoline(&own, Interest::Readable, None).await.unwrap();
            }
        })
        .await;
        io.close();
        let source = io.clone();
        lets_others_run("a read of what is closed", move || {
            let io = source.clone();
            async move {
                let closed = io.read_with(|mut p| p.read(&mut [0]));
                assert!(closed.await.is_err());
            }
        })
        .await;
        let (_reader, writer) = io::pipe().unwrap();
        let io = Rc::new(Io::new(writer).unwrap());
        lets_others_run("a write that succeeds at once", move || {
            let io = io.clone();
            async move { io.write_with(|_| Ok(())).await.unwrap() }
        })
        .await;
    });
}

// proves A-9 for the rest of what may block and can go on at once
#[test]
fn loops_over_ready_waits_let_others_run() {
    virtually(async {
        lets_others_run("sleep(0)", || sleep(Duration::ZERO)).await;
        lets_others_run("sleep_until(now)", || sleep_until(now())).await;
        lets_others_run("yield_now", yield_now).await;
        lets_others_run("a finished task", || GreenThread::ready(())).await;
        lets_others_run("its kill", || {
            let task = GreenThread::ready(());
            task.kill()
        })
        .await;
        lets_others_run("timeout around them", || {
            timeout(SECOND, GreenThread::ready(()))
        })
        .await;
    });
}

// proves A-9: the budget is that of one poll, and is counted exactly
#[test]
fn the_budget_is_spent_once_a_poll() {
    let hub = Hub::builder().virtual_time(true).budget(7).build().unwrap();
    play(&hub, async {
        let mut spent = Vec::new();
        let mut operations = 0;
        let mut rounds = 0;
        poll_fn(|cx| {
            rounds += 1;
            if rounds > 4 {
                return Poll::Ready(());
            }
            loop {
                match poll_budget(cx) {
                    Poll::Ready(()) => operations += 1,
                    Poll::Pending => {
                        spent.push(std::mem::take(&mut operations));
                        return Poll::Pending;
                    }
                }
            }
        })
        .await;
        assert_eq!(spent, [7, 7, 7, 7]);
    });
}

// proves A-9: one task's spending is not another's
#[test]
fn each_task_has_a_budget_of_its_own() {
    let hub = Hub::builder().virtual_time(true).budget(3).build().unwrap();
    play(&hub, async {
        let spend = || {
            spawn(poll_fn(|cx| {
                for _ in 0..3 {
                    ready!(poll_budget(cx));
                }
                Poll::Ready(stats().polls)
            }))
        };
        let before = stats().polls;
        let tasks: Vec<_> = (0..50).map(|_| spend()).collect();
        for (n, task) in (1..).zip(tasks) {
            assert_eq!(task.await.unwrap() - before, n, "each needs one poll");
        }
    });
}

/// How often another task ran during a thousand checkpoints.
async fn turns_of_another(work: Duration) -> u32 {
    let (other, turns) = counts_its_turns();
    yield_now().await;
    let before = turns.get();
    for _ in 0..10 {
        let start = Instant::now();
        while start.elapsed() < work {
            std::hint::spin_loop();
        }
        checkpoint().await;
    }
    let turns = turns.get() - before;
    other.kill().await;
    drop(other);
    turns
}

#[test]
fn a_checkpoint_within_the_slice_goes_on() {
    let hub = Hub::builder().time_slice(SECOND * 100).build().unwrap();
    assert_eq!(play(&hub, turns_of_another(Duration::from_millis(1))), 0);
}

#[test]
fn a_checkpoint_after_the_slice_yields() {
    let slice = Duration::from_millis(5);
    let hub = Hub::builder().time_slice(slice).build().unwrap();
    // Ten pieces of work, each longer than a slice and than the tick of a coarse clock. What is asked
    // first may only start the count.
    let turns = play(&hub, turns_of_another(slice * 3));
    assert!((5..=10).contains(&turns), "{turns}");
}

// proves A-9: a loop of checkpoints cannot keep the hub
#[test]
fn a_loop_of_checkpoints_lets_timers_fire() {
    really(async {
        let done = Rc::new(Cell::new(false));
        let rung = done.clone();
        spawn_n(async move {
            sleep(Duration::from_millis(5)).await;
            rung.set(true);
        });
        while !done.get() {
            checkpoint().await;
        }
    });
}

/// A timer that wakes nobody, and each time sets the next one and has another thread wake one that has ended.
struct Idle {
    ended: Waker,
    left: AtomicU32,
    next: Mutex<Option<Sleep>>,
}

impl Idle {
    fn set(self: Arc<Self>) {
        let soon = now() + Duration::from_micros(200);
        let mut next = sleep_until(soon);
        assert!(poll_with(Waker::from(self.clone()), &mut next).is_pending());
        *self.next.lock().unwrap() = Some(next);
        let ended = self.ended.clone();
        thread::spawn(move || ended.wake()).join().unwrap();
        while now() < soon {}
    }
}

impl Wake for Idle {
    fn wake(self: Arc<Self>) {
        let left = self.left.load(Ordering::Relaxed);
        if left > 0 {
            self.left.store(left - 1, Ordering::Relaxed);
            self.set();
        }
    }
}

// proves A-9: there is always something from another thread when the hub would wait, and nobody is ready for it
#[test]
fn wake_ups_of_the_ended_do_not_starve_descriptors() {
    on_each_backend(async || {
        let ended = spawn(poll_fn(|cx| Poll::Ready(cx.waker().clone())));
        let idle = Arc::new(Idle {
            ended: ended.await.unwrap(),
            left: AtomicU32::new(1000),
            next: Mutex::default(),
        });
        let (ours, mut theirs) = pairs::unix();
        let reader = spawn(async move {
            let io = Io::new(ours).unwrap();
            io.read_with(|mut s| s.read(&mut [0])).await.unwrap()
        });
        yield_now().await;
        idle.clone().set();
        theirs.write_all(b"x").unwrap();
        assert_eq!(reader.await.unwrap(), 1);
        let left = idle.left.swap(0, Ordering::Relaxed);
        idle.next.lock().unwrap().take();
        assert!(left > 900, "{left}: it was late");
    });
}
