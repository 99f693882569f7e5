//! Making tasks: with and without somebody who waits for the result.

use super::Runtime;
use crate::measure::{Figures, repeat};

const BATCHES: u64 = 20;

/// Spawns a batch, then waits for each: one operation is one task.
pub(super) async fn join<R: Runtime>(batch: u64) -> Figures {
    let mut tasks = Vec::with_capacity(batch as usize);
    repeat(BATCHES * batch, async || {
        for _ in 0..BATCHES {
            tasks.extend((0..batch).map(|n| R::spawn(async move { n })));
            let mut sum = 0;
            for task in tasks.drain(..) {
                sum += task.await;
            }
            assert_eq!(sum, batch * (batch - 1) / 2);
        }
    })
    .await
}
