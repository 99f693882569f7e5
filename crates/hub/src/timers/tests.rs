//! The wheel against a sorted list, by scripts and by chance.

use std::sync::Arc;
use std::sync::Mutex;
use std::task::{Wake, Waker};

use proptest::prelude::*;

use super::Timers;

/// Notes its name when woken.
struct Named(u64, Arc<Mutex<Vec<u64>>>);

impl Wake for Named {
    fn wake(self: Arc<Self>) {
        self.1.lock().unwrap().push(self.0);
    }
}

#[derive(Debug, Clone)]
enum Step {
    Set(u64),
    Cancel(usize),
    Pass(u64),
}

fn replay(steps: &[Step]) {
    let fired = Arc::new(Mutex::new(Vec::new()));
    let mut timers = Timers::new();
    let mut keys = Vec::new();
    let mut model: Vec<(u64, u64)> = Vec::new();
    let (mut now, mut name) = (0u64, 0u64);
    for step in steps {
        match *step {
            Step::Set(after) => {
                name += 1;
                let deadline = now.saturating_add(after);
                let waker = Waker::from(Arc::new(Named(name, Arc::clone(&fired))));
                keys.push((name, timers.insert(deadline, waker)));
                model.push((deadline, name));
            }
            Step::Cancel(which) if !keys.is_empty() => {
                let (name, key) = keys[which % keys.len()];
                let was_set = model.iter().any(|(_, other)| *other == name);
                assert_eq!(timers.remove(key).is_some(), was_set);
                model.retain(|(_, other)| *other != name);
            }
            Step::Cancel(_) => {}
            Step::Pass(time) => {
                now = now.saturating_add(time);
                if let Some(next) = timers.next() {
                    let first = model.iter().min().map(|(deadline, _)| *deadline);
                    assert!(Some(next) <= first, "slept past {first:?} until {next}");
                }
                let mut due = Vec::new();
                timers.fire(now, &mut due);
                due.into_iter().for_each(|timer| timer.waker.wake());
                model.sort_unstable();
                let left = model.split_off(model.partition_point(|(at, _)| *at <= now));
                let expected: Vec<u64> = model.iter().map(|(_, name)| *name).collect();
                assert_eq!(std::mem::take(&mut *fired.lock().unwrap()), expected);
                model = left;
            }
        }
        assert_eq!(timers.len(), model.len());
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let span = prop_oneof![
        0..5u64,
        0..200_000u64,
        0..10_000_000_000u64,
        Just(u64::MAX),
        any::<u64>()
    ];
    let step = prop_oneof![
        4 => span.clone().prop_map(Step::Set),
        2 => any::<usize>().prop_map(Step::Cancel),
        2 => span.prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    // proves B-2, B-3, B-4: like a sorted list, whatever is set, cancelled and waited for
    #[test]
    fn fires_like_a_sorted_list(steps in steps()) {
        replay(&steps);
    }
}

#[test]
fn equal_deadlines_fire_in_order_of_creation() {
    let set = [5_000_000, 70_000, 70_000, 5_000_000].map(Step::Set);
    replay(
        &[
            set.to_vec(),
            vec![Step::Pass(70_000), Step::Pass(5_000_000)],
        ]
        .concat(),
    );
}

#[test]
fn a_far_timer_is_not_due_at_its_slots_start() {
    let far = 3_600_000_000_123;
    replay(&[Step::Set(far), Step::Pass(far - 1), Step::Pass(1)]);
}

#[test]
fn the_bound_of_a_far_timer_is_its_deadline() {
    let mut timers = Timers::new();
    timers.insert(3_600_000_000_123, Waker::noop().clone());
    assert_eq!(timers.next(), Some(3_600_000_000_123));
}
