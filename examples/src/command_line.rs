//! The one option of every server, and how a program of ours gives up.

use std::fmt::Display;
use std::io::Write;
use std::net::SocketAddr;

use lexopt::prelude::{Long, ValueExt};

/// What stands after `--addr`, or `default`. Anything else on the command line ends the program
/// with status 2.
pub fn addr_from_args(default: &str) -> String {
    let mut addr = default.to_owned();
    let mut args = lexopt::Parser::from_env();
    loop {
        let result = match args.next() {
            Ok(None) => return addr,
            Ok(Some(Long("addr"))) => args.value().and_then(|value| value.string()),
            Ok(Some(other)) => Err(other.unexpected()),
            Err(e) => Err(e),
        };
        match result {
            Ok(given) => addr = given,
            Err(e) => give_up(format!("{e} (usage: --addr IP:PORT)")),
        }
    }
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
