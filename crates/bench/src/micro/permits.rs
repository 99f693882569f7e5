//! Semaphores and pools.

use super::Runtime;
use super::runtime::{Pool, Semaphore};
use crate::measure::{Figures, repeat};

/// Nobody else wants the permit: one operation is to take and give back.
pub(super) async fn free<R: Runtime>() -> Figures {
    const TAKEN: u64 = 100_000;
    let semaphore = R::semaphore(10);
    repeat(TAKEN, async || {
        for _ in 0..TAKEN {
            let permit = semaphore.acquire().await;
            drop(permit);
        }
    })
    .await
}

/// Ten permits, so many tasks, each yields while it has one: one operation is one permit had.
pub(super) async fn contended<R: Runtime>(tasks: u64) -> Figures {
    let each = 20_000_u64.div_ceil(tasks);
    repeat(tasks * each, async || {
        let semaphore = R::semaphore(10);
        let running: Vec<_> = (0..tasks)
            .map(|_| {
                let semaphore = semaphore.clone();
                R::spawn(async move {
                    for _ in 0..each {
                        let permit = semaphore.acquire().await;
                        R::yield_now().await;
                        drop(permit);
                    }
                })
            })
            .collect();
        for task in running {
            task.await;
        }
    })
    .await
}

/// A pool through which jobs go that yield once, a million and a half of them in all: one operation is
/// one job.
pub(super) async fn pool<R: Runtime>(size: u64) -> Figures {
    const JOBS: u64 = 100_000;
    let pool = R::pool(size as usize);
    repeat(JOBS, async || {
        for _ in 0..JOBS {
            pool.spawn_n(R::yield_now()).await;
        }
        pool.wait_all().await;
    })
    .await
}
