//! Scenarios that need a process of their own with hardly any other thread in it: they close descriptors
//! underneath those who use them.

mod underneath; // descriptors closed by somebody else

use std::process::ExitCode;

use evlet_alone::run_each;

fn main() -> ExitCode {
    run_each(underneath::SCENARIOS)
}
