//! `echo_lines` and `echo_bytes` under real clients: 200 connections at once with 1,000 lines each
//! from Python, and a file through `nc`. Every byte must come back, in order.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::PROFILE;
use crate::command::{Running, read};
use crate::examples::{ended_with, start_server};
use crate::steps::{Checked, Verdict};
use crate::workspace::Workspace;

const SERVERS: &[&str] = &["echo_lines", "echo_bytes"];
const CONNECTIONS: u32 = 200;
const LINES: u32 = 1000;
const LIMIT: Duration = Duration::from_secs(180);

pub(super) fn under_python(workspace: &Workspace) -> Verdict {
    for name in SERVERS {
        let (server, addr) = start_server(workspace, PROFILE, name)?;
        let said = python_client(workspace, addr, CONNECTIONS, LINES)?;
        println!("{name} under Python: {}", said.trim_end());
        stop(server)?;
    }
    Ok(Checked::passed(SERVERS.len()))
}

pub(super) fn python_client(
    workspace: &Workspace,
    addr: SocketAddr,
    connections: u32,
    lines: u32,
) -> Result<String, String> {
    let mut command = Command::new("python3");
    command
        .arg(workspace.root.join("xtask/clients/echo_client.py"))
        .args([addr.ip().to_string(), addr.port().to_string()])
        .args([connections.to_string(), lines.to_string()]);
    let finished = read(&mut command, LIMIT)?;
    ended_with(&finished, 0).map_err(|why| format!("the Python client {why}"))?;
    Ok(finished.stdout)
}

pub(super) fn under_nc(workspace: &Workspace) -> Verdict {
    let Some(close_at_end) = closing_flag() else {
        return Ok(Checked::skipped("this nc knows neither -N nor -q"));
    };
    let folder = workspace.target.join("xtask");
    fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    let (sent, back) = (folder.join("nc_sent.txt"), folder.join("nc_back.txt"));
    let lines: String = (0..20_000).map(|n| format!("line {n}\n")).collect();
    fs::write(&sent, &lines).map_err(|e| e.to_string())?;
    for name in SERVERS {
        let (server, addr) = start_server(workspace, PROFILE, name)?;
        let (ip, port) = (addr.ip().to_string(), addr.port().to_string());
        let status = Command::new("timeout")
            .arg(LIMIT.as_secs().to_string())
            .arg("nc")
            .args(close_at_end)
            .args([ip, port])
            .stdin(Stdio::from(File::open(&sent).map_err(|e| e.to_string())?))
            .stdout(Stdio::from(File::create(&back).map_err(|e| e.to_string())?))
            .status()
            .map_err(|e| format!("nc: {e}"))?;
        let returned = fs::read(&back).map_err(|e| e.to_string())?;
        if returned != lines.as_bytes() {
            return Err(format!(
                "{name} under nc ({status}): {} bytes sent, {} back, or not the same ones",
                lines.len(),
                returned.len()
            )
            .into());
        }
        println!("{name} under nc: {} bytes, all back in order", lines.len());
        stop(server)?;
    }
    Ok(Checked::passed(SERVERS.len()))
}

/// What makes nc shut its sending side down when its input ends: OpenBSD's has `-N`, the older one
/// `-q SECONDS`.
fn closing_flag() -> Option<&'static [&'static str]> {
    let help = read(Command::new("nc").arg("-h"), Duration::from_secs(5)).ok()?;
    let help = help.stdout + &help.stderr;
    if help.contains("-N") {
        Some(&["-N"])
    } else if help.contains("-q") {
        Some(&["-q", "5"])
    } else {
        None
    }
}

fn stop(server: Running) -> Result<(), String> {
    server.signal("TERM")?;
    ended_with(&server.finish(Duration::from_secs(10))?, 0)
}
