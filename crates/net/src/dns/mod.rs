//! A resolver of our own, for who wants it instead of the system's.
//!
//! The system's resolver ([`resolve`](crate::resolve())) gives the answers that every other program on
//! the machine gets, and costs an OS thread for each look-up under way. [`Resolver`] asks the name
//! servers itself: thousands of look-ups need no thread, answers are kept as long as their owner
//! allows, and a dead server costs what [`ResolverOptions`] says and no more. It knows the hosts file
//! and resolv.conf, not nsswitch.conf, mDNS or NIS: that is why it is not the default.
//!
//! ```no_run
//! use evlet_net::{connect, dns::{self, Resolver}};
//! evlet_hub::run(async {
//!     let resolver = Resolver::new();
//!     let addrs = resolver.resolve("example.com").await?; // this look-up
//!     println!("{addrs:?}");
//!     dns::use_resolver(Some(resolver)); // from now on every one of this thread
//!     let stream = connect("example.com:80").await?;
//!     # drop(stream);
//!     Ok::<(), std::io::Error>(())
//! })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # How a name is looked up
//!
//! 1. A numeric address is its own answer.
//! 2. The hosts file: when it has the name, with addresses of either family, nobody else is asked. What it
//!    does not say of `localhost` and the names under it is this machine, whatever name servers say.
//! 3. The name servers of resolv.conf. A name with fewer dots than `ndots` is tried with each suffix of
//!    the search list first, then as it is; one with a dot at its end only as it is. For each, IPv4 and
//!    IPv6 addresses are asked for at once. When one family has addresses, the other has 250 ms more.
//! 4. The answer: IPv6 addresses before IPv4 ones, as eventlet gives them.
//!
//! Each question goes to one server after the other until one answers, `attempts` times around. A
//! truncated answer is asked for again over TCP.
//!
//! # What is not believed
//!
//! Each question has a socket of its own, connected to the server, so that the kernel picks its port
//! and drops what comes from elsewhere, and a random number. An answer must repeat the number and the
//! question to the letter; of its records only those count that belong to the name asked for, or to one
//! that it is an alias of, at most 30 deep. What was sent beside that is not looked at and not kept.
//! Other datagrams are passed over until the time is up, a thousand of them at most (promise F-9).
//!
//! In reading order: `message` (what goes over the wire), `exchange` (one question to one server),
//! `hosts`, `conf` and `watched` (the files), `cache`, `options`, `resolver`.

mod cache;
mod conf;
mod exchange;
mod hosts;
mod message;
mod options;
mod problem;
mod resolver;
mod watched;

pub use options::ResolverOptions;
pub use problem::DnsProblem;
pub(crate) use resolver::used;
pub use resolver::{Resolver, use_resolver};
