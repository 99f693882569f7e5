//! Handing items from task to task.

use super::Runtime;
use super::runtime::{Receiver, Reply, Sender};
use crate::measure::{Figures, repeat};

const ROUNDS: u64 = 20_000;

/// Two tasks, two queues of one place: one operation is one item there and one back.
pub(super) async fn ping_pong<R: Runtime>() -> Figures {
    repeat(ROUNDS, async || {
        let (there, mut from_here) = R::queue(1);
        let (back, mut from_there) = R::queue(1);
        let other = R::spawn(async move {
            for _ in 0..ROUNDS {
                let n: u64 = from_here.recv().await;
                back.send(n + 1).await;
            }
        });
        for n in 0..ROUNDS {
            there.send(n).await;
            assert_eq!(from_there.recv().await, n + 1);
        }
        other.await;
    })
    .await
}

/// A task that answers: one operation is a request through a queue, with the oneshot its reply is to
/// come through, and the reply.
pub(super) async fn request_reply<R: Runtime>() -> Figures {
    repeat(ROUNDS, async || {
        let (requests, mut received) = R::queue::<(u64, R::Reply<u64>)>(1);
        let server = R::spawn(async move {
            for _ in 0..ROUNDS {
                let (n, reply) = received.recv().await;
                reply.send(n + 1);
            }
        });
        for n in 0..ROUNDS {
            let (reply, answer) = R::oneshot();
            requests.send((n, reply)).await;
            assert_eq!(answer.await, n + 1);
        }
        server.await;
    })
    .await
}

/// So many producers, one queue of 64 places, one consumer: one operation is one item.
pub(super) async fn fan_in<R: Runtime>(producers: u64) -> Figures {
    let each = 50_000_u64.div_ceil(producers);
    repeat(producers * each, async || {
        let (queue, mut items) = R::queue(64);
        for producer in 0..producers {
            let queue = queue.clone();
            R::spawn_n(async move {
                for _ in 0..each {
                    queue.send(producer).await;
                }
            });
        }
        let mut sum = 0;
        for _ in 0..producers * each {
            sum += items.recv().await;
        }
        assert_eq!(sum, producers * (producers - 1) / 2 * each);
    })
    .await
}
