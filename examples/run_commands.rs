//! Many commands at once through a pool: at most five run at any moment, answers in order.
//!
//! Run it: `cargo run --example run_commands`

use std::io;
use std::time::Duration;

use evlet::GreenPool;
use evlet::os::process::Command;

#[evlet::main]
async fn main() -> io::Result<()> {
    let pool = GreenPool::new(5);
    let mut answers = pool.imap(square, 1..=20);
    let mut sum = 0;
    while let Some(answer) = answers.next().await {
        sum += answer?;
    }
    println!("the sum of twenty squares: {sum}");

    // What goes wrong says to which command it happened.
    let slow = Command::new("sleep")
        .arg("60")
        .time_limit(Duration::from_millis(100))
        .status()
        .await;
    if let Err(error) = slow {
        println!("{error}");
    }
    if let Err(error) = Command::new("no-such-program").output().await {
        println!("{error}");
    }
    Ok(())
}

async fn square(n: u64) -> io::Result<u64> {
    let script = format!("sleep 0.0{}; echo $(({n} * {n}))", n % 5);
    let output = Command::new("sh").args(["-c", &script]).output().await?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().map_err(io::Error::other)
}
