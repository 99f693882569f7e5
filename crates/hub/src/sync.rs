//! What the inbox is made of: the models in `crates/hub/tests/loom` make it of something else, which tries
//! every order.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard};

pub(crate) use concurrent_queue::ConcurrentQueue;
