//! The resolver of our own against dnsmasq, with `dig` as the witness: what `lookup` finds is what `dig`
//! finds, for every kind of answer.

use std::fs;
use std::net::UdpSocket;
use std::process::Command;
use std::time::{Duration, Instant};

use super::PROFILE;
use crate::command::{Running, read};
use crate::examples::ended_with;
use crate::steps::{Checked, Verdict};
use crate::workspace::Workspace;

const LIMIT: Duration = Duration::from_secs(30);

/// An address alone, both families, an alias of an alias, more addresses than fit a datagram.
const NAMES: &[&str] = &["one.test", "both.test", "www.test", "many.test"];

pub(super) fn against_dnsmasq(workspace: &Workspace) -> Verdict {
    let folder = workspace.target.join("xtask/dnsmasq");
    fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    let mut hosts = "192.0.2.1 one.test\n192.0.2.2 both.test\n2001:db8::2 both.test\n".to_owned();
    for n in 1..=100 {
        hosts += &format!("198.51.100.{n} many.test\n");
    }
    let file = folder.join("hosts");
    fs::write(&file, hosts).map_err(|e| e.to_string())?;
    let port = free_port()?;
    let server = Running::start(
        Command::new("dnsmasq")
            .args([
                "--keep-in-foreground",
                "--conf-file=/dev/null",
                "--no-resolv",
            ])
            .args(["--no-hosts", "--local=/test/", "--local-ttl=60", "--user="])
            .args([
                "--listen-address=127.0.0.1",
                "--bind-interfaces",
                "--pid-file=",
            ])
            .args(["--cname=www.test,web.test", "--cname=web.test,both.test"])
            .arg(format!("--addn-hosts={}", file.display()))
            .arg(format!("--port={port}")),
    )?;
    wait_until_it_answers(port)?;

    let mut lookup = Command::new(workspace.example(PROFILE, "lookup"));
    lookup.args(["--server", &format!("127.0.0.1:{port}")]);
    let finished = read(lookup.args(NAMES).arg("none.test"), LIMIT)?;
    ended_with(&finished, 1)?;
    let lines: Vec<&str> = finished.stdout.lines().collect();
    for (name, line) in NAMES.iter().zip(&lines) {
        let ours = line.strip_prefix(&format!("{name}: ")).unwrap_or("");
        let mut ours: Vec<&str> = ours.split(' ').collect();
        ours.sort_unstable();
        let theirs = dig(port, name)?;
        if ours != theirs {
            return Err(format!("{name}: lookup says {line}\ndig says {theirs:?}").into());
        }
        println!("lookup and dig agree on {name}: {} addresses", ours.len());
    }
    match lines.last() {
        Some(line) if line.contains("none.test") && line.contains("no such name") => {
            println!("{line}");
        }
        last => return Err(format!("a name that does not exist gave {last:?}").into()),
    }
    drop(server);
    Ok(Checked::passed(NAMES.len() + 1))
}

/// What `dig` finds of both families, sorted.
fn dig(port: u16, name: &str) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for kind in ["A", "AAAA"] {
        let mut command = Command::new("dig");
        command.args(["+short", "@127.0.0.1", "-p", &port.to_string(), name, kind]);
        let finished = read(&mut command, LIMIT)?;
        ended_with(&finished, 0)?;
        let addresses = finished.stdout.lines().filter(|line| !line.ends_with('.'));
        found.extend(addresses.map(str::to_owned));
    }
    found.sort_unstable();
    Ok(found)
}

fn wait_until_it_answers(port: u16) -> Result<(), String> {
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        if dig(port, "one.test").is_ok_and(|found| !found.is_empty()) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(format!("dnsmasq does not answer on port {port}"))
}

/// A port that was free a moment ago, for datagrams.
fn free_port() -> Result<u16, String> {
    UdpSocket::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .map(|addr| addr.port())
        .map_err(|e| format!("looking for a free port: {e}"))
}
