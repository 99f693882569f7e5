//! What an error of `accept` means for the listener (promise F-1).

use std::io;

use rustix::io::Errno;

/// What to do after `accept` failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// That one connection is lost: try again at once.
    NextConnection,
    /// Something has run out, or the reason is unknown: wait, then try again. The connections stay
    /// in the backlog meanwhile.
    Later,
    /// This listener will never accept again.
    Fatal,
}

/// Classes an error of `accept`.
///
/// Linux hands network errors that wait on the new connection to the caller of `accept`; other
/// systems report a peer that has gone. All of these are one connection's matter. An error nobody
/// has thought of makes the listener wait, not end: a server that has gone deaf is worse than one
/// that tries again each second and says so.
pub(crate) fn class(error: &io::Error) -> Verdict {
    let Some(errno) = Errno::from_io_error(error) else {
        // Not the kernel's: the hub refused, because another green thread accepts here already or
        // because the listener was closed.
        return Verdict::Fatal;
    };
    match errno {
        Errno::CONNABORTED
        | Errno::CONNRESET
        | Errno::PROTO
        | Errno::PERM
        | Errno::NOTCONN
        | Errno::NETDOWN
        | Errno::NETUNREACH
        | Errno::NOPROTOOPT
        | Errno::HOSTDOWN
        | Errno::HOSTUNREACH
        | Errno::OPNOTSUPP
        | Errno::TIMEDOUT
        | Errno::INTR => Verdict::NextConnection,
        #[cfg(any(target_os = "linux", target_os = "android"))]
        Errno::NONET => Verdict::NextConnection,
        Errno::BADF | Errno::INVAL | Errno::NOTSOCK | Errno::FAULT => Verdict::Fatal,
        _ => Verdict::Later,
    }
}

/// What has run out, in words an operator can act on.
pub(crate) fn shortage(error: &io::Error) -> &'static str {
    match Errno::from_io_error(error) {
        Some(Errno::MFILE) => {
            "out of descriptors: raise this process's limit (ulimit -n) or serve fewer \
             connections at once"
        }
        Some(Errno::NFILE) => {
            "the whole system is out of descriptors: find out who holds them, or raise its limit \
             (fs.file-max)"
        }
        Some(Errno::NOBUFS | Errno::NOMEM) => "the kernel is out of memory for sockets",
        _ => "accept keeps failing",
    }
}
