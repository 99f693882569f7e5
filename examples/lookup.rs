//! Looks names up with a resolver of our own: no thread, both families at once.
//!
//! Names are looked up all at the same time and printed in the order given. With `--server` only that
//! name server is asked, and no file of this machine; without it, resolv.conf and the hosts file count.
//!
//! Run it: `cargo run --example lookup -- example.com localhost`, or with
//! `--server 192.0.2.53:53` in front.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use evlet::GreenPool;
use evlet::dns::ResolverOptions;
use evlet_examples::command_line::give_up;
use lexopt::prelude::{Long, Value, ValueExt};

#[evlet::main]
async fn main() -> ExitCode {
    let (server, names) = arguments().unwrap_or_else(|e| give_up(e));
    let mut options = ResolverOptions::new().limit(Duration::from_secs(10));
    if let Some(server) = server {
        options = options
            .hosts_file(None::<&str>)
            .conf_file(None::<&str>)
            .servers([server]);
    }
    let resolver = options.build();

    let pool = GreenPool::new(100);
    let mut answers = pool.imap(
        |name: String| {
            let resolver = resolver.clone();
            async move {
                let found = resolver.resolve(&name).await;
                (name, found)
            }
        },
        names,
    );
    let mut status = ExitCode::SUCCESS;
    while let Some((name, found)) = answers.next().await {
        match found {
            Ok(addrs) => {
                let addrs: Vec<String> = addrs.iter().map(ToString::to_string).collect();
                println!("{name}: {}", addrs.join(" "));
            }
            Err(e) => {
                println!("failed: {e}");
                status = ExitCode::FAILURE;
            }
        }
    }
    status
}

fn arguments() -> Result<(Option<SocketAddr>, Vec<String>), lexopt::Error> {
    let (mut server, mut names) = (None, Vec::new());
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("server") => server = Some(args.value()?.parse()?),
            Value(name) => names.push(name.string()?),
            other => return Err(other.unexpected()),
        }
    }
    Ok((server, names))
}
