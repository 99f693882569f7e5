//! The options of servers, and how a program of ours gives up.

use std::fmt::Display;
use std::io::Write;
use std::net::SocketAddr;

use lexopt::prelude::{Long, ValueExt};

/// What stands after `--addr`, or `default`. Anything else on the command line ends the program
/// with status 2.
pub fn addr_from_args(default: &str) -> String {
    match read_args(default) {
        (addr, None) => addr,
        (_, Some(_)) => give_up("unexpected argument --to (usage: --addr IP:PORT)"),
    }
}

/// What stands after `--addr`, or `default`, and what stands after `--to`.
pub fn addr_and_target_from_args(default: &str) -> (String, Option<String>) {
    read_args(default)
}

fn read_args(default: &str) -> (String, Option<String>) {
    let (mut addr, mut target) = (default.to_owned(), None);
    let mut args = lexopt::Parser::from_env();
    loop {
        let result = match args.next() {
            Ok(None) => return (addr, target),
            Ok(Some(Long("addr"))) => text(&mut args).map(|given| addr = given),
            Ok(Some(Long("to"))) => text(&mut args).map(|given| target = Some(given)),
            Ok(Some(other)) => Err(other.unexpected()),
            Err(e) => Err(e),
        };
        if let Err(e) = result {
            give_up(format!("{e} (usage: --addr IP:PORT)"));
        }
    }
}

fn text(args: &mut lexopt::Parser) -> Result<String, lexopt::Error> {
    args.value().and_then(|value| value.string())
}

/// The line by which others know that they may connect now.
pub fn say_listening(addr: SocketAddr) {
    println!("listening on {addr}");
    // A reader at the other end of a pipe is waiting for it.
    let _ = std::io::stdout().flush();
}

/// Says what is wrong and ends the program with status 2: it was not started in a way that it can
/// work.
pub fn give_up(why: impl Display) -> ! {
    let program = std::env::args().next().unwrap_or_default();
    let name = program.rsplit('/').next().unwrap_or_default();
    eprintln!("{name}: {why}");
    std::process::exit(2)
}
