//! Signals as awaited values.
//!
//! [`signal`] listens for one signal for as long as its [`SignalStream`] lives; [`terminate`] is
//! the future that a server wants: it completes at the first SIGINT or SIGTERM.
//!
//! # What one may rely on
//! * Any number of listeners, on any number of hubs in any number of threads, also for the same
//!   signal: each hears every signal that arrives while it lives, also before it is first awaited.
//! * Signals of one kind that arrive before the listener looks are told once: the kernel merges
//!   them as well. Read what caused them until there is nothing left.
//! * Waiting for a signal can be given up at any await; one that arrived is kept for the next wait.
//! * Handlers that the program or a C library had installed before are called too (the signal-hook
//!   crate chains them).
//!
//! # What one should know
//! The first listener for a signal replaces what the system would have done by itself (for SIGTERM:
//! end the process), and that stays so after the last listener has been dropped: from then on the
//! signal does nothing. The library underneath never puts the default back, since nobody could tell
//! whose turn it is.
//!
//! After a `fork` without `exec` a listener of the parent's is an error in the child: make new ones there. The
//! first of them, or [`after_fork`], parts the two processes: from then on neither hears the other's
//! signals.
//!
//! # Why a pipe for each listener
//! One pipe for the whole process would need one reader that hands on to all hubs, and so a lock, a
//! thread or a hub that others depend on. A pipe for each listener costs two descriptors and
//! nothing else.

mod listener; // SignalStream: one pipe, read until it is empty
mod number; // Signal: which one
pub(crate) mod registry; // all listeners, and which process they are of
mod terminate; // the first SIGINT or SIGTERM

pub use listener::{Recv, SignalStream, signal};
pub use number::Signal;
pub use registry::after_fork;
pub use terminate::{Terminate, terminate};
