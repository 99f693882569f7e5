//! Which signal: a number with a name.

use std::fmt;

use signal_hook::consts;
use signal_hook::low_level::signal_name;

/// A signal of the system, such as [`Signal::TERM`].
///
/// The common ones are constants; [`Signal::from_raw`] makes any other. Whether one can listen for
/// it is found out by [`signal`](super::signal).
///
/// ```
/// use evlet_os::signal::Signal;
///
/// assert_eq!(Signal::TERM.to_string(), "SIGTERM");
/// assert_eq!(Signal::from_raw(Signal::HUP.as_raw()), Signal::HUP);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signal(i32);

impl Signal {
    /// A timer set with `alarm` has run out.
    pub const ALRM: Signal = Signal(consts::SIGALRM);
    /// A child process has stopped or ended.
    pub const CHLD: Signal = Signal(consts::SIGCHLD);
    /// The process goes on after having been stopped.
    pub const CONT: Signal = Signal(consts::SIGCONT);
    /// The terminal is gone; to a daemon: read the configuration again.
    pub const HUP: Signal = Signal(consts::SIGHUP);
    /// Interrupt, as from Ctrl-C.
    pub const INT: Signal = Signal(consts::SIGINT);
    /// A write to a pipe that nobody reads. Rust's runtime ignores it before `main`.
    pub const PIPE: Signal = Signal(consts::SIGPIPE);
    /// Quit, as from Ctrl-\.
    pub const QUIT: Signal = Signal(consts::SIGQUIT);
    /// Please end.
    pub const TERM: Signal = Signal(consts::SIGTERM);
    /// Stop, as from Ctrl-Z.
    pub const TSTP: Signal = Signal(consts::SIGTSTP);
    /// Urgent data on a socket.
    pub const URG: Signal = Signal(consts::SIGURG);
    /// Free for the program's use.
    pub const USR1: Signal = Signal(consts::SIGUSR1);
    /// Free for the program's use.
    pub const USR2: Signal = Signal(consts::SIGUSR2);
    /// The terminal has another size.
    pub const WINCH: Signal = Signal(consts::SIGWINCH);

    /// The signal with this number on this system.
    pub const fn from_raw(number: i32) -> Signal {
        Signal(number)
    }

    /// Its number on this system.
    pub const fn as_raw(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match signal_name(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "signal {}", self.0),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
