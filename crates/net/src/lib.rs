//! Green sockets: connections that look blocking and let everybody else run.
//!
//! The way eventlet made network programs a page of code, for Rust: [`listen`], [`serve`],
//! [`connect`], [`TcpStream::makefile`], [`wrap_ssl`]. Everything runs on the one thread of an
//! [`evlet_hub`]; a green thread that waits for the network costs nothing, and no type here needs
//! `Send`.
//!
//! # The smallest program
//!
//! A server that sends every line back, and a client of it:
//!
//! ```
//! use evlet_net::{connect, listen, serve};
//!
//! evlet_hub::run(async {
//!     let listener = listen("127.0.0.1:0")?; // port 0: any that is free
//!     let addr = listener.local_addr()?;
//!     evlet_hub::spawn_n(serve(listener, |stream, _peer| async move {
//!         let mut file = stream.makefile();
//!         let mut line = String::new();
//!         while file.read_line(&mut line).await? > 0 {
//!             file.write(&line).await?;
//!             file.flush().await?;
//!             line.clear();
//!         }
//!         Ok::<(), std::io::Error>(())
//!     }));
//!
//!     let mut file = connect(addr).await?.makefile();
//!     file.write("hello\n").await?;
//!     file.flush().await?;
//!     assert_eq!(file.next_line().await?.as_deref(), Some("hello"));
//!     Ok::<(), std::io::Error>(())
//! })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # What happens inside
//!
//! Every socket is close-on-exec and non-blocking from the system call that makes it, and is
//! registered with the hub once, for both directions. An operation tries its system call first; it
//! waits only when that would block. Reading what has arrived is one system call, allocates nothing
//! and reads no clock. A short read tells that the kernel has no more, so the next one waits without
//! asking.
//!
//! Names are looked up by the system's resolver on green's pool of OS threads, four at a time
//! ([`resolve()`]); [`dns::Resolver`] asks the name servers itself. Nothing else here leaves the hub's thread, and no signal is ever raised by a
//! broken connection.
//!
//! Errors are [`std::io::Error`] with their kind kept and a typed error inside, which names the
//! address, lists what was tried and says what to do: [`ConnectError`], [`ListenError`],
//! [`ResolveError`], [`AddrError`], [`UnsupportedOption`], [`TlsError`], [`LineError`], [`UnixError`], [`DatagramCut`].
//!
//! # What dropping a future means
//!
//! | call | on drop |
//! |---|---|
//! | [`TcpListener::accept`], [`TcpStream::recv`], [`TcpStream::recv_chunk`], [`TcpStream::send`] | as if never called |
//! | [`UnixListener::accept`], [`UnixStream::recv_fds`], [`UdpSocket::recv_from`] and its like | as if never called |
//! | [`connect`], [`UnixStream::connect`] | the sockets are closed |
//! | [`resolve()`] | the look-up goes on unobserved |
//! | [`MakeFile::read_line`] and its like | what has arrived stays in the file |
//! | [`TcpStream::send_all`] | a part may be sent; [`SendAll::sent`] tells how much |
//! | [`TlsStream::recv`], [`TlsStream::recv_chunk`] | as if never called |
//! | [`TlsStream::send_all`] | a part may be sent, or kept to be sent |
//! | [`MakeFile::flush`], [`TlsStream::handshake`], [`TlsStream::close`], [`TlsStream::unwrap`] | call it again |
//! | [`copy`], [`splice`] | a part is copied |
//! | [`send_file`] | a part may be sent; [`SendFile::sent`] tells how much |
//! | [`serve`] | accepts no more; handlers go on |
//!
//! # Map, in reading order
//!
//! `addr` and `addr_error` (addresses as people write them), `resolve`, [`dns`], `descriptor` (the system
//! calls), `tcp` (connecting, and options), `listen`, `listener` (what can be served), `acceptor` with
//! `accept_error` and
//! `shortage`, `tcp_listener`, `socket` (a connection
//! and the handles on it), `tcp_stream`, `transfer` (its futures), `chunk` (receiving without a buffer of one's own),
//! `stream_traits`, `split`,
//! `make_file`, `unix` (streams, listeners, datagrams, descriptors on their way), `datagram` (what all
//! datagrams have in common), `udp`, `serve` with `serve_one`, `serve_place`, `serve_slot`, `served`, `serve_stop` and
//! `serve_drain`, `listeners` (several as one), `copy`,
//! `kernel_copy` (`sendfile` and `splice`), `finish` (the last answer arrives), `tls`;
//! `inherit` (sockets that were open before); [`proxy_protocol`]; [`testing`] for tests of streams.
//!
//! # What is left out
//!
//! Waiting for unread input before each close (lingering close): a stream that is dropped is closed at
//! once, and an answer sent right before that may be lost if the peer has sent more than was read. Read to the
//! end first, or let [`finish`] do it. Windows.
//!
//! # Platforms
//!
//! Unix with Rust 1.88. Developed and tested on Linux. On Apple's systems a new descriptor is
//! marked close-on-exec by a second call, since the first one cannot.

