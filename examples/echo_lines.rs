//! An echo server by lines: every line comes back when it is whole.
//!
//! The accept loop is written out, to show what `serve` does: a pool of 200 green threads is the
//! bound, and the loop waits for a place in it before it takes the next connection.
//!
//! Run it: `cargo run --example echo_lines -- --addr 127.0.0.1:6000`, then `nc 127.0.0.1 6000`.

use std::io;
use std::net::SocketAddr;

use evlet::os::signal::terminate;
use evlet::{GreenPool, TcpListener, TcpStream, listen, spawn};
use evlet_examples::command_line::{addr_from_args, give_up, say_listening};
use evlet_examples::stopping::until_told;

#[evlet::main]
async fn main() -> io::Result<()> {
    let addr = addr_from_args("127.0.0.1:6000");
    let listener = listen(&addr).unwrap_or_else(|e| give_up(e));
    let stop = terminate()?;
    say_listening(listener.local_addr()?);

    let accepting = spawn(accept_loop(listener));
    let which = until_told(stop, &accepting).await?;
    accepting.kill().await;
    println!("stopped by {which}");
    Ok(())
}

async fn accept_loop(listener: TcpListener) -> io::Result<()> {
    let pool = GreenPool::new(200);
    loop {
        let (stream, peer) = listener.accept().await?;
        pool.spawn_n(handle(stream, peer)).await;
    }
}

async fn handle(stream: TcpStream, peer: SocketAddr) {
    println!("client connected {peer}");
    match echo(stream).await {
        Ok(()) => println!("client disconnected {peer}"),
        Err(e) => println!("client lost {peer}: {e}"),
    }
}

/// Lines as bytes: what comes back need not be text.
async fn echo(stream: TcpStream) -> io::Result<()> {
    let mut file = stream.makefile();
    let mut line = Vec::new();
    while file.read_until(b'\n', &mut line).await? > 0 {
        file.write(&line).await?;
        file.flush().await?;
        line.clear();
    }
    Ok(())
}
