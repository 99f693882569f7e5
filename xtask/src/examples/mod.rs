//! Every example run, and what it prints compared with `examples/expected/<name>.txt`.
//!
//! An example that ends by itself is run and compared. A server is started on a free port, driven
//! by a small client of ours (see [`drivers`]), stopped with SIGTERM, and compared; then started
//! again and stopped with SIGINT while a client is still connected. Both times it must exit with
//! status 0 within a few seconds. At last it gets an address that cannot be one, which must be a
//! message and exit status 2.
//!
//! How expected output is written is told in [`pattern`]. An example without a row here, or a file
//! in `examples/expected/` that no run uses, is an error: nothing is left out silently.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use crate::command::{Finished, Running, read, show};
use crate::steps::{Steps, Verdict, verdict_of};
use crate::workspace::{Workspace, cargo};

pub(crate) mod drivers; // the client sides
mod pattern; // how expected output is written

/// One example and the runs it gets.
enum Example {
    /// Ends by itself: (name, runs).
    Alone(&'static str, &'static [Run]),
    /// Serves until a signal: (name, its client).
    Server(&'static str, fn(SocketAddr) -> Result<(), String>),
}

/// One run of an example that ends by itself. Standard output is compared; of a run that must fail,
/// standard error after it as well.
struct Run {
    /// The file under `examples/expected/`, without `.txt`.
    expected: &'static str,
    args: &'static [&'static str],
    status: i32,
}

const fn plain(expected: &'static str) -> [Run; 1] {
    [Run {
        expected,
        args: &[],
        status: 0,
    }]
}

const EXAMPLES: &[Example] = &[
    Example::Server("hello", drivers::hello),
    Example::Alone("greenlet", &plain("greenlet")),
    Example::Alone("heartbeat", &plain("heartbeat")),
    Example::Alone("wait_for_reboot", &plain("wait_for_reboot")),
    Example::Alone("router_agent", &plain("router_agent")),
    Example::Alone("pile", &plain("pile")),
    Example::Alone(
        "crawler",
        &[
            Run {
                expected: "crawler",
                args: &[],
                status: 0,
            },
            Run {
                expected: "crawler.bad",
                args: &[
                    "http://127.0.0.1:1/",
                    "ftp://host/",
                    "no url at all",
                    "https:///",
                ],
                status: 1,
            },
        ],
    ),
    Example::Server("echo_lines", drivers::echo),
    Example::Server("echo_bytes", drivers::echo),
    Example::Server("bare_hub_http", drivers::http),
    Example::Alone(
        "lookup",
        &[Run {
            expected: "lookup",
            args: &[
                "--server",
                "127.0.0.1:53",
                "192.0.2.1",
                "localhost",
                "any.localhost",
                "two words",
            ],
            status: 1,
        }],
    ),
    Example::Alone("tls_echo", &plain("tls_echo")),
    Example::Alone("run_commands", &plain("run_commands")),
    Example::Alone("tail_files", &plain("tail_files")),
    Example::Alone("tour", &plain("tour")),
    Example::Server("port_forward", drivers::echo),
    Example::Alone("udp_echo", &plain("udp_echo")),
    Example::Alone("unix_chat", &plain("unix_chat")),
];

impl Example {
    fn name(&self) -> &'static str {
        match self {
            Example::Alone(name, _) | Example::Server(name, _) => name,
        }
    }
}

pub(crate) fn run() -> ExitCode {
    let mut steps = Steps::new();
    steps.run("examples", all);
    steps.finish()
}

/// Builds all examples, then runs each.
pub(crate) fn all() -> Verdict {
    let workspace = Workspace::load()?;
    show(cargo().args([
        "build",
        "--quiet",
        "--package",
        "evlet-examples",
        "--examples",
    ]))?;
    let mut results = vec![complete(&workspace)];
    for example in EXAMPLES {
        let started = Instant::now();
        let result = run_one(&workspace, example);
        let seconds = started.elapsed().as_secs_f64();
        let word = if result.is_ok() { "ok" } else { "FAILED" };
        println!("{:<16} {word} {seconds:.1} s", example.name());
        results.push(result.map_err(|why| format!("example {}: {why}", example.name())));
    }
    verdict_of(results)
}

