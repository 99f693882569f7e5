//! eventlet's programming model for Rust: one thread, one hub, thousands of green threads.
//!
//! ```
//! use evlet::{GreenPool, connect, listen, serve, spawn_n};
//!
//! #[evlet::main]
//! async fn main() -> std::io::Result<()> {
//!     // A server: every connection is a green thread.
//!     let listener = listen("127.0.0.1:0")?;
//!     let addr = listener.local_addr()?;
//!     spawn_n(serve(listener, |stream, _peer| async move {
//!         let mut file = stream.makefile();
//!         while let Some(line) = file.next_line().await? {
//!             file.write(line.to_uppercase() + "\n").await?;
//!             file.flush().await?;
//!         }
//!         Ok::<(), std::io::Error>(())
//!     }));
//!
//!     // Many clients of it, at most ten at a time, their answers in order.
//!     let pool = GreenPool::new(10);
//!     let mut answers = pool.imap(
//!         |word| async move {
//!             let mut file = connect(addr).await?.makefile();
//!             file.write(format!("{word}\n")).await?;
//!             file.flush().await?;
//!             file.next_line().await
//!         },
//!         ["one", "two", "three"],
//!     );
//!     while let Some(answer) = answers.next().await {
//!         println!("{}", answer?.unwrap_or_default());
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # Where things come from
//!
//! This crate has no behaviour of its own: it gathers the names of the others, so that a program
//! has one dependency. When something surprises you, the answer is in the crate below.
//!
//! | crate | names | for |
//! |---|---|---|
//! | `evlet-hub` | [`Hub`], [`spawn`], [`sleep`], [`timeout`](timeout()), [`now`], [`Io`] … | what runs, and when |
//! | `evlet-green` | [`GreenPool`], [`GreenPile`], [`Queue`], [`Event`], [`Semaphore`], [`FixedIntervalLoopingCall`] … | keeping many of them in order |
//! | `evlet-net` | [`connect`], [`listen`], [`serve`], [`TcpStream`], [`MakeFile`], [`wrap_ssl`] … | sockets |
//! | `evlet-os` | the module [`os`] | processes, files, pipes, standard streams, signals |
//! | `evlet-macros` | [`main`](macro@main), [`test`](macro@test) | where a program and a test begin |
//!
//! The names of hub, green and net stand at the root; the module [`prelude`] has those that most
//! programs use.
//!
//! # Coming from eventlet
//!
//! | there | here |
//! |---|---|
//! | `eventlet.spawn(f, x)`, `gt.wait()` | `spawn(f(x))`, `gt.await` |
//! | `eventlet.sleep(0)` | `sleep(Duration::ZERO).await` |
//! | `GreenPool(200).imap(f, urls)` | `GreenPool::new(200).imap(f, urls)` |
//! | `pools.Pool(max_size=4, create=f)`, `with pool.item() as x` | `Pool::new(4, f)`, `pool.item().await` |
//! | `db_pool.ConnectionPool`, `DatabaseConnector` | [`ConnectionPool`], [`ConnectionPools`] |
//! | `DAGPool().spawn(key, depends, f)`, `pool[key]` | `DagPool::new().spawn(key, depends, f)`, `pool.value(key).await` |
//! | `with Timeout(5): …` | `timeout(Duration::from_secs(5), async { … }).await` |
//! | `eventlet.listen(('', 80))`, `eventlet.serve` | `listen(":80")`, `serve` |
//! | `sock.makefile('rw')` | `stream.makefile()` |
//! | `eventlet.monkey_patch()` | nothing: what waits is `async`, and the compiler sees it |
//!
//! # Testing
//!
//! [`#[evlet::test]`](macro@test) runs a test in virtual time: an hour of sleeping takes a
//! millisecond, and one that can never go on is reported instead of waited for. In it,
//! [`testing::cancel_at_every_await`] gives a future up at each of its awaits and asks whether anything
//! was lost, and [`testing::duplex`] is a connection without a network, on which a test decides what
//! goes wrong.
//!
//! Unix, Rust 1.88.

#![forbid(unsafe_code)]

pub mod prelude;
pub mod testing;

