//! What most programs use: `use evlet::prelude::*;`.
//!
//! ```
//! use evlet::prelude::*;
//!
//! evlet::run(async {
//!     let pool = GreenPool::new(2);
//!     let work = pool.spawn(async { sleep(Duration::from_millis(1)).await }).await;
//!     timeout(Duration::from_secs(5), work).await.expect("in time").expect("no panic");
//! });
//! ```

pub use std::time::Duration;

pub use crate::{
    Event, Exit, FixedIntervalLoopingCall, GreenPile, GreenPool, GreenThread, Hub, Queue,
    Semaphore, TcpListener, TcpStream, checkpoint, connect, listen, now, serve, sleep, spawn,
    spawn_after, spawn_n, timeout,
};
