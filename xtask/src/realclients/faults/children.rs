//! `run_commands` while the calls fail that start and await a child.
//!
//! Only the program itself is traced, not what it starts.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::{FORBIDDEN, assert_no_panic};
use crate::command::{Finished, read};
use crate::realclients::PROFILE;
use crate::steps::{Checked, Verdict};
use crate::workspace::Workspace;

/// No news: it prints what it always prints.
const BORNE: &[(&str, &str, &str)] = &[
    ("wait4,waitid", "EINTR", "1..60+2"),
    ("read", "EINTR", "4..200+2"),
    ("poll,ppoll", "EINTR", "1..60+2"),
    ("epoll_pwait2", "EINTR", "1..60+2"),
    // From the first one on, since there may be no second: a child whose output has ended has mostly ended too.
    ("pidfd_open", "ENOSYS", "1+"),
    ("pidfd_open", "EPERM", "1+"),
    ("pidfd_open", "EMFILE", "1..9"),
    ("pidfd_open", "ENOMEM", "1..9"),
];

/// It ends with an error that names the command.
const TOLD: &[(&str, &str, &str)] = &[
    ("pipe2", "EMFILE", "4..7"),
    ("pipe2", "ENFILE", "4..7"),
    ("clone,clone3,vfork", "EAGAIN", "4..7"),
    ("clone,clone3,vfork", "ENOMEM", "4..7"),
    ("epoll_ctl", "ENOMEM", "8..9"),
    ("epoll_ctl", "ENOSPC", "8..9"),
];

pub(in crate::realclients) fn children(workspace: &Workspace) -> Verdict {
    let usual = read(
        &mut Command::new(workspace.example(PROFILE, "run_commands")),
        Duration::from_secs(20),
    )?;
    for (faults, is_told) in [(BORNE, false), (TOLD, true)] {
        for (calls, error, when) in faults {
            let told = |why| format!("{calls} gives {error}: {why}");
            let Some(finished) = run(workspace, calls, error, when).map_err(told)? else {
                return Ok(Checked::skipped(FORBIDDEN));
            };
            assert_no_panic(&finished).map_err(told)?;
            let code = finished.status.code();
            let is_well = match is_told {
                false => code == Some(0) && finished.stdout == usual.stdout,
                true => code == Some(1) && finished.stderr.contains("sh -c"),
            };
            if !is_well {
                let said = format!(
                    "{}\n{}{}",
                    finished.status, finished.stdout, finished.stderr
                );
                return Err(told(said).into());
            }
        }
        let what = match is_told {
            false => "as always",
            true => "an error that names the command",
        };
        let names: Vec<String> = faults.iter().map(|f| format!("{}={}", f.0, f.1)).collect();
        println!("run_commands, {what}: {}", names.join(" "));
    }
    Ok(Checked::passed(BORNE.len() + TOLD.len()))
}

/// `None` where tracing is forbidden.
fn run(
    workspace: &Workspace,
    calls: &str,
    error: &str,
    when: &str,
) -> Result<Option<Finished>, String> {
    let log = workspace.target.join("xtask/strace_children.log");
    let _ = fs::remove_file(&log);
    let mut command = Command::new("strace");
    command
        .args(["-D", "-o"])
        .arg(&log)
        .arg(format!("--trace={calls}"))
        .arg(format!("--inject={calls}:error={error}:when={when}"))
        .arg(workspace.example(PROFILE, "run_commands"));
    let finished = read(&mut command, Duration::from_secs(20))?;
    if finished.stderr.contains("ptrace") {
        return Ok(None);
    }
    let log = fs::read_to_string(&log).unwrap_or_default();
    match log.contains("(INJECTED)") {
        true => Ok(Some(finished)),
        false => Err("it never did: strace changed nothing".into()),
    }
}
