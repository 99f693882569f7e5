//! Closing a queue: nothing more goes in, what is inside comes out, then everybody hears the end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Waker};

use evlet_green::{Closed, Empty, Full, LightQueue, PriorityQueue, Queue};
use evlet_hub::{Exit, GreenThread, spawn, yield_now};
use futures::poll;

use crate::stage::{SECOND, settle, virtually};

fn receiver<T: 'static>(queue: &LightQueue<T>) -> GreenThread<Option<T>> {
    let queue = queue.clone();
    spawn(async move { queue.recv().await })
}

fn sender<T: 'static>(queue: &LightQueue<T>, item: T) -> GreenThread<Result<(), Closed<T>>> {
    let queue = queue.clone();
    spawn(async move { queue.send(item).await })
}

#[test]
fn what_is_inside_comes_out_and_then_the_end() {
    virtually(async {
        let queue = LightQueue::unbounded();
        queue.send(1).await.unwrap();
        queue.send(2).await.unwrap();
        queue.close();
        assert!(queue.is_closed());
        assert_eq!(queue.recv().await, Some(1));
        assert_eq!(queue.get().await, 2, "`get` takes what is there");
        assert_eq!(queue.recv().await, None);
        assert_eq!(queue.recv().await, None, "and again");
    });
}

#[test]
fn a_closed_queue_hands_back_what_is_put() {
    virtually(async {
        let queue = LightQueue::bounded(5);
        queue.close();
        queue.close();
        assert_eq!(queue.send("a").await, Err(Closed("a")));
        assert_eq!(queue.put_nowait("b"), Err(Full("b")));
        assert_eq!(queue.put_timeout("c", SECOND).await, Err(Full("c")));
        assert_eq!(queue.get_nowait(), Err(Empty));
        assert_eq!(queue.get_timeout(SECOND).await, Err(Empty));
        assert_eq!((queue.qsize(), queue.maxsize()), (0, Some(5)));
        queue.resize(None);
        assert_eq!(queue.put_nowait("d"), Err(Full("d")), "it stays closed");
    });
}

#[test]
fn receivers_that_wait_hear_the_end() {
    virtually(async {
        let queue = LightQueue::<u8>::unbounded();
        let waiting = [(); 3].map(|()| receiver(&queue));
        yield_now().await;
        queue.close();
        for thread in waiting {
            assert_eq!(thread.await.unwrap(), None);
        }
        assert_eq!(queue.getting(), 0);
    });
}

#[test]
fn senders_that_wait_get_their_items_back() {
    virtually(async {
        let queue = LightQueue::bounded(1);
        queue.put(0).await;
        let waiting = [1, 2].map(|item| sender(&queue, item));
        yield_now().await;
        assert_eq!(queue.putting(), 2);
        queue.close();
        for (thread, item) in waiting.into_iter().zip([1, 2]) {
            assert_eq!(thread.await.unwrap(), Err(Closed(item)));
        }
        assert_eq!((queue.putting(), queue.qsize()), (0, 1));
        assert_eq!(queue.recv().await, Some(0));
        assert_eq!(queue.recv().await, None);
    });
}

#[test]
fn senders_that_wait_at_a_rendezvous_get_their_items_back() {
    virtually(async {
        let channel = LightQueue::rendezvous();
        let sending = sender(&channel, "lonely");
        yield_now().await;
        channel.close();
        assert_eq!(channel.get_nowait(), Err(Empty), "it is refused already");
        assert_eq!(channel.recv().await, None);
        assert_eq!(sending.await.unwrap(), Err(Closed("lonely")));
    });
}

#[test]
fn a_sender_whose_item_was_taken_before_the_close_has_sent() {
    virtually(async {
        let channel = LightQueue::rendezvous();
        let sending = sender(&channel, "just in time");
        yield_now().await;
        assert_eq!(channel.get_nowait(), Ok("just in time"));
        channel.close();
        assert_eq!(sending.await.unwrap(), Ok(()));
    });
}

#[test]
fn a_sender_that_was_called_for_room_and_has_not_run_is_refused() {
    virtually(async {
        let queue = LightQueue::bounded(1);
        queue.put(0).await;
        let sending = sender(&queue, 1);
        yield_now().await;
        assert_eq!(queue.get_nowait(), Ok(0));
        queue.close();
        assert_eq!(queue.recv().await, None, "nothing comes after the end");
        assert_eq!(sending.await.unwrap(), Err(Closed(1)));
    });
}