/// Every example has a row, every row an example, every expected file a run.
fn complete(workspace: &Workspace) -> Result<(), String> {
    let built = workspace
        .packages
        .iter()
        .flat_map(|package| &package.examples);
    let without_row: Vec<&str> = built
        .map(String::as_str)
        .filter(|name| !EXAMPLES.iter().any(|example| example.name() == *name))
        .collect();
    if !without_row.is_empty() {
        return Err(format!(
            "no row in xtask/src/examples/mod.rs for: {without_row:?}"
        ));
    }
    let used = |name: &str| {
        EXAMPLES.iter().any(|example| match example {
            Example::Server(server, _) => *server == name,
            Example::Alone(_, runs) => runs.iter().any(|run| run.expected == name),
        })
    };
    let folder = workspace.root.join("examples/expected");
    let files = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    for file in files.flatten() {
        let file = file.file_name().to_string_lossy().into_owned();
        if !file.strip_suffix(".txt").is_some_and(used) {
            return Err(format!(
                "examples/expected/{file}: no run is compared with it"
            ));
        }
    }
    Ok(())
}

fn run_one(workspace: &Workspace, example: &Example) -> Result<(), String> {
    match example {
        Example::Alone(name, runs) => runs
            .iter()
            .try_for_each(|run| run_alone(workspace, name, run)),
        Example::Server(name, client) => {
            stopped_after_work(workspace, name, *client)?;
            stopped_with_a_client_connected(workspace, name)?;
            refuses_a_bad_address(workspace, name)
        }
    }
}

fn run_alone(workspace: &Workspace, name: &str, run: &Run) -> Result<(), String> {
    let mut command = Command::new(workspace.example(PROFILE, name));
    let finished = read(command.args(run.args), RUN_LIMIT)?;
    ended_with(&finished, run.status)?;
    let printed = if run.status == 0 {
        finished.stdout
    } else {
        finished.stdout + &finished.stderr
    };
    compared(workspace, run.expected, &printed)
}

fn stopped_after_work(
    workspace: &Workspace,
    name: &str,
    client: fn(SocketAddr) -> Result<(), String>,
) -> Result<(), String> {
    let (server, addr) = start_server(workspace, PROFILE, name)?;
    client(addr)?;
    server.signal("TERM")?;
    let finished = server.finish(STOP_LIMIT)?;
    ended_with(&finished, 0)?;
    compared(workspace, name, &finished.stdout)
}

fn stopped_with_a_client_connected(workspace: &Workspace, name: &str) -> Result<(), String> {
    let (server, addr) = start_server(workspace, PROFILE, name)?;
    let _client = TcpStream::connect(addr).map_err(|e| format!("connecting to {addr}: {e}"))?;
    server.signal("INT")?;
    ended_with(&server.finish(STOP_LIMIT)?, 0).map_err(|why| format!("after SIGINT: {why}"))
}

fn refuses_a_bad_address(workspace: &Workspace, name: &str) -> Result<(), String> {
    let mut command = Command::new(workspace.example(PROFILE, name));
    let finished = read(command.args(["--addr", "no-such-address"]), STOP_LIMIT)?;
    ended_with(&finished, 2)?;
    if finished.stderr.contains("no-such-address") {
        return Ok(());
    }
    Err(format!(
        "a bad address is not named in: {}",
        finished.stderr
    ))
}

/// Starts a server on a free port and waits until it says where it listens.
pub(crate) fn start_server(
    workspace: &Workspace,
    profile: &str,
    name: &str,
) -> Result<(Running, SocketAddr), String> {
    let mut command = Command::new(workspace.example(profile, name));
    let mut server = Running::start(command.args(["--addr", "127.0.0.1:0"]))?;
    let addr = listening_on(&mut server)?;
    Ok((server, addr))
}

/// The address in a server's first line.
pub(crate) fn listening_on(server: &mut Running) -> Result<SocketAddr, String> {
    let line = server.first_line(START_LIMIT)?;
    line.strip_prefix("listening on ")
        .and_then(|addr| addr.parse().ok())
        .ok_or_else(|| format!("the first line is not `listening on IP:PORT` but {line:?}"))
}

pub(crate) fn ended_with(finished: &Finished, status: i32) -> Result<(), String> {
    if finished.status.code() == Some(status) {
        return Ok(());
    }
    Err(format!(
        "ended with {}, status {status} was expected\n{}{}",
        finished.status, finished.stdout, finished.stderr
    ))
}

fn compared(workspace: &Workspace, name: &str, printed: &str) -> Result<(), String> {
    let path = format!("examples/expected/{name}.txt");
    let expected = fs::read_to_string(workspace.root.join(&path))
        .map_err(|e| format!("{path}: {e}. It printed:\n{printed}"))?;
    pattern::compare(&expected, printed).map_err(|why| format!("{path}\n{why}"))
}

const PROFILE: &str = "debug";
const RUN_LIMIT: Duration = Duration::from_secs(90);
const START_LIMIT: Duration = Duration::from_secs(10);
const STOP_LIMIT: Duration = Duration::from_secs(10);
