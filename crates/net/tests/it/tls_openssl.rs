//! TLS against another implementation: OpenSSL's command line, both ways, and Python's ssl, which is OpenSSL's library.
//!
//! Where that is not installed each test says so in one line and passes.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use evlet_hub::{Hub, spawn};
use evlet_net::{MakeFile, TlsConfig, connect, listen, wrap_ssl};

use crate::tls::certificate;

/// A folder with a certificate for localhost; gone when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = format!("evlet-net-{name}-{}", std::process::id());
        let folder = Folder(std::env::temp_dir().join(folder));
        std::fs::create_dir_all(&folder.0).unwrap();
        let (cert, key) = certificate(&["localhost"]);
        std::fs::write(folder.cert(), cert).unwrap();
        std::fs::write(folder.key(), key).unwrap();
        folder
    }
    fn cert(&self) -> PathBuf {
        self.0.join("cert.pem")
    }
    fn key(&self) -> PathBuf {
        self.0.join("key.pem")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A child that is ended with the test.
struct Openssl(Child);

impl Drop for Openssl {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn openssl(set_up: impl FnOnce(&mut Command) -> &mut Command) -> Option<Openssl> {
    let mut command = Command::new("openssl");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    match set_up(&mut command).spawn() {
        Ok(child) => Some(Openssl(child)),
        Err(error) => {
            println!("skipped: openssl cannot be run here ({error})");
            None
        }
    }
}

#[test]
fn openssl_s_client_talks_to_our_server() {
    let folder = Folder::new("s-client");
    for version in ["-tls1_2", "-tls1_3"] {
        // Real time: the client is another process.
        let served = Hub::new().unwrap().run(async {
            let config = TlsConfig::server(folder.cert(), folder.key()).unwrap();
            let listener = listen("127.0.0.1:0").unwrap();
            let addr = listener.local_addr().unwrap().to_string();
            let cert = folder.cert();
            let mut client = openssl(|command| {
                command
                    .args(["s_client", "-quiet", "-verify_return_error", "-servername"])
                    .args(["localhost", version, "-connect", &addr, "-CAfile"])
                    .arg(cert)
            })?;
            let mut stdin = client.0.stdin.take().unwrap();
            stdin.write_all(b"hello from openssl\n").unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            let mut file = MakeFile::new(wrap_ssl(stream, &config));
            let line = file.next_line().await.unwrap().unwrap();
            file.write("hello from evlet\n").await.unwrap();
            file.close().await.unwrap();
            let stdout = client.0.stdout.take().unwrap();
            let mut answer = String::new();
            BufReader::new(stdout).read_line(&mut answer).unwrap();
            assert_eq!(answer, "hello from evlet\n");
            Some(line)
        });
        let Some(line) = served else { return };
        assert_eq!(line, "hello from openssl");
    }
}

#[test]
fn our_client_talks_to_openssl_s_server() {
    let folder = Folder::new("s-server");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    drop(listener); // openssl cannot be handed a socket, only a port that was free just now
    let (cert, key) = (folder.cert(), folder.key());
    let server = openssl(|command| {
        command
            .args(["s_server", "-rev", "-accept", &addr, "-cert"])
            .arg(cert)
            .arg("-key")
            .arg(key)
    });
    let Some(mut server) = server else { return };
    let mut stdout = BufReader::new(server.0.stdout.take().unwrap());
    let mut said = String::new();
    while !said.contains("ACCEPT") {
        assert_ne!(
            stdout.read_line(&mut said).unwrap(),
            0,
            "it does not listen: {said}"
        );
    }

    Hub::new().unwrap().run(async {
        let config = TlsConfig::client().roots_pem(folder.cert()).unwrap();
        let config = config.server_name("localhost");
        let stream = connect(&addr).await.unwrap();
        let mut file = MakeFile::new(wrap_ssl(stream, &config));
        for (word, reversed) in [("evlet", "telve"), ("openssl", "lssnepo")] {
            file.write(format!("{word}\n")).await.unwrap();
            file.flush().await.unwrap();
            assert_eq!(file.next_line().await.unwrap().unwrap(), reversed);
        }
        let done = spawn(async move { file.close().await });
        done.await.unwrap().unwrap();

        // A client that trusts nobody is told so.
        let (other, _) = certificate(&["localhost"]);
        let stranger = TlsConfig::client().roots_pem(other).unwrap();
        let stream = connect(&addr).await.unwrap();
        let mut stream = wrap_ssl(stream, &stranger.server_name("localhost"));
        let error = stream.handshake().await.unwrap_err().to_string();
        assert!(
            error.contains("localhost") && error.contains("roots_pem"),
            "{error}"
        );
    });
}

/// A server for two connections: plain, TLS, and plain again. It says goodbye first, then second.
const PYTHON: &str = r#"
import socket, ssl, sys
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
for first in (True, False):
    plain, _ = listening.accept()
    plain.settimeout(30)
    assert plain.recv(100) == b"STARTTLS"
    plain.sendall(b"go")
    tls = context.wrap_socket(plain, server_side=True)
    assert tls.recv(100) == b"hidden"
    tls.sendall(b"answer")
    if not first:
        assert tls.recv(100) == b""
    plain = tls.unwrap()
    plain.sendall(b"plain from python")
    assert plain.recv(100) == b"plain from evlet"
    plain.close()
"#;

#[test]
fn pythons_ssl_goes_on_in_plain_text_with_us() {
    let folder = Folder::new("unwrap");
    let mut command = Command::new("python3");
    command
        .args(["-c", PYTHON])
        .arg(folder.cert())
        .arg(folder.key());
    let server = match command.stdout(Stdio::piped()).spawn() {
        Ok(server) => server,
        Err(error) => return println!("skipped: python3 cannot be run here ({error})"),
    };
    let mut server = Openssl(server);
    let mut port = String::new();
    let mut stdout = BufReader::new(server.0.stdout.take().unwrap());
    stdout.read_line(&mut port).unwrap();
    let addr = format!("127.0.0.1:{}", port.trim());

    Hub::new().unwrap().run(async {
        let config = TlsConfig::client().roots_pem(folder.cert()).unwrap();
        let config = config.server_name("localhost");
        for they_begin in [true, false] {
            let plain = connect(&addr).await.unwrap();
            plain.send_all(b"STARTTLS").await.unwrap();
            let mut buf = [0; 100];
            assert_eq!(plain.recv(&mut buf).await.unwrap(), 2);
            let mut tls = wrap_ssl(plain, &config);
            tls.send_all(b"hidden").await.unwrap();
            assert_eq!(tls.recv(&mut buf).await.unwrap(), 6);
            if they_begin {
                assert_eq!(tls.recv(&mut buf).await.unwrap(), 0);
            }
            let mut plain = tls.unwrap().await.unwrap();
            let n = plain.recv(&mut buf).await.unwrap();
            assert_eq!(&buf[..n], b"plain from python");
            plain.send_all(b"plain from evlet").await.unwrap();
            assert_eq!(plain.recv(&mut buf).await.unwrap(), 0);
        }
    });
    assert!(server.0.wait().unwrap().success());
}
