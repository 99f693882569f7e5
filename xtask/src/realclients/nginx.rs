//! The crawler against nginx: 500 files over http, and again over https with a certificate that an
//! authority made on the spot has signed. The sizes that the crawler prints must be the files' own,
//! in order.
//!
//! The server's certificate is not its own issuer: a client that follows the standard refuses an
//! authority's certificate as a server's.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::PROFILE;
use crate::command::{Running, read};
use crate::examples::ended_with;
use crate::steps::{Checked, Verdict};
use crate::workspace::Workspace;

const FILES: usize = 500;
const LIMIT: Duration = Duration::from_secs(60);

pub(super) fn crawled(workspace: &Workspace) -> Verdict {
    let folder = workspace.target.join("xtask/nginx");
    let _ = fs::remove_dir_all(&folder);
    let sizes = write_files(&folder.join("files")).map_err(|e| e.to_string())?;
    make_certificates(&folder)?;
    let (http, https) = (free_port()?, free_port()?);
    let config = folder.join("nginx.conf");
    fs::write(&config, configuration(&folder, http, https)).map_err(|e| e.to_string())?;
    let server = Running::start(
        Command::new("nginx")
            .arg("-p")
            .arg(&folder)
            .arg("-c")
            .arg(&config)
            .arg("-e")
            .arg(folder.join("error.log")),
    )?;
    wait_until_it_listens(&server, http)?;
    wait_until_it_listens(&server, https)?;

    let root = folder.join("ca.pem");
    for base in [
        format!("http://127.0.0.1:{http}"),
        format!("https://localhost:{https}"),
    ] {
        let mut crawler = Command::new(workspace.example(PROFILE, "crawler"));
        crawler.arg("--root-cert").arg(&root);
        crawler.args((0..FILES).map(|n| format!("{base}/{n}.txt")));
        let finished = read(&mut crawler, LIMIT)?;
        ended_with(&finished, 0)?;
        same_sizes(&finished.stdout, &sizes).map_err(|why| format!("{base}: {why}"))?;
        println!("crawler against nginx: {FILES} files from {base}, every byte count right");
    }
    refused_without_the_authority(workspace, https)?;
    server.signal("QUIT")?;
    server.finish(Duration::from_secs(10))?;
    Ok(Checked::passed(3))
}

/// Who does not know the authority gets no page, but a line that names the address and the reason.
fn refused_without_the_authority(workspace: &Workspace, https: u16) -> Result<(), String> {
    let url = format!("https://localhost:{https}/1.txt");
    let mut crawler = Command::new(workspace.example(PROFILE, "crawler"));
    let finished = read(crawler.arg(&url), LIMIT)?;
    ended_with(&finished, 1)?;
    let line = finished.stdout.trim_end();
    println!("crawler without the authority: {line}");
    if line.starts_with(&format!("failed: {url}: ")) && line.contains("certificate") {
        return Ok(());
    }
    Err(format!(
        "a certificate of an unknown authority gave:\n{line}"
    ))
}

/// Files of every kind of size: empty, a few bytes, more than a socket's buffer.
fn write_files(folder: &Path) -> std::io::Result<Vec<usize>> {
    fs::create_dir_all(folder)?;
    (0..FILES)
        .map(|n| {
            let size = match n % 10 {
                0 => 0,
                9 => 300_000 + n,
                _ => n * 37,
            };
            fs::write(
                folder.join(format!("{n}.txt")),
                "evlet\n".repeat(size / 6 + 1).get(..size).unwrap_or(""),
            )?;
            Ok(size)
        })
        .collect()
}

fn same_sizes(printed: &str, sizes: &[usize]) -> Result<(), String> {
    let got: Vec<&str> = printed
        .lines()
        .filter(|line| line.starts_with("got body "))
        .collect();
    let expected: Vec<String> = sizes
        .iter()
        .map(|size| format!("got body {size}"))
        .collect();
    if got == expected {
        return Ok(());
    }
    let first = got
        .iter()
        .zip(&expected)
        .position(|(got, expected)| got != expected);
    Err(format!(
        "{} bodies, {} expected; the first that differs: {first:?}\n{printed}",
        got.len(),
        expected.len()
    ))
}

pub(super) fn make_certificates(folder: &Path) -> Result<(), String> {
    let at = |name: &str| folder.join(name).display().to_string();
    fs::write(
        folder.join("leaf.ext"),
        "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n",
    )
    .map_err(|e| e.to_string())?;
    let new_key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    for command in [
        format!(
            "req -x509 {new_key} -days 2 -subj /CN=evlet-test-authority -keyout {} -out {}",
            at("ca.key"),
            at("ca.pem")
        ),
        format!(
            "req {new_key} -subj /CN=localhost -keyout {} -out {}",
            at("leaf.key"),
            at("leaf.csr")
        ),
        format!(
            "x509 -req -days 2 -in {} -CA {} -CAkey {} -CAcreateserial -extfile {} -out {}",
            at("leaf.csr"),
            at("ca.pem"),
            at("ca.key"),
            at("leaf.ext"),
            at("leaf.pem")
        ),
    ] {
        let finished = read(Command::new("openssl").args(command.split(' ')), LIMIT)?;
        ended_with(&finished, 0).map_err(|why| format!("openssl {why}"))?;
    }
    Ok(())
}

fn configuration(folder: &Path, http: u16, https: u16) -> String {
    let at = |name: &str| folder.join(name).display().to_string();
    let mut text = String::new();
    let _ = writeln!(
        text,
        "daemon off;\nmaster_process off;\npid {};",
        at("nginx.pid")
    );
    let _ = writeln!(
        text,
        "events {{ worker_connections 1024; }}\nhttp {{\naccess_log off;"
    );
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        let _ = writeln!(text, "{kind}_temp_path {};", at(kind));
    }
    let _ = writeln!(
        text,
        "server {{\nroot {};\nlisten 127.0.0.1:{http};\nlisten 127.0.0.1:{https} ssl;\nssl_certificate {};\nssl_certificate_key {};\n}}\n}}",
        at("files"),
        at("leaf.pem"),
        at("leaf.key")
    );
    text
}

/// A port that was free a moment ago.
pub(super) fn free_port() -> Result<u16, String> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|addr| addr.port())
        .map_err(|e| format!("looking for a free port: {e}"))
}

pub(super) fn wait_until_it_listens(server: &Running, port: u16) -> Result<(), String> {
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        if TcpStream::connect_timeout(&addr, Duration::from_secs(1)).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(format!("process {} does not listen on {addr}", server.id()))
}
