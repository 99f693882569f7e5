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
mod faults; // system calls that fail, by strace and valgrind
mod nginx; // the crawler against 500 files, over http and https
mod system_calls; // what echo_bytes asks of the kernel under load, and an idle hub
mod tls; // tls_echo and the crawler against OpenSSL and socat; curl

const PROFILE: &str = "release";

pub(crate) fn run() -> ExitCode {
    run_some("")
}

/// Those whose name holds the word.
pub(crate) fn run_some(word: &str) -> ExitCode {
    let mut steps = Steps::new();
    steps.run("real clients", || some(word));
    steps.finish()
}

pub(crate) fn all() -> Verdict {
    some("")
}

fn some(word: &str) -> Verdict {
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
        "port_forward",
        "run_commands",
    ] {
        build.args(["--example", name]);
    }
    show(&mut build)?;

    let mut sum = Checked::default();
    for (name, tools, check) in CHECKS.iter().filter(|(name, ..)| name.contains(word)) {
        let missing: Vec<&str> = tools
            .iter()
            .filter(|(tool, harmless)| !exists(tool, harmless))
            .map(|(tool, _)| *tool)
            .collect();
        let started = Instant::now();
        let checked = if missing.is_empty() {
            let checked = check(&workspace)?;
            println!("  {name}: {:.1} s", started.elapsed().as_secs_f64());
            checked
        } else {
            Checked::skipped(format!("{name}: no {} here", missing.join(", ")))
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
const VALGRIND: Tool = ("valgrind", "--version");

type Check = fn(&Workspace) -> Verdict;

const CHECKS: &[(&str, &[Tool], Check)] = &[
    ("echo-under-python", &[PYTHON], echo::under_python),
    ("echo-under-nc", &[NC], echo::under_nc),
    ("tls-curled", &[CURL], tls::curled),
    ("nginx-crawled", &[NGINX, OPENSSL], nginx::crawled),
    ("tls-under-openssl", &[OPENSSL], tls::under_openssl),
    ("tls-crawled-s-server", &[OPENSSL], tls::crawled_s_server),
    ("tls-under-socat", &[SOCAT, OPENSSL], tls::under_socat),
    ("dns-against-dnsmasq", &[DNSMASQ, DIG], dns::against_dnsmasq),
    (
        "system-calls-under-load",
        &[STRACE, PYTHON],
        system_calls::under_load,
    ),
    ("system-calls-idle", &[STRACE], system_calls::idle),
    ("faults-borne", &[STRACE, PYTHON], faults::borne),
    ("faults-fatal", &[STRACE, PYTHON], faults::fatal),
    ("faults-lasting", &[STRACE], faults::lasting),
    ("faults-forwarding", &[STRACE, PYTHON], faults::forwarding),
    ("faults-crawling", &[STRACE], faults::crawling),
    ("faults-children", &[STRACE], faults::children),
    (
        "faults-under-valgrind",
        &[VALGRIND, PYTHON],
        faults::under_valgrind,
    ),
];
