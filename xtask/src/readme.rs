//! The README's server, taken from the page and run.
//!
//! The doc tests compile it (the facade includes the page), but a server does not end by itself, so
//! they cannot run it. Here it is compiled against the library that was just built, on a port that
//! is free instead of the one that the page shows, and one client asks it something.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, ExitCode};
use std::time::Duration;

use crate::command::{Running, show};
use crate::examples::{drivers, listening_on};
use crate::steps::{Checked, Steps, Verdict};
use crate::workspace::{Workspace, cargo};

pub(crate) fn run() -> ExitCode {
    let mut steps = Steps::new();
    steps.run("README's server", server_runs);
    steps.finish()
}

pub(crate) fn server_runs() -> Verdict {
    let workspace = Workspace::load()?;
    let folder = workspace.target.join("xtask");
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let source = folder.join("readme_server.rs");
    fs::write(&source, server_on_a_free_port(&workspace)?).map_err(|e| e.to_string())?;

    let built = workspace.target.join("debug");
    let program = folder.join("readme_server");
    show(cargo().args(["build", "--quiet", "--package", "evlet"]))?;
    show(
        Command::new("rustc")
            .args(["--edition", "2024", "-o"])
            .arg(&program)
            .arg("--extern")
            .arg(format!("evlet={}", built.join("libevlet.rlib").display()))
            .arg("-L")
            .arg(format!("dependency={}", built.join("deps").display()))
            .arg(&source),
    )?;
    let mut server = Running::start(&mut Command::new(&program))?;
    let addr: SocketAddr = listening_on(&mut server)?;
    TcpStream::connect_timeout(&addr, Duration::from_secs(5)).map_err(|e| e.to_string())?;
    drivers::hello(addr)?;
    Ok(Checked::passed(1))
}

fn server_on_a_free_port(workspace: &Workspace) -> Result<String, String> {
    let page = fs::read_to_string(workspace.root.join("README.md")).map_err(|e| e.to_string())?;
    let block = page
        .split_once("```rust")
        .and_then(|(_, rest)| rest.split_once('\n'))
        .and_then(|(_, rest)| rest.split_once("```"))
        .map(|(block, _)| block)
        .ok_or("README.md has no block of Rust")?;
    let free = block.replacen("127.0.0.1:7000", "127.0.0.1:0", 1);
    if free == block {
        return Err("README.md: the server does not listen on 127.0.0.1:7000".into());
    }
    Ok(free)
}
