//! The process that is measured, as its load sees it: where it listens, its CPU clock, its memory.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::tls::Certificate;
use crate::contestant;
use crate::measure::Absent;

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    child: Child,
}

impl Server {
    /// Starts a contestant's server and waits until it listens.
    pub(crate) fn start(
        contestant: &str,
        kind: &str,
        buffer: usize,
        certificate: Option<&Certificate>,
    ) -> Result<Server, Absent> {
        let mut command = command(contestant)?;
        command.args([kind, &buffer.to_string()]);
        if let Some(certificate) = certificate {
            command.arg(certificate.folder());
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| Absent::because(format!("{contestant}'s server: {e}")))?;
        let mut said = String::new();
        if let Some(stdout) = child.stdout.take() {
            let _ = BufReader::new(stdout).read_line(&mut said);
        }
        match addr_in(&said) {
            Ok(addr) => Ok(Server { addr, child }),
            Err(absent) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(absent)
            }
        }
    }

    /// The CPU time of its threads. They have to sleep for this to be exact: a running one's is up to
    /// a tick old.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        let mut sum = 0;
        for thread in fs::read_dir(self.proc("task"))? {
            let line = fs::read_to_string(thread?.path().join("schedstat"))?;
            let ran = line.split_whitespace().next().unwrap_or_default();
            sum += ran.parse::<u64>().map_err(io::Error::other)?;
        }
        Ok(Duration::from_nanos(sum))
    }

    /// Resident memory, in bytes.
    pub(crate) fn resident(&self) -> io::Result<u64> {
        let text = fs::read_to_string(self.proc("smaps_rollup"))?;
        let line = text.lines().find_map(|line| line.strip_prefix("Rss:"));
        let kib = line.unwrap_or_default().trim().trim_end_matches(" kB");
        Ok(kib.parse::<u64>().map_err(io::Error::other)? * 1024)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn proc(&self, file: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{file}", self.pid()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What starts a contestant's server, but for its kind and what follows.
fn command(contestant: &str) -> Result<Command, Absent> {
    if let Some(program) = contestant::find(contestant).and_then(|c| c.program) {
        return program("serve");
    }
    let this = std::env::current_exe().map_err(|e| Absent::because(format!("{e}")))?;
    let mut command = Command::new(this);
    command.args(["serve", contestant]);
    Ok(command)
}

fn addr_in(said: &str) -> Result<SocketAddr, Absent> {
    let said = said.trim();
    if let Some(addr) = said.strip_prefix("listening ") {
        return addr
            .parse()
            .map_err(|e| Absent::because(format!("its server listens on {addr:?}: {e}")));
    }
    Err(serde_json::from_str(said)
        .unwrap_or_else(|_| Absent::because(format!("its server did not start: {said:?}"))))
}
