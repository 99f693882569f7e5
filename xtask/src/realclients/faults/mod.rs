//! System calls that fail, as strace makes them: no panic, no hang, no spin, no descriptor lost, and the next
//! connection is served as if nothing had been (F-1, C-3, C-7).
//!
//! What no kernel gives is not injected: `EAGAIN` to a read of a socket that has bytes would take the only
//! edge away, and a wait that is interrupted each time it is tried is a spin by definition.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::{PROFILE, echo};
use crate::command::{Finished, Running};
use crate::examples::{ended_with, listening_on};
use crate::workspace::Workspace;

mod borne; // a server through a few of them
mod children; // programs that are started while calls fail
mod lasting; // a shortage that stays for a second
mod outward; // connections that cannot be made
mod valgrind; // a kernel that lacks calls, and a witness for memory

pub(super) use borne::{borne, fatal};
pub(super) use children::children;
pub(super) use lasting::lasting;
pub(super) use outward::{crawling, forwarding};
pub(super) use valgrind::under_valgrind;

/// Calls, error, which of them in a row.
type Fault = (&'static str, &'static str, &'static str);

const WAITS: &str = "epoll_wait,epoll_pwait,epoll_pwait2";
const FORBIDDEN: &str = "strace may not change calls here";
/// Turns of the hub beyond one for each byte, in a run of a few hundred milliseconds. A hub that spins
/// makes a hundred thousand in a second.
const TURNS: u64 = 3000;

/// Checks each fault, a few at a time: they mostly wait. False where tracing is forbidden.
fn side_by_side(
    faults: &[Fault],
    check: impl Fn(Fault) -> Result<bool, String> + Sync,
) -> Result<bool, String> {
    const LANES: usize = 3;
    let run = |lane: usize| -> Result<bool, String> {
        let mut mine = faults.iter().skip(lane).step_by(LANES);
        mine.try_fold(true, |all, fault| Ok(all && check(*fault)?))
    };
    let run = &run;
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES)
            .map(|lane| scope.spawn(move || run(lane)))
            .collect();
        lanes.into_iter().try_fold(true, |all, lane| {
            let one = lane
                .join()
                .unwrap_or_else(|_| Err("the check panicked".into()));
            Ok(all && one?)
        })
    })
}

/// A server whose system calls fail.
struct Victim {
    server: Running,
    addr: SocketAddr,
    fault: Fault,
    log: PathBuf,
    /// Descriptors that were open before there was a client.
    before: usize,
}

impl Victim {
    /// `None` where tracing is forbidden.
    fn start(
        workspace: &Workspace,
        name: &str,
        fault: Fault,
        options: &[&str],
    ) -> Result<Option<Victim>, String> {
        let (calls, error, when) = fault;
        let folder = workspace.target.join("xtask");
        fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let first = calls.split(',').next().unwrap_or(calls);
        let log = folder.join(format!("strace_{name}_{first}_{error}.log"));
        let _ = fs::remove_file(&log);
        let mut command = Command::new("strace");
        command
            .args(["-D", "-f"])
            .args(options)
            .arg("-o")
            .arg(&log)
            .arg(format!("--trace={calls}"))
            .arg(format!("--inject={calls}:error={error}:when={when}"))
            .arg(workspace.example(PROFILE, name))
            .args(["--addr", "127.0.0.1:0"]);
        let mut server = Running::start(&mut command)?;
        let addr = match listening_on(&mut server) {
            Ok(addr) => addr,
            Err(why) if why.contains("ptrace") => return Ok(None),
            Err(why) => return Err(format!("{calls} gives {error}: {why}")),
        };
        let before = descriptors(server.id())?;
        Ok(Some(Victim {
            server,
            addr,
            fault,
            log,
            before,
        }))
    }

    fn told(&self, why: impl std::fmt::Display) -> String {
        format!("{} gives {}: {why}", self.fault.0, self.fault.1)
    }

    /// strace did what it was asked to do.
    fn assert_injected(&self) -> Result<(), String> {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let is = |line: &str| line.contains(self.fault.1) && line.contains("(INJECTED)");
        match log.lines().any(is) {
            true => Ok(()),
            false => Err(self.told("it never did: strace changed nothing")),
        }
    }

    /// The next clients are served. The first may still meet the rest of the faults, if those before them broke
    /// off soon: there are few.
    fn assert_serves(&self, workspace: &Workspace) -> Result<(), String> {
        let mut served = Ok(String::new());
        for _ in 0..5 {
            served = echo::python_client(workspace, self.addr, 5, 5);
            if served.is_ok() {
                return Ok(());
            }
        }
        served
            .map(drop)
            .map_err(|why| self.told(format!("the next are not served: {why}")))
    }

    fn assert_no_descriptor_lost(&self) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            let now = descriptors(self.server.id())?;
            if now <= self.before {
                return Ok(());
            }
            if Instant::now() > deadline {
                let before = self.before;
                return Err(self.told(format!("{before} descriptors before, {now} after")));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it with SIGTERM: status 0, no panic, and no more turns than there was work.
    fn stop(self) -> Result<(), String> {
        self.assert_injected()?;
        let (fault, log) = (self.fault, self.log);
        let told = |why: String| format!("{} gives {}: {why}", fault.0, fault.1);
        self.server.signal("TERM")?;
        let finished = self.server.finish(Duration::from_secs(20)).map_err(told)?;
        ended_with(&finished, 0).map_err(told)?;
        assert_no_panic(&finished).map_err(told)?;
        assert_no_spin(&finished).map_err(told)?;
        let _ = fs::remove_file(log);
        Ok(())
    }
}

fn assert_no_panic(finished: &Finished) -> Result<(), String> {
    match finished.stderr.contains("panicked") {
        true => Err(finished.stderr.clone()),
        false => Ok(()),
    }
}

/// Of servers that tell their turns.
fn assert_no_spin(finished: &Finished) -> Result<(), String> {
    let after = |label| super::system_calls::number_after(&finished.stdout, label);
    let (Some(bytes), Some(turns)) = (after("bytes "), after("turns ")) else {
        return Ok(());
    };
    match turns > bytes + TURNS {
        true => Err(format!("a spin: {turns} turns for {bytes} bytes")),
        false => Ok(()),
    }
}

fn descriptors(process: u32) -> Result<usize, String> {
    let folder = format!("/proc/{process}/fd");
    let entries = fs::read_dir(&folder).map_err(|e| format!("{folder}: {e}"))?;
    Ok(entries.count())
}

/// A number from the kernel's page on a process.
fn of_process(process: u32, page: &str, find: impl Fn(&str) -> Option<u64>) -> Result<u64, String> {
    let path = Path::new("/proc").join(process.to_string()).join(page);
    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    find(&text).ok_or_else(|| format!("{}: not as expected: {text}", path.display()))
}
