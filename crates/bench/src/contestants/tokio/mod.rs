//! tokio's current-thread runtime, with `tokio::spawn`: what most of its programs have.

mod assert_send;
mod net;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::runtime::{Builder, Runtime as TokioRuntime};
use tokio::task::JoinHandle;

use crate::measure::Absent;
use crate::micro::Runtime;
use assert_send::AssertSend;
pub(crate) use net::SERVERS;

/// tokio, current_thread.
#[derive(Debug)]
pub(crate) struct Tokio;

/// The runtime, with everything on.
pub(crate) fn runtime() -> Result<TokioRuntime, Absent> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Absent::because(format!("no tokio runtime: {e}")))
}

pin_project! {
    /// A task of a scenario: none is aborted, none panics.
    #[derive(Debug)]
    pub(crate) struct Join<T> {
        #[pin]
        handle: JoinHandle<T>,
    }
}

impl<T> Future for Join<T> {
    type Output = T;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match self.project().handle.poll(cx) {
            Poll::Ready(Ok(value)) => Poll::Ready(value),
            Poll::Ready(Err(error)) => panic!("a scenario's task ended: {error}"),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Runtime for Tokio {
    type Join<T: Send + 'static> = Join<T>;

    fn block_on<F>(root: F) -> Result<F::Output, Absent>
    where
        F: Future + 'static,
    {
        Ok(runtime()?.block_on(root))
    }

    fn spawn<F>(task: F) -> Self::Join<F::Output>
    where
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        Join {
            handle: tokio::spawn(AssertSend::new(task)),
        }
    }

    fn yield_now() -> impl Future<Output = ()> + 'static {
        tokio::task::yield_now()
    }
}
