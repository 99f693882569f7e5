//! The stage that the tests play on: a hub in virtual time, and the look under the seats afterwards.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use evlet_hub::{Hub, HubBuilder, sleep, yield_now};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MS: Duration = Duration::from_millis(1);

/// Plays in virtual time, gives what was killed at the end a turn to go, then checks that nothing was
/// left over: no green thread, no timer.
#[track_caller]
pub(crate) fn virtually<F: Future>(root: F) -> F::Output {
    let hub = builder().build().unwrap();
    let output = hub.run(root);
    hub.run(yield_now());
    let left = hub.stats();
    assert_eq!(left.green_threads, 0, "green threads left over");
    assert_eq!(left.timers, 0, "timers left over");
    output
}

pub(crate) fn builder() -> HubBuilder {
    Hub::builder().virtual_time(true)
}

/// What was reported to the operator while `root` ran in virtual time.
pub(crate) fn reports_of<F: Future>(root: F) -> Vec<String> {
    let reports: Rc<RefCell<Vec<String>>> = Rc::default();
    let seen = Rc::clone(&reports);
    let hub = builder()
        .on_report(move |report| seen.borrow_mut().push(report.to_string()))
        .build()
        .unwrap();
    hub.run(root);
    drop(hub);
    reports.take()
}

/// Gives everybody else as many turns as any test here needs.
pub(crate) async fn settle() {
    for _ in 0..20 {
        yield_now().await;
    }
}

/// Waits long enough for whatever takes less than an hour.
pub(crate) async fn an_hour() {
    sleep(Duration::from_secs(3600)).await;
}
