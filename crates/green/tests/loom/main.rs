//! The way back of a result from a pool thread under every order in which threads can run, with every
//! value that the processor may show them.
//!
//! The file under test is the pool's own, taken in by its path; what it is made of is loom's here. So it
//! needs no flag to the compiler, and runs with the other tests. The inbox of the hub, on which it
//! ends, has models of its own (`crates/hub/tests/loom`).

#[path = "../../src/wakers.rs"]
mod wakers;

mod tpool {
    #[path = "../../../src/tpool/answer.rs"]
    mod answer;
    mod models; // what must hold
    mod sync; // loom's parts, and an inbox
}
