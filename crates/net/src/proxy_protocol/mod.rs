//! The PROXY protocol: who the client is, told by the proxy in front of us.
//!
//! A proxy that passes bytes on (HAProxy, a cloud's load balancer, nginx's `stream`) hides its clients:
//! each connection comes from the proxy. With this protocol it sends one header ahead of the client's
//! bytes, which says who the client is. [`accept`] reads it.
//!
//! Only where the proxy is known to send it, and nobody else can connect: whoever can say who he is can
//! say that he is somebody else. So it is on request, connection by connection.
//!
//! ```
//! use evlet_net::{connect, listen, proxy_protocol, serve};
//! evlet_hub::run(async {
//!     let listener = listen("127.0.0.1:0")?;
//!     let addr = listener.local_addr()?;
//!     evlet_hub::spawn_n(serve(listener, |mut stream, peer| async move {
//!         let header = proxy_protocol::accept(&mut stream).await?;
//!         let client = header.source().unwrap_or(peer);
//!         stream.send_all(client.to_string().as_bytes()).await
//!     }));
//!
//!     let proxy = connect(addr).await?;
//!     proxy.send_all(b"PROXY TCP4 192.0.2.7 198.51.100.1 50000 443\r\n").await?;
//!     let mut buf = [0; 100];
//!     let n = proxy.recv(&mut buf).await?;
//!     assert_eq!(&buf[..n], b"192.0.2.7:50000");
//!     Ok::<(), std::io::Error>(())
//! })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Both versions, as strict as the specification allows: a header that is not perfect ends the
//! connection. Nothing behind the header is read, so what follows may be TLS. In reading order: `header`
//! (what it says), `text` (version 1), `binary` (version 2), `accept`, `error`.

mod accept;
mod binary;
mod error;
mod header;
mod text;

pub use accept::{HEADER_LIMIT, accept, accept_within};
pub use error::ProxyHeaderError;
pub use header::ProxyHeader;
