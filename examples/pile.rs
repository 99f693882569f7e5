//! A pile over raw sockets: ask many hosts the same thing at once, take the answers in the order of
//! asking.
//!
//! For each host: resolve its name, connect, send `GET /`, read up to 1024 bytes. Without hosts on
//! the command line it asks three small servers of its own.
//!
//! Run it: `cargo run --example pile`, or `cargo run --example pile -- example.org
//! example.com:8080`

use std::io;

use evlet::{GreenPile, connect, listen, resolve, serve, spawn_n};
use evlet_examples::pages;

#[evlet::main]
async fn main() -> io::Result<()> {
    let mut hosts: Vec<String> = std::env::args().skip(1).collect();
    if hosts.is_empty() {
        for _ in 0..3 {
            let listener = listen("127.0.0.1:0")?;
            hosts.push(format!("localhost:{}", listener.local_addr()?.port()));
            spawn_n(serve(listener, pages::answer));
        }
    }

    let pile = GreenPile::new(100);
    for host in hosts.clone() {
        pile.spawn(async move { first_bytes(&host).await }).await;
    }
    for host in hosts {
        match pile.next().await {
            Some(Ok(bytes)) => {
                let text = String::from_utf8_lossy(&bytes);
                println!("{host}: {}", text.lines().next().unwrap_or("nothing"));
            }
            Some(Err(e)) => println!("{host}: {e}"),
            None => println!("{host}: no answer"),
        }
    }
    Ok(())
}

async fn first_bytes(host: &str) -> io::Result<Vec<u8>> {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) => (
            name,
            port.parse()
                .map_err(|_| io::Error::other(format!("{port:?} is no port")))?,
        ),
        None => (host, 80),
    };
    let addrs = resolve(name).await?;
    let Some(addr) = addrs.first() else {
        return Err(io::Error::other(format!("{name} has no address")));
    };
    let stream = connect((*addr, port)).await?;
    stream
        .send_all(format!("GET / HTTP/1.0\r\nHost: {name}\r\n\r\n").as_bytes())
        .await?;
    let mut bytes = vec![0; 1024];
    let read = stream.recv(&mut bytes).await?;
    bytes.truncate(read);
    Ok(bytes)
}
