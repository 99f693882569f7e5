//! The slot: everything evlet can say about a green thread, value by value.

use std::future::pending;
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::time::Duration;

use evlet_hub::wait::{WaitKind, WaitsOn, park};
use evlet_hub::{
    GreenThread, GreenThreadId, GreenThreadInfo, Hub, Io, current, now, set_name, sleep, spawn,
    spawn_after, spawn_at, timeout, yield_now,
};

use crate::deadline::Deadline;
use crate::pairs;
use crate::stage::virtual_hub;

const SECOND: Duration = Duration::from_secs(1);

/// Runs `root` with the hub in its hands, so that it can take photographs.
fn with_hub<R>(root: impl AsyncFnOnce(Rc<Hub>) -> R) -> R {
    let _limit = Deadline::new();
    let hub = Rc::new(virtual_hub());
    let mine = hub.clone();
    hub.run(async move { root(mine).await })
}

/// The photograph of one green thread.
fn of(hub: &Hub, id: GreenThreadId) -> GreenThreadInfo {
    let all = hub.green_threads();
    let found = all.into_iter().find(|info| info.id == id);
    found.expect("it is alive")
}

#[test]
fn a_green_thread_that_has_not_started() {
    with_hub(async |hub| {
        let (future, line) = (async { 1 }, line!() + 1);
        let task = spawn(future).named("newborn");
        let info = of(&hub, task.id());
        assert_eq!(info.name.as_deref(), Some("newborn"));
        assert_eq!(info.spawned_at.line(), line);
        assert!(info.spawned_at.file().ends_with("slot.rs"));
        assert_eq!(info.waiting_at, None);
        assert_eq!(info.polls, 0);
        assert!(!info.started);
        task.await.unwrap();
    });
}

#[test]
fn a_sleeper_says_where_on_what_and_since_when() {
    with_hub(async |hub| {
        let line = line!() + 3;
        let task = spawn(async {
            sleep(SECOND).await;
            sleep(SECOND * 60).await;
        });
        let start = now();
        yield_now().await;
        let info = of(&hub, task.id());
        assert!(info.started);
        assert_eq!(info.polls, 1);
        assert_eq!(info.name, None);
        assert_eq!(info.waits_on.kind, WaitKind::Timer);
        assert_eq!(info.waiting_at.unwrap().line(), line - 1);
        assert_eq!(info.since, start);
        sleep(SECOND * 2).await;
        let info = of(&hub, task.id());
        assert_eq!(info.polls, 2);
        assert_eq!(info.waiting_at.unwrap().line(), line);
        assert_eq!(info.since, start + SECOND);
        let text = info.to_string();
        assert!(text.contains(&format!("slot.rs:{line}")), "{text}");
        task.kill().await;
    });
}

#[test]
fn each_kind_of_wait_is_named() {
    with_hub(async |hub| {
        let (reader, writer) = pairs::pipe();
        let fd = reader.get_ref().as_raw_fd();
        let check = |task: &GreenThread<()>, kind: WaitKind, subject: Option<u64>| {
            let on = of(&hub, task.id()).waits_on;
            assert_eq!(on.kind, kind);
            if let Some(subject) = subject {
                assert_eq!(on.subject, subject, "{kind:?}");
            }
        };
        let reading = spawn(async move { drop(reader.readable().await) });
        let filling = spawn(async move {
            while writer
                .write_with(|mut p| std::io::Write::write(&mut p, &[0; 65_536]))
                .await
                .is_ok()
            {}
        });
        let target = spawn(pending::<()>());
        let id = target.id();
        let target = Rc::new(target);
        let joined = target.clone();
        let joining = spawn(async move { drop(joined.wait().await) });
        let foreign = spawn(pending::<()>());
        let yielding = spawn(async {
            loop {
                yield_now().await;
            }
        });
        let limited = spawn(async { assert!(timeout(SECOND, pending::<()>()).await.is_err()) });
        yield_now().await;
        check(
            &reading,
            WaitKind::Readable,
            Some(u64::try_from(fd).unwrap()),
        );
        check(&filling, WaitKind::Writable, None);
        check(&joining, WaitKind::GreenThread, Some(id.as_u64()));
        check(&foreign, WaitKind::Unknown, None);
        check(&yielding, WaitKind::Turn, None);
        check(&limited, WaitKind::Timer, None);
        target.kill().await;
        for task in [reading, filling, joining, foreign, yielding, limited] {
            task.kill().await;
        }
    });
}

#[test]
fn a_wait_of_ones_own_is_shown_as_given() {
    with_hub(async |hub| {
        let line = line!() + 4;
        let task = spawn(std::future::poll_fn(|_| {
            park(
                WaitsOn::new(WaitKind::Queue, 0xbeef),
                std::panic::Location::caller(),
            );
            std::task::Poll::<()>::Pending
        }));
        yield_now().await;
        let info = of(&hub, task.id());
        assert_eq!(info.waits_on, WaitsOn::new(WaitKind::Queue, 0xbeef));
        assert_eq!(info.waiting_at.unwrap().line(), line);
        task.kill().await;
    });
}

