//! An echo server by bytes: each byte comes back as soon as it is there.
//!
//! Up to 10,000 connections, a green thread for each; what one of them costs is its socket and a
//! few hundred bytes. When it stops it tells what the hub did: with work at hand, one wait for
//! events serves many connections.
//!
//! Run it: `cargo run --release --example echo_bytes -- --addr 127.0.0.1:6001`.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use evlet::os::signal::terminate;
use evlet::{GreenPool, TcpListener, TcpStream, listen, spawn, stats};
use evlet_examples::command_line::{addr_from_args, give_up, say_listening};
use evlet_examples::stopping::until_told;

#[evlet::main]
async fn main() -> io::Result<()> {
    let addr = addr_from_args("127.0.0.1:6001");
    let listener = listen(&addr).unwrap_or_else(|e| give_up(e));
    let stop = terminate()?;
    say_listening(listener.local_addr()?);

    let bytes = Rc::new(Cell::new(0));
    let accepting = spawn(accept_loop(listener, bytes.clone()));
    let which = until_told(stop, &accepting).await?;
    accepting.kill().await;
    let stats = stats();
    println!(
        "bytes {}, turns {}, waits {}",
        bytes.get(),
        stats.turns,
        stats.waits
    );
    println!("stopped by {which}");
    Ok(())
}

async fn accept_loop(listener: TcpListener, bytes: Rc<Cell<u64>>) -> io::Result<()> {
    let pool = GreenPool::new(10_000);
    loop {
        let (stream, _peer) = listener.accept().await?;
        let bytes = bytes.clone();
        pool.spawn_n(async move {
            if let Err(e) = echo(stream, &bytes).await {
                eprintln!("a connection ended early: {e}");
            }
        })
        .await;
    }
}

async fn echo(stream: TcpStream, bytes: &Cell<u64>) -> io::Result<()> {
    let mut byte = [0];
    while stream.recv(&mut byte).await? > 0 {
        stream.send_all(&byte).await?;
        bytes.set(bytes.get() + 1);
    }
    Ok(())
}
