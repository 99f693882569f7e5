//! A chat over a Unix socket: what one says, the others hear.
//!
//! The socket lies in a directory of its own and only this user may connect. Whoever joins is told
//! to the others; a line goes into the queue of each member, and a member that does not read has a
//! bounded one: it misses what does not fit, and nobody waits for it.
//!
//! Run it: `cargo run --example unix_chat`. While it runs, others could join with `nc -U`.

use std::cell::RefCell;
use std::io;
use std::path::Path;
use std::rc::Rc;

use evlet::{LightQueue, MakeFile, UnixListenOptions, UnixStream, serve, spawn};

/// The queues of those who are there.
#[derive(Default)]
struct Room(RefCell<Vec<(String, Rc<LightQueue<String>>)>>);

#[evlet::main]
async fn main() -> io::Result<()> {
    let dir = std::env::temp_dir().join(format!("evlet-chat-{}", std::process::id()));
    std::fs::create_dir(&dir)?;
    let path = dir.join("chat.sock");
    let listener = UnixListenOptions::new().mode(0o600).listen(&path)?;
    let room = Rc::new(Room::default());
    let server = spawn(serve(listener, move |stream, _| {
        member(stream, Rc::clone(&room))
    }));

    let mut ada = join(&path, "Ada").await?;
    let mut grace = join(&path, "Grace").await?;
    println!("Ada hears: {}", hear(&mut ada).await?);
    say(&mut grace, "hello from Grace").await?;
    println!("Ada hears: {}", hear(&mut ada).await?);
    say(&mut ada, "hello from Ada").await?;
    println!("Grace hears: {}", hear(&mut grace).await?);
    drop(ada);
    println!("Grace hears: {}", hear(&mut grace).await?);

    server.kill().await;
    println!("the path is gone: {}", !path.exists());
    std::fs::remove_dir(&dir)
}

/// One member: the first line is a name, every other is for all.
async fn member(stream: UnixStream, room: Rc<Room>) -> io::Result<()> {
    let peer = stream.peer_credentials()?;
    let mut file = stream.makefile();
    let Some(name) = file.next_line().await? else {
        return Ok(());
    };
    let queue = Rc::new(LightQueue::bounded(100));
    room.tell(&name, format!("* {name} joins (user {})", peer.uid));
    let _ = queue.put_nowait(format!("* welcome, {name}"));
    room.0.borrow_mut().push((name.clone(), Rc::clone(&queue)));
    let writer = spawn(write_out(stream.makefile(), queue));
    let said = hear_out(&mut file, &name, &room).await;
    writer.kill().await;
    room.0.borrow_mut().retain(|(other, _)| *other != name);
    room.tell(&name, format!("* {name} leaves"));
    said
}

async fn hear_out(file: &mut MakeFile<UnixStream>, name: &str, room: &Room) -> io::Result<()> {
    while let Some(line) = file.next_line().await? {
        room.tell(name, format!("{name}: {line}"));
    }
    Ok(())
}

/// Sends what is in the queue, until the peer takes no more.
async fn write_out(
    mut file: MakeFile<UnixStream>,
    queue: Rc<LightQueue<String>>,
) -> io::Result<()> {
    loop {
        file.write(queue.get().await + "\n").await?;
        if queue.is_empty() {
            file.flush().await?;
        }
    }
}

impl Room {
    /// Puts a line into every queue but the speaker's own.
    fn tell(&self, speaker: &str, line: String) {
        for (name, queue) in self.0.borrow().iter() {
            if name != speaker {
                let _ = queue.put_nowait(line.clone()); // full: that one does not read
            }
        }
    }
}

async fn join(path: &Path, name: &str) -> io::Result<MakeFile<UnixStream>> {
    let mut file = MakeFile::new(UnixStream::connect(path).await?);
    say(&mut file, name).await?;
    println!("{name} hears: {}", hear(&mut file).await?);
    Ok(file)
}

async fn say(file: &mut MakeFile<UnixStream>, line: &str) -> io::Result<()> {
    file.write(format!("{line}\n")).await?;
    file.flush().await
}

async fn hear(file: &mut MakeFile<UnixStream>) -> io::Result<String> {
    file.next_line()
        .await?
        .ok_or(io::ErrorKind::UnexpectedEof.into())
}
