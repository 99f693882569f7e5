//! What tests of asynchronous programs need: futures given up at every await, streams that break on
//! demand, and the promises of streams as a test.

pub use evlet_green::testing::*;
pub use evlet_net::testing::*;
