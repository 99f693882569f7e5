//! Timers against a plain model: any sequence of setting, cancelling and waiting fires what a sorted
//! list would, in its order.

use std::sync::{Arc, Mutex};
use std::task::Wake;
use std::time::Duration;

use evlet_hub::{Hub, Sleep, now, sleep, sleep_until, stats};
use proptest::prelude::*;

use crate::bell::poll_with;
use crate::deadline::Deadline;

/// One step of a history.
#[derive(Debug, Clone)]
enum Step {
    /// Sets a timer, so many nanoseconds from now.
    Set(u64),
    /// Cancels one of those that are set.
    Cancel(usize),
    /// Polls one of those that are set again, with another waker.
    Poll(usize),
    /// Lets time pass.
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    // Near and far, with many equal ones among them.
    let time = prop_oneof![
        1..20_u64,
        (1..50_u64).prop_map(|n| n * 1_000),
        (1..50_u64).prop_map(|n| n * 65_536),
        (1..50_u64).prop_map(|n| n * 1_000_000),
        (1..50_u64).prop_map(|n| n << 30),
        1..u64::MAX >> 12,
    ];
    prop_oneof![
        4 => time.clone().prop_map(Step::Set),
        2 => any::<usize>().prop_map(Step::Cancel),
        1 => any::<usize>().prop_map(Step::Poll),
        2 => time.prop_map(Step::Pass),
    ]
}

/// Writes its number down when it is woken.
struct Notes {
    number: usize,
    fired: Arc<Mutex<Vec<usize>>>,
}

impl Wake for Notes {
    fn wake(self: Arc<Self>) {
        self.fired.lock().unwrap().push(self.number);
    }
}

/// A timer that is set, as the model knows it.
struct Set {
    number: usize,
    at: Duration,
    timer: Sleep,
}

/// Plays a history on a hub, and compares with the model after each step.
async fn replay(steps: Vec<Step>) {
    let start = now();
    let fired: Arc<Mutex<Vec<usize>>> = Arc::default();
    let mut alive: Vec<Set> = Vec::new();
    let waker = |number| {
        let fired = fired.clone();
        Arc::new(Notes { number, fired })
    };
    for (number, step) in steps.into_iter().enumerate() {
        match step {
            Step::Set(nanos) => {
                let mut timer = sleep(Duration::from_nanos(nanos));
                assert!(poll_with(waker(number), &mut timer).is_pending());
                let at = now() - start + Duration::from_nanos(nanos);
                alive.push(Set { number, at, timer });
            }
            Step::Cancel(which) if !alive.is_empty() => {
                let which = which % alive.len();
                drop(alive.remove(which));
            }
            Step::Poll(which) if !alive.is_empty() => {
                let which = which % alive.len();
                let set = &mut alive[which];
                assert!(poll_with(waker(set.number), &mut set.timer).is_pending());
            }
            Step::Pass(nanos) => {
                let until = now() - start + Duration::from_nanos(nanos);
                sleep_until(start + until).await;
                assert_eq!(now() - start, until, "neither early nor late");
                let (mut due, left): (Vec<Set>, Vec<Set>) =
                    alive.drain(..).partition(|set| set.at <= until);
                alive = left;
                // In order of deadline, equal ones in order of creation.
                due.sort_by_key(|set| (set.at, set.number));
                let numbers: Vec<usize> = due.iter().map(|set| set.number).collect();
                assert_eq!(std::mem::take(&mut *fired.lock().unwrap()), numbers);
                for set in &mut due {
                    assert!(poll_with(waker(set.number), &mut set.timer).is_ready());
                }
            }
            Step::Cancel(_) | Step::Poll(_) => {}
        }
        assert_eq!(stats().timers, alive.len());
        assert!(fired.lock().unwrap().is_empty(), "time stands still");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    // proves B-2, B-4
    #[test]
    fn any_history_of_timers_is_that_of_a_sorted_list(
        steps in proptest::collection::vec(step(), 1..120)
    ) {
        let _limit = Deadline::new();
        let hub = Hub::builder()
            .virtual_time(true)
            .timer_slack(Duration::ZERO)
            .build()
            .unwrap();
        hub.run(replay(steps));
        prop_assert_eq!(hub.stats().timers, 0);
    }
}
