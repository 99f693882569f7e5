//! The hub's inbox under every order in which threads can run, with every value that the processor may
//! show them.
//!
//! The file under test is the hub's own, taken in by its path; what it uses of the hub is made here
//! anew, of loom's parts. So it needs no flag to the compiler, and runs with the other tests.

mod hub; // what the inbox sees of a hub
mod models; // what must hold
mod sync; // loom's parts, in place of the standard library's

#[allow(dead_code, reason = "the hub uses more of it than the models do")]
#[path = "../../src/remote.rs"]
mod remote;

use hub::{birthplace, core, reactor, task, timers};
