//! Sockets that were open before this program began: from systemd, or from whoever started it.
//!
//! A socket that somebody else listens on survives a restart: connections wait in its backlog while
//! one program ends and the next begins. systemd does that (`.socket` units), with three variables:
//! `LISTEN_FDS` says how many descriptors there are, from number 3 on, `LISTEN_PID` for whom, and
//! `LISTEN_FDNAMES` how they are called (`FileDescriptorName=` in the unit). Any parent can do the same;
//! one that cannot know its child's number leaves `LISTEN_PID` out.
//!
//! # Between two programs of ours
//!
//! A parent that hands a listener to a child that already runs sends it over a Unix socket:
//!
//! ```
//! use std::os::fd::AsFd;
//! use evlet_net::{TcpListener, UnixStream, connect, listen};
//! evlet_hub::run(async {
//!     let (parent, child) = UnixStream::pair()?;
//!     let listener = listen("127.0.0.1:0")?;
//!     let addr = listener.local_addr()?;
//!     parent.send_fds(b"web", &[listener.as_fd()]).await?;
//!     drop(listener); // the child's copy listens on
//!
//!     let mut name = [0; 16];
//!     let (_, mut fds) = child.recv_fds(&mut name).await?;
//!     let listener = TcpListener::from_std(fds.remove(0).into())?;
//!     let client = connect(addr).await?;
//!     let (_, peer) = listener.accept().await?;
//!     assert_eq!(peer, client.local_addr()?);
//!     Ok::<(), std::io::Error>(())
//! })?;
//! # Ok::<(), std::io::Error>(())
//! ```

mod error;
mod inherited;

pub use error::InheritError;
pub use inherited::Inherited;
