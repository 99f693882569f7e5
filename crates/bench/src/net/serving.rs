//! The server's process, from inside: which function serves, what it says, when it ends.

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::process::{Signal, set_parent_process_death_signal};

use super::tls::Certificate;
use crate::contestant;
use crate::measure::Absent;

/// A contestant's servers. Each binds a free port on loopback, [`announce`]s it and serves every connection with
/// a task of its own, in the way that is usual for it: what has been read, at most so many bytes at once, is written back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Servers {
    pub(crate) echo: fn(buffer: usize) -> Serving,
    /// One with a buffer of so many bytes for each connection, made with it, where `echo` has none.
    pub(crate) keeping: Option<fn(buffer: usize) -> Serving>,
    pub(crate) tls: Option<fn(buffer: usize, &Certificate) -> Serving>,
}

/// Serving has no end but trouble.
pub(crate) type Serving = io::Result<Infallible>;

/// Tells the load where to connect.
pub(crate) fn announce(addr: SocketAddr) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening {addr}")?;
    out.flush()
}

/// `serve CONTESTANT KIND BUFFER [FOLDER]`: serves until it is ended, with its parent at the latest.
pub(crate) fn serve(contestant: &str, kind: &str, buffer: usize, folder: Option<&Path>) {
    end_with_parent();
    let trouble = match try_serve(contestant, kind, buffer, folder) {
        Ok(never) => match never {},
        Err(absent) => absent,
    };
    println!("{}", serde_json::to_string(&trouble).unwrap_or_default());
}

fn try_serve(
    contestant: &str,
    kind: &str,
    buffer: usize,
    folder: Option<&Path>,
) -> Result<Infallible, Absent> {
    let lacking = || Absent::because(format!("{contestant} has no {kind} server"));
    let servers = contestant::find(contestant)
        .and_then(|found| found.net)
        .ok_or_else(lacking)?;
    let served = match kind {
        "echo" => (servers.echo)(buffer),
        "keeping" => servers.keeping.unwrap_or(servers.echo)(buffer),
        "tls" => {
            let serve = servers.tls.ok_or_else(lacking)?;
            let certificate = Certificate::read(folder.ok_or_else(lacking)?)?;
            serve(buffer, &certificate)
        }
        _ => return Err(lacking()),
    };
    served.map_err(|e| Absent::because(format!("{contestant}: {e}")))
}

/// `exec PROGRAM ARGS…`: becomes that program, which ends with its parent.
pub(crate) fn exec(program: &OsStr, args: impl IntoIterator<Item = OsString>) {
    end_with_parent();
    let error = Command::new(program).args(args).exec();
    let trouble = Absent::because(format!("{}: {error}", program.display()));
    println!("{}", serde_json::to_string(&trouble).unwrap_or_default());
}

/// An orchestrator that is interrupted leaves no servers behind.
fn end_with_parent() {
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
}
