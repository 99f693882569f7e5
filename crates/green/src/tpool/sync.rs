//! What an answer is made of: the models in `crates/green/tests/loom` make it of something else, which tries
//! every order.

pub(super) use std::sync::{Mutex, MutexGuard};

pub(super) use evlet_hub::HubHandle;
