//! A port forwarder: every connection here becomes one there, and bytes go both ways.
//!
//! The kernel moves the bytes from socket to socket; this program only hears how many there were. A
//! side that ends its writing ends it on the other side too, and the way back goes on. At most 500
//! connections at once: more wait in the backlog.
//!
//! Run it: `cargo run --example port_forward -- --addr 127.0.0.1:7000 --to example.com:80`. Without
//! `--to` it forwards to an echo server of its own.

use std::io;
use std::time::Duration;

use evlet::os::signal::terminate;
use evlet::{
    ConnectOptions, Serve, TcpStream, listen, serve, spawn, spawn_n, splice_bidirectional,
};
use evlet_examples::command_line::{addr_and_target_from_args, give_up, say_listening};
use evlet_examples::stopping::until_told;

#[evlet::main]
async fn main() -> io::Result<()> {
    let (addr, target) = addr_and_target_from_args("127.0.0.1:7000");
    let target = match target {
        Some(target) => target,
        None => echo_server()?,
    };
    let listener = listen(&addr).unwrap_or_else(|e| give_up(e));
    let stop = terminate()?;
    say_listening(listener.local_addr()?);

    let forwarding = spawn(
        Serve::new(listener)
            .concurrency(500)
            .run(move |client, peer| {
                let target = target.clone();
                async move {
                    match forward(client, &target).await {
                        Ok((there, back)) => println!("{peer}: {there} bytes there, {back} back"),
                        Err(why) => println!("{peer} broke off: {why}"),
                    }
                }
            }),
    );
    let which = until_told(stop, &forwarding).await?;
    forwarding.kill().await;
    println!("stopped by {which}");
    Ok(())
}

async fn forward(client: TcpStream, target: &str) -> io::Result<(u64, u64)> {
    let options = ConnectOptions::new().timeout(Duration::from_secs(10));
    let server = options.connect(target).await?;
    splice_bidirectional(&client, &server).await
}

/// Something to forward to: everything comes back.
fn echo_server() -> io::Result<String> {
    let listener = listen("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    spawn_n(serve(listener, |stream, _| async move {
        let mut buf = [0; 4096];
        loop {
            match stream.recv(&mut buf).await? {
                0 => return Ok::<(), io::Error>(()),
                n => stream.send_all(&buf[..n]).await?,
            }
        }
    }));
    Ok(addr.to_string())
}
