//! The tour: everything at once, on one thread.
//!
//! An HTTP server and a line-echo server run on loopback. A pool of 200 green threads crawls the
//! first, a pile of 50 clients talks to the second, and a heart beats every 100 ms the whole time.
//! It ends with a table of what happened; the number to look at is how late the latest heartbeat
//! was.
//!
//! Run it: `cargo run --release --example tour`

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use evlet::{
    FixedIntervalLoopingCall, GreenPile, GreenPool, ListenOptions, LoopingCall, Serve, TcpStream,
    TlsConfig, connect, now, spawn, spawn_n, stats,
};
use evlet_examples::get::get;
use evlet_examples::pages;

const PAGES: usize = 12_000;
const CLIENTS: u64 = 50;
const LINES: u64 = 1_500;
const BEAT: Duration = Duration::from_millis(100);
const BEATS_BETWEEN_WORDS: u64 = 5;

/// What is counted on the way. Plain cells: only one green thread runs at a time.
#[derive(Default)]
struct Count {
    pages: Cell<u64>,
    bytes: Cell<u64>,
    lines: Cell<u64>,
    connections: Cell<u64>,
    beats: Cell<u64>,
    worst_lateness: Cell<Duration>,
}

#[evlet::main]
async fn main() -> io::Result<()> {
    let start = now();
    let count = Rc::new(Count::default());
    let pages_at = serve_counted(&count, pages::answer)?;
    let echo_at = serve_counted(&count, echo)?;
    let heart = beat(start, count.clone());

    let crawling = spawn(crawl(pages_at, count.clone()));
    talk(echo_at, &count).await?;
    crawling.await.expect("the crawl does not panic")?;
    heart.stop();
    print_table(&count, now() - start);
    Ok(())
}

/// Starts a server on a free port, and counts its connections.
fn serve_counted<F>(
    count: &Rc<Count>,
    mut handle: impl FnMut(TcpStream, SocketAddr) -> F + 'static,
) -> io::Result<SocketAddr>
where
    F: Future<Output = io::Result<()>> + 'static,
{
    // Two hundred knock in one turn; the usual backlog of 50 would have the others knock again a
    // second later.
    let listener = ListenOptions::new().backlog(1024).listen("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    let count = count.clone();
    spawn_n(Serve::new(listener).run(move |stream, peer| {
        add(&count.connections, 1);
        handle(stream, peer)
    }));
    Ok(addr)
}

/// Sends every line back.
async fn echo(stream: TcpStream, _peer: SocketAddr) -> io::Result<()> {
    let mut file = stream.makefile();
    while let Some(line) = file.next_line().await? {
        file.write(line + "\n").await?;
        file.flush().await?;
    }
    Ok(())
}

/// Fetches all pages, at most 200 at a time; checks that each is as long as it should be.
async fn crawl(addr: SocketAddr, count: Rc<Count>) -> io::Result<()> {
    let tls = TlsConfig::client();
    let pool = GreenPool::new(200);
    let mut bodies = pool.imap(
        |n| {
            let tls = tls.clone();
            async move {
                let url = pages::url_of(addr, n).parse().map_err(io::Error::other)?;
                let page = get(&url, &tls).await?;
                if page.body.len() != pages::size_of(n) {
                    return Err(io::Error::other(format!(
                        "{url}: {} bytes",
                        page.body.len()
                    )));
                }
                Ok(page.body.len() as u64)
            }
        },
        0..PAGES,
    );
    while let Some(bytes) = bodies.next().await {
        add(&count.bytes, bytes?);
        add(&count.pages, 1);
    }
    Ok(())
}

/// Fifty clients of the echo server at once, their results in the order of spawning.
async fn talk(addr: SocketAddr, count: &Rc<Count>) -> io::Result<()> {
    let pile = GreenPile::new(CLIENTS as usize);
    for client in 0..CLIENTS {
        pile.spawn(converse(addr, client, count.clone())).await;
    }
    while let Some(result) = pile.next().await {
        result?;
    }
    Ok(())
}

async fn converse(addr: SocketAddr, client: u64, count: Rc<Count>) -> io::Result<()> {
    let mut file = connect(addr).await?.makefile();
    for line in 0..LINES {
        let said = format!("client {client} says line {line}");
        file.write(format!("{said}\n")).await?;
        file.flush().await?;
        let heard = file.next_line().await?;
        if heard.as_deref() != Some(&*said) {
            return Err(io::Error::other(format!("said {said:?}, heard {heard:?}")));
        }
        add(&count.lines, 1);
    }
    file.close().await
}

/// Beats every 100 ms, keeps the worst lateness, and says now and then how far things are.
fn beat(start: Instant, count: Rc<Count>) -> LoopingCall<()> {
    let mut due = now();
    FixedIntervalLoopingCall::new(move || {
        let late = now().saturating_duration_since(due);
        // The loop keeps its plan; after a beat that was missed altogether it plans anew.
        due = if late < BEAT {
            due + BEAT
        } else {
            now() + BEAT
        };
        count
            .worst_lateness
            .set(count.worst_lateness.get().max(late));
        add(&count.beats, 1);
        if count.beats.get() % BEATS_BETWEEN_WORDS == 1 {
            let seconds = (now() - start).as_secs_f64();
            let (pages, lines) = (count.pages.get(), count.lines.get());
            println!("{seconds:4.1} s: {pages:>6} pages, {lines:>6} lines");
        }
        async {}
    })
    .start(BEAT)
}

fn print_table(count: &Count, took: Duration) {
    println!();
    let rows = [
        ("pages", count.pages.get().to_string()),
        ("bytes", count.bytes.get().to_string()),
        ("lines", count.lines.get().to_string()),
        ("connections", count.connections.get().to_string()),
        ("heartbeats", count.beats.get().to_string()),
        (
            "worst lateness",
            format!("{:.1} ms", count.worst_lateness.get().as_secs_f64() * 1e3),
        ),
        ("green threads started", stats().spawned.to_string()),
        ("time", format!("{:.2} s", took.as_secs_f64())),
    ];
    for (what, value) in rows {
        println!("{what:<22} {value:>12}");
    }
}

fn add(cell: &Cell<u64>, n: u64) {
    cell.set(cell.get() + n);
}
