//! A whole server: asks for a name, greets by it.
//!
//! The same program stands in the README, without the command line and the signals.
//!
//! Run it: `cargo run --example hello -- --addr 127.0.0.1:7000`, then `nc 127.0.0.1 7000` and type
//! a name.

use std::io;

use evlet::os::signal::terminate;
use evlet::{TcpStream, listen, serve, spawn};
use evlet_examples::command_line::{addr_from_args, give_up, say_listening};
use evlet_examples::stopping::until_told;

#[evlet::main]
async fn main() -> io::Result<()> {
    let addr = addr_from_args("127.0.0.1:7000");
    let listener = listen(&addr).unwrap_or_else(|e| give_up(e));
    let stop = terminate()?;
    say_listening(listener.local_addr()?);

    let serving = spawn(serve(listener, |stream, _peer| greet(stream)));
    let which = until_told(stop, &serving).await?;
    serving.kill().await;
    println!("stopped by {which}");
    Ok(())
}

async fn greet(stream: TcpStream) -> io::Result<()> {
    let mut file = stream.makefile();
    while let Some(name) = file.next_line().await? {
        file.write(format!("hello, {name}\n")).await?;
        file.flush().await?;
    }
    Ok(())
}
