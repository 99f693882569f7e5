//! What an answer is made of here.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use loom::sync::Arc;
pub(crate) use loom::sync::{Mutex, MutexGuard};

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The handle of what was sent, which is let go: how many are on their way.
pub(crate) struct Sent(#[expect(dead_code, reason = "nobody asks")] usize);

impl Drop for Sent {
    fn drop(&mut self) {}
}

/// The inbox of a hub: what other threads send is done when the hub looks.
#[derive(Clone, Default)]
pub(crate) struct HubHandle(Arc<Mutex<Vec<Job>>>);

impl HubHandle {
    pub(crate) fn spawn(&self, job: impl Future<Output = ()> + Send + 'static) -> Sent {
        let mut inbox = self.0.lock().unwrap();
        inbox.push(Box::pin(job));
        Sent(inbox.len())
    }

    /// What the hub's thread does with its inbox.
    pub(crate) fn look(&self) {
        let jobs = std::mem::take(&mut *self.0.lock().unwrap());
        for mut job in jobs {
            let polled = job.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert_eq!(polled, Poll::Ready(()));
        }
    }
}