#[test]
fn items_promised_before_the_close_are_received_after_it() {
    virtually(async {
        let queue = LightQueue::unbounded();
        let first = receiver(&queue);
        let second = receiver(&queue);
        yield_now().await;
        queue.put_nowait("promised").unwrap();
        queue.close();
        let late = receiver(&queue);
        assert_eq!(first.await.unwrap(), Some("promised"));
        assert_eq!(second.await.unwrap(), None);
        assert_eq!(late.await.unwrap(), None);
    });
}

#[test]
fn an_item_promised_to_one_who_dies_after_the_close_goes_to_the_next() {
    virtually(async {
        let queue = LightQueue::unbounded();
        let doomed = receiver(&queue);
        let next = receiver(&queue);
        yield_now().await;
        queue.put_nowait("promised").unwrap();
        queue.close();
        doomed.kill().await;
        assert_eq!(next.await.unwrap(), Some("promised"));
        assert_eq!((queue.recv().await, queue.getting()), (None, 0));
    });
}

#[test]
fn a_newcomer_does_not_take_what_is_promised_to_another_at_the_end() {
    virtually(async {
        let queue = LightQueue::unbounded();
        let first = receiver(&queue);
        yield_now().await;
        queue.put_nowait("promised").unwrap();
        queue.close();
        {
            let mut newcomer = pin!(queue.recv());
            assert!(poll!(&mut newcomer).is_pending(), "it may come free yet");
        }
        assert_eq!(first.await.unwrap(), Some("promised"));
        assert_eq!(queue.getting(), 0);
    });
}

fn message<T>(ended: Result<T, Exit>) -> String {
    ended.err().unwrap().panic_message().unwrap()
}

#[test]
fn a_get_that_would_wait_for_ever_says_so() {
    virtually(async {
        let queue = LightQueue::<u8>::unbounded();
        let own = queue.clone();
        let waiting = spawn(async move { own.get().await });
        yield_now().await;
        queue.close();
        let said = message(waiting.await);
        assert!(
            said.contains("queue_close.rs") && said.contains("recv"),
            "{said}"
        );
        let own = queue.clone();
        let said = message(spawn(async move { own.get().await }).await);
        assert!(said.contains("closed"), "{said}");
    });
}

#[test]
fn a_put_that_finds_the_queue_closed_says_so_and_still_has_its_item() {
    virtually(async {
        let queue = LightQueue::bounded(1);
        queue.put("inside").await;
        let own = queue.clone();
        let waiting = spawn(async move { own.put("refused").await });
        yield_now().await;
        let mut put = Box::pin(queue.put("kept"));
        assert!(poll!(&mut put).is_pending());
        queue.close();
        let said = message(waiting.await);
        assert!(
            said.contains("queue_close.rs") && said.contains("send"),
            "{said}"
        );
        let mut cx = Context::from_waker(Waker::noop());
        let polled = catch_unwind(AssertUnwindSafe(|| put.as_mut().poll(&mut cx)));
        assert!(polled.is_err());
        assert_eq!(std::pin::Pin::into_inner(put).into_item(), Some("kept"));
        assert_eq!((queue.qsize(), queue.putting()), (1, 0));
    });
}

#[test]
fn a_join_ends_when_what_went_in_is_done_closed_or_not() {
    virtually(async {
        let jobs = Queue::unbounded();
        jobs.put("job").await;
        let own = jobs.clone();
        let joining = spawn(async move { own.join().await });
        jobs.close();
        assert_eq!(jobs.send("late").await, Err(Closed("late")));
        assert_eq!(
            jobs.unfinished_tasks(),
            1,
            "what was refused does not count"
        );
        settle().await;
        assert!(!joining.is_finished());
        assert_eq!(jobs.recv().await, Some("job"));
        jobs.task_done().unwrap();
        joining.await.unwrap();
    });
}

#[test]
fn workers_end_when_their_queue_is_closed_and_drained() {
    virtually(async {
        let jobs = PriorityQueue::bounded(2);
        let workers: Vec<_> = (0..3)
            .map(|_| {
                let jobs = jobs.clone();
                spawn(async move {
                    let mut done = 0;
                    while let Some(job) = jobs.recv().await {
                        yield_now().await;
                        done += job;
                    }
                    done
                })
            })
            .collect();
        for job in 1..=100 {
            jobs.send(job).await.unwrap();
        }
        jobs.close();
        let mut sum = 0;
        for worker in workers {
            sum += worker.await.unwrap();
        }
        assert_eq!(sum, 5050);
    });
}
