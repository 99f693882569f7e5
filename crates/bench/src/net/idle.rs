//! What an idle connection holds in the server's memory.
//!
//! Each has had a message, so that its buffer and its task have been used. The kernel's own memory for sockets
//! is in nobody's resident size.

use std::collections::BTreeMap;
use std::io;
use std::thread;
use std::time::Duration;

use super::load::Load;
use super::server::Server;
use crate::measure::{Figures, Outcome};

/// Connections that are there before the first look: they pay for what is made once.
const FIRST: usize = 64;

/// Opens so many connections and lets them rest.
pub(crate) fn measure(server: &Server, connections: usize) -> Outcome {
    resident_each(server, connections).map_err(super::no_load)
}

fn resident_each(server: &Server, connections: usize) -> io::Result<Figures> {
    let mut load = Load::connect(server.addr, FIRST, 64)?;
    load.run(10 * FIRST as u64)?;
    let before = settled(server)?;
    let cpu = server.cpu()?;
    load.add(server.addr, connections)?;
    let after = settled(server)?;
    let spent = server.cpu()?.saturating_sub(cpu);
    let each = (after as f64 - before as f64) / connections as f64;
    Ok(Figures {
        ops: connections as u64,
        cpu_ns: spent.as_nanos() as f64 / connections as f64,
        extra: BTreeMap::from([("resident".to_owned(), each.max(0.0))]),
        ..Figures::default()
    })
}

fn settled(server: &Server) -> io::Result<u64> {
    thread::sleep(Duration::from_millis(50));
    server.resident()
}
