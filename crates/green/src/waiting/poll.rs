//! One poll of a waiter.
//!
//! Three functions do what is done most: a newcomer joins the line, somebody comes for what it was called for, a
//! newcomer gets at once what it wants. Each is written to be short by itself, and what is rare is a call from
//! there.

use std::cell::RefCell;
use std::panic::Location;
use std::task::{Context, Poll, ready};

use evlet_hub::wait::{LocalWaker, WaitsOn, park, poll_budget};

use crate::waiting::{Claim, Stage, address, polled_after_end};
use crate::wakers::Wakers;

/// One poll of a waiter. Once it has what it wants, it is [`Away`](Stage::Away).
#[inline]
pub(crate) fn poll<C: Claim>(
    claim: &mut C,
    state: &RefCell<C::State>,
    stage: &mut Stage,
    cx: &mut Context<'_>,
    at: &'static Location<'static>,
) -> Poll<C::Output> {
    if let Stage::Done = stage {
        polled_after_end(at);
    }
    ready!(poll_budget(cx));
    poll_within_budget(claim, state, stage, cx, at)
}

/// [`poll`] for a step of a longer operation, which spends from the budget itself.
#[inline]
pub(crate) fn poll_within_budget<C: Claim>(
    claim: &mut C,
    state: &RefCell<C::State>,
    stage: &mut Stage,
    cx: &mut Context<'_>,
    at: &'static Location<'static>,
) -> Poll<C::Output> {
    match stage {
        Stage::InLine(_) => poll_in_line(claim, state, stage, cx, at),
        Stage::Away | Stage::Done => poll_newcomer(claim, state, stage, cx, at),
    }
}

/// [`poll`] for claims whose [`arrive`](Claim::arrive) is short and mostly gets something: that is put where the
/// future is awaited, and only the wait is a call. They have nothing to tell when they have [joined](Claim::joined).
#[inline(always)]
pub(crate) fn poll_quick<C: Claim>(
    claim: &mut C,
    state: &RefCell<C::State>,
    stage: &mut Stage,
    cx: &mut Context<'_>,
    at: &'static Location<'static>,
) -> Poll<C::Output> {
    if let Stage::Done = stage {
        polled_after_end(at);
    }
    ready!(poll_budget(cx));
    if stage.is_in_line() {
        return poll_in_line(claim, state, stage, cx, at);
    }
    // Declared before the borrow, so dropped after it.
    let mut wakers = Wakers::default();
    let arrived = claim.arrive(&mut state.borrow_mut(), &mut wakers);
    match arrived {
        Some(output) => Poll::Ready(output),
        None => stand_in_line(claim, state, stage, cx, at),
    }
}

#[inline(never)]
fn poll_newcomer<C: Claim>(
    claim: &mut C,
    state: &RefCell<C::State>,
    stage: &mut Stage,
    cx: &mut Context<'_>,
    at: &'static Location<'static>,
) -> Poll<C::Output> {
    let mut borrowed = state.borrow_mut();
    let is_waiting = claim.has_to_wait(&borrowed) && join_at_once(claim, &mut borrowed, stage, cx);
    drop(borrowed);
    if is_waiting {
        park(WaitsOn::new(C::KIND, address(state)), at);
        return Poll::Pending;
    }
    try_and_wait(claim, state, stage, cx, at)
}

/// For a newcomer that has just found nothing, and has run no foreign code since.
#[inline(never)]
fn stand_in_line<C: Claim>(
    claim: &mut C,
    state: &RefCell<C::State>,
    stage: &mut Stage,
    cx: &mut Context<'_>,
    at: &'static Location<'static>,
) -> Poll<C::Output> {
    if join_at_once(claim, &mut state.borrow_mut(), stage, cx) {
        park(WaitsOn::new(C::KIND, address(state)), at);
        return Poll::Pending;
    }
    try_and_wait(claim, state, stage, cx, at)
}

/// [`join`] with the green thread's own waker, if there is room in the line. It calls nothing.
#[inline(always)]
fn join_at_once<C: Claim>(
    claim: &mut C,
    state: &mut C::State,
    stage: &mut Stage,
    cx: &mut Context<'_>,
) -> bool {
    let Some(waker) = LocalWaker::own(cx) else {
        return false;
    };
    let line = claim.line(state);
    match line.push_back_if_free(waker, || claim.load()) {
        Some(key) => *stage = Stage::InLine(key),
        None => return false,
    }
    true
}

