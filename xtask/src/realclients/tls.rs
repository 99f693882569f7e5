//! TLS against OpenSSL and socat: `tls_echo` under their clients, with its certificate exchanged in
//! between, and the crawler against `openssl s_server`.

use std::fs::{self, File};
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::PROFILE;
use super::nginx::{free_port, make_certificates, wait_until_it_listens};
use crate::command::{Running, read};
use crate::examples::{ended_with, listening_on};
use crate::steps::{Checked, Verdict};
use crate::workspace::Workspace;

const LIMIT: Duration = Duration::from_secs(60);

/// A folder with an authority and a certificate for localhost that it has signed.
fn certificates(workspace: &Workspace, name: &str) -> Result<std::path::PathBuf, String> {
    let folder = workspace.target.join("xtask").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    make_certificates(&folder)?;
    Ok(folder)
}

fn tls_echo(workspace: &Workspace, folder: &Path) -> Result<(Running, SocketAddr), String> {
    let mut command = Command::new(workspace.example(PROFILE, "tls_echo"));
    command
        .args(["--addr", "127.0.0.1:0", "--cert"])
        .arg(folder.join("leaf.pem"))
        .arg("--key")
        .arg(folder.join("leaf.key"));
    let mut server = Running::start(&mut command)?;
    let addr = listening_on(&mut server)?;
    Ok((server, addr))
}

pub(super) fn under_openssl(workspace: &Workspace) -> Verdict {
    let folder = certificates(workspace, "tls_openssl")?;
    let (server, addr) = tls_echo(workspace, &folder)?;
    for version in ["-tls1_2", "-tls1_3"] {
        let said = s_client(&folder.join("ca.pem"), addr, version)?;
        if !said.contains("hello from openssl") {
            return Err(format!("s_client {version} got no echo:\n{said}").into());
        }
        println!("tls_echo under openssl s_client {version}: the line came back");
    }
    // Another authority's certificate in the same place: the old root is of no use any more.
    let old_root = folder.join("old_ca.pem");
    fs::copy(folder.join("ca.pem"), &old_root).map_err(|e| e.to_string())?;
    make_certificates(&folder)?;
    server.signal("HUP")?;
    std::thread::sleep(Duration::from_millis(500));
    let said = s_client(&folder.join("ca.pem"), addr, "-tls1_3")?;
    if !said.contains("hello from openssl") {
        return Err(format!("after SIGHUP the new certificate is not shown:\n{said}").into());
    }
    if s_client(&old_root, addr, "-tls1_3")?.contains("hello from openssl") {
        return Err("after SIGHUP the old certificate is still shown"
            .to_owned()
            .into());
    }
    println!("tls_echo under openssl s_client: another certificate after SIGHUP");
    stop(server)?;
    Ok(Checked::passed(3))
}

/// One line to the server and back; what the client printed.
fn s_client(root: &Path, addr: SocketAddr, version: &str) -> Result<String, String> {
    let line = format!(
        "(echo 'hello from openssl'; sleep 1) | timeout {} openssl s_client -quiet -no_ign_eof \
         -verify_return_error -servername localhost -verify_hostname localhost {version} \
         -connect {addr} -CAfile '{}'",
        LIMIT.as_secs(),
        root.display()
    );
    let finished = read(Command::new("sh").args(["-c", &line]), LIMIT)?;
    Ok(finished.stdout)
}

pub(super) fn under_socat(workspace: &Workspace) -> Verdict {
    let folder = certificates(workspace, "tls_socat")?;
    let (server, addr) = tls_echo(workspace, &folder)?;
    let over_tls = format!(
        "OPENSSL:{addr},cafile={},commonname=localhost",
        folder.join("ca.pem").display()
    );
    echoed_through_socat(&folder, &over_tls)?;
    println!("tls_echo under socat: a megabyte of lines, all back in order");
    stop(server)?;
    let (server, addr) = crate::examples::start_server(workspace, PROFILE, "echo_bytes")?;
    echoed_through_socat(&folder, &format!("TCP:{addr}"))?;
    println!("echo_bytes under socat: a megabyte of lines, all back in order");
    stop(server)?;
    Ok(Checked::passed(2))
}

fn echoed_through_socat(folder: &Path, to: &str) -> Result<(), String> {
    let (sent, back) = (folder.join("sent.txt"), folder.join("back.txt"));
    let lines: String = (0..100_000).map(|n| format!("line {n}\n")).collect();
    let mut file = File::create(&sent).map_err(|e| e.to_string())?;
    file.write_all(lines.as_bytes())
        .map_err(|e| e.to_string())?;
    let status = Command::new("timeout")
        .args([&LIMIT.as_secs().to_string(), "socat", "-t", "10", "-", to])
        .stdin(Stdio::from(File::open(&sent).map_err(|e| e.to_string())?))
        .stdout(Stdio::from(File::create(&back).map_err(|e| e.to_string())?))
        .status()
        .map_err(|e| format!("socat: {e}"))?;
    let returned = fs::read(&back).map_err(|e| e.to_string())?;
    match returned == lines.as_bytes() {
        true => Ok(()),
        false => Err(format!(
            "socat {to} ({status}): {} bytes sent, {} back, or not the same ones",
            lines.len(),
            returned.len()
        )),
    }
}

/// Our client against `openssl s_server`, which serves files.
pub(super) fn crawled_s_server(workspace: &Workspace) -> Verdict {
    let folder = certificates(workspace, "tls_s_server")?;
    let text = "evlet\n".repeat(50_000);
    fs::write(folder.join("page.txt"), &text).map_err(|e| e.to_string())?;
    let port = free_port()?;
    let server = Running::start(
        Command::new("openssl")
            .args(["s_server", "-WWW", "-accept", &port.to_string()])
            .args(["-cert", "leaf.pem", "-key", "leaf.key"])
            .current_dir(&folder),
    )?;
    wait_until_it_listens(&server, port)?;
    let mut crawler = Command::new(workspace.example(PROFILE, "crawler"));
    crawler
        .arg("--root-cert")
        .arg(folder.join("ca.pem"))
        .arg(format!("https://localhost:{port}/page.txt"));
    let finished = read(&mut crawler, LIMIT)?;
    ended_with(&finished, 0)?;
    if finished.stdout.trim_end() != format!("got body {}", text.len()) {
        return Err(format!("crawler against s_server:\n{}", finished.stdout).into());
    }
    println!(
        "crawler against openssl s_server: {}",
        finished.stdout.trim_end()
    );
    Ok(Checked::passed(1))
}

fn stop(server: Running) -> Result<(), String> {
    server.signal("TERM")?;
    ended_with(&server.finish(Duration::from_secs(10))?, 0)
}

/// `curl` against the smallest HTTP server, twice over one connection if it may.
pub(super) fn curled(workspace: &Workspace) -> Verdict {
    let (server, addr) = crate::examples::start_server(workspace, PROFILE, "bare_hub_http")?;
    let url = format!("http://{addr}/");
    let mut curl = Command::new("curl");
    let nowhere = ["-o", "/dev/null"];
    curl.args([
        "-sS",
        "--max-time",
        "30",
        "-w",
        "%{http_code} %{size_download}\n",
    ])
    .args(nowhere)
    .args(nowhere)
    .args([&url, &url]);
    let finished = read(&mut curl, LIMIT)?;
    ended_with(&finished, 0)?;
    if !finished.stdout.lines().all(|line| line.starts_with("200 ")) {
        return Err(format!("curl got:\n{}", finished.stdout).into());
    }
    println!("bare_hub_http under curl: {}", finished.stdout.trim_end());
    stop(server)?;
    Ok(Checked::passed(1))
}
