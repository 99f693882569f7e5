//! `evlet-bench`: evlet and its peers, measured side by side.
//!
//! Started by `cargo xtask bench`; docs/src/performance.md says how to read what comes out.
//!
//! # What happens inside
//!
//! One process measures one thing: `evlet-bench one CONTESTANT SCENARIO` pins itself to cpu 0, runs the
//! scenario, and prints one line of JSON, a [`Measure`](measure::Measure). The orchestrator starts such
//! processes round by round, all contestants of a scenario after one another (A B C A B C …), so that
//! whatever else the machine does meets all of them; it takes medians over the rounds, and ratios
//! between contestants within one run. Servers are measured more closely beside each other: all of a scenario are
//! alive at once and take turns, window by window.
//!
//! The main figure is CPU time of the whole process, which noise moves less than it moves wall time. The
//! watchdog's thread and threads of pools count in it.
//!
//! # Map, in reading order
//!
//! `measure` (the clocks, one measurement), `turn` (who waits for its own), `scenario` (the table of what is measured and what is to be
//! reached), `contestant` (the list of those who are), `micro` (the scenarios without sockets, generic
//! over a runtime), `net` (those with), `contestants` (one adapter each), `growth` (what is measured at several
//! sizes), `orchestrate` (a whole run), `machine` and `results` (what is kept of it), `report` (what it says), `hot_paths` (what
//! valgrind counts), `command`
//! (what the command line says).

mod contestant;
mod growth;
mod hot_paths;
mod machine;
mod measure;
mod pin;
mod resident;
mod scenario;
mod turn;

mod contestants;
mod micro;
mod net;

mod orchestrate;
mod report;
mod results;

mod command;

use std::process::ExitCode;

fn main() -> ExitCode {
    command::run()
}
