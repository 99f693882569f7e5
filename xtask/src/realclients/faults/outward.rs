//! Connections that cannot be made: an error for who asked, and nobody else hears of it.

use std::process::Command;
use std::time::Duration;

use super::{FORBIDDEN, Fault, Victim, assert_no_panic, side_by_side};
use crate::command::read;
use crate::realclients::{PROFILE, echo};
use crate::steps::{Checked, Verdict};
use crate::workspace::Workspace;

/// Of a forwarder, which makes one connection for each that comes: the first few fail.
const FORWARDING: &[Fault] = &[
    ("connect", "ECONNREFUSED", "1..3"),
    ("connect", "ECONNRESET", "1..3"),
    ("connect", "ENETUNREACH", "1..3"),
    ("connect", "EHOSTUNREACH", "1..3"),
    ("connect", "ETIMEDOUT", "1..3"),
    ("connect", "EADDRNOTAVAIL", "1..3"),
    ("connect", "EADDRINUSE", "1..3"),
    ("connect", "EACCES", "1..3"),
    ("connect", "EPERM", "1..3"),
    ("connect", "EAGAIN", "1..3"),
    ("connect", "EINTR", "1..3"),
    ("connect", "EBADF", "1..3"),
    ("connect", "EFAULT", "1..3"),
    // The first two are the listeners'.
    ("socket", "EMFILE", "3..5"),
    ("socket", "ENFILE", "3..5"),
    ("socket", "ENOBUFS", "3..5"),
    ("socket", "ENOMEM", "3..5"),
    ("socket", "EACCES", "3..5"),
    ("socket", "EPERM", "3..5"),
    ("socket", "EAFNOSUPPORT", "3..5"),
    ("splice", "EINTR", "2..20+3"),
    ("splice", "ECONNRESET", "2..5"),
    ("splice", "EPIPE", "2..5"),
    ("splice", "EINVAL", "2..5"),
    ("splice", "ENOMEM", "2..5"),
    ("pipe2", "EMFILE", "3..6"),
    ("pipe2", "ENFILE", "3..6"),
];

const CRAWLING: &[&str] = &[
    "ECONNREFUSED",
    "ENETUNREACH",
    "EADDRNOTAVAIL",
    "ETIMEDOUT",
    "EMFILE",
];

pub(in crate::realclients) fn forwarding(workspace: &Workspace) -> Verdict {
    let may_trace = side_by_side(FORWARDING, |fault| {
        let options = &["--seccomp-bpf"];
        let Some(victim) = Victim::start(workspace, "port_forward", fault, options)? else {
            return Ok(false);
        };
        // The client is told by the end of its connection, if at all.
        let _ = echo::python_client(workspace, victim.addr, 6, 5);
        victim.assert_serves(workspace)?;
        victim.assert_no_descriptor_lost()?;
        victim.stop()?;
        Ok(true)
    })?;
    if !may_trace {
        return Ok(Checked::skipped(FORBIDDEN));
    }
    let names: Vec<String> = FORWARDING
        .iter()
        .map(|f| format!("{}={}", f.0, f.1))
        .collect();
    println!(
        "port_forward, the next are forwarded after: {}",
        names.join(" ")
    );
    Ok(Checked::passed(FORWARDING.len()))
}

/// A connection that cannot be made is a line, not a hang: the crawler without arguments serves itself.
pub(in crate::realclients) fn crawling(workspace: &Workspace) -> Verdict {
    for error in CRAWLING {
        let mut command = Command::new("strace");
        command
            .args(["-D", "-f", "-o", "/dev/null"])
            .arg(format!("--inject=connect:error={error}:when=2"))
            .arg(workspace.example(PROFILE, "crawler"));
        let finished = read(&mut command, Duration::from_secs(30))?;
        if finished.stderr.contains("ptrace") {
            return Ok(Checked::skipped(FORBIDDEN));
        }
        let told = |why| format!("connect gives {error}: {why}");
        assert_no_panic(&finished).map_err(told)?;
        if finished.status.code().is_none() {
            return Err(told(finished.status.to_string()).into());
        }
        println!("crawler while connect gives {error}: {}", finished.status);
    }
    Ok(Checked::passed(CRAWLING.len()))
}
