//! `LifoQueue` and `PriorityQueue`: what comes out first, and that all else is as in `Queue`.

use std::cell::{Cell, RefCell};
use std::cmp::{Ordering, Reverse};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use evlet_green::{Full, LifoQueue, PriorityQueue, TooManyDone};
use evlet_hub::{spawn, yield_now};

use crate::stage::{settle, virtually};

/// By rank alone; the name tells equal ones apart.
#[derive(Debug, Clone, Copy)]
struct Ranked(u8, &'static str);

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Ranked {}

#[test]
fn the_newest_item_of_a_lifo_queue_comes_out_first() {
    virtually(async {
        let stack = LifoQueue::unbounded();
        for item in 1..=3 {
            stack.put(item).await;
        }
        assert_eq!(stack.get().await, 3);
        stack.put(4).await;
        assert_eq!([4, 2, 1].map(|_| stack.get_nowait().unwrap()), [4, 2, 1]);
        assert!(stack.is_empty());
    });
}

#[test]
fn the_smallest_item_of_a_priority_queue_comes_out_first() {
    virtually(async {
        let queue = PriorityQueue::unbounded();
        for item in [3, 1, 4, 1, 5] {
            queue.put(item).await;
        }
        let mut got = vec![];
        for _ in 0..5 {
            got.push(queue.get().await);
        }
        assert_eq!(got, [1, 1, 3, 4, 5]);
    });
}

#[test]
fn equal_items_of_a_priority_queue_come_out_in_the_order_in_which_they_went_in() {
    virtually(async {
        let queue = PriorityQueue::unbounded();
        for item in [
            Ranked(2, "a"),
            Ranked(1, "b"),
            Ranked(2, "c"),
            Ranked(1, "d"),
            Ranked(2, "e"),
        ] {
            queue.put(item).await;
        }
        let names = [(); 5].map(|()| queue.get_nowait().unwrap().1);
        assert_eq!(names, ["b", "d", "a", "c", "e"]);
    });
}

#[test]
fn the_largest_comes_first_when_items_are_reversed() {
    let queue = PriorityQueue::unbounded();
    for item in [3, 1, 4] {
        queue.put_nowait(Reverse(item)).unwrap();
    }
    assert_eq!(queue.get_nowait(), Ok(Reverse(4)));
}

#[test]
fn a_getter_takes_the_best_of_what_is_there_when_it_runs() {
    virtually(async {
        let (stack, queue) = (LifoQueue::unbounded(), PriorityQueue::unbounded());
        let (own_stack, own_queue) = (stack.clone(), queue.clone());
        let of_stack = spawn(async move { own_stack.get().await });
        let of_queue = spawn(async move { own_queue.get().await });
        yield_now().await;
        for item in [2, 1, 3] {
            stack.put(item).await;
            queue.put(item).await;
        }
        assert_eq!((of_stack.await.unwrap(), of_queue.await.unwrap()), (3, 1));
    });
}

// proves D-2
#[test]
fn putters_are_served_first_come_first_served_whatever_they_bring() {
    virtually(async {
        let queue = PriorityQueue::bounded(1);
        queue.put(5).await;
        let putting = [9, 1, 4].map(|item| {
            let queue = queue.clone();
            spawn(async move { queue.put(item).await })
        });
        settle().await;
        assert_eq!(queue.putting(), 3);
        let mut got = vec![];
        for _ in 0..4 {
            got.push(queue.get().await);
            settle().await;
        }
        assert_eq!(got, [5, 9, 1, 4], "a smaller one that waits is not inside");
        for thread in putting {
            thread.await.unwrap();
        }
    });
}

#[test]
fn lifo_and_priority_queues_are_bounded_counted_and_joined_as_queues_are() {
    virtually(async {
        let stack = LifoQueue::bounded(1);
        let queue = PriorityQueue::bounded(1);
        stack.put(1).await;
        queue.put(1).await;
        assert_eq!(stack.put_nowait(2), Err(Full(2)));
        assert_eq!(queue.put_nowait(2), Err(Full(2)));
        let (own_stack, own_queue) = (stack.clone(), queue.clone());
        let joining = spawn(async move {
            own_stack.join().await;
            own_queue.join().await;
        });
        assert_eq!((stack.get().await, queue.get().await), (1, 1));
        assert_eq!((stack.unfinished_tasks(), queue.unfinished_tasks()), (1, 1));
        settle().await;
        assert!(!joining.is_finished());
        stack.task_done().unwrap();
        queue.task_done().unwrap();
        joining.await.unwrap();
        assert_eq!(stack.task_done(), Err(TooManyDone));
        assert_eq!(queue.task_done(), Err(TooManyDone));
    });
}

#[test]
fn lifo_and_priority_queues_of_capacity_zero_are_rendezvous() {
    virtually(async {
        let (stack, queue) = (LifoQueue::rendezvous(), PriorityQueue::bounded(0));
        let (own_stack, own_queue) = (stack.clone(), queue.clone());
        let putting = spawn(async move {
            own_stack.put("of the stack").await;
            own_queue.put("of the queue").await;
        });
        settle().await;
        assert!(!putting.is_finished());
        assert_eq!(stack.get().await, "of the stack");
        assert_eq!(queue.get().await, "of the queue");
        putting.await.unwrap();
    });
}

/// Compares as its script says.
struct Scripted(u8, Rc<dyn Fn()>);

impl Ord for Scripted {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.1)();
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Scripted {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scripted {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Scripted {}

#[test]
fn a_comparison_that_panics_leaves_the_queue_as_it_was() {
    let broken = Rc::new(Cell::new(false));
    let switch = broken.clone();
    let script: Rc<dyn Fn()> = Rc::new(move || assert!(!switch.get(), "cannot be compared"));
    let queue = PriorityQueue::unbounded();
    for rank in [3, 1, 2] {
        assert!(queue.put_nowait(Scripted(rank, script.clone())).is_ok());
    }
    broken.set(true);
    let bad = Scripted(0, script.clone());
    assert!(catch_unwind(AssertUnwindSafe(|| queue.put_nowait(bad))).is_err());
    assert_eq!((queue.qsize(), queue.unfinished_tasks()), (3, 3));
    // And taking compares nothing.
    let ranks = [(); 3].map(|()| queue.get_nowait().unwrap().0);
    assert_eq!(ranks, [1, 2, 3]);
}

#[test]
fn room_that_a_comparison_wasted_goes_to_the_next_putter() {
    virtually(async {
        let broken = Rc::new(Cell::new(false));
        let switch = broken.clone();
        let script: Rc<dyn Fn()> =
            Rc::new(move || assert!(!switch.replace(false), "cannot be compared this once"));
        let queue = PriorityQueue::bounded(2);
        for rank in [1, 2] {
            queue.put(Scripted(rank, script.clone())).await;
        }
        let [failing, waiting] = [3, 4].map(|rank| {
            let (queue, item) = (queue.clone(), Scripted(rank, script.clone()));
            spawn(async move { queue.put(item).await })
        });
        yield_now().await;
        assert_eq!(queue.putting(), 2);
        assert_eq!(queue.get_nowait().unwrap().0, 1);
        broken.set(true);
        assert!(failing.await.is_err());
        waiting.await.unwrap();
        assert_eq!(queue.get().await.0, 2);
        assert_eq!(queue.get().await.0, 4);
    });
}

#[test]
fn a_comparison_that_calls_its_queue_panics_and_harms_nothing() {
    let pocket: Rc<RefCell<Option<PriorityQueue<Scripted>>>> = Rc::default();
    let own = pocket.clone();
    let script: Rc<dyn Fn()> = Rc::new(move || {
        let queue = own.borrow().clone();
        drop(queue.map(|queue| queue.get_nowait()));
    });
    let queue = PriorityQueue::unbounded();
    assert!(queue.put_nowait(Scripted(1, script.clone())).is_ok());
    pocket.replace(Some(queue.clone()));
    let put = catch_unwind(AssertUnwindSafe(|| {
        queue.put_nowait(Scripted(2, script.clone()))
    }));
    assert!(put.is_err());
    pocket.replace(None);
    assert_eq!(queue.get_nowait().map(|item| item.0), Ok(1));
}
