//! A web server straight on readiness, without a socket type of ours: the hub, and the standard
//! library's sockets.
//!
//! This is what the levels above are made of. A descriptor that would block has to be waited for,
//! and there are two ways to wait: [`trampoline`], for once, with a timeout; and [`Io`], which
//! stays registered for as long as it lives and tries the system call before it waits.
//!
//! Run it: `cargo run --example bare_hub_http -- --addr 127.0.0.1:8000`, then open that address in
//! a browser.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use evlet::os::signal::terminate;
use evlet::{Interest, Io, spawn, spawn_n, trampoline};
use evlet_examples::command_line::{addr_from_args, give_up, say_listening};

const PATIENCE: Duration = Duration::from_secs(10);
const LONGEST_REQUEST: usize = 16 * 1024;

#[evlet::main]
async fn main() -> io::Result<()> {
    let addr = addr_from_args("127.0.0.1:8000");
    let listener = TcpListener::bind(&*addr)
        .unwrap_or_else(|e| give_up(format!("cannot listen on {addr}: {e}")));
    listener.set_nonblocking(true)?;
    let stop = terminate()?;
    say_listening(listener.local_addr()?);

    let accepting = spawn(accept_loop(listener));
    let which = stop.await?;
    accepting.kill().await;
    println!("stopped by {which}");
    Ok(())
}

async fn accept_loop(listener: TcpListener) {
    loop {
        match listener.accept() {
            Ok((stream, _peer)) => spawn_n(answer(stream)),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                if let Err(e) = trampoline(&listener, Interest::Readable, None).await {
                    return eprintln!("no longer listening: {e}");
                }
            }
            // That one connection is gone, or descriptors are short: neither ends the server.
            Err(e) => {
                eprintln!("accept: {e}");
                evlet::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// One request, one answer, and the end.
async fn answer(stream: TcpStream) {
    let result = async {
        let stream = Io::new(stream)?;
        let request = evlet::timeout(PATIENCE, read_request(&stream)).await??;
        let answer = respond(&request);
        evlet::timeout(PATIENCE, write_all(&stream, answer.as_bytes())).await?
    };
    let result: io::Result<()> = result.await;
    if let Err(e) = result {
        eprintln!("a connection ended early: {e}");
    }
}

/// Bytes until the empty line that ends a request's head.
async fn read_request(stream: &Io<TcpStream>) -> io::Result<Vec<u8>> {
    let mut request = Vec::new();
    let mut piece = [0; 2048];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < LONGEST_REQUEST {
        match stream
            .read_with(|mut socket| socket.read(&mut piece))
            .await?
        {
            0 => break,
            n => request.extend_from_slice(&piece[..n]),
        }
    }
    Ok(request)
}

async fn write_all(stream: &Io<TcpStream>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = stream.write_with(|mut socket| socket.write(bytes)).await?;
        bytes = &bytes[written..];
    }
    Ok(())
}

fn respond(request: &[u8]) -> String {
    let line = request
        .split(|byte| *byte == b'\r')
        .next()
        .unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let words: Vec<&str> = line.split(' ').collect();
    let (status, body) = match words[..] {
        ["GET", "/", "HTTP/1.0" | "HTTP/1.1"] => ("200 OK", "Hello from a bare hub.\n"),
        ["GET", _, "HTTP/1.0" | "HTTP/1.1"] => ("404 Not Found", "There is one page here: /\n"),
        [_, _, "HTTP/1.0" | "HTTP/1.1"] => ("405 Method Not Allowed", "Only GET.\n"),
        _ => ("400 Bad Request", "That is no request.\n"),
    };
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}
