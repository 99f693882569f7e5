//! A small HTTP server to fetch pages from: `/pages/N` is a page of a size that follows from `N`.
//!
//! One answer for each connection, over [`MakeFile`](evlet::MakeFile), whose lines are bounded.

use std::io;
use std::net::SocketAddr;

use evlet::TcpStream;

/// The size of page `n`: anything up to 8 KiB, the same each time.
pub fn size_of(n: usize) -> usize {
    n.wrapping_mul(7919) % 8192
}

/// Where page `n` is, on the server at `addr`.
pub fn url_of(addr: SocketAddr, n: usize) -> String {
    format!("http://{addr}/pages/{n}")
}

/// Answers one request. To be handed to `serve`.
///
/// # Errors
/// Those of the connection, and a head that is not HTTP.
///
/// # Cancel safety
/// Dropping the future closes the connection.
pub async fn answer(stream: TcpStream, _peer: SocketAddr) -> io::Result<()> {
    let mut file = stream.makefile();
    let request = file.next_line().await?.unwrap_or_default();
    for _ in 0..MOST_HEADERS {
        match file.next_line().await? {
            Some(header) if !header.is_empty() => {}
            _ => break,
        }
    }
    let page = request
        .strip_prefix("GET /pages/")
        .and_then(|rest| rest.split(' ').next())
        .and_then(|number| number.parse().ok());
    let (status, body) = match page {
        Some(n) => ("200 OK", "evlet ".repeat(size_of(n) / 6 + 1).into_bytes()),
        None if request == "GET / HTTP/1.1" || request == "GET / HTTP/1.0" => (
            "200 OK",
            b"The pages are /pages/0, /pages/1 and so on.\n".to_vec(),
        ),
        None => ("404 Not Found", b"There is no such page.\n".to_vec()),
    };
    let body = &body[..page.map_or(body.len(), size_of)];
    let length = body.len();
    file.write(format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    ))
    .await?;
    file.write(body).await?;
    file.close().await
}

const MOST_HEADERS: usize = 100;
