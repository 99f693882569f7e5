//! smol's server: a task of the local executor for each connection.

use std::io;

use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::{TcpListener, TcpStream};

use super::executor;
use crate::net::{Servers, Serving, announce};

pub(crate) const SERVERS: Servers = Servers {
    echo,
    keeping: None,
    tls: None,
};

fn echo(buffer: usize) -> Serving {
    smol::block_on(executor().run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        announce(listener.local_addr()?)?;
        loop {
            let (stream, _peer) = listener.accept().await?;
            stream.set_nodelay(true)?;
            executor().spawn(echo_one(stream, buffer)).detach();
        }
    }))
}

async fn echo_one(mut stream: TcpStream, buffer: usize) -> io::Result<()> {
    let mut bytes = vec![0; buffer];
    loop {
        match stream.read(&mut bytes).await? {
            0 => return Ok(()),
            count => stream.write_all(&bytes[..count]).await?,
        }
    }
}
