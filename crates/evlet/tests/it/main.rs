//! What the facade adds to the crates below: names, and the two attributes.

mod blocking_calls; // what the list for clippy names exists
mod exports; // every public name of the crates below is reachable, exactly once
mod main_attribute; // #[evlet::main]
mod test_attribute; // #[evlet::test]
