//! A failure that stays for a second: the server costs next to nothing meanwhile, and serves everybody
//! who waited as soon as it is over.
//!
//! It is over when strace lets go of the server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use super::{FORBIDDEN, Fault, Victim, WAITS, of_process};
use crate::steps::{Checked, Verdict, verdict_of};
use crate::workspace::Workspace;

const LASTING: &[Fault] = &[
    ("accept4", "EMFILE", "1+"),
    ("accept4", "ENFILE", "1+"),
    ("accept4", "ENOBUFS", "1+"),
    ("accept4", "ENOMEM", "1+"),
    ("accept4", "EDQUOT", "1+"),
    // No kernel breaks every connection, but a firewall may refuse them all.
    ("accept4", "EPERM", "1+"),
    ("accept4", "ECONNABORTED", "1+"),
    ("epoll_ctl", "ENOMEM", "8+"),
    ("epoll_ctl", "ENOSPC", "8+"),
    // The first asks what the kernel knows, the second may hear of the clients, and there is always a third.
    (WAITS, "ENOMEM", "3+"),
    (WAITS, "EINVAL", "3+"),
    (WAITS, "EFAULT", "3+"),
    (WAITS, "EBADF", "3+"),
];

const SERVER: &str = "echo_bytes";
const LAST: Duration = Duration::from_secs(1);
const CLIENTS: usize = 10;
/// In hundredths of a second of processor, in [`LAST`]: five in a hundred.
const MOST: u64 = 5;

pub(in crate::realclients) fn lasting(workspace: &Workspace) -> Verdict {
    let all: Vec<Result<bool, String>> = thread::scope(|scope| {
        let runs: Vec<_> = LASTING
            .iter()
            .map(|fault| scope.spawn(|| last(workspace, *fault)))
            .collect();
        let ended = runs.into_iter().map(|run| run.join());
        ended
            .map(|run| run.unwrap_or_else(|_| Err("the check panicked".into())))
            .collect()
    });
    if all.contains(&Ok(false)) {
        return Ok(Checked::skipped(FORBIDDEN));
    }
    verdict_of(all.into_iter().map(|run| run.map(drop)))
}

fn last(workspace: &Workspace, fault: Fault) -> Result<bool, String> {
    // `-I2`: strace goes when it is told to.
    let Some(victim) = Victim::start(workspace, SERVER, fault, &["-I2"])? else {
        return Ok(false);
    };
    // As many as the fault lets in, and the others stand in the backlog.
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = TcpStream::connect(victim.addr).map_err(|e| victim.told(e))?;
        client.write_all(b"x").map_err(|e| victim.told(e))?;
        clients.push(client);
    }
    thread::sleep(Duration::from_millis(200));
    let before = processor(victim.server.id())?;
    thread::sleep(LAST);
    let used = processor(victim.server.id())? - before;
    println!(
        "{}: {used} hundredths of a second in {LAST:?}",
        victim.told("meanwhile")
    );
    if used > MOST {
        return Err(victim.told(format!("a spin: {used} hundredths of a second in {LAST:?}")));
    }
    let_go(&victim)?;
    for mut client in clients {
        let limit = Some(Duration::from_secs(10));
        client.set_read_timeout(limit).map_err(|e| e.to_string())?;
        let mut byte = [0];
        client
            .read_exact(&mut byte)
            .map_err(|e| victim.told(format!("one who waited is not served: {e}")))?;
    }
    victim.assert_no_descriptor_lost()?;
    victim.stop()?;
    Ok(true)
}

/// Processor time in hundredths of a second, the kernel's usual tick.
fn processor(process: u32) -> Result<u64, String> {
    of_process(process, "stat", |text| {
        // pid (name) state ppid ... with utime and stime as the twelfth and thirteenth after the name
        let words: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
        Some(words.get(11)?.parse::<u64>().ok()? + words.get(12)?.parse::<u64>().ok()?)
    })
}

fn tracer(process: u32) -> Result<u64, String> {
    of_process(process, "status", |text| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("TracerPid:"))?;
        line.trim().parse().ok()
    })
}

fn let_go(victim: &Victim) -> Result<(), String> {
    let strace = u32::try_from(tracer(victim.server.id())?).map_err(|e| e.to_string())?;
    crate::command::signal(strace, "TERM")?;
    let deadline = Instant::now() + Duration::from_secs(5);
    while tracer(victim.server.id())? != 0 {
        if Instant::now() > deadline {
            return Err(victim.told("strace does not let go"));
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
