//! System calls of a turn in which nothing is ready but one descriptor.
//!
//! Counted by strace around a second process (`evlet-bench turns`), for two numbers of turns, so that
//! what starting and ending cost goes away. In each turn the task writes a byte into one end of a
//! connection and reads it from the other: those two calls are its own, the rest is the runtime's,
//! whatever thread of it makes them.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::pin::pin;
use std::process::{Command, Stdio};
use std::task::{Context, Poll};

use super::Runtime;
use crate::measure::{Absent, Figures, Outcome};

pub(super) fn counted<R: Runtime>(turns: u64) -> Outcome {
    let few = trace(R::NAME, turns)?;
    let many = trace(R::NAME, 2 * turns)?;
    let each = |count: &dyn Fn(&BTreeMap<String, u64>) -> u64| {
        count(&many).saturating_sub(count(&few)) as f64 / turns as f64
    };
    let all = each(&|calls| calls.values().sum());
    let waits = each(&|calls| {
        let wait = |name: &&String| name.contains("wait") || name.as_str() == "io_uring_enter";
        calls.keys().filter(wait).map(|name| calls[name]).sum()
    });
    Ok(Figures {
        ops: turns,
        ..Figures::default()
    }
    .with("waits", waits)
    .with("others", all - waits - OWN)
    .with("calls", all - OWN))
}

/// One write, one read.
const OWN: f64 = 2.0;

/// A connection to ourselves: a writing end, and a reading end that does not block.
pub(crate) fn pair() -> (TcpStream, TcpStream) {
    let pair = || -> io::Result<(TcpStream, TcpStream)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let writer = TcpStream::connect(listener.local_addr()?)?;
        let (reader, _) = listener.accept()?;
        writer.set_nodelay(true)?;
        reader.set_nonblocking(true)?;
        Ok((writer, reader))
    };
    pair().expect("a connection to ourselves can be had")
}

/// So many turns: begin to read, find nothing, write, wait, read.
pub(crate) async fn drive(
    number: u64,
    mut writer: &TcpStream,
    mut read: impl AsyncFnMut(&mut [u8]) -> usize,
) {
    let mut buffer = [0; 64];
    for _ in 0..number {
        let mut reading = pin!(read(&mut buffer));
        let first = std::future::poll_fn(|cx: &mut Context<'_>| {
            Poll::Ready(reading.as_mut().poll(cx).is_ready())
        });
        assert!(!first.await, "nothing was written");
        writer.write_all(b"x").expect("the reader is there");
        assert_eq!(reading.await, 1);
    }
}

/// How often each system call was made.
fn trace(contestant: &str, turns: u64) -> Result<BTreeMap<String, u64>, Absent> {
    let program = std::env::current_exe().map_err(|e| Absent::because(e.to_string()))?;
    let output = Command::new("strace")
        .args(["-f", "-c", "-U", "name,calls", "--"])
        .arg(program)
        .args(["turns", contestant, &turns.to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(|e| Absent::because(format!("no strace: {e}")))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(Absent::because(format!("under strace: {said}")));
    }
    let calls = |line: &str| {
        let (name, calls) = line.trim().rsplit_once(' ')?;
        Some((name.trim().to_owned(), calls.parse().ok()?))
    };
    Ok(said
        .lines()
        .filter_map(calls)
        .filter(|(name, _)| name != "total")
        .collect())
}
