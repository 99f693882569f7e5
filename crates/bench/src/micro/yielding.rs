//! Giving others a turn.

use super::Runtime;
use crate::measure::{Figures, repeat};

const YIELDS: u64 = 100;

/// So many tasks that each yield a hundred times: one operation is one yield.
pub(super) async fn among<R: Runtime>(tasks: u64) -> Figures {
    repeat(tasks * YIELDS, async || {
        let running: Vec<_> = (0..tasks)
            .map(|_| {
                R::spawn(async {
                    for _ in 0..YIELDS {
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