#[test]
fn the_place_of_a_wait_is_the_users_line() {
    with_hub(async |hub| {
        let target = Rc::new(spawn(pending::<()>()));
        let victim = target.clone();
        let line = line!() + 2;
        let waiting = spawn(async move {
            let _ = victim.wait().await;
        });
        yield_now().await;
        assert_eq!(of(&hub, waiting.id()).waiting_at.unwrap().line(), line);
        let killed = spawn(async { sleep(SECOND).await });
        yield_now().await;
        let line = line!() + 2;
        let killing = spawn(async move {
            killed.kill().await;
        });
        let mut seen = None;
        while !killing.is_finished() {
            let info = of(&hub, killing.id());
            if info.waits_on.kind == WaitKind::GreenThread {
                seen = info.waiting_at;
            }
            yield_now().await;
        }
        assert_eq!(seen.unwrap().line(), line);
        target.kill().await;
        waiting.await.unwrap();
        killing.await.unwrap();
    });
}

#[test]
fn the_bytes_are_those_of_the_future() {
    with_hub(async |hub| {
        let small = async { pending::<()>().await };
        let large = async {
            let room = [0_u8; 10_000];
            yield_now().await;
            assert!(room.iter().all(|b| *b == 0));
        };
        let sizes = (size_of_val(&small), size_of_val(&large));
        let (small, large) = (spawn(small), spawn(large));
        assert_eq!(of(&hub, small.id()).bytes, sizes.0);
        assert_eq!(of(&hub, large.id()).bytes, sizes.1);
        assert!(sizes.1 > 10_000);
        large.await.unwrap();
        small.kill().await;
    });
}

#[test]
fn polls_are_counted() {
    with_hub(async |hub| {
        let task = spawn(async {
            for _ in 0..9 {
                yield_now().await;
            }
            pending::<()>().await;
        });
        for polls in 0..=10 {
            assert_eq!(of(&hub, task.id()).polls, polls);
            yield_now().await;
        }
        assert_eq!(of(&hub, task.id()).polls, 10, "nothing to do, no poll");
        task.kill().await;
    });
}

#[test]
fn a_task_may_name_itself() {
    with_hub(async |hub| {
        let task = spawn(async {
            set_name("worker 7");
            pending::<()>().await;
        });
        yield_now().await;
        let info = of(&hub, task.id());
        assert_eq!(info.name.as_deref(), Some("worker 7"));
        assert!(info.to_string().contains("worker 7"));
        assert!(info.to_string().contains(&task.id().to_string()));
        let task = task.named("worker 8");
        assert_eq!(of(&hub, task.id()).name.as_deref(), Some("worker 8"));
        task.kill().await;
    });
}

#[test]
fn current_is_the_one_that_runs() {
    with_hub(async |_| {
        let task = spawn(async {
            let before = current();
            yield_now().await;
            (before, current())
        });
        let id = task.id();
        assert_ne!(current(), Some(id));
        let (before, after) = task.await.unwrap();
        assert_eq!((before, after), (Some(id), Some(id)));
        assert_ne!(current(), Some(id));
    });
}

#[test]
fn a_delayed_one_is_in_the_list_and_has_not_started() {
    with_hub(async |hub| {
        let (task, line) = (spawn_after(SECOND, pending::<()>()), line!());
        let info = of(&hub, task.id());
        assert_eq!(info.spawned_at.line(), line);
        assert!(!info.started);
        sleep(SECOND / 2).await;
        assert!(!of(&hub, task.id()).started);
        sleep(SECOND).await;
        assert!(of(&hub, task.id()).started);
        task.kill().await;
    });
}

#[track_caller]
fn a_helper_that_spawns() -> GreenThread<()> {
    spawn_at(std::panic::Location::caller(), pending())
}

#[test]
fn a_helper_may_spawn_for_its_caller() {
    with_hub(async |hub| {
        let (task, line) = (a_helper_that_spawns(), line!());
        assert_eq!(of(&hub, task.id()).spawned_at.line(), line);
        task.kill().await;
    });
}

#[test]
fn the_list_is_in_spawn_order_and_forgets_the_dead() {
    let _limit = Deadline::new();
    let hub = virtual_hub();
    let ids = hub.run(async {
        let tasks: Vec<_> = (0..100)
            .map(|n| {
                spawn(async move {
                    if n % 2 == 0 {
                        pending::<()>().await;
                    }
                })
            })
            .collect();
        yield_now().await;
        tasks.iter().map(GreenThread::id).collect::<Vec<_>>()
    });
    let alive: Vec<_> = hub.green_threads().iter().map(|info| info.id).collect();
    let expected: Vec<_> = ids.iter().copied().step_by(2).collect();
    assert_eq!(alive, expected);
}

// The reading of an `Io` that has been waiting for a while says so.
#[test]
fn since_is_when_the_wait_began() {
    with_hub(async |hub| {
        let start = now();
        let (reader, _writer) = std::io::pipe().unwrap();
        let io = Io::new(reader).unwrap();
        let task = spawn(async move {
            sleep(SECOND * 3).await;
            drop(io.readable().await);
        });
        sleep(SECOND * 10).await;
        let info = of(&hub, task.id());
        assert_eq!(info.waits_on.kind, WaitKind::Readable);
        assert_eq!(info.since, start + SECOND * 3);
        task.kill().await;
    });
}
