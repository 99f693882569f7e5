//! `echo_bytes` and `run_commands` under valgrind: no call with memory that is not its own, nothing lost at the end.
//!
//! Valgrind 3.19 knows neither `epoll_pwait2` nor, as old kernels, what is younger: it shows that the hub does
//! without. It runs one thread at a time, so `--fair-sched` lets all of them have turns.

use std::process::Command;
use std::time::Duration;

use super::assert_no_panic;
use crate::command::{Running, read};
use crate::examples::{ended_with, listening_on};
use crate::realclients::{PROFILE, echo};
use crate::steps::{Checked, Verdict};
use crate::workspace::Workspace;

pub(in crate::realclients) fn under_valgrind(workspace: &Workspace) -> Verdict {
    let mut echo_bytes = valgrind(workspace, "echo_bytes");
    let mut server = Running::start(echo_bytes.args(["--addr", "127.0.0.1:0"]))?;
    let addr = listening_on(&mut server)?;
    let said = echo::python_client(workspace, addr, 20, 30)?;
    server.signal("TERM")?;
    let finished = server.finish(Duration::from_secs(30))?;
    ended_with(&finished, 0)?;
    assert_no_panic(&finished)?;
    println!("echo_bytes under valgrind: {}", said.trim_end());

    let finished = read(
        &mut valgrind(workspace, "run_commands"),
        Duration::from_secs(60),
    )?;
    ended_with(&finished, 0)?;
    assert_no_panic(&finished)?;
    println!("run_commands under valgrind: as always");
    Ok(Checked::passed(2))
}

/// What a program does to its own memory; what it starts is not looked at.
fn valgrind(workspace: &Workspace, example: &str) -> Command {
    let mut command = Command::new("valgrind");
    command
        .args([
            "--leak-check=full",
            "--errors-for-leak-kinds=definite,indirect",
        ])
        .args(["--show-leak-kinds=definite,indirect", "--error-exitcode=9"])
        .args(["--fair-sched=yes", "--child-silent-after-fork=yes"])
        .arg(workspace.example(PROFILE, example));
    command
}
