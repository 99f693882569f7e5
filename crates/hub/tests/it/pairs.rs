//! Two connected ends of each kind that the reactor must know.

use std::io::{self, PipeReader, PipeWriter};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;

use evlet_hub::Io;

/// A pipe, both ends in the hub.
pub(crate) fn pipe() -> (Io<PipeReader>, Io<PipeWriter>) {
    let (reader, writer) = io::pipe().expect("a pipe");
    (
        Io::new(reader).expect("its reader"),
        Io::new(writer).expect("its writer"),
    )
}

/// Two Unix stream sockets, not yet in the hub.
pub(crate) fn unix() -> (UnixStream, UnixStream) {
    UnixStream::pair().expect("a pair of sockets")
}

/// Two TCP sockets over loopback, not yet in the hub.
pub(crate) fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let client = TcpStream::connect(listener.local_addr().expect("its address"));
    let (server, _) = listener.accept().expect("its connection");
    (client.expect("a connection"), server)
}
