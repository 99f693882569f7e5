//! A function over many inputs: concurrent jobs, results in order.
//!
//! The stream is driven by whoever polls it. It has no producer of its own, which is why the inputs
//! and the function may borrow from the caller: they are only touched while the stream is polled.
//! Each poll starts what may start, then looks at the oldest job.
//!
//! It asks for one place in the pool at a time, and stands in the pool's line only while somebody
//! waits for its next result: a stream that is held and not polled must not keep a place from the
//! others.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use evlet_hub::wait::poll_budget;
use evlet_hub::{Exit, GreenThread};
use futures::Stream;
use futures::stream::FusedStream;

use crate::pool::GreenPool;
use crate::pool::apply::Apply;
use crate::pool::member::Slot;
use crate::pool::slots::Place;
use crate::pool::spawn::start;
use crate::waiting::{self, Stage};

/// The stream of [`GreenPool::imap`] and [`GreenPool::starmap`].
///
/// It ends after the last result, and stays at its end.
///
/// # Cancel safety
/// Dropping it kills the jobs it has started.
#[must_use = "streams do nothing unless polled"]
pub struct Imap<F, I: Iterator, M, T> {
    pool: GreenPool,
    f: F,
    /// `None` at the end of the inputs.
    inputs: Option<I>,
    /// An input that waits for a place.
    in_hand: Option<I::Item>,
    jobs: VecDeque<Job<T>>,
    stage: Stage,
    at: &'static Location<'static>,
    marker: PhantomData<fn(M)>,
}

enum Job<T> {
    Thread(GreenThread<T>),
    /// Run by a member of the full pool, in its own turn.
    Inline(Pin<Box<dyn Future<Output = T>>>),
    /// It could not be started.
    Panicked(Box<dyn Any + Send>),
}

impl<F, I: Iterator, M, T> Imap<F, I, M, T> {
    pub(super) fn new(pool: GreenPool, f: F, inputs: I, at: &'static Location<'static>) -> Self {
        Imap {
            pool,
            f,
            inputs: Some(inputs),
            in_hand: None,
            jobs: VecDeque::new(),
            stage: Stage::Away,
            at,
            marker: PhantomData,
        }
    }

    /// Waits for the next result; `None` after the last.
    ///
    /// # Panics
    /// Passes on the panic of the job whose turn it is.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing: the result stays for the next call.
    #[expect(
        clippy::should_implement_trait,
        reason = "it is the `next` of a stream, as in futures' StreamExt"
    )]
    pub fn next(&mut self) -> Next<'_, F, I, M, T> {
        Next { stream: self }
    }

    fn leave_line(&mut self) {
        waiting::give_up(&mut Place, self.pool.slots(), &mut self.stage);
    }

    /// Takes an input in hand, if there is none. Whether there is one now.
    fn take_input(&mut self) -> bool {
        if self.in_hand.is_some() {
            return true;
        }
        let Some(inputs) = &mut self.inputs else {
            return false;
        };
        match catch_unwind(AssertUnwindSafe(|| inputs.next())) {
            Ok(Some(input)) => {
                self.in_hand = Some(input);
                return true;
            }
            Ok(None) => {}
            Err(payload) => self.jobs.push_back(Job::Panicked(payload)),
        }
        self.inputs = None;
        false
    }

    /// Whether the next job must run here and now. A member that waited for a place of its own
    /// full pool would wait for itself.
    fn must_run_inline(&self) -> bool {
        self.jobs.is_empty() && self.pool.is_inside() && self.pool.is_full()
    }

    /// Starts what may start. Leaves the stream in the pool's line if more could.
    fn fill(&mut self, cx: &mut Context<'_>)
    where
        F: Apply<I::Item, M, Output = T>,
        T: 'static,
    {
        while self.jobs.len() < self.pool.size().max(1) && self.take_input() {
            let slots = self.pool.slots();
            let stage = &mut self.stage;
            let slot = match waiting::poll_within_budget(&mut Place, slots, stage, cx, self.at) {
                Poll::Ready(()) => Some(Slot::taken(slots)),
                Poll::Pending if self.must_run_inline() => {
                    if poll_budget(cx).is_pending() {
                        return;
                    }
                    None
                }
                Poll::Pending => return,
            };
            let Some(input) = self.in_hand.take() else {
                return;
            };
            let f = &mut self.f;
            let job = match catch_unwind(AssertUnwindSafe(|| f.apply(input))) {
                Ok(job) => match slot {
                    Some(slot) => Job::Thread(start(self.at, job, slot)),
                    None => Job::Inline(Box::pin(job)),
                },
                Err(payload) => Job::Panicked(payload),
            };
            self.jobs.push_back(job);
        }
        // Enough is under way, or there is nothing more to start.
        self.leave_line();
    }

    fn poll_oldest(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        let Some(oldest) = self.jobs.front_mut() else {
            return Poll::Pending;
        };
        let result = match oldest {
            Job::Thread(thread) => ready!(Pin::new(thread).poll(cx)),
            Job::Inline(job) => match catch_unwind(AssertUnwindSafe(|| job.as_mut().poll(cx))) {
                Ok(polled) => Ok(ready!(polled)),
                Err(payload) => Err(Exit::Panicked(payload)),
            },
            Job::Panicked(payload) => {
                ready!(poll_budget(cx));
                Err(Exit::Panicked(std::mem::replace(payload, Box::new(()))))
            }
        };
        self.jobs.pop_front();
        self.leave_line();
        match result {
            Ok(value) => Poll::Ready(value),
            Err(Exit::Panicked(payload)) => resume_unwind(payload),
            Err(Exit::Killed) => panic!(
                "a job of the imap created at {} was killed: its hub is gone",
                self.at
            ),
        }
    }

    fn has_ended(&self) -> bool {
        self.inputs.is_none() && self.in_hand.is_none() && self.jobs.is_empty()
    }
}

