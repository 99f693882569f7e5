//! A job that nobody waits for.

use std::fmt;
use std::task::Waker;

use evlet_hub::report::message_of_caught;

use crate::tpool::jobs::Job;
use crate::tpool::workers::{Submitted, WORKERS};

/// Hands `job` over to a thread of the pool and does not wait for it: what a `drop` does that cannot
/// await. It works outside a hub too.
///
/// A panic of the job ends nothing but the job.
///
/// # Errors
/// [`NotTaken`] gives the job back, which is not reported, when no thread will do it: the pool has none
/// (a size of zero), as many jobs wait as may, or this is a thread of the pool, which would have to do it
/// itself. Should the system refuse to start the first thread, the job runs here, as any job of the pool.
///
/// # Example
/// ```
/// use evlet_green::tpool;
///
/// let (tell, told) = std::sync::mpsc::channel();
/// tpool::hand_over(move || tell.send("done"))?;
/// assert_eq!(told.recv(), Ok("done"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn hand_over<F, T>(job: F) -> Result<(), NotTaken<F>>
where
    F: FnOnce() -> T + Send + 'static,
{
    let mut given = Some(job);
    let mut place = None;
    let submitted = WORKERS.submit(&mut place, Waker::noop().clone(), |_| {
        let job = given.take();
        let run: Job = Box::new(move || {
            let job = std::panic::AssertUnwindSafe(|| drop(job.map(|job| job())));
            drop(std::panic::catch_unwind(job).map_err(message_of_caught));
        });
        run
    });
    WORKERS.leave_line(&mut place);
    match (submitted, given) {
        (Submitted::Queued(_), _) | (_, None) => Ok(()),
        (_, Some(job)) => Err(NotTaken { job }),
    }
}

/// A job that no thread of the pool will do: it was not run.
pub struct NotTaken<F> {
    /// The job.
    pub job: F,
}

impl<F> fmt::Debug for NotTaken<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotTaken").finish_non_exhaustive()
    }
}

impl<F> fmt::Display for NotTaken<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the thread pool did not take the job: it has no threads, as many jobs wait as may, or a \
             job of the pool handed it over: run it here",
        )
    }
}

impl<F> std::error::Error for NotTaken<F> {}
