//! evlet's servers: `Serve` with a green thread for each connection.

use std::io;
use std::net::SocketAddr;

use evlet::{Serve, TcpStream, TlsConfig, listen, wrap_ssl};

use crate::net::{Certificate, Servers, Serving, announce};

/// More than any scenario has.
const CONNECTIONS: usize = 1_000_000;

pub(crate) const SERVERS: Servers = Servers {
    echo,
    keeping: Some(keeping),
    tls: Some(tls),
};

fn echo(buffer: usize) -> Serving {
    serve(move |stream, _peer| echo_one(stream, buffer))
}

fn keeping(buffer: usize) -> Serving {
    serve(move |stream, _peer| echo_one_keeping(stream, buffer))
}

fn serve<H, F>(handle: H) -> Serving
where
    H: FnMut(TcpStream, SocketAddr) -> F + 'static,
    F: Future<Output = io::Result<()>> + 'static,
{
    super::hub().build()?.run(async {
        let listener = listen("127.0.0.1:0")?;
        announce(listener.local_addr()?)?;
        Serve::new(listener)
            .concurrency(CONNECTIONS)
            .run(handle)
            .await?;
        Err(io::Error::other("serving has ended"))
    })
}

async fn echo_one(stream: TcpStream, max: usize) -> io::Result<()> {
    loop {
        let chunk = stream.recv_chunk(max).await?;
        if chunk.is_empty() {
            return Ok(());
        }
        stream.send_all(&chunk).await?;
    }
}

async fn echo_one_keeping(stream: TcpStream, buffer: usize) -> io::Result<()> {
    let mut bytes = vec![0; buffer];
    loop {
        match stream.recv(&mut bytes).await? {
            0 => return Ok(()),
            count => stream.send_all(&bytes[..count]).await?,
        }
    }
}

fn tls(buffer: usize, certificate: &Certificate) -> Serving {
    let config = TlsConfig::server(&certificate.cert_pem, &certificate.key_pem)?;
    super::hub().build()?.run(async {
        let listener = listen("127.0.0.1:0")?;
        announce(listener.local_addr()?)?;
        Serve::new(listener)
            .concurrency(CONNECTIONS)
            .run(move |stream, _peer| {
                let mut stream = wrap_ssl(stream, &config);
                async move {
                    let mut bytes = vec![0; buffer];
                    loop {
                        match stream.recv(&mut bytes).await? {
                            0 => return Ok::<(), io::Error>(()),
                            count => stream.send_all(&bytes[..count]).await?,
                        }
                    }
                }
            })
            .await?;
        Err(io::Error::other("serving has ended"))
    })
}
