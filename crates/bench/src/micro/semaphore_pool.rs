//! A pool for runtimes that have none, the way their users write it: a permit goes into each task.

use std::future::Future;
use std::marker::PhantomData;

use super::runtime::{Pool, Runtime, Semaphore};

/// At most so many tasks of `R` at a time.
#[derive(Debug)]
pub(crate) struct SemaphorePool<R: Runtime> {
    permits: R::Semaphore,
    size: usize,
    on: PhantomData<R>,
}

impl<R: Runtime> SemaphorePool<R> {
    pub(crate) fn new(size: usize) -> Self {
        SemaphorePool {
            permits: R::semaphore(size),
            size,
            on: PhantomData,
        }
    }
}

impl<R: Runtime> Pool for SemaphorePool<R> {
    async fn spawn_n<F>(&self, task: F)
    where
        F: Future<Output = ()> + 'static,
    {
        let permit = self.permits.acquire_owned().await;
        R::spawn_n(async move {
            task.await;
            drop(permit);
        });
    }

    async fn wait_all(&self) {
        let mut all = Vec::with_capacity(self.size);
        for _ in 0..self.size {
            all.push(self.permits.acquire_owned().await);
        }
    }
}
