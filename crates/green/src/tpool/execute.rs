//! One blocking call, awaited.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use evlet_hub::wait::{WaitKind, WaitsOn, park, poll_budget};
use evlet_hub::{ClockHold, handle, hold_clock, is_running};

use crate::tpool::answer::Answer;
use crate::tpool::jobs::Job;
use crate::tpool::workers::{Submitted, WORKERS};
use crate::wait_list::Key;

/// Runs `job` on a thread of the pool; the caller waits for its result while others run.
///
/// The job is submitted when the future is first polled. Under virtual time the clock stands still
/// until the result is there.
///
/// # Panics
/// Passes on the panic of the job; its thread lives on.
///
/// # Cancel safety
/// Dropping the future before the job was started removes it: it never runs. A job under way goes on
/// and its result is dropped, on the hub's thread.
///
/// # Example
/// ```
/// use evlet_green::tpool;
///
/// evlet_hub::run(async {
///     let sum = tpool::execute(|| (1..=1_000_000_u64).sum::<u64>()).await;
///     assert_eq!(sum, 500_000_500_000);
/// });
/// ```
#[track_caller]
pub fn execute<F, T>(job: F) -> Execute<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    execute_at(job, Location::caller())
}

/// As [`execute`], for a caller who has the place already.
pub(super) fn execute_at<F, T: Send + 'static>(
    job: F,
    at: &'static Location<'static>,
) -> Execute<F, T> {
    Execute {
        stage: Stage::New(job),
        place: None,
        held: None,
        at,
    }
}

/// The future of [`execute`].
///
/// # Cancel safety
/// See [`execute`].
#[must_use = "futures do nothing unless awaited"]
pub struct Execute<F, T: Send + 'static> {
    stage: Stage<F, T>,
    /// In the line of those who wait for room in the queue of jobs.
    place: Option<Key>,
    held: Option<ClockHold>,
    at: &'static Location<'static>,
}

enum Stage<F, T> {
    New(F),
    Submitted { ticket: u64, answer: Arc<Answer<T>> },
    Done,
}

impl<F, T> Execute<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    /// Submits the job. `Some`: it was run at once.
    fn submit(&mut self, cx: &mut Context<'_>) -> Option<T> {
        let mut answer = None;
        let mut job = match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::New(job) => Some(job),
            Stage::Submitted { .. } | Stage::Done => {
                panic!(
                    "the future created at {} was polled after it was done",
                    self.at
                )
            }
        };
        self.held.get_or_insert_with(hold_clock);
        let hub = is_running().then(handle);
        let submitted = WORKERS.submit(&mut self.place, cx.waker().clone(), |waker| {
            let own = Arc::new(Answer::new(waker, hub));
            let (job, theirs) = (job.take(), Arc::clone(&own));
            answer = Some(own);
            let run: Job = Box::new(move || {
                if let Some(job) = job {
                    theirs.give(catch_unwind(AssertUnwindSafe(job)));
                }
            });
            run
        });
        match (submitted, job, answer) {
            (Submitted::Queued(ticket), _, Some(answer)) => {
                self.stage = Stage::Submitted { ticket, answer };
                None
            }
            (refused @ (Submitted::NoThreads | Submitted::InAJob), Some(job), _) => {
                WORKERS.leave_line(&mut self.place);
                self.held = None;
                if matches!(refused, Submitted::NoThreads) {
                    WORKERS.say_that_jobs_run_here();
                }
                Some(job())
            }
            (_, Some(job), _) => {
                self.stage = Stage::New(job);
                None
            }
            (_, None, _) => None,
        }
    }
}

impl<F, T> Future for Execute<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        ready!(poll_budget(cx));
        let this = &mut *self;
        if let Stage::Submitted { answer, .. } = &this.stage {
            if let Poll::Ready(result) = answer.poll(cx) {
                this.stage = Stage::Done;
                this.held = None;
                return Poll::Ready(result.unwrap_or_else(|payload| resume_unwind(payload)));
            }
        } else if let Some(value) = this.submit(cx) {
            return Poll::Ready(value);
        }
        park(WaitsOn::new(WaitKind::Blocking, 0), this.at);
        Poll::Pending
    }
}

/// The job is moved to its thread, never pinned.
impl<F, T: Send + 'static> Unpin for Execute<F, T> {}

impl<F, T: Send + 'static> Drop for Execute<F, T> {
    fn drop(&mut self) {
        WORKERS.leave_line(&mut self.place);
        if let Stage::Submitted { ticket, answer } = &self.stage {
            answer.forget();
            WORKERS.withdraw(*ticket);
        }
    }
}

impl<F, T: Send + 'static> fmt::Debug for Execute<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::New(_) if self.place.is_some() => "waits for room",
            Stage::New(_) => "new",
            Stage::Submitted { .. } => "submitted",
            Stage::Done => "done",
        };
        f.debug_struct("Execute")
            .field("at", &format_args!("{}", self.at))
            .field("stage", &stage)
            .finish()
    }
}
