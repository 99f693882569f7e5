//! What evlet-net promises, through its public API. Loopback only; time is virtual unless a test
//! says why not.

mod accept; // connections one by one, and the errors of accept
mod address; // what people write, and what can be wrong with it
mod alone; // tests that need a process of their own
mod bad_network; // TLS and a proxy over lines that are late, cut, reset
mod budget; // nobody keeps the hub because its socket is always ready
mod cancel; // futures dropped at every poll
mod cancel_more; // those of Unix sockets, datagrams and races
mod chunk; // receiving without a buffer of one's own
mod conformance; // what every stream promises, for each of ours
mod connect;
mod copy; // from one stream to another
mod dns; // our own resolver: what is asked, of whom, what is kept
mod dns_bad; // name servers that lie, are silent, or send garbage
mod dns_files; // the hosts file and resolv.conf
mod dns_server; // a name server on loopback for the others
mod dns_slow; // name servers that take their time over TCP
mod duplex; // streams in memory, and what goes wrong on them
mod faults; // nothing stays open after any of them
mod file_modes;
mod finish; // the last answer arrives
mod handles; // makefile, split, close: who still works, who is told
mod happy_eyeballs; // several addresses at once
mod hostile; // peers that do what they should not
mod inherit; // sockets that were open before
mod kernel_copy; // sendfile and splice
mod lab; // a bad network that the kernel sees
mod left_behind; // for the count of descriptors
mod limit; // set_timeout
mod lines; // files of lines
mod linger; // closing that waits for the peer
mod listen;
mod loopback; // connected pairs for the others
mod proxy_protocol; // who the client is, told by a proxy
mod resolve;
mod serve;
mod serve_stop; // stopped from outside, drained, in several places
mod shortage; // out of descriptors
mod stream; // recv, send, peek, ends
mod tcp_fast_open;
mod tcp_options;
mod tls;
mod tls_anywhere; // on any stream, and by a listener
mod tls_budget; // nobody keeps the hub because there is always something
mod tls_by_hand; // a peer that does with TLS what no stream would
mod tls_cancel; // dropped at every poll
mod tls_errors; // certificates, settings and peers with something wrong
mod tls_handshakes; // how many at once
mod tls_identity; // client certificates, and certificates exchanged while they are used
mod tls_limit; // over streams that may not wait, or fail once
mod tls_mix; // any operations in any order
mod tls_openssl; // against another implementation
mod tls_peers; // peers that do what is seldom done
mod tls_records; // what goes together over the wire
mod tls_session; // what a connection can tell, resumption, ends
mod tls_slow; // handshakes that go on and on
mod tls_unwrap; // and on in plain text
mod traits; // the futures traits
mod udp;
mod unix; // streams and listeners
mod unix_datagram;
mod unix_fds; // descriptors on their way