pub use evlet_hub::{
    AtDeadline, Backend, Call, CallKind, Checkpoint, ClockHold, DeadlockReport, Elapsed, Ended,
    Exit, Fault, GreenLocal, GreenThread, GreenThreadId, GreenThreadInfo, Hub, HubBuilder,
    HubHandle, Interest, Io, Kill, KillReport, Lane, LinkId, LocalError, Nested, Outcome, ReadWith,
    Readiness, RemoteGreenThread, Report, RunError, Shield, Sleep, Stats, Ticket, Timeout,
    Trampoline, Wait, WaitKind, WaitsOn, Within, WriteWith, YieldNow, carry_deadline, checkpoint,
    current, green_local, green_threads, handle, hold_clock, is_running, now, random_f64,
    random_u64, remaining, report, run, set_name, set_name_to_peer, shield, sleep, sleep_until,
    spawn, spawn_after, spawn_after_local, spawn_at, spawn_in, spawn_n, spawn_n_at, stats, sys,
    timeout, trampoline, wait, within, without_deadline, yield_now,
};

pub use evlet_green::{
    AlreadySent, BackOffLoopingCall, Barrier, BarrierWaitResult, BoundedSemaphore, CLEAN_UP_BUDGET,
    CappedPermit, CappedSemaphore, Closed, Condvar, ConnectionPool, ConnectionPoolBuilder,
    ConnectionPools, DagPool, DynamicLoopingCall, Empty, Event, FixedIntervalLoopingCall,
    FixedIntervalWithTimeoutLoopingCall, Full, FutureExt, GreenPile, GreenPool,
    IsolatedLoopingCall, Item, LifoQueue, LightQueue, LoopError, LoopingCall, Mutex, MutexGuard,
    NoConnection, OnCancel, OverLimit, Permit, Pool, PoolBuilder, PoolFull, PooledConnection,
    PriorityQueue, PropagateError, Queue, Retry, RwLock, RwLockReadGuard, RwLockWriteGuard, Scope,
    Semaphore, TooManyDone, TooManyReleases, dagpool, event, greenlet, limit, lock, looping_call,
    on_cancel, pile, pool, queue, resources, retry, scope, semaphore, tpool, with_timeout,
    with_timeout_or,
};

pub use evlet_net::{
    ATTEMPT_DELAY, Accept, Addr, AddrError, AddrProblem, CHUNK_LIMIT, CONCURRENCY, Chunk, Connect,
    ConnectError, ConnectOptions, ConnectUdp, ConnectUnix, CopyAll, CopyBidirectional,
    DatagramBatch, DatagramCut, Datagrams, FDS_AT_ONCE, FINISH_BYTES, FINISH_LIMIT, Fallible,
    FallibleSend, FileMode, FileModeError, Finish, Finished, HANDSHAKES_AT_ONCE, HandleClosed,
    Handshake, InheritError, Inherited, IntoServed, KeepAlive, KernelSocket, LINE_LIMIT,
    LOOK_UP_LIMIT, LOOK_UPS_AT_ONCE, LineError, ListenError, ListenOptions, Listener, MakeFile,
    Nothing, OperationTimedOut, OwnedReadHalf, OwnedWriteHalf, PeerCredentials, Pem, Recv,
    RecvBatch, RecvChunk, RecvDatagram, RecvFds, RecvFrom, Resolve, ResolveAddr, ResolveError,
    ReuniteError, SendAll, SendDatagram, SendFds, SendFile, SendOnce, SendTo, SendToUnix, Serve,
    Served, Splice, SpliceBidirectional, StopServe, Stopper, TcpListener, TcpStream, TlsConfig,
    TlsError, TlsListener, TlsStream, ToAddr, ToUnixAddr, Try, UdpOptions, UdpSocket, UnixAddr,
    UnixDatagram, UnixError, UnixListenOptions, UnixListener, UnixStep, UnixStream,
    UnsupportedOption, Unwrapped, WrongMode, connect, connect_from, copy, copy_bidirectional, dns,
    finish, listen, proxy_protocol, resolve, resolve_addr, send_file, serve, splice,
    splice_bidirectional, wrap_ssl,
};

pub use evlet_macros::{main, test};

pub use evlet_os as os;

/// The README's programs, compiled as tests; `cargo xtask ci` also runs its server.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// What may not cross threads does not compile.
///
/// ```compile_fail
/// fn send<T: Send>() {}
/// send::<evlet::Hub>();
/// ```
/// ```compile_fail
/// fn send<T: Send>() {}
/// send::<evlet::GreenThread<()>>();
/// ```
/// ```
/// fn send<T: Send>() {}
/// send::<evlet::HubHandle>();
/// ```
///
/// The attributes refuse what cannot begin a program; their messages are tested beside them.
///
/// ```compile_fail
/// #[evlet::main]
/// fn main() {}
/// ```
/// ```compile_fail
/// #[evlet::main]
/// async fn main(arguments: Vec<String>) {}
/// ```
/// ```compile_fail
/// #[evlet::main(speed = 11)]
/// async fn main() {}
/// ```
#[cfg(doctest)]
struct DoesNotCompile;
