//! What evlet-os promises, through its public API, a module for each theme.
//!
//! Signals belong to the whole process and these tests share one: each test uses signals that no
//! other uses.

mod alone; // tests in a process of their own

mod fs; // files and directories: std's names, errors with paths, what is given up
mod full_disk; // for files, standard streams and children
mod pipe; // ends, ends that close, descriptors of others
mod process; // children: output, streams, limits, signals, names in errors
mod process_leaks; // no zombie, descriptor or thread is left, by any path
mod select; // the first of several descriptors
mod signal; // arrivals, bursts, several listeners, several hubs, giving up
mod stdio; // standard streams: terminals, pipes, files, sockets
mod terminate; // the first SIGINT or SIGTERM
