//! Why a green thread was killed, by whom, and what it was at.

use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use evlet_hub::{
    Exit, GreenThread, Hub, KillReport, WaitKind, current, sleep, spawn, spawn_after, yield_now,
};

use crate::stage::virtually;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_handle_tells_why_by_whom_and_where_it_waited() {
    virtually(async {
        let task = Rc::new(spawn(async {
            sleep(SECOND).await;
        }));
        let slept_at = line!() - 2;
        yield_now().await;
        assert_eq!(task.killed(), None);
        let victim = Rc::clone(&task);
        let killer = spawn(async move {
            victim.kill_with("the node went down");
            assert!(victim.killed().is_some(), "from the mark on");
        });
        let line = line!() - 3;
        let killer_id = killer.id();
        killer.await.unwrap();
        assert!(matches!(task.wait().await, Err(Exit::Killed)));
        let report = task.killed().unwrap();
        assert_eq!(report.reason.as_deref(), Some("the node went down"));
        assert_eq!(report.by, Some(killer_id));
        assert_eq!(report.killed_at.line(), line);
        assert_eq!(report.waiting_at.map(|at| at.line()), Some(slept_at));
        assert_eq!(report.waits_on.kind, WaitKind::Timer);
        let text = report.to_string();
        assert!(text.contains("a timer: the node went down"), "{text}");
    });
}

#[test]
fn a_kill_without_a_reason_is_told_too() {
    virtually(async {
        let task = spawn(pending::<()>());
        task.kill();
        assert!(task.wait().await.is_err());
        let report = task.killed().unwrap();
        assert_eq!((report.reason, report.waiting_at), (None, None));
        assert_eq!(report.by, current());
        assert_eq!(report.killed_at.file(), file!());

        let unstarted = spawn_after(SECOND, async {});
        assert!(unstarted.cancel());
        assert!(unstarted.wait().await.is_err());
        assert_eq!(unstarted.killed().unwrap().killed_at.file(), file!());
    });
}

#[test]
fn of_several_kills_the_first_is_told() {
    virtually(async {
        let task = spawn(pending::<()>());
        task.kill_with("first");
        task.kill_with("second");
        assert!(task.wait().await.is_err());
        task.kill_with("third");
        assert_eq!(task.killed().unwrap().reason.as_deref(), Some("first"));
    });
}

#[test]
fn one_that_was_not_killed_has_no_report() {
    virtually(async {
        let returned = spawn(async { 6 });
        assert_eq!(returned.wait().await.unwrap(), 6);
        returned.kill_with("too late");
        assert_eq!(returned.killed(), None);
        // It came to its end before its next await.
        let me: Rc<RefCell<Option<GreenThread<u32>>>> = Rc::default();
        let own = Rc::clone(&me);
        *me.borrow_mut() = Some(spawn(async move {
            own.borrow().as_ref().unwrap().kill_with("myself");
            7
        }));
        yield_now().await;
        let task = me.borrow_mut().take().unwrap();
        assert_eq!(task.wait().await.unwrap(), 7);
        assert_eq!(task.killed(), None);
    });
}

#[test]
fn links_are_told() {
    let told: Rc<RefCell<Vec<Option<KillReport>>>> = Rc::default();
    virtually(async {
        let early = Rc::clone(&told);
        let task = spawn(pending::<()>());
        task.link(move |ended| early.borrow_mut().push(ended.killed.clone()));
        task.kill_with("why not");
        assert!(task.wait().await.is_err());
        let late = Rc::clone(&told);
        task.link(move |ended| late.borrow_mut().push(ended.killed.clone()));
        let fine = spawn(async {});
        let other = Rc::clone(&told);
        fine.link(move |ended| other.borrow_mut().push(ended.killed.clone()));
        fine.await.unwrap();
    });
    let told: Vec<_> = told
        .take()
        .into_iter()
        .map(|report| report?.reason)
        .collect();
    let why = Some(String::from("why not"));
    assert_eq!(told, [why.clone(), why, None]);
}

#[test]
fn one_that_killed_itself_says_so() {
    virtually(async {
        let me: Rc<RefCell<Option<GreenThread<()>>>> = Rc::default();
        let own = Rc::clone(&me);
        *me.borrow_mut() = Some(spawn(async move {
            own.borrow().as_ref().unwrap().kill_with("enough");
            pending::<()>().await;
        }));
        yield_now().await;
        yield_now().await;
        let task = me.borrow_mut().take().unwrap();
        assert!(task.wait().await.is_err());
        let report = task.killed().unwrap();
        assert_eq!(report.by, Some(task.id()));
        assert_eq!(report.waits_on.kind, WaitKind::Unknown);
    });
}

#[expect(clippy::async_yields_async, reason = "the handle outlives the run")]
#[test]
fn the_end_of_the_hub_is_no_kill_of_anybody() {
    let hub = Hub::builder().virtual_time(true).build().unwrap();
    let task = hub.run(async {
        let task = spawn(pending::<()>());
        yield_now().await;
        task
    });
    drop(hub);
    assert_eq!(task.killed(), None);
}
