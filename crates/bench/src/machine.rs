//! What the run ran on: figures of two machines are not to be compared.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// As far as the system tells.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cpus: usize,
    pub(crate) memory_mib: u64,
    pub(crate) kernel: String,
    pub(crate) rustc: String,
}

impl Machine {
    /// This one.
    pub(crate) fn here() -> Machine {
        Machine {
            cpu: field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".into()),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: memory_mib().unwrap_or(0),
            kernel: kernel(),
            rustc: rustc().unwrap_or_else(|| "unknown".into()),
        }
    }

    /// One sentence for the page.
    pub(crate) fn sentence(&self) -> String {
        format!(
            "{} cpus ({}), {} GiB, Linux {}, {}.",
            self.cpus,
            self.cpu,
            self.memory_mib.div_ceil(1024),
            self.kernel,
            self.rustc
        )
    }
}

/// The kernel's version without what a distribution hangs on to it.
fn kernel() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let version = release.trim().split('-').next().unwrap_or_default();
    version.to_owned()
}

fn memory_mib() -> Option<u64> {
    let kib = field("/proc/meminfo", "MemTotal")?;
    let kib: u64 = kib.trim_end_matches(" kB").parse().ok()?;
    Some(kib / 1024)
}

fn rustc() -> Option<String> {
    let output = Command::new("rustc").arg("--version").output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    // Without the date and the hash.
    Some(said.split('(').next()?.trim().to_owned())
}

/// The first line `name : value` of a file of the kernel's.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
