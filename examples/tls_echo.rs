//! An echo server over TLS, whose certificate is exchanged while it runs.
//!
//! Without arguments it is its own client as well, with certificates made on the spot: it shows an
//! echo, a session that is taken up again, a client that does not speak TLS, and a certificate that
//! is exchanged under an open connection. With `--addr`, `--cert` and `--key` it serves until a
//! signal; SIGHUP reads the two files again.
//!
//! Run it: `cargo run --example tls_echo`, or
//! `cargo run --example tls_echo -- --addr 127.0.0.1:6443 --cert cert.pem --key key.pem`, then
//! `openssl s_client -connect 127.0.0.1:6443`.

use std::io;
use std::net::SocketAddr;

use evlet::os::signal::{Signal, signal, terminate};
use evlet::{MakeFile, TcpListener, TcpStream, TlsConfig, TlsStream};
use evlet::{connect, listen, serve, spawn, spawn_n, wrap_ssl};
use evlet_examples::command_line::{give_up, say_listening};
use evlet_examples::stopping::until_told;
use lexopt::prelude::{Long, ValueExt};

#[evlet::main]
async fn main() -> io::Result<()> {
    match arguments().unwrap_or_else(|e| give_up(e)) {
        Some((addr, cert, key)) => serve_until_a_signal(&addr, &cert, &key).await,
        None => show().await,
    }
}

/// Address, certificate, key.
fn arguments() -> Result<Option<(String, String, String)>, lexopt::Error> {
    let (mut addr, mut cert, mut key) = (None, None, None);
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        let place = match arg {
            Long("addr") => &mut addr,
            Long("cert") => &mut cert,
            Long("key") => &mut key,
            other => return Err(other.unexpected()),
        };
        *place = Some(args.value()?.string()?);
    }
    match (addr, cert, key) {
        (Some(addr), Some(cert), Some(key)) => Ok(Some((addr, cert, key))),
        (None, None, None) => Ok(None),
        _ => Err("--addr, --cert and --key belong together".into()),
    }
}

async fn echo(stream: TcpStream, config: TlsConfig) -> io::Result<()> {
    // The handshake happens with the first read, in this green thread: who never finishes it is in
    // nobody's way, and is cut off after 15 s.
    let mut file = MakeFile::new(wrap_ssl(stream, &config));
    while let Some(line) = file.next_line().await? {
        file.write(line + "\n").await?;
        file.flush().await?;
    }
    file.close().await
}

async fn echo_server(listener: TcpListener, config: TlsConfig) -> io::Result<()> {
    serve(listener, move |stream, _| echo(stream, config.clone())).await
}

async fn serve_until_a_signal(addr: &str, cert: &str, key: &str) -> io::Result<()> {
    let config = TlsConfig::server(cert, key).unwrap_or_else(|e| give_up(e));
    let listener = listen(addr).unwrap_or_else(|e| give_up(e));
    let stop = terminate()?;
    let mut hangup = signal(Signal::HUP)?;
    say_listening(listener.local_addr()?);
    let reloads = config.clone();
    spawn_n(async move {
        while hangup.recv().await.is_ok() {
            match reloads.reload() {
                Ok(()) => println!("certificate exchanged"),
                Err(e) => println!("the old certificate stays: {e}"),
            }
        }
    });
    let serving = spawn(echo_server(listener, config));
    let which = until_told(stop, &serving).await?;
    serving.kill().await;
    println!("stopped by {which}");
    Ok(())
}

async fn show() -> io::Result<()> {
    let (old_cert, old_key) = certificate()?;
    let (new_cert, new_key) = certificate()?;
    let config = TlsConfig::server(&old_cert, &old_key)?;
    let trusting_old = TlsConfig::client().roots_pem(&old_cert)?;
    let trusting_old = trusting_old.server_name("localhost");
    let trusting_new = TlsConfig::client().roots_pem(&new_cert)?;
    let trusting_new = trusting_new.server_name("localhost");

    let listener = listen("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    spawn_n(echo_server(listener, config.clone()));

    let mut first = open(addr, &trusting_old).await?;
    let (answer, tls) = say(&mut first, "over the wire goes noise").await?;
    println!("{answer} ({tls})");

    // The same settings remember the server: half the handshake is saved.
    let mut second = open(addr, &trusting_old).await?;
    let (answer, tls) = say(&mut second, "have we met?").await?;
    println!("{answer} ({tls})");
    second.close().await?;

    let plain = connect(addr).await?;
    plain.send_all(b"GET / HTTP/1.1\r\n\r\n").await?;
    let got = plain.recv(&mut [0; 100]).await?;
    println!("who speaks no TLS gets an alert of {got} bytes");

    config.replace_certificate(&new_cert, &new_key)?;
    let mut third = open(addr, &trusting_new).await?;
    let (answer, _) = say(&mut third, "a new certificate").await?;
    println!("{answer}");
    let (answer, _) = say(&mut first, "and the first connection goes on").await?;
    println!("{answer}");
    third.close().await?;
    first.close().await
}

type File = MakeFile<TlsStream<TcpStream>>;

async fn open(addr: SocketAddr, config: &TlsConfig) -> io::Result<File> {
    Ok(MakeFile::new(wrap_ssl(connect(addr).await?, config)))
}

/// A line and its echo, and what the connection can tell about itself.
async fn say(file: &mut File, line: &str) -> io::Result<(String, String)> {
    file.write(format!("{line}\n")).await?;
    file.flush().await?;
    let answer = file.next_line().await?.unwrap_or_default();
    let tls = file.get_ref();
    let version = tls.version().unwrap_or("not agreed on yet");
    let resumed = match tls.is_resumed() {
        true => "taken up again",
        false => "begun anew",
    };
    Ok((answer, format!("{version}, {resumed}")))
}

/// A certificate for localhost and its key, as PEM.
fn certificate() -> io::Result<(String, String)> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]);
    let made = made.map_err(io::Error::other)?;
    Ok((made.cert.pem(), made.signing_key.serialize_pem()))
}
