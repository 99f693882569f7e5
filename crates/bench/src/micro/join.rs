//! Waiting for a task that ends well.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

pin_project! {
    /// Around a handle that gives a `Result`: the tasks of scenarios are not cancelled and do not panic.
    #[derive(Debug)]
    pub(crate) struct Join<H> {
        #[pin]
        handle: H,
    }
}

impl<H> Join<H> {
    pub(crate) fn new(handle: H) -> Self {
        Join { handle }
    }
}

impl<H, T, E> Future for Join<H>
where
    H: Future<Output = Result<T, E>>,
    E: Debug,
{
    type Output = T;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match self.project().handle.poll(cx) {
            Poll::Ready(Ok(value)) => Poll::Ready(value),
            Poll::Ready(Err(error)) => panic!("a scenario's task ended: {error:?}"),
            Poll::Pending => Poll::Pending,
        }
    }
}
