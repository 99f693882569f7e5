//! A crawler: many pages at once, results in the order of the list.
//!
//! Up to 200 fetches run at a time. What fails is a line of output, the rest goes on, and the exit
//! status is 1. Without addresses on the command line it crawls a small server of its own.
//!
//! Run it: `cargo run --example crawler`, or
//! `cargo run --example crawler -- [--root-cert FILE] https://example.org/ http://example.com/`

use std::error::Error;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use evlet::{GreenPool, TlsConfig, listen, serve, spawn_n, timeout};
use evlet_examples::command_line::give_up;
use evlet_examples::get::get;
use evlet_examples::pages;
use lexopt::prelude::{Long, Value, ValueExt};

const AT_ONCE: usize = 200;
const PATIENCE: Duration = Duration::from_secs(30);

#[evlet::main]
async fn main() -> io::Result<ExitCode> {
    let Options { mut urls, tls } = options().unwrap_or_else(|e| give_up(e));
    if urls.is_empty() {
        let listener = listen("127.0.0.1:0")?;
        let addr = listener.local_addr()?;
        spawn_n(serve(listener, pages::answer));
        urls = (0..20).map(|n| pages::url_of(addr, n)).collect();
    }

    let mut failures = 0;
    let pool = GreenPool::new(AT_ONCE);
    let mut bodies = pool.imap(|url| fetch(url, tls.clone()), urls);
    while let Some(body) = bodies.next().await {
        match body {
            Ok(body) => println!("got body {}", body.len()),
            Err(e) => {
                println!("failed: {e}");
                failures += 1;
            }
        }
    }
    Ok(if failures == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn fetch(url: String, tls: TlsConfig) -> Result<Vec<u8>, Box<dyn Error>> {
    let url = url.parse()?;
    let page = timeout(PATIENCE, get(&url, &tls))
        .await
        .map_err(|e| format!("{url}: {e}"))??;
    if page.status != 200 {
        return Err(format!("{url}: status {}", page.status).into());
    }
    Ok(page.body)
}

struct Options {
    urls: Vec<String>,
    tls: TlsConfig,
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut urls = Vec::new();
    let mut tls = TlsConfig::client();
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("root-cert") => tls = tls.roots_pem(args.value()?.string()?)?,
            Value(url) => urls.push(url.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Options { urls, tls })
}
