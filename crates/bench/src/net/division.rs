//! Where a server's CPU time goes while it echoes: which system calls, and how much of it is not the kernel's.
//!
//! `perf record` samples the running server by the clock, with the kernel's part of each stack. A sample below a
//! system call is that call's (the receiving end of a loopback message is worked off inside the sender's `send`),
//! one in the kernel outside of any is the machine's, the rest is the program's: hub, adapter, libc.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::load::Load;
use super::server::Server;
use crate::measure::{Absent, Figures, Outcome};

const MESSAGES: u64 = 200_000;
/// What perf needs to begin.
const PERF_BEGINS: Duration = Duration::from_millis(600);
/// Samples a second: no whole divisor of the kernel's own ticks.
const FREQUENCY: &str = "4999";
/// Fewer would say nothing.
const SAMPLES: u64 = 200;

/// Shares of the server's time, by part.
pub(crate) fn of_message(server: &Server, connections: usize) -> Outcome {
    let file = std::env::temp_dir().join(format!("evlet-bench-{}.perf", std::process::id()));
    let counted = sampled(server, connections, &file);
    let _ = fs::remove_file(&file);
    let parts = counted.map_err(super::no_load)?;
    let all: u64 = parts.values().sum();
    if all < SAMPLES {
        let why = format!("perf took {all} samples (Debian: linux-perf, as root)");
        return Err(Absent::because(why));
    }
    let mut figures = Figures {
        ops: MESSAGES,
        ..Figures::default()
    };
    for (part, samples) in parts {
        figures = figures.with(part, samples as f64 / all as f64);
    }
    Ok(figures)
}

fn sampled(
    server: &Server,
    connections: usize,
    file: &Path,
) -> io::Result<BTreeMap<&'static str, u64>> {
    let mut load = Load::connect(server.addr, connections, 64)?;
    load.run(MESSAGES / 10)?;
    let perf = Command::new("perf")
        .args([
            "record",
            "-q",
            "-g",
            "-e",
            "cpu-clock",
            "-F",
            FREQUENCY,
            "-o",
        ])
        .arg(file)
        .args(["-p", &server.pid().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut perf) = perf else {
        return Ok(BTreeMap::new());
    };
    thread::sleep(PERF_BEGINS);
    load.run(MESSAGES)?;
    if let Some(pid) = Pid::from_raw(perf.id() as i32) {
        let _ = kill_process(pid, Signal::INT); // it writes and ends; it may have ended before
    }
    perf.wait()?;
    let said = Command::new("perf")
        .args(["script", "-F", "ip,sym", "-i"])
        .arg(file)
        .output()?;
    Ok(parts_in(&String::from_utf8_lossy(&said.stdout)))
}

/// Samples by part. A sample is a block of lines `ADDRESS SYMBOL`, innermost first.
fn parts_in(script: &str) -> BTreeMap<&'static str, u64> {
    let mut parts = BTreeMap::new();
    for sample in script
        .split("\n\n")
        .filter(|sample| !sample.trim().is_empty())
    {
        *parts.entry(part_of(sample)).or_insert(0) += 1;
    }
    parts
}

/// The program's own part.
pub(crate) const PROGRAM: &str = "the program";

fn part_of(sample: &str) -> &'static str {
    let innermost = sample.trim_start();
    if !innermost.starts_with("ffff") {
        return PROGRAM;
    }
    let call = sample
        .lines()
        .filter_map(|line| {
            line.split_once("__x64_sys_")
                .or(line.split_once("__arm64_sys_"))
        })
        .map(|(_, call)| call.trim())
        .next();
    match call {
        Some("sendto" | "sendmsg" | "write" | "writev") => "send",
        Some("recvfrom" | "recvmsg" | "read" | "readv") => "recv",
        Some(call) if call.contains("wait") || call.contains("poll") => "the wait for events",
        Some(_) => "other system calls",
        None => "entering the kernel, interrupts",
    }
}

#[cfg(test)]
mod tests {
    use super::parts_in;

    #[test]
    fn samples_belong_to_the_call_above_them() {
        let script = "\n\tffffffff81b75d9a _copy_to_user\n\tffffffff816dd9ef __x64_sys_recvfrom\n\
                      \tffffffff821ef691 do_syscall_64\n\n\
                      \n\t           98f5f evlet_hub::hub::turn\n\n\
                      \n\tffffffff81001280 asm_sysvec_apic_timer_interrupt\n\n";
        let parts: Vec<_> = parts_in(script).into_iter().collect();
        let expected = [
            ("entering the kernel, interrupts", 1),
            ("recv", 1),
            ("the program", 1),
        ];
        assert_eq!(parts, expected);
    }
}