/// One borrow for the try and the wait.
#[inline(never)]
fn try_and_wait<C: Claim>(
    claim: &mut C,
    state: &RefCell<C::State>,
    stage: &mut Stage,
    cx: &mut Context<'_>,
    at: &'static Location<'static>,
) -> Poll<C::Output> {
    // Declared before the borrow, so dropped after it.
    let mut wakers = Wakers::default();
    let mut borrowed = state.borrow_mut();
    if let Some(output) = claim.arrive(&mut borrowed, &mut wakers) {
        return Poll::Ready(output);
    }
    let Some(waker) = LocalWaker::own(cx) else {
        drop(borrowed);
        return wait_with_new_waker(claim, state, stage, cx, at);
    };
    join(claim, &mut borrowed, stage, waker, &mut wakers);
    drop(borrowed);
    park(WaitsOn::new(C::KIND, address(state)), at);
    Poll::Pending
}

#[inline(never)]
fn poll_in_line<C: Claim>(
    claim: &mut C,
    state: &RefCell<C::State>,
    stage: &mut Stage,
    cx: &mut Context<'_>,
    at: &'static Location<'static>,
) -> Poll<C::Output> {
    // Declared before the borrow, so dropped after it.
    let mut wakers = Wakers::default();
    let mut borrowed = state.borrow_mut();
    if let Some(output) = come(claim, &mut borrowed, stage, &mut wakers) {
        return Poll::Ready(output);
    }
    if let Stage::InLine(key) = stage
        && claim.line(&mut borrowed).has_waker(key, cx)
    {
        drop(borrowed);
        park(WaitsOn::new(C::KIND, address(state)), at);
        return Poll::Pending;
    }
    drop(borrowed);
    wait_with_new_waker(claim, state, stage, cx, at)
}

/// The context's waker is foreign, or another one than that which the waiter came with.
#[cold]
fn wait_with_new_waker<C: Claim>(
    claim: &mut C,
    state: &RefCell<C::State>,
    stage: &mut Stage,
    cx: &mut Context<'_>,
    at: &'static Location<'static>,
) -> Poll<C::Output> {
    let waker = LocalWaker::new(cx);
    let mut wakers = Wakers::default();
    let mut old = None;
    let mut borrowed = state.borrow_mut();
    // What that clone may have changed is looked at again.
    let output = match stage {
        Stage::InLine(_) => come(claim, &mut borrowed, stage, &mut wakers),
        Stage::Away | Stage::Done => claim.arrive(&mut borrowed, &mut wakers),
    };
    if output.is_none() {
        match stage {
            Stage::InLine(key) => old = claim.line(&mut borrowed).renew(key, waker),
            Stage::Away | Stage::Done => join(claim, &mut borrowed, stage, waker, &mut wakers),
        }
    }
    drop(borrowed);
    drop(old);
    match output {
        Some(output) => Poll::Ready(output),
        None => {
            park(WaitsOn::new(C::KIND, address(state)), at);
            Poll::Pending
        }
    }
}

#[inline(always)]
fn join<C: Claim>(
    claim: &mut C,
    state: &mut C::State,
    stage: &mut Stage,
    waker: LocalWaker,
    wakers: &mut Wakers,
) {
    let load = claim.load();
    *stage = Stage::InLine(claim.line(state).push_back(waker, load));
    claim.joined(state, wakers);
}

/// Takes what the waiter in line was called for, if it was called.
#[inline(always)]
fn come<C: Claim>(
    claim: &mut C,
    state: &mut C::State,
    stage: &mut Stage,
    wakers: &mut Wakers,
) -> Option<C::Output> {
    let key = stage.take_if(|key| claim.line(state).is_called(key))?;
    let mut load = claim.line(state).leave_called(key);
    let output = claim.called(state, &mut load, wakers);
    if output.is_none() {
        stand_first(claim, state, stage, load);
    }
    output
}

/// The waiter was called in vain.
#[cold]
fn stand_first<C: Claim>(
    claim: &mut C,
    state: &mut C::State,
    stage: &mut Stage,
    load: Option<C::Load>,
) {
    if let Some(load) = load {
        *stage = Stage::InLine(claim.line(state).push_front(load));
    }
}
