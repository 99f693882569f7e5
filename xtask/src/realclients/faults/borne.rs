//! `echo_bytes` through a few failures: some are no news to a connection, some end one, some end the server.

use super::{FORBIDDEN, Fault, Victim, WAITS, assert_no_panic, side_by_side};
use crate::realclients::echo;
use crate::steps::{Checked, Verdict};
use crate::workspace::Workspace;
use std::time::Duration;

/// No news: every byte must come back.
const BORNE: &[Fault] = &[
    ("accept4", "EMFILE", "3..6"),
    ("accept4", "ENFILE", "3..6"),
    ("accept4", "ENOBUFS", "3..6"),
    ("accept4", "ENOMEM", "3..6"),
    // What Linux hands over from the new connection, and what it refuses by rule of a firewall.
    ("accept4", "ECONNABORTED", "2..20+2"),
    ("accept4", "EPROTO", "2..20+2"),
    ("accept4", "EPERM", "2..20+2"),
    ("accept4", "ENETDOWN", "2..20+2"),
    ("accept4", "ENETUNREACH", "2..20+2"),
    ("accept4", "EHOSTDOWN", "2..20+2"),
    ("accept4", "EHOSTUNREACH", "2..20+2"),
    ("accept4", "ENONET", "2..20+2"),
    ("accept4", "ENOPROTOOPT", "2..20+2"),
    ("accept4", "EOPNOTSUPP", "2..20+2"),
    ("accept4", "ETIMEDOUT", "2..20+2"),
    ("accept4", "EINTR", "2..20+2"),
    // One that nobody has heard of is waited out as well.
    ("accept4", "EDQUOT", "3..6"),
    ("recvfrom", "EINTR", "5..200+3"),
    ("sendto", "EINTR", "5..200+3"),
    (WAITS, "EINTR", "4..200+3"),
    (WAITS, "ENOMEM", "4..9"),
    (WAITS, "EINVAL", "4..9"),
    (WAITS, "EFAULT", "4..9"),
    (WAITS, "EBADF", "4..9"),
    // A kernel before 5.11, and a sandbox of that age.
    ("epoll_pwait2", "ENOSYS", "1+"),
    ("epoll_pwait2", "EPERM", "1+"),
    ("epoll_ctl", "ENOMEM", "8..10"),
    ("epoll_ctl", "ENOSPC", "8..10"),
];

/// A connection's end, and nobody else's.
const ENDS_A_CONNECTION: &[Fault] = &[
    ("recvfrom", "ECONNRESET", "5..8"),
    ("recvfrom", "ETIMEDOUT", "5..8"),
    ("recvfrom", "EHOSTUNREACH", "5..8"),
    ("recvfrom", "ENOMEM", "5..8"),
    ("recvfrom", "ENOTCONN", "5..8"),
    ("recvfrom", "EBADF", "5..8"),
    ("recvfrom", "EFAULT", "5..8"),
    ("sendto", "EPIPE", "5..8"),
    ("sendto", "ECONNRESET", "5..8"),
    ("sendto", "ETIMEDOUT", "5..8"),
    ("sendto", "ENOBUFS", "5..8"),
    ("sendto", "ENOMEM", "5..8"),
    ("sendto", "EBADF", "5..8"),
    ("epoll_ctl", "EEXIST", "8..10"),
    ("epoll_ctl", "ENOENT", "8..10"),
    ("epoll_ctl", "EBADF", "8..10"),
    ("epoll_ctl", "EPERM", "8..10"),
    ("epoll_ctl", "EINVAL", "8..10"),
];

/// The listener's end. A server that went on would be deaf.
const FATAL: &[Fault] = &[
    ("accept4", "EBADF", "3"),
    ("accept4", "EINVAL", "3"),
    ("accept4", "ENOTSOCK", "3"),
    ("accept4", "EFAULT", "3"),
];

const SERVER: &str = "echo_bytes";
const CONNECTIONS: u32 = 20;
const LINES: u32 = 10;

pub(in crate::realclients) fn borne(workspace: &Workspace) -> Verdict {
    for (faults, all_back) in [(BORNE, true), (ENDS_A_CONNECTION, false)] {
        let may_trace = side_by_side(faults, |fault| {
            // `--seccomp-bpf`: only these calls stop, which is a lot faster.
            match Victim::start(workspace, SERVER, fault, &["--seccomp-bpf"])? {
                Some(victim) => suffer(workspace, victim, all_back).map(|()| true),
                None => Ok(false),
            }
        })?;
        if !may_trace {
            return Ok(Checked::skipped(FORBIDDEN));
        }
        let what = match all_back {
            true => "every byte back",
            false => "the next connections served",
        };
        let names: Vec<String> = faults.iter().map(|f| format!("{}={}", f.0, f.1)).collect();
        println!("{SERVER}, {what} after: {}", names.join(" "));
    }
    Ok(Checked::passed(BORNE.len() + ENDS_A_CONNECTION.len()))
}

fn suffer(workspace: &Workspace, victim: Victim, all_back: bool) -> Result<(), String> {
    let told = echo::python_client(workspace, victim.addr, CONNECTIONS, LINES);
    if all_back {
        told.map_err(|why| victim.told(why))?;
    }
    victim.assert_serves(workspace)?;
    victim.assert_no_descriptor_lost()?;
    victim.stop()
}

pub(in crate::realclients) fn fatal(workspace: &Workspace) -> Verdict {
    for (name, fault) in ["echo_lines", SERVER]
        .into_iter()
        .flat_map(|name| FATAL.iter().map(move |fault| (name, fault)))
    {
        let Some(victim) = Victim::start(workspace, name, *fault, &["--seccomp-bpf"])? else {
            return Ok(Checked::skipped(FORBIDDEN));
        };
        // The first are served, or their connection is cut by the end.
        let _ = echo::python_client(workspace, victim.addr, 5, 5);
        let told = |why| format!("{name}: accept4 gives {}: {why}", fault.1);
        let finished = victim
            .server
            .finish(Duration::from_secs(10))
            .map_err(told)?;
        assert_no_panic(&finished).map_err(told)?;
        if finished.status.code() != Some(1) || !finished.stderr.contains("listener") {
            return Err(told(format!("{}: {}", finished.status, finished.stderr)).into());
        }
    }
    println!("servers end with the error when their listener cannot accept any more");
    Ok(Checked::passed(2 * FATAL.len()))
}
