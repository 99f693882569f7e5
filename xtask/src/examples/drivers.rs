//! The client sides: blocking sockets of the standard library and threads, so that nothing of ours
//! sits on both ends of a check.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

/// Says a name, expects to be greeted by it.
pub(crate) fn hello(addr: SocketAddr) -> Result<(), String> {
    for name in ["Ada", "Grace"] {
        let said = ask_by_line(addr, name).map_err(|e| format!("hello: {e}"))?;
        if !said.contains(name) {
            return Err(format!("{name} was answered {said:?}"));
        }
    }
    Ok(())
}

fn ask_by_line(addr: SocketAddr, line: &str) -> io::Result<String> {
    let mut stream = connect(addr)?;
    writeln!(stream, "{line}")?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    Ok(answer)
}

/// Thirty clients at once, each with lines of every length from empty on: all bytes back, in order.
/// One more client resets its connection in the middle of a line, and a last one must not notice.
pub(crate) fn echo(addr: SocketAddr) -> Result<(), String> {
    let clients: Vec<_> = (0..30)
        .map(|client| thread::spawn(move || echo_one(addr, client)))
        .collect();
    for client in clients {
        client.join().map_err(|_| "a client panicked")??;
    }
    reset_mid_line(addr).map_err(|e| format!("resetting: {e}"))?;
    echo_one(addr, 1000)
}

fn echo_one(addr: SocketAddr, client: usize) -> Result<(), String> {
    let in_context = |e: io::Error| format!("client {client}: {e}");
    let mut stream = connect(addr).map_err(in_context)?;
    let mut lines = BufReader::new(stream.try_clone().map_err(in_context)?);
    for length in 0..60 {
        let sent = format!("{client}:{length}:{}\n", "x".repeat(length * 7));
        stream.write_all(sent.as_bytes()).map_err(in_context)?;
        let mut back = String::new();
        lines.read_line(&mut back).map_err(in_context)?;
        if back != sent {
            return Err(format!("client {client}: sent {sent:?}, got back {back:?}"));
        }
    }
    Ok(())
}

/// Closing a socket with unread input makes the kernel send a reset instead of an orderly end.
fn reset_mid_line(addr: SocketAddr) -> io::Result<()> {
    let mut stream = connect(addr)?;
    stream.write_all(b"a whole line\nand half of ano")?;
    stream.peek(&mut [0])?;
    Ok(())
}

/// Asks for pages: one that is there, one that is not, and something that is no HTTP.
pub(crate) fn http(addr: SocketAddr) -> Result<(), String> {
    check_status(
        addr,
        "GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n",
        "200",
    )?;
    check_status(addr, "GET /nowhere HTTP/1.0\r\n\r\n", "404")?;
    check_status(addr, "no http at all\r\n\r\n", "400")
}

fn check_status(addr: SocketAddr, request: &str, status: &str) -> Result<(), String> {
    let answer = exchange(addr, request).map_err(|e| format!("{request:?}: {e}"))?;
    let first = answer.lines().next().unwrap_or_default();
    let whole = answer.split_once("\r\n\r\n").is_some_and(|(head, body)| {
        let announced = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "))
            .and_then(|length| length.parse().ok());
        announced == Some(body.len())
    });
    if first.split(' ').nth(1) == Some(status) && whole {
        return Ok(());
    }
    Err(format!(
        "{request:?} was answered {answer:?}, status {status} was expected"
    ))
}

fn exchange(addr: SocketAddr, request: &str) -> io::Result<String> {
    let mut stream = connect(addr)?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// A connection on which nothing takes for ever.
fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

const PATIENCE: Duration = Duration::from_secs(20);
