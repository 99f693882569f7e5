//! Making tasks: with and without somebody who waits for the result.

use std::cell::Cell;
use std::rc::Rc;

use super::Runtime;
use super::runtime::Reply as _;
use crate::measure::{Figures, repeat};

/// Tasks in one sample, at least.
const TASKS: u64 = 20_000;

/// Spawns a batch, then waits for each: one operation is one task.
pub(super) async fn join<R: Runtime>(batch: u64) -> Figures {
    let batches = TASKS.div_ceil(batch);
    let mut tasks = Vec::with_capacity(batch as usize);
    repeat(batches * batch, async || {
        for _ in 0..batches {
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

/// Spawns a batch that nobody waits for; the last of them says when it is done.
pub(super) async fn detached<R: Runtime>(batch: u64) -> Figures {
    let batches = TASKS.div_ceil(batch);
    let left = Rc::new(Cell::new(0));
    repeat(batches * batch, async || {
        for _ in 0..batches {
            left.set(batch);
            for _ in 1..batch {
                let left = left.clone();
                R::spawn_n(async move { left.set(left.get() - 1) });
            }
            let (done, is_done) = R::oneshot();
            let last = left.clone();
            R::spawn_n(async move {
                last.set(last.get() - 1);
                done.send(());
            });
            is_done.await;
            assert_eq!(left.get(), 0);
        }
    })
    .await
}
