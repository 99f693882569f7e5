//! TLS: what a handshake costs the server, and what a MiB does.
//!
//! The load is blocking, a few threads on the load's cpu, each with one connection at a time. It resumes no
//! session. Both sides use rustls with ring; the certificate (P-256) is made for the run.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustix::net::sockopt;
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::server::Server;
use super::windows::Windows;
use crate::measure::{Absent, Outcome};

const NAME: &str = "localhost";
/// Handshakes under way at once: the server always has one to work on.
const CLIENTS: usize = 4;
/// Handshakes before those of a window.
const LEAD_IN: u64 = 8;
/// What goes to and fro in bulk.
const CHUNK: usize = 64 * 1024;
const MIB: usize = 1024 * 1024;
/// MiB in a window of bulk.
const BULK: u64 = 10;

/// A certificate and its key, as files in a folder that goes with it.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) cert_pem: Vec<u8>,
    pub(crate) key_pem: Vec<u8>,
    /// `None`: the files are somebody else's.
    folder: Option<PathBuf>,
}

impl Certificate {
    /// A new one, written down for the server's process.
    pub(crate) fn new() -> Result<Certificate, Absent> {
        let trouble = |e: &dyn std::fmt::Display| Absent::because(format!("no certificate: {e}"));
        let made =
            rcgen::generate_simple_self_signed([NAME.to_owned()]).map_err(|e| trouble(&e))?;
        let folder = std::env::temp_dir().join(format!("evlet-bench-{}", std::process::id()));
        let certificate = Certificate {
            cert_pem: made.cert.pem().into_bytes(),
            key_pem: made.signing_key.serialize_pem().into_bytes(),
            folder: Some(folder.clone()),
        };
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(folder.join("cert.pem"), &certificate.cert_pem))
            .and_then(|()| fs::write(folder.join("key.pem"), &certificate.key_pem))
            .map_err(|e| trouble(&e))?;
        Ok(certificate)
    }

    /// The one that the load has made.
    pub(crate) fn read(folder: &Path) -> Result<Certificate, Absent> {
        let read = |name: &str| {
            fs::read(folder.join(name)).map_err(|e| Absent::because(format!("{name}: {e}")))
        };
        Ok(Certificate {
            cert_pem: read("cert.pem")?,
            key_pem: read("key.pem")?,
            folder: None,
        })
    }

    /// Where its files are.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.as_deref().unwrap_or(Path::new("."))
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// Full handshakes, each followed by one message and its answer.
pub(crate) fn handshakes(server: &Server, certificate: &Certificate, count: usize) -> Outcome {
    let config = client(certificate)?;
    Windows::of(LEAD_IN, count as u64)
        .measure(server, |count| in_threads(server.addr, &config, count))
        .map_err(super::no_load)
}

/// MiB sent and got back over one connection.
pub(crate) fn bulk(server: &Server, certificate: &Certificate) -> Outcome {
    let config = client(certificate)?;
    let mut stream = connected(server.addr, &config).map_err(super::no_load)?;
    let chunk = vec![42; CHUNK];
    let mut answer = vec![0; CHUNK];
    Windows::of(1, BULK)
        .measure(server, |mib| {
            for _ in 0..mib * (MIB / CHUNK) as u64 {
                stream.write_all(&chunk)?;
                stream.flush()?;
                stream.read_exact(&mut answer)?;
            }
            Ok(())
        })
        .map_err(super::no_load)
}

fn in_threads(server: SocketAddr, config: &Arc<ClientConfig>, count: u64) -> io::Result<()> {
    let taken = AtomicUsize::new(0);
    let work = || -> io::Result<()> {
        while taken.fetch_add(1, Ordering::Relaxed) < count as usize {
            let mut stream = connected(server, config)?;
            stream.write_all(b"hello")?;
            stream.flush()?;
            stream.read_exact(&mut [0; 5])?;
            // A reset: no port stays in TIME_WAIT.
            sockopt::set_socket_linger(&stream.sock, Some(std::time::Duration::ZERO))?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(work)).collect();
        clients
            .into_iter()
            .try_for_each(|client| client.join().map_err(|_| io::Error::other("panicked"))?)
    })
}

fn connected(
    server: SocketAddr,
    config: &Arc<ClientConfig>,
) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let socket = TcpStream::connect(server)?;
    socket.set_nodelay(true)?;
    let name = ServerName::try_from(NAME).map_err(io::Error::other)?;
    let session = ClientConnection::new(config.clone(), name).map_err(io::Error::other)?;
    Ok(StreamOwned::new(session, socket))
}

fn client(certificate: &Certificate) -> Result<Arc<ClientConfig>, Absent> {
    let trouble = |e: &dyn std::fmt::Display| Absent::because(format!("no TLS client: {e}"));
    let mut roots = RootCertStore::empty();
    for der in certificates(&certificate.cert_pem) {
        roots
            .add(der.map_err(|e| trouble(&e))?)
            .map_err(|e| trouble(&e))?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| trouble(&e))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

fn certificates(
    pem: &[u8],
) -> impl Iterator<
    Item = Result<rustls::pki_types::CertificateDer<'static>, rustls::pki_types::pem::Error>,
> {
    use rustls::pki_types::pem::PemObject;
    rustls::pki_types::CertificateDer::pem_slice_iter(pem)
        .collect::<Vec<_>>()
        .into_iter()
}
