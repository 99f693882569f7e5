//! evlet, with everything on that is on by default.

mod net;

use std::future::Future;
use std::time::Duration;

use evlet::Hub;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::measure::Absent;
use crate::micro::Runtime;
pub(crate) use net::SERVERS;

/// evlet's hub.
#[derive(Debug)]
pub(crate) struct Evlet;

/// A hub as a program gets it.
pub(crate) fn hub() -> Result<Hub, Absent> {
    Hub::builder()
        .watchdog(Duration::from_secs(1))
        .build()
        .map_err(|e| Absent::because(format!("no hub: {e}")))
}

pin_project! {
    /// A green thread of a scenario: none is killed, none panics.
    #[derive(Debug)]
    pub(crate) struct Join<T: 'static> {
        #[pin]
        thread: evlet::GreenThread<T>,
    }
}

impl<T: 'static> Future for Join<T> {
    type Output = T;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match self.project().thread.poll(cx) {
            Poll::Ready(Ok(value)) => Poll::Ready(value),
            Poll::Ready(Err(exit)) => panic!("a scenario's green thread ended: {exit}"),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Runtime for Evlet {
    type Join<T: Send + 'static> = Join<T>;

    fn block_on<F>(root: F) -> Result<F::Output, Absent>
    where
        F: Future + 'static,
    {
        Ok(hub()?.run(root))
    }

    fn spawn<F>(task: F) -> Self::Join<F::Output>
    where
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        Join {
            thread: evlet::spawn(task),
        }
    }

    fn yield_now() -> impl Future<Output = ()> + 'static {
        evlet::yield_now()
    }
}
