//! System calls that fail, as strace makes them: `echo_bytes` goes on, loses nothing that can be kept, and
//! leaks no descriptor.
//!
//! Some errors are no news to a connection (interrupted, out of descriptors for a moment): every byte
//! must come back. Others end a connection: the next one must be served as if nothing had been.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{PROFILE, echo};
use crate::command::{Running, read};
use crate::examples::{ended_with, listening_on};
use crate::steps::{Checked, Verdict};
use crate::workspace::Workspace;

/// Calls, error, which of them in a row.
type Fault = (&'static str, &'static str, &'static str);

const BORNE: &[Fault] = &[
    ("accept4", "EMFILE", "3..6"),
    ("accept4", "ENFILE", "3..6"),
    ("accept4", "ENOBUFS", "3..6"),
    ("accept4", "ENOMEM", "3..6"),
    ("accept4", "ECONNABORTED", "2..20+2"),
    ("accept4", "EPROTO", "2..20+2"),
    ("accept4", "EINTR", "2..20+2"),
    ("recvfrom", "EINTR", "5..200+3"),
    ("sendto", "EINTR", "5..200+3"),
    (WAITS, "EINTR", "4..200+3"),
    // A kernel before 5.11, and a sandbox of that age.
    ("epoll_pwait2", "ENOSYS", "1+"),
    ("epoll_pwait2", "EPERM", "1+"),
    ("epoll_ctl", "ENOMEM", "8..10"),
    ("epoll_ctl", "ENOSPC", "8..10"),
];

const ENDS_A_CONNECTION: &[Fault] = &[
    ("recvfrom", "ECONNRESET", "5..8"),
    ("recvfrom", "ETIMEDOUT", "5..8"),
    ("recvfrom", "EHOSTUNREACH", "5..8"),
    ("sendto", "EPIPE", "5..8"),
    ("sendto", "ECONNRESET", "5..8"),
    ("sendto", "ENOBUFS", "5..8"),
];

const WAITS: &str = "epoll_wait,epoll_pwait,epoll_pwait2";
const CONNECTIONS: u32 = 20;
const LINES: u32 = 30;

pub(super) fn borne(workspace: &Workspace) -> Verdict {
    for fault in BORNE {
        let Some((server, _)) = with_fault(workspace, fault, true)? else {
            return Ok(Checked::skipped("strace may not change calls here"));
        };
        stop(server, fault)?;
        println!(
            "echo_bytes while {} gives {}: every byte back",
            fault.0, fault.1
        );
    }
    for fault in ENDS_A_CONNECTION {
        let Some((server, _)) = with_fault(workspace, fault, false)? else {
            return Ok(Checked::skipped("strace may not change calls here"));
        };
        stop(server, fault)?;
        println!(
            "echo_bytes after {} gave {}: the next are served",
            fault.0, fault.1
        );
    }
    Ok(Checked::passed(BORNE.len() + ENDS_A_CONNECTION.len()))
}

/// A connection that cannot be made is a line, not a hang: the crawler without arguments serves itself.
pub(super) fn connecting(workspace: &Workspace) -> Verdict {
    let errors = [
        "ECONNREFUSED",
        "ENETUNREACH",
        "EADDRNOTAVAIL",
        "ETIMEDOUT",
        "EMFILE",
    ];
    for error in errors {
        let log = log_file(workspace)?;
        let mut command = Command::new("strace");
        command
            .args(["-D", "-f", "-o"])
            .arg(&log)
            .arg("-e")
            .arg(format!("inject=connect:error={error}:when=2"))
            .arg(workspace.example(PROFILE, "crawler"));
        let finished = read(&mut command, Duration::from_secs(30))?;
        if finished.stderr.contains("ptrace") {
            return Ok(Checked::skipped("strace may not change calls here"));
        }
        if finished.stderr.contains("panicked") || finished.status.code().is_none() {
            return Err(format!("connect gives {error}: {}", finished.stderr).into());
        }
        println!("crawler while connect gives {error}: {}", finished.status);
    }
    Ok(Checked::passed(errors.len()))
}

/// Runs the server with the fault and clients against it. `None` where tracing is forbidden.
fn with_fault(
    workspace: &Workspace,
    (calls, error, when): &Fault,
    all_back: bool,
) -> Result<Option<(Running, usize)>, String> {
    let log = log_file(workspace)?;
    let mut command = Command::new("strace");
    command
        .args(["-D", "-f", "-o"])
        .arg(&log)
        .arg("-e")
        .arg(format!("inject={calls}:error={error}:when={when}"))
        .arg(workspace.example(PROFILE, "echo_bytes"))
        .args(["--addr", "127.0.0.1:0"]);
    let mut server = Running::start(&mut command)?;
    let addr = match listening_on(&mut server) {
        Ok(addr) => addr,
        Err(why) if why.contains("ptrace") => return Ok(None),
        Err(why) => return Err(format!("{calls} gives {error}: {why}")),
    };
    let before = descriptors(server.id())?;
    let told = echo::python_client(workspace, addr, CONNECTIONS, LINES);
    if all_back {
        told.map_err(|why| format!("{calls} gives {error}: {why}"))?;
    }
    echo::python_client(workspace, addr, 5, 5)
        .map_err(|why| format!("after {calls} gave {error}: {why}"))?;
    if !injected(&log, error) {
        return Err(format!(
            "{calls} never gave {error}: strace changed nothing"
        ));
    }
    let deadline = Instant::now() + Duration::from_secs(5);
    while descriptors(server.id())? > before {
        if Instant::now() > deadline {
            let now = descriptors(server.id())?;
            return Err(format!(
                "{calls} gave {error}: {before} descriptors before, {now} after"
            ));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(Some((server, before)))
}

fn stop(server: Running, (calls, error, _): &Fault) -> Result<(), String> {
    server.signal("TERM")?;
    let finished = server.finish(Duration::from_secs(20))?;
    ended_with(&finished, 0)?;
    match finished.stderr.contains("panicked") {
        true => Err(format!("{calls} gave {error}: {}", finished.stderr)),
        false => Ok(()),
    }
}

fn descriptors(process: u32) -> Result<usize, String> {
    let folder = format!("/proc/{process}/fd");
    let entries = fs::read_dir(&folder).map_err(|e| format!("{folder}: {e}"))?;
    Ok(entries.count())
}

fn injected(log: &Path, error: &str) -> bool {
    let log = fs::read_to_string(log).unwrap_or_default();
    log.lines()
        .any(|line| line.contains(error) && line.contains("(INJECTED)"))
}

fn log_file(workspace: &Workspace) -> Result<std::path::PathBuf, String> {
    let folder = workspace.target.join("xtask");
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let log = folder.join("strace_faults.log");
    let _ = fs::remove_file(&log);
    Ok(log)
}
