//! Giving others a turn.

use super::Runtime;
use crate::measure::{Figures, repeat};

/// So many tasks that yield again and again, a hundred thousand times in all: one operation is one yield.
pub(super) async fn among<R: Runtime>(tasks: u64) -> Figures {
    let each = 100_000_u64.div_ceil(tasks);
    repeat(tasks * each, async || {
        let running: Vec<_> = (0..tasks)
            .map(|_| {
                R::spawn(async move {
                    for _ in 0..each {
                        R::yield_now().await;
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
