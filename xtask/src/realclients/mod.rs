//! Peers that we did not write: Python's socket module, `nc`, socat, curl, nginx, OpenSSL, dnsmasq with
//! `dig`, and strace as the witness and as the one who makes calls fail.
//!
//! Release builds, because these checks are about what a user would see, and about system calls.
//! Each tool that is missing costs its own check and a line that begins with `SKIPPED`.

use std::process::ExitCode;
use std::time::Instant;

use crate::command::{exists, show};
use crate::steps::{Checked, Steps, Verdict};
use crate::workspace::{Workspace, cargo};

mod dns; // our own resolver against dnsmasq
mod echo; // echo_lines and echo_bytes under Python and nc
mod faults; // system calls that fail
mod nginx; // the crawler against 500 files, over http and https
mod system_calls; // what echo_bytes asks of the kernel under load, and an idle hub
mod tls; // tls_echo and the crawler against OpenSSL and socat; curl

const PROFILE: &str = "release";

pub(crate) fn run() -> ExitCode {
    let mut steps = Steps::new();
    steps.run("real clients", all);
    steps.finish()
}

pub(crate) fn all() -> Verdict {
    let workspace = Workspace::load()?;
    let mut build = cargo();
    build.args([
        "build",
        "--quiet",
        "--release",
        "--package",
        "evlet-examples",
    ]);
    for name in [
        "echo_lines",
        "echo_bytes",
        "crawler",
        "bare_hub_http",
        "lookup",
        "tls_echo",
    ] {
        build.args(["--example", name]);
    }
    show(&mut build)?;

    let mut sum = Checked::default();
    for (tools, check) in CHECKS {
        let missing: Vec<&str> = tools
            .iter()
            .filter(|(tool, harmless)| !exists(tool, harmless))
            .map(|(tool, _)| *tool)
            .collect();
        let started = Instant::now();
        let checked = if missing.is_empty() {
            let checked = check(&workspace)?;
            println!("  in {:.1} s", started.elapsed().as_secs_f64());
            checked
        } else {
            Checked::skipped(format!("no {} here", missing.join(", ")))
        };
        sum = sum.and(checked);
    }
    Ok(sum)
}

/// A tool, and an argument that makes it end at once.
type Tool = (&'static str, &'static str);

const PYTHON: Tool = ("python3", "--version");
const NC: Tool = ("nc", "-h");
const NGINX: Tool = ("nginx", "-v");
const CURL: Tool = ("curl", "--version");
const DIG: Tool = ("dig", "-v");
const DNSMASQ: Tool = ("dnsmasq", "--version");
const SOCAT: Tool = ("socat", "-V");
const OPENSSL: Tool = ("openssl", "version");
const STRACE: Tool = ("strace", "--version");

type Check = fn(&Workspace) -> Verdict;

const CHECKS: &[(&[Tool], Check)] = &[
    (&[PYTHON], echo::under_python),
    (&[NC], echo::under_nc),
    (&[CURL], tls::curled),
    (&[NGINX, OPENSSL], nginx::crawled),
    (&[OPENSSL], tls::under_openssl),
    (&[OPENSSL], tls::crawled_s_server),
    (&[SOCAT, OPENSSL], tls::under_socat),
    (&[DNSMASQ, DIG], dns::against_dnsmasq),
    (&[STRACE, PYTHON], system_calls::under_load),
    (&[STRACE], system_calls::idle),
    (&[STRACE, PYTHON], faults::borne),
    (&[STRACE], faults::connecting),
];
