//! One call on the pool.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use evlet_green::tpool::{Execute, execute};

type Job<T> = Box<dyn FnOnce() -> io::Result<T> + Send>;

/// The future of a call that a thread of the pool makes.
///
/// # Cancel safety
/// Dropped before a thread has begun, the call never happens; afterwards it goes on unseen.
#[must_use = "futures do nothing unless awaited"]
pub struct Blocking<T: Send + 'static>(Execute<Job<T>, io::Result<T>>);

impl<T: Send + 'static> Blocking<T> {
    #[track_caller]
    pub(super) fn new(job: impl FnOnce() -> io::Result<T> + Send + 'static) -> Self {
        let job: Job<T> = Box::new(job);
        Blocking(execute(job))
    }
}

impl<T: Send + 'static> Future for Blocking<T> {
    type Output = io::Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<T: Send + 'static> fmt::Debug for Blocking<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Blocking").field(&self.0).finish()
    }
}
