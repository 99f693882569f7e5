//! A future that says it may go to another thread, and never does.
//!
//! `tokio::spawn` wants `Send`, also on a runtime of one thread. The scenarios are generic over runtimes whose
//! primitives are not `Send`, so the compiler cannot see that with tokio's own primitives they are.

#![expect(
    unsafe_code,
    reason = "Send cannot be proved for code that is generic over primitives"
)]

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

pin_project! {
    /// See above.
    pub(crate) struct AssertSend<F> {
        #[pin]
        future: F,
    }
}

// SAFETY: it is given to `tokio::spawn` on current-thread runtimes only, inside their `block_on`. Such a
// runtime polls and drops its tasks on the thread that is in `block_on` or that drops the runtime, which
// here is one and the same.
unsafe impl<F> Send for AssertSend<F> {}

impl<F> AssertSend<F> {
    pub(crate) fn new(future: F) -> AssertSend<F> {
        AssertSend { future }
    }
}

impl<F: Future> Future for AssertSend<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().future.poll(cx)
    }
}
