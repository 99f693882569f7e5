//! Scenarios that need a process of their own: those that measure memory, send signals to
//! themselves, close descriptors behind the hub's back, or may end the process.

mod allocated;
mod descriptors;
mod forked;
mod memory;
mod signals;
mod standard_error;
mod survival;
mod underneath;

use std::process::ExitCode;

use evlet_alone::run_each;

fn main() -> ExitCode {
    let scenarios = [
        descriptors::SCENARIOS,
        forked::SCENARIOS,
        memory::SCENARIOS,
        signals::SCENARIOS,
        standard_error::SCENARIOS,
        survival::SCENARIOS,
        underneath::SCENARIOS,
    ];
    run_each(&scenarios.concat())
}