mod accept_error;
mod acceptor;
mod addr;
mod addr_error;
mod chunk;
mod connect_error;
mod copy;
mod datagram;
mod descriptor;
pub mod dns;
mod finish;
mod inherit;
mod kernel_copy;
mod line_error;
mod listen;
mod listen_error;
mod listener;
mod listeners;
mod make_file;
mod operation_error;
pub mod proxy_protocol;
mod resolve;
mod serve;
mod serve_drain;
mod serve_one;
mod serve_place;
mod serve_slot;
mod serve_stop;
mod served;
mod shortage;
mod socket;
mod split;
mod stream_traits;
mod tcp;
mod tcp_listener;
mod tcp_stream;
pub mod testing;
mod tls;
mod transfer;
mod tries;
mod udp;
mod unix;

pub use acceptor::Accept;
pub use addr::{Addr, ToAddr};
pub use addr_error::{AddrError, AddrProblem};
pub use chunk::{CHUNK_LIMIT, Chunk, RecvChunk};
pub use connect_error::ConnectError;
pub use copy::{CopyAll, CopyBidirectional, copy, copy_bidirectional};
pub use datagram::{DatagramCut, RecvDatagram, RecvFrom, SendDatagram, SendTo};
pub use finish::{FINISH_BYTES, FINISH_LIMIT, Finish, Finished, finish};
pub use inherit::{InheritError, Inherited};
pub use kernel_copy::{
    KernelSocket, SendFile, Splice, SpliceBidirectional, send_file, splice, splice_bidirectional,
};
pub use line_error::LineError;
pub use listen::{ListenOptions, listen};
pub use listen_error::ListenError;
pub use listener::Listener;
pub use make_file::{FileMode, FileModeError, LINE_LIMIT, MakeFile, WrongMode};
pub use operation_error::{HandleClosed, OperationTimedOut};
pub use resolve::{
    LOOK_UP_LIMIT, LOOK_UPS_AT_ONCE, Resolve, ResolveAddr, ResolveError, resolve, resolve_addr,
};
pub use serve::{CONCURRENCY, Serve, serve};
pub use serve_stop::Stopper;
pub use served::{Fallible, FallibleSend, IntoServed, Nothing, Served, StopServe};
pub use split::{OwnedReadHalf, OwnedWriteHalf, ReuniteError};
pub use tcp::{
    ATTEMPT_DELAY, Connect, ConnectOptions, KeepAlive, UnsupportedOption, connect, connect_from,
};
pub use tcp_listener::TcpListener;
pub use tcp_stream::TcpStream;
pub use tls::{
    HANDSHAKES_AT_ONCE, Handshake, Pem, TlsConfig, TlsError, TlsListener, TlsStream, Unwrapped,
    wrap_ssl,
};
pub use transfer::{Recv, SendAll, SendOnce};
pub use tries::Try;
pub use udp::{ConnectUdp, DatagramBatch, Datagrams, RecvBatch, UdpOptions, UdpSocket};
pub use unix::{
    ConnectUnix, FDS_AT_ONCE, PeerCredentials, RecvFds, SendFds, SendToUnix, ToUnixAddr, UnixAddr,
    UnixDatagram, UnixError, UnixListenOptions, UnixListener, UnixStep, UnixStream,
};
