//! Opening a listening Unix socket.

use std::io;
use std::panic::Location;

use evlet_hub::sys::CallKind;

use super::addr::{ToUnixAddr, UnixAddr};
use super::error::{UnixError, UnixStep};
use super::listener::UnixListener;
use super::{path, stream};
use crate::descriptor;

/// How to listen on a Unix socket.
///
/// ```
/// use evlet_net::{UnixListenOptions, UnixStream};
/// # let dir = std::env::temp_dir().join(format!("evlet-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&dir)?;
/// # let path = dir.join("agent.sock");
/// evlet_hub::run(async {
///     let listener = UnixListenOptions::new().mode(0o600).listen(&path)?;
///     let _client = UnixStream::connect(&path).await?;
///     let (_stream, peer) = listener.accept().await?;
///     assert!(peer.is_unnamed());
///     drop(listener);
///     assert!(!path.exists()); // it removes what it made
///     Ok::<(), std::io::Error>(())
/// })?;
/// # std::fs::remove_dir(&dir)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "options do nothing until `listen` is called on them"]
pub struct UnixListenOptions {
    backlog: u32,
    mode: Option<u32>,
    replace: bool,
}

impl Default for UnixListenOptions {
    fn default() -> Self {
        UnixListenOptions {
            backlog: 50,
            mode: None,
            replace: true,
        }
    }
}

impl UnixListenOptions {
    /// The defaults: those of [`UnixListener::bind`].
    pub fn new() -> Self {
        UnixListenOptions::default()
    }

    /// How many connections the kernel holds until they are accepted: 50 unless set. More wait in
    /// their `connect`.
    pub fn backlog(mut self, connections: u32) -> Self {
        self.backlog = connections;
        self
    }

    /// The permissions of the path, `0o600` for example: who may not write to it may not connect.
    /// They are set before the first connection is possible. Unless set, what the process's mask
    /// leaves.
    pub fn mode(mut self, bits: u32) -> Self {
        self.mode = Some(bits);
        self
    }

    /// Whether a path is taken over that a dead server has left behind. On unless set. A live
    /// server's path, and a file that is no socket, is never taken.
    pub fn replace_dead(mut self, on: bool) -> Self {
        self.replace = on;
        self
    }

    /// Listens on `addr`.
    ///
    /// # Errors
    /// As for [`UnixListener::bind`].
    #[track_caller]
    pub fn listen(&self, addr: impl ToUnixAddr) -> io::Result<UnixListener> {
        let at = Location::caller();
        let addr = addr.to_unix_addr();
        let listening = self.open(&addr, at);
        listening.map_err(|error| UnixError::io(UnixStep::Listen, addr, error))
    }

    fn open(&self, addr: &UnixAddr, at: &'static Location<'static>) -> io::Result<UnixListener> {
        let fd = stream::new_socket()?;
        let own = path::bind(&fd, addr, self.replace)?;
        // From here on the path is removed when something fails.
        let listener = UnixListener::new(fd, addr.clone(), own, at)?;
        if let (Some(mode), Some(own)) = (self.mode, listener.own_path()) {
            own.set_mode(mode)?;
        }
        let backlog = i32::try_from(self.backlog).unwrap_or(i32::MAX);
        descriptor::again(CallKind::Listen, Some(listener.fd()), || {
            rustix::net::listen(listener.fd(), backlog)
        })?;
        Ok(listener)
    }
}
