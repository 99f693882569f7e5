//! Waiting for a place in the pool.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use evlet_hub::report::{Report, message_of_caught, report};
use evlet_hub::wait::poll_budget;
use evlet_hub::{GreenThread, spawn_at, spawn_n_at};

use crate::pool::member::{Member, Slot, is_inside};
use crate::pool::slots::{Place, Slots};
use crate::waiting::{self, Stage};

/// The future of [`GreenPool::spawn`](crate::GreenPool::spawn).
///
/// # Cancel safety
/// Dropping it before it is done drops the job, which has not been started, and loses its place in
/// the line. A place that had just been promised to it goes to the next. The exception is a job
/// that is being run inline (see `spawn`): that is dropped half-way.
#[must_use = "futures do nothing unless awaited"]
pub struct Spawn<'a, F> {
    slots: &'a Rc<RefCell<Slots>>,
    /// The job, until it is started.
    job: Option<F>,
    /// The job that is being run inline.
    inline: Option<Pin<Box<F>>>,
    stage: Stage,
    at: &'static Location<'static>,
}

impl<'a, F> Spawn<'a, F>
where
    F: Future + 'static,
    F::Output: 'static,
{
    pub(super) fn new(
        slots: &'a Rc<RefCell<Slots>>,
        job: F,
        at: &'static Location<'static>,
    ) -> Self {
        Spawn {
            slots,
            job: Some(job),
            inline: None,
            stage: Stage::Away,
            at,
        }
    }

    /// Whether the job must run here and now: a member that waited for a place of its own pool
    /// would wait for itself.
    fn must_run_inline(&self) -> bool {
        !self.stage.is_in_line() && is_inside(self.slots) && {
            let slots = self.slots.borrow();
            slots.busy() >= slots.size
        }
    }

    /// The member that is to be spawned in the place that was taken.
    #[inline]
    fn take_member(&mut self) -> Member<F> {
        match self.job.take() {
            Some(job) => Member::new(job, Slot::taken(self.slots)),
            None => polled_too_often(self.at),
        }
    }

    /// Takes a place for the job, or decides that it runs inline.
    #[inline]
    fn poll_place(&mut self, cx: &mut Context<'_>) -> Poll<Start> {
        if self.inline.is_some() {
            return Poll::Ready(Start::Inline);
        }
        if self.job.is_none() {
            polled_too_often(self.at);
        }
        if self.must_run_inline() {
            ready!(poll_budget(cx));
            self.inline = self.job.take().map(Box::pin);
            return Poll::Ready(Start::Inline);
        }
        let (slots, stage) = (self.slots, &mut self.stage);
        ready!(waiting::poll_quick(&mut Place, slots, stage, cx, self.at));
        Poll::Ready(Start::Member)
    }

    #[cold]
    fn poll_inline(&mut self, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Some(job) = &mut self.inline else {
            return Poll::Pending;
        };
        let value = ready!(job.as_mut().poll(cx));
        self.inline = None;
        Poll::Ready(value)
    }
}

/// What becomes of the job. It stays where it is meanwhile: it is moved once, into its green thread, since each
/// move of what was just put together makes the processor wait for the stores.
enum Start {
    Member,
    Inline,
}

#[cold]
fn polled_too_often(at: &Location<'_>) -> ! {
    panic!("the future created at {at} was polled after it was done")
}

/// Starts a member in a place that has been taken for it.
pub(super) fn start<F>(at: &'static Location<'static>, job: F, slot: Slot) -> GreenThread<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    spawn_at(at, Member::new(job, slot))
}

impl<F> Future for Spawn<'_, F>
where
    F: Future + 'static,
    F::Output: 'static,
{
    type Output = GreenThread<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match ready!(self.poll_place(cx)) {
            Start::Member => Poll::Ready(spawn_at(self.at, self.take_member())),
            Start::Inline => self.poll_inline(cx).map(GreenThread::ready),
        }
    }
}

/// The job is never pinned in place: it moves into its green thread, or into a box.
impl<F> Unpin for Spawn<'_, F> {}

impl<F> Drop for Spawn<'_, F> {
    fn drop(&mut self) {
        waiting::give_up(&mut Place, self.slots, &mut self.stage);
    }
}

impl<F> fmt::Debug for Spawn<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.job {
            Some(_) if self.stage.is_in_line() => "in line",
            Some(_) => "new",
            None if self.inline.is_some() => "running inline",
            None => "done",
        };
        f.debug_struct("Spawn")
            .field("at", &format_args!("{}", self.at))
            .field("stage", &stage)
            .finish()
    }
}

/// The future of [`GreenPool::spawn_n`](crate::GreenPool::spawn_n).
///
/// # Cancel safety
/// As [`Spawn`].
#[must_use = "futures do nothing unless awaited"]
pub struct SpawnN<'a, F>(pub(super) Spawn<'a, F>);

impl<F> Future for SpawnN<'_, F>
where
    F: Future + 'static,
    F::Output: 'static,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let spawn = &mut self.0;
        match ready!(spawn.poll_place(cx)) {
            Start::Member => {
                spawn_n_at(spawn.at, spawn.take_member());
                Poll::Ready(())
            }
            Start::Inline => poll_inline_n(spawn, cx),
        }
    }
}

/// A job that runs inline has no green thread whose panic the hub would report.
#[cold]
fn poll_inline_n<F>(spawn: &mut Spawn<'_, F>, cx: &mut Context<'_>) -> Poll<()>
where
    F: Future + 'static,
    F::Output: 'static,
{
    match catch_unwind(AssertUnwindSafe(|| spawn.poll_inline(cx).map(drop))) {
        Ok(polled) => polled,
        Err(payload) => {
            spawn.inline = None;
            let message = message_of_caught(payload);
            let subject = format!("the pool job spawned at {}", spawn.at);
            report(Report::notice(subject, format!("panicked: {message}")));
            Poll::Ready(())
        }
    }
}

impl<F> fmt::Debug for SpawnN<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SpawnN").field(&self.0).finish()
    }
}

/// [`GreenPool::try_spawn`](crate::GreenPool::try_spawn) found no free place. It holds the job,
/// which has not been started.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PoolFull<F>(pub F);

impl<F> PoolFull<F> {
    /// The job that found no place.
    pub fn into_inner(self) -> F {
        self.0
    }
}

impl<F> fmt::Debug for PoolFull<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PoolFull(..)")
    }
}

impl<F> fmt::Display for PoolFull<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the pool is full: wait for a place with `spawn`, or try again later")
    }
}

impl<F> Error for PoolFull<F> {}
