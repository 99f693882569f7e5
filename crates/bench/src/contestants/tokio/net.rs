//! tokio's servers: a task for each connection.

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::{Local, Plain, Spawner};
use crate::net::{Certificate, Servers, Serving, announce};

pub(crate) const SERVERS: Servers = Servers {
    echo,
    keeping: None,
    tls: Some(tls),
};

/// With `spawn_local`.
pub(crate) const LOCAL_SERVERS: Servers = Servers {
    echo: echo_local,
    keeping: None,
    tls: None,
};

fn echo(buffer: usize) -> Serving {
    Plain::block_on(async {
        let listener = listen().await?;
        loop {
            let stream = accept(&listener).await?;
            tokio::spawn(echo_one(stream, buffer));
        }
    })?
}

fn echo_local(buffer: usize) -> Serving {
    Local::block_on(async {
        let listener = listen().await?;
        loop {
            let stream = accept(&listener).await?;
            tokio::task::spawn_local(echo_one(stream, buffer));
        }
    })?
}

fn tls(buffer: usize, certificate: &Certificate) -> Serving {
    let acceptor = acceptor(certificate)?;
    Plain::block_on(async {
        let listener = listen().await?;
        loop {
            let stream = accept(&listener).await?;
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let stream = acceptor.accept(stream).await?;
                echo_one(stream, buffer).await
            });
        }
    })?
}

async fn listen() -> io::Result<TcpListener> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    announce(listener.local_addr()?)?;
    Ok(listener)
}

async fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let (stream, _peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn echo_one(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    buffer: usize,
) -> io::Result<()> {
    let mut bytes = vec![0; buffer];
    loop {
        match stream.read(&mut bytes).await? {
            0 => return Ok(()),
            count => {
                stream.write_all(&bytes[..count]).await?;
                stream.flush().await?;
            }
        }
    }
}

/// The same settings as evlet's: one certificate, no client's asked for, the rest as rustls has it.
fn acceptor(certificate: &Certificate) -> io::Result<TlsAcceptor> {
    let chain = CertificateDer::pem_slice_iter(&certificate.cert_pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(io::Error::other)?;
    let key = PrivateKeyDer::from_pem_slice(&certificate.key_pem).map_err(io::Error::other)?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(io::Error::other)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
