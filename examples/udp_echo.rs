//! UDP: a server that sends every datagram back, and clients that ask again when one is lost.
//!
//! The server takes what has arrived in one turn, up to 64 datagrams. A client waits half a second
//! for its answer, then asks again: what UDP leaves to programs.
//!
//! Run it: `cargo run --example udp_echo`.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use evlet::{DatagramBatch, GreenPile, UdpSocket, spawn};

#[evlet::main]
async fn main() -> io::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let addr = socket.local_addr()?;
    let server = spawn(echo(socket));

    let clients = GreenPile::new(10);
    for name in ["Ada", "Grace", "Margaret"] {
        clients.spawn(ask(addr, name)).await;
    }
    while let Some(said) = clients.next().await {
        println!("{}", said?);
    }

    // A datagram that does not fit is an error, not half a message.
    let small = UdpSocket::bind("127.0.0.1:0")?;
    let large = UdpSocket::bind("127.0.0.1:0")?;
    large.send_to(&[7; 1000], small.local_addr()?).await?;
    match small.recv_from(&mut [0; 100]).await {
        Ok((n, _)) => println!("{n} bytes"),
        Err(why) => println!("{why}"),
    }
    server.kill().await;
    Ok(())
}

async fn echo(socket: UdpSocket) -> io::Result<()> {
    let mut batch = DatagramBatch::new(64, 1500);
    loop {
        socket.recv_batch(&mut batch).await?;
        for (datagram, from) in &batch {
            match datagram {
                Ok(bytes) => {
                    socket.send_to(bytes, from).await?;
                }
                Err(cut) => println!("from {from}: {cut}"),
            }
        }
    }
}

/// Sends ten datagrams and has each back before the next.
async fn ask(server: SocketAddr, name: &str) -> io::Result<String> {
    const TRIES: usize = 5;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(server).await?;
    socket.set_timeout(Duration::from_millis(500));
    let mut buf = [0; 1500];
    let mut answers = 0;
    for i in 0..10 {
        let question = format!("{name} {i}");
        for _ in 0..TRIES {
            socket.send(question.as_bytes()).await?;
            match socket.recv(&mut buf).await {
                Ok(n) if buf[..n] == *question.as_bytes() => {
                    answers += 1;
                    break;
                }
                Ok(_) => {} // an answer to an earlier try
                Err(e) if e.kind() == ErrorKind::TimedOut => {}
                Err(e) => return Err(e),
            }
        }
    }
    Ok(format!("{name}: {answers} of 10 came back"))
}
