//! `tail -f` for several files: each is followed by a green thread, and their lines come together.
//!
//! A file cannot be waited on, so each is asked now and then whether it has grown. Without files on the
//! command line it makes three, has them written to, and ends when all has been seen.
//!
//! Run it: `cargo run --example tail_files`, or `cargo run --example tail_files -- /var/log/syslog`
//! (Ctrl-C ends it)

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use evlet::os::fs::{self, File, OpenOptions};
use evlet::{LightQueue, sleep, spawn_n};
use futures::io::BufReader;
use futures::{AsyncBufReadExt, AsyncSeekExt, AsyncWriteExt};

#[evlet::main]
async fn main() -> io::Result<()> {
    let files: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if !files.is_empty() {
        let lines = LightQueue::bounded(100);
        for path in files {
            follow_in_the_background(path, true, &lines);
        }
        loop {
            println!("{}", lines.get().await);
        }
    }

    let folder = std::env::temp_dir().join(format!("evlet-tail-{}", std::process::id()));
    fs::create_dir_all(&folder).await?;
    let seen = demonstrate(&folder).await;
    fs::remove_dir_all(&folder).await?;
    for line in seen? {
        println!("{line}");
    }
    Ok(())
}

async fn demonstrate(folder: &Path) -> io::Result<Vec<String>> {
    let lines = LightQueue::bounded(100);
    for name in ["access", "audit", "error"] {
        let path = folder.join(name);
        File::create(&path).await?;
        follow_in_the_background(path.clone(), false, &lines);
        spawn_n(async move {
            if let Err(error) = write_slowly(&path).await {
                eprintln!("{error}");
            }
        });
    }
    let mut seen = Vec::new();
    for _ in 0..9 {
        seen.push(lines.get().await);
    }
    seen.sort();
    Ok(seen)
}

fn follow_in_the_background(path: PathBuf, from_end: bool, lines: &LightQueue<String>) {
    let lines = lines.clone();
    spawn_n(async move {
        if let Err(error) = follow(&path, from_end, &lines).await {
            eprintln!("{error}");
        }
    });
}

async fn follow(path: &Path, from_end: bool, lines: &LightQueue<String>) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut file = File::open(path).await?;
    if from_end {
        file.seek(io::SeekFrom::End(0)).await?;
    }
    let mut file = BufReader::new(file);
    let mut line = String::new();
    loop {
        file.read_line(&mut line).await?;
        if line.ends_with('\n') {
            let told = format!("{name}: {}", line.trim_end());
            lines.put(told).await;
            line.clear();
        } else {
            // The end for now, perhaps in the middle of a line: what is there of it is kept.
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Three lines, each in two pieces.
async fn write_slowly(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).open(path).await?;
    for n in 1..=3 {
        file.write_all(b"line ").await?;
        sleep(Duration::from_millis(30)).await;
        file.write_all(format!("{n}\n").as_bytes()).await?;
    }
    Ok(())
}
