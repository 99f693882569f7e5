//! The loop of a network agent: for ever, take an update from a queue and handle it in a pool of
//! eight.
//!
//! The pool's size is the back-pressure. When eight updates are in the works, `spawn_n` waits, the
//! loop takes no further update, and the queue grows where everyone can see it instead of the agent
//! doing everything at once.
//!
//! Run it: `cargo run --example router_agent`

use std::rc::Rc;
use std::time::Duration;

use evlet::{GreenPool, Queue, sleep, spawn};

const WORKERS: usize = 8;
const UPDATES: u32 = 40;

struct Update {
    router: u32,
}

#[evlet::main]
async fn main() {
    let updates = Rc::new(Queue::unbounded());
    let agent = spawn(process_updates(updates.clone()));

    // A burst: many routers change at once.
    for router in 1..=UPDATES {
        updates
            .put_nowait(Update { router })
            .expect("the queue has no bound");
    }
    println!("{UPDATES} updates are queued");
    updates.join().await;
    println!("all {UPDATES} updates are done");
    agent.kill().await;
}

async fn process_updates(updates: Rc<Queue<Update>>) {
    let pool = GreenPool::new(WORKERS);
    loop {
        let update = updates.get().await;
        if pool.is_full() && update.router % 8 == 1 {
            println!(
                "{} at work, {} wait in the queue",
                pool.running(),
                updates.qsize()
            );
        }
        let done = updates.clone();
        pool.spawn_n(async move {
            apply(&update).await;
            done.task_done().expect("once for each update");
        })
        .await;
    }
}

/// What an agent does for a router: talk to the system for a while.
async fn apply(update: &Update) {
    sleep(Duration::from_millis(20 + u64::from(update.router % 3))).await;
}
