//! glommio's server: a task for each connection.

use std::io;

use futures::{AsyncReadExt, AsyncWriteExt};
use glommio::net::{TcpListener, TcpStream};
use glommio::{LocalExecutorBuilder, Placement};

use crate::net::{Servers, Serving, announce};

pub(crate) const SERVERS: Servers = Servers {
    echo,
    keeping: None,
    tls: None,
};

fn echo(buffer: usize) -> Serving {
    let executor = LocalExecutorBuilder::new(Placement::Fixed(crate::pin::MEASURED))
        .make()
        .map_err(io::Error::from)?;
    executor.run(async {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(io::Error::from)?;
        announce(listener.local_addr().map_err(io::Error::from)?)?;
        loop {
            let stream = listener.accept().await.map_err(io::Error::from)?;
            stream.set_nodelay(true).map_err(io::Error::from)?;
            glommio::spawn_local(echo_one(stream, buffer)).detach();
        }
    })
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
