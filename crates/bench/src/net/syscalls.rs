//! The system calls that a server makes for each message, as the kernel counts them.
//!
//! `perf stat` on the tracepoints of the running server: a count changes nothing. (strace would slow the
//! server down so much that the next message is always there already, which hides what a design that
//! reads first pays for it.) Where perf or tracefs is missing, the row is absent.

use std::collections::BTreeMap;
use std::io;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::load::Load;
use super::server::Server;
use crate::measure::{Absent, Figures, Outcome};

/// Of a lone connection a quarter: each of its messages waits for both cpus to wake up.
const MESSAGES: u64 = 20_000;
/// What perf needs to begin.
const PERF_BEGINS: Duration = Duration::from_millis(600);
const ALL: &str = "raw_syscalls:sys_enter";
/// Those that wait for events.
const WAITS: &[&str] = &[
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "ppoll",
    "pselect6",
];
/// Those that a figure of its own shows; the rest is in the sum.
const OTHERS: &[&str] = &[
    "recvfrom",
    "sendto",
    "read",
    "write",
    "readv",
    "writev",
    "recvmsg",
    "sendmsg",
    "epoll_ctl",
    "timerfd_settime",
    "io_uring_enter",
    "futex",
    "getsockopt",
    "clock_nanosleep",
];

/// Counts while so many connections send messages.
pub(crate) fn per_message(server: &Server, connections: usize) -> Outcome {
    let messages = if connections < 8 {
        MESSAGES / 4
    } else {
        MESSAGES
    };
    let counted = counted(server, connections, messages).map_err(super::no_load)?;
    let each = |count: u64| count as f64 / messages as f64;
    let all = counted.get(ALL).copied().ok_or_else(|| {
        Absent::because("perf counts no system calls here (Debian: linux-perf, as root)")
    })?;
    let waits = WAITS
        .iter()
        .filter_map(|name| counted.get(&tracepoint(name)))
        .sum();
    let mut figures = Figures {
        ops: messages,
        ..Figures::default()
    }
    .with("calls", each(all))
    .with("waits", each(waits));
    for name in WAITS.iter().chain(OTHERS) {
        if let Some(count) = counted.get(&tracepoint(name)).filter(|count| **count > 0) {
            figures = figures.with(name, each(*count));
        }
    }
    Ok(figures)
}

fn counted(
    server: &Server,
    connections: usize,
    messages: u64,
) -> io::Result<BTreeMap<String, u64>> {
    let mut load = Load::connect(server.addr, connections, 64)?;
    load.run(messages / 10)?;
    let Ok(perf) = start_perf(server.pid()) else {
        return Ok(BTreeMap::new());
    };
    thread::sleep(PERF_BEGINS);
    load.run(messages)?;
    if let Some(pid) = Pid::from_raw(perf.id() as i32) {
        let _ = kill_process(pid, Signal::INT); // it prints and ends; it may have ended before
    }
    let said = perf.wait_with_output()?.stderr;
    Ok(counts_in(&String::from_utf8_lossy(&said)))
}

fn start_perf(server: u32) -> io::Result<Child> {
    let mut events = vec![ALL.to_owned()];
    events.extend(WAITS.iter().chain(OTHERS).map(|name| tracepoint(name)));
    Command::new("perf")
        .args(["stat", "-x,", "-e", &events.join(","), "-p"])
        .arg(server.to_string())
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
}

fn tracepoint(name: &str) -> String {
    format!("syscalls:sys_enter_{name}")
}

/// Lines like `20000,,raw_syscalls:sys_enter,…`.
fn counts_in(said: &str) -> BTreeMap<String, u64> {
    said.lines()
        .filter_map(|line| {
            let mut fields = line.split(',');
            let count = fields.next()?.parse().ok()?;
            Some((fields.nth(1)?.to_owned(), count))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::counts_in;

    #[test]
    fn what_perf_says() {
        let said = "60012,,raw_syscalls:sys_enter,1,100.00,,\n\
                    <not counted>,,syscalls:sys_enter_poll,0,100.00,,\n\
                    Events enabled\n";
        let counts: Vec<_> = counts_in(said).into_iter().collect();
        assert_eq!(counts, [("raw_syscalls:sys_enter".to_owned(), 60_012)]);
    }
}
