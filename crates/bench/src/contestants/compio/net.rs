//! compio's server with either driver: a task for each connection, which lends its buffer to each operation.

use std::io;

use compio::BufResult;
use compio::io::{AsyncRead, AsyncWriteExt};
use compio::net::{TcpListener, TcpStream};

use super::{Driver, Polling, Uring, runtime};
use crate::net::{Servers, Serving, announce};

pub(crate) const POLLING_SERVERS: Servers = Servers {
    echo: echo::<Polling>,
    keeping: None,
    tls: None,
};

pub(crate) const URING_SERVERS: Servers = Servers {
    echo: echo::<Uring>,
    keeping: None,
    tls: None,
};

fn echo<D: Driver>(buffer: usize) -> Serving {
    let runtime = runtime::<D>().map_err(|absent| io::Error::other(absent.why))?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        announce(listener.local_addr()?)?;
        loop {
            let (stream, _peer) = listener.accept().await?;
            stream.set_nodelay(true)?;
            compio::runtime::spawn(echo_one(stream, buffer)).detach();
        }
    })
}

async fn echo_one(mut stream: TcpStream, buffer: usize) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(buffer);
    loop {
        let BufResult(read, lent) = stream.read(bytes).await;
        if read? == 0 {
            return Ok(());
        }
        // What was read is the whole of the vector now.
        let BufResult(written, mut lent) = stream.write_all(lent).await;
        written?;
        lent.clear();
        bytes = lent;
    }
}
