//! monoio's server with either driver: a task for each connection, which lends its buffer to each operation.

use std::io;

use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::{TcpListener, TcpStream};

use super::{Driver, Epoll, Uring};
use crate::net::{Servers, Serving, announce};

pub(crate) const EPOLL_SERVERS: Servers = Servers {
    echo: echo::<Epoll>,
    keeping: None,
    tls: None,
};

pub(crate) const URING_SERVERS: Servers = Servers {
    echo: echo::<Uring>,
    keeping: None,
    tls: None,
};

fn echo<D: Driver>(buffer: usize) -> Serving {
    D::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        announce(listener.local_addr()?)?;
        loop {
            let (stream, _peer) = listener.accept().await?;
            stream.set_nodelay(true)?;
            monoio::spawn(echo_one(stream, buffer));
        }
    })?
}

async fn echo_one(mut stream: TcpStream, buffer: usize) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(buffer);
    loop {
        let (read, lent) = stream.read(bytes).await;
        if read? == 0 {
            return Ok(());
        }
        // What was read is the whole of the vector now.
        let (written, mut lent) = stream.write_all(lent).await;
        written?;
        lent.clear();
        bytes = lent;
    }
}