impl<F, I, M, T> Stream for Imap<F, I, M, T>
where
    F: Apply<I::Item, M, Output = T>,
    I: Iterator,
    T: 'static,
{
    type Item = T;

    // Exactly one step of each way through here spends from the budget: with two, a budget of one
    // would never be enough.
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.fill(cx);
        if self.has_ended() {
            ready!(poll_budget(cx));
            return Poll::Ready(None);
        }
        self.poll_oldest(cx).map(Some)
    }
}

impl<F, I, M, T> FusedStream for Imap<F, I, M, T>
where
    F: Apply<I::Item, M, Output = T>,
    I: Iterator,
    T: 'static,
{
    fn is_terminated(&self) -> bool {
        self.has_ended()
    }
}

/// Neither the inputs nor the function nor the jobs are pinned in place.
impl<F, I: Iterator, M, T> Unpin for Imap<F, I, M, T> {}

impl<F, I: Iterator, M, T> Drop for Imap<F, I, M, T> {
    fn drop(&mut self) {
        self.leave_line();
        for job in &self.jobs {
            if let Job::Thread(thread) = job {
                thread.kill();
            }
        }
    }
}

impl<F, I: Iterator, M, T> fmt::Debug for Imap<F, I, M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Imap")
            .field("created_at", &format_args!("{}", self.at))
            .field("under_way", &self.jobs.len())
            .field("all_taken", &self.inputs.is_none())
            .finish()
    }
}

/// The future of [`Imap::next`].
///
/// # Cancel safety
/// Dropping it loses nothing: the result stays for the next call.
#[must_use = "futures do nothing unless awaited"]
pub struct Next<'a, F, I: Iterator, M, T> {
    stream: &'a mut Imap<F, I, M, T>,
}

impl<F, I, M, T> Future for Next<'_, F, I, M, T>
where
    F: Apply<I::Item, M, Output = T>,
    I: Iterator,
    T: 'static,
{
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        Pin::new(&mut *self.stream).poll_next(cx)
    }
}

impl<F, I: Iterator, M, T> Drop for Next<'_, F, I, M, T> {
    fn drop(&mut self) {
        self.stream.leave_line();
    }
}

impl<F, I: Iterator, M, T> fmt::Debug for Next<'_, F, I, M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Next").field(&self.stream).finish()
    }
}
