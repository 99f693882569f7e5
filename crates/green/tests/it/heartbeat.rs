//! A heartbeat stays on time beside work: work that takes turns, and work that is sent away.
//!
//! Measured is not the time, which belongs to the machine, but that the heart beats while the work is
//! under way: the work ends only when it has.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use evlet_green::{FixedIntervalLoopingCall, LoopingCall, tpool};
use evlet_hub::{Hub, checkpoint, run};

use crate::stage::MS;
use crate::threads::alone;

const BEATS: usize = 5;

/// Beats for ever.
fn heart(mut beat: impl FnMut() + 'static) -> LoopingCall<()> {
    FixedIntervalLoopingCall::new(move || {
        beat();
        async { ControlFlow::<()>::Continue(()) }
    })
    .start(10 * MS)
}

// openstack case 93
#[test]
fn a_heart_beats_beside_work_that_takes_turns() {
    let hub = Hub::builder().time_slice(MS).build().unwrap();
    hub.run(async {
        let beats = Rc::new(Cell::new(0));
        let own = beats.clone();
        let heart = heart(move || own.set(own.get() + 1));
        let mut sum = 0_u64;
        while beats.get() < BEATS {
            sum = sum.wrapping_mul(31).wrapping_add(7);
            checkpoint().await;
        }
        assert_ne!(sum, 0);
        heart.stop();
        heart.wait().await.unwrap();
    });
}

// openstack case 93
#[test]
fn a_heart_beats_beside_work_that_was_sent_away() {
    let _turn = alone();
    run(async {
        let beats = Arc::new(AtomicUsize::new(0));
        let own = beats.clone();
        let heart = heart(move || {
            own.fetch_add(1, Ordering::SeqCst);
        });
        let work = tpool::execute(move || {
            while beats.load(Ordering::SeqCst) < BEATS {
                thread::yield_now();
            }
            "done"
        });
        assert_eq!(work.await, "done");
        heart.stop();
        heart.wait().await.unwrap();
    });
}
