//! [`LocalWaker`]: it wakes whom the context's own waker would wake.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use evlet_hub::wait::LocalWaker;
use evlet_hub::{Hub, spawn, spawn_n, yield_now};
use futures::StreamExt;
use futures::stream::FuturesUnordered;

/// Where a waiter leaves its waker.
type Board = Rc<RefCell<Vec<LocalWaker>>>;

/// Waits until somebody has woken whatever was left on the board; tells how often it was polled.
async fn wait(board: Board) -> u32 {
    let mut polls = 0;
    poll_fn(|cx| {
        polls += 1;
        if polls > 1 {
            return Poll::Ready(());
        }
        board.borrow_mut().push(LocalWaker::new(cx));
        Poll::Pending
    })
    .await;
    polls
}

fn wake_all(board: &Board) {
    let wakers = board.take();
    wakers.into_iter().for_each(LocalWaker::wake);
}

#[test]
fn those_who_wait_are_woken_in_the_order_of_the_wakers() {
    evlet_hub::run(async {
        let (board, order) = (Board::default(), Rc::new(RefCell::new(Vec::new())));
        for n in 0..3 {
            let (board, order) = (board.clone(), order.clone());
            spawn_n(async move {
                wait(board).await;
                order.borrow_mut().push(n);
            });
        }
        yield_now().await;
        assert!(board.borrow().iter().all(LocalWaker::is_own));
        board.borrow_mut().reverse();
        wake_all(&board);
        yield_now().await;
        assert_eq!(*order.borrow(), [2, 1, 0]);
    });
}

#[test]
fn a_wake_in_the_very_first_poll_is_not_lost() {
    evlet_hub::run(async {
        let thread = spawn(async {
            let mut is_first = true;
            poll_fn(|cx| {
                if !std::mem::take(&mut is_first) {
                    return Poll::Ready(());
                }
                LocalWaker::new(cx).wake();
                Poll::Pending
            })
            .await;
        });
        thread.await.unwrap();
    });
}

#[test]
fn the_root_is_woken_too() {
    let polls = evlet_hub::run(async {
        let board = Board::default();
        let other = board.clone();
        spawn_n(async move { wake_all(&other) });
        wait(board).await
    });
    assert_eq!(polls, 2);
}

#[test]
fn a_future_that_is_polled_with_another_waker_is_woken_through_that() {
    evlet_hub::run(async {
        let board = Board::default();
        let mut group: FuturesUnordered<_> = (0..2).map(|_| wait(board.clone())).collect();
        let other = board.clone();
        spawn_n(async move {
            assert!(!other.borrow().iter().any(LocalWaker::is_own));
            wake_all(&other);
        });
        assert_eq!(group.next().await, Some(2));
        assert_eq!(group.next().await, Some(2));
    });
}

#[test]
fn a_green_thread_is_woken_from_a_second_hub_of_its_thread() {
    let (one, two) = (Hub::new().unwrap(), Hub::new().unwrap());
    let board = Board::default();
    let mut waiter = None;
    one.run(async {
        waiter = Some(spawn(wait(board.clone())));
        yield_now().await;
    });
    two.run(async { wake_all(&board) });
    let polls = one.run(async { waiter.take().unwrap().await.unwrap() });
    assert_eq!(polls, 2);
}

#[test]
fn waking_one_that_has_ended_or_whose_hub_has_does_nothing() {
    let board = Board::default();
    let waker = evlet_hub::run(async {
        let thread = spawn(wait(board.clone()));
        yield_now().await;
        let waker = board.borrow_mut().pop().unwrap();
        thread.kill().await;
        let again = spawn(wait(board.clone()));
        yield_now().await;
        waker.wake();
        yield_now().await;
        assert!(!again.is_finished(), "its place is another one's now");
        board.borrow_mut().pop().unwrap()
    });
    waker.wake();
}

#[test]
fn outside_of_a_hub_it_is_a_copy_of_the_waker() {
    let board = Board::default();
    let mut waiting = pin!(wait(board.clone()));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(waiting.as_mut().poll(&mut cx).is_pending());
    assert!(!board.borrow()[0].is_own());
    wake_all(&board);
    assert!(waiting.as_mut().poll(&mut cx).is_ready());
}
