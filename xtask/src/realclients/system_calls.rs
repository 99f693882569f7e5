//! What a hub asks of the kernel, as strace sees it.
//!
//! Under load, of `echo_bytes`: on average at most one wait call a turn (the server prints its own
//! count of turns when it stops), no change to the poll set for a connection but its registration
//! and its removal, and no timerfd set. Idle, of `echo_lines` with one open listener: not one
//! system call in five seconds, by any thread.
//!
//! strace runs with `-D`, as a grandchild: the process we start is the server itself, so its
//! signals and its exit status are the server's.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::{PROFILE, echo};
use crate::command::Running;
use crate::examples::{ended_with, listening_on};
use crate::steps::{Checked, Verdict};
use crate::workspace::Workspace;

const CONNECTIONS: u32 = 50;
const LINES: u32 = 100;
const QUIET: Duration = Duration::from_secs(5);

pub(super) fn under_load(workspace: &Workspace) -> Verdict {
    let log = log_file(workspace, "strace_load.log")?;
    let Some((server, addr)) = start_traced(workspace, "echo_bytes", &log)? else {
        return Ok(Checked::skipped("strace may not trace here"));
    };
    echo::python_client(workspace, addr, CONNECTIONS, LINES)?;
    server.signal("TERM")?;
    let finished = server.finish(Duration::from_secs(20))?;
    ended_with(&finished, 0)?;
    let calls = calls_in(&settled(&log)?);
    let turns = number_after(&finished.stdout, "turns ")
        .ok_or_else(|| format!("echo_bytes does not tell its turns:\n{}", finished.stdout))?;
    let count = |name: &str| calls.get(name).copied().unwrap_or(0);
    let waits = count("epoll_wait") + count("epoll_pwait") + count("epoll_pwait2");
    let (added, changed, removed) = (
        count("epoll_ctl ADD"),
        count("epoll_ctl MOD"),
        count("epoll_ctl DEL"),
    );
    println!(
        "echo_bytes under strace, {CONNECTIONS} connections: turns {turns}, wait calls {waits}, recvfrom {}, sendto {}, \
         epoll_ctl add {added} change {changed} remove {removed}, timerfd_settime {}",
        count("recvfrom") + count("read"),
        count("sendto") + count("write"),
        count("timerfd_settime"),
    );
    if waits == 0 || waits > turns {
        return Err(format!("{waits} wait calls in {turns} turns").into());
    }
    // The hub's own (notifier, listener, signals) come on top of one for each connection.
    let own = 8;
    if added > u64::from(CONNECTIONS) + own || removed > u64::from(CONNECTIONS) + own {
        return Err(format!("{added} added to and {removed} removed from the poll set").into());
    }
    if changed > own || count("timerfd_settime") > own {
        return Err(format!(
            "{changed} changes of the poll set, {} timerfd_settime calls",
            count("timerfd_settime")
        )
        .into());
    }
    Ok(Checked::passed(1))
}

pub(super) fn idle(workspace: &Workspace) -> Verdict {
    let log = log_file(workspace, "strace_idle.log")?;
    let Some((server, _)) = start_traced(workspace, "echo_lines", &log)? else {
        return Ok(Checked::skipped("strace may not trace here"));
    };
    let before = settled(&log)?;
    thread::sleep(QUIET);
    let after = read_log(&log)?;
    server.signal("TERM")?;
    ended_with(&server.finish(Duration::from_secs(10))?, 0)?;
    if after != before {
        let calls = &after[before.len().min(after.len())..];
        return Err(format!("an idle hub made system calls within {QUIET:?}:\n{calls}").into());
    }
    println!("idle echo_lines: no system call in {QUIET:?}");
    Ok(Checked::passed(1))
}

fn log_file(workspace: &Workspace, name: &str) -> Result<PathBuf, String> {
    let folder = workspace.target.join("xtask");
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let log = folder.join(name);
    let _ = fs::remove_file(&log);
    Ok(log)
}

/// `None` where tracing is forbidden (some containers): strace then says so and the program never
/// starts.
fn start_traced(
    workspace: &Workspace,
    name: &str,
    log: &Path,
) -> Result<Option<(Running, SocketAddr)>, String> {
    let mut command = Command::new("strace");
    command
        .args(["-D", "-f", "-o"])
        .arg(log)
        .arg(workspace.example(PROFILE, name))
        .args(["--addr", "127.0.0.1:0"]);
    let mut server = Running::start(&mut command)?;
    match listening_on(&mut server) {
        Ok(addr) => Ok(Some((server, addr))),
        Err(why) if why.contains("ptrace") => Ok(None),
        Err(why) => Err(why),
    }
}

/// The log once nothing has been added to it for a while.
fn settled(log: &Path) -> Result<String, String> {
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut last = read_log(log)?;
    loop {
        thread::sleep(Duration::from_millis(500));
        let now = read_log(log)?;
        if now == last {
            return Ok(now);
        }
        if Instant::now() > deadline {
            return Err(format!("{}: still growing", log.display()));
        }
        last = now;
    }
}

fn read_log(log: &Path) -> Result<String, String> {
    fs::read_to_string(log).map_err(|e| format!("{}: {e}", log.display()))
}

/// How often each call was begun; `epoll_ctl` also by what it asked for.
fn calls_in(log: &str) -> HashMap<String, u64> {
    let mut calls = HashMap::new();
    // A call that another thread interrupts has two lines; the second says `<... name resumed>`.
    for line in log.lines().filter(|line| !line.contains(" resumed>")) {
        let Some((head, args)) = line.split_once('(') else {
            continue;
        };
        let Some(name) = head.split_whitespace().last() else {
            continue;
        };
        *calls.entry(name.to_owned()).or_default() += 1;
        // A registration that is there already is asked about now and then, which changes nothing.
        if name == "epoll_ctl" && !args.contains("EEXIST") {
            for what in ["ADD", "MOD", "DEL"] {
                if args.contains(&format!("EPOLL_CTL_{what}")) {
                    *calls.entry(format!("epoll_ctl {what}")).or_default() += 1;
                }
            }
        }
    }
    calls
}

pub(super) fn number_after(text: &str, label: &str) -> Option<u64> {
    let rest = text.split_once(label)?.1;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{calls_in, number_after};

    #[test]
    fn calls_are_counted_once_each() {
        let log = "12  epoll_wait(3, [], 8, -1) = 0\n\
                   12  epoll_ctl(3, EPOLL_CTL_ADD, 5, {...}) = 0\n\
                   12  epoll_wait(3,  <unfinished ...>\n\
                   13  futex(0x1) = 0\n\
                   12  <... epoll_wait resumed> [], 8, -1) = 0\n\
                   12  --- SIGTERM {si_signo=SIGTERM} ---\n";
        let calls = calls_in(log);
        assert_eq!(calls.get("epoll_wait"), Some(&2));
        assert_eq!(calls.get("epoll_ctl ADD"), Some(&1));
        assert_eq!(calls.get("epoll_ctl MOD"), None);
    }

    #[test]
    fn numbers_are_read_after_their_label() {
        assert_eq!(
            number_after("bytes 10, turns 123, waits 4", "turns "),
            Some(123)
        );
        assert_eq!(number_after("turns many", "turns "), None);
    }
}
