//! Standard input, output and error of this process, without holding the hub.
//!
//! ```no_run
//! use evlet_os::stdio::{stdin, stdout};
//! use futures::{AsyncBufReadExt, AsyncWriteExt, StreamExt, io::BufReader};
//!
//! evlet_hub::run(async {
//!     let mut lines = BufReader::new(stdin()?).lines();
//!     let mut out = stdout()?;
//!     while let Some(line) = lines.next().await {
//!         out.write_all(format!("{}\n", line?.to_uppercase()).as_bytes()).await?;
//!     }
//!     std::io::Result::Ok(())
//! })?;
//! # std::io::Result::Ok(())
//! ```
//!
//! # What one may rely on
//! * **Anything may stand behind them**: terminals, pipes and sockets are waited on by the hub; files
//!   and `/dev/null`, which cannot be waited on, are read and written on the pool as
//!   [`fs::File`](crate::fs::File) does. Reading lines works with each.
//! * **They never keep the program from ending.** No thread stands in a read of the terminal.
//! * **The mode of the descriptor stays as it was.** A terminal is usually one open file for input,
//!   output, error and the shell outside: making it non-blocking for us would make `println!` fail in
//!   the middle of a line, and the shell after us. So a terminal or a pipe is opened once more, and the
//!   new opening is non-blocking and ours alone; on a socket each call says that it does not want to wait. So
//!   there is nothing to put back at the exit, however the process ends. What cannot be opened again (a
//!   terminal of another user, after `su`; other systems than Linux) is made non-blocking while the
//!   stream lives and put back when it is dropped, also during a panic; only a process that is killed, or
//!   ends by [`std::process::exit`], leaves it.
//! * Dropping a stream leaves the process's own descriptor open.
//! * Cancelling is that of [`pipe`](mod@crate::pipe) and of [`fs::File`](crate::fs::File).
//!
//! # What one should know
//! `print!` keeps an unfinished line in a buffer of its own: [`stdout`] writes that out first, once.
//! Two [`Stdin`]s, or one beside [`std::io::stdin`], take each other's bytes: make one, and one
//! `BufReader` around it.

mod open; // what stands behind a descriptor, and how it is taken
mod streams; // Stdin, Stdout, Stderr

pub use streams::{Stderr, Stdin, Stdout, stderr, stdin, stdout};
