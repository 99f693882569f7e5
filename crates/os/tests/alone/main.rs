//! Scenarios that need a process of their own with hardly any other thread in it: they fork, or close
//! descriptors underneath those who use them.

mod fork; // a forked child that runs a closure
mod forked; // what a fork may rely on, as a server's workers will
mod underneath; // descriptors closed by somebody else

use std::process::ExitCode;

use evlet_alone::run_each;

fn main() -> ExitCode {
    run_each(&[forked::SCENARIOS, underneath::SCENARIOS].concat())
}
