//! The scenarios with sockets: a server that is measured, and a load that is not.
//!
//! # What happens inside
//!
//! `evlet-bench one CONTESTANT echo-64` is the load. It starts itself once more as the server
//! (`evlet-bench serve CONTESTANT echo BUFFER`; scripts of other languages stand in for that), which inherits cpu 0,
//! and moves to the other cpu itself. The server says on its standard output where it listens and
//! serves until it is ended. The load is the same for every contestant: a loop over epoll, written by hand.
//!
//! Messages go to and fro in *windows* of so many messages. At the end of a window every answer has arrived
//! and the server sleeps, so its CPU clock, read from outside, has settled. A window's figure is the server's CPU
//! time over its messages; a process's figure is the median of its windows, after some to warm up. In a race the
//! load waits for its turn before each.
//!
//! # Map, in reading order
//!
//! `server` (the process that is measured, from outside), `serving` (the same from inside), `load` (messages to and
//! fro), `windows` (the clocks), `churn` (connections that come and go), `idle` (memory), `syscalls` (perf counts
//! them), `division` (perf samples them), `tls`, `descriptors` (their limit).

mod churn;
mod descriptors;
mod division;
mod idle;
mod load;
mod server;
mod serving;
mod syscalls;
mod tls;
mod windows;

pub(crate) use descriptors::raise_limit;
pub(crate) use serving::{Servers, Serving, announce, exec, serve};
pub(crate) use tls::Certificate;

use crate::measure::{Absent, Outcome};
use crate::pin;
use server::Server;
use windows::Windows;

/// Buffers of the echo servers, unless the scenario is about another size.
const BUFFER: usize = 4 * 1024;
/// No read of 16 KiB fills it, so none has to ask whether there is more.
const LARGE_BUFFER: usize = 64 * 1024;

/// Runs a scenario against a contestant's server.
pub(crate) fn run(contestant: &str, scenario: &str, size: Option<u64>) -> Outcome {
    raise_limit();
    let connections = |usual: u64| size.unwrap_or(usual).max(1) as usize;
    let echo = |buffer: usize| started(contestant, "echo", buffer);
    match scenario {
        "echo-1" => messages(&echo(BUFFER)?, connections(1), 64),
        "echo-64" => messages(&echo(BUFFER)?, connections(64), 64),
        "echo-1000" => messages(&echo(BUFFER)?, connections(1_000), 64),
        "echo-16k" => messages(&echo(LARGE_BUFFER)?, connections(64), 16 * 1024),
        "grow-sockets" => messages(&echo(64)?, connections(10_000), 64),
        "echo-1-calls" => syscalls::per_message(&echo(BUFFER)?, connections(1)),
        "echo-64-calls" => syscalls::per_message(&echo(BUFFER)?, connections(64)),
        "echo-64-parts" => division::of_message(&echo(BUFFER)?, connections(64)),
        "connect-close" => churn::measure(&echo(BUFFER)?, connections(600)),
        "idle-connection" => {
            let server = started(contestant, "keeping", 64)?;
            idle::measure(&server, connections(10_000))
        }
        "tls-handshake" => {
            let certificate = Certificate::new()?;
            let server = certified(contestant, BUFFER, &certificate)?;
            tls::handshakes(&server, &certificate, connections(80))
        }
        "tls-bulk" => {
            let certificate = Certificate::new()?;
            let server = certified(contestant, LARGE_BUFFER, &certificate)?;
            tls::bulk(&server, &certificate)
        }
        other => Err(Absent::because(format!("{other} has no code"))),
    }
}

fn started(contestant: &str, kind: &str, buffer: usize) -> Result<Server, Absent> {
    let server = Server::start(contestant, kind, buffer, None)?;
    pin::to(pin::load());
    Ok(server)
}

fn certified(contestant: &str, buffer: usize, certificate: &Certificate) -> Result<Server, Absent> {
    let server = Server::start(contestant, "tls", buffer, Some(certificate))?;
    pin::to(pin::load());
    Ok(server)
}

fn messages(server: &Server, connections: usize, length: usize) -> Outcome {
    let mut load = load::Load::connect(server.addr, connections, length).map_err(no_load)?;
    let connections = connections as u64;
    let lead_in = connections.max((2 * connections).clamp(200, 1_000));
    let window = match connections {
        // Each message waits for both cpus to wake up in turn: fewer take as long.
        0..8 => 600,
        _ => connections.max((4 * connections).clamp(2_000, 3_000)),
    };
    Windows::of(lead_in, window)
        .measure(server, |messages| load.run(messages))
        .map_err(no_load)
}

/// The load failed, which is nobody's figure.
fn no_load(error: std::io::Error) -> Absent {
    Absent::because(format!("the load: {error}"))
}
