//! An HTTP client of one request: connect, ask, read the answer to its end.
//!
//! It asks for the connection to be closed afterwards, and understands the three ways in which a
//! body ends: with its length, in chunks, with the connection. Redirects are not followed. What the
//! other side may make us keep is bounded.

use std::io;

use evlet::{TlsConfig, connect, wrap_ssl};
use futures::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader,
};

use crate::url::Url;

/// What came back.
#[derive(Debug)]
pub struct Page {
    /// 200 when all is well.
    pub status: u16,
    /// The body, decoded from its chunks.
    pub body: Vec<u8>,
}

/// Fetches one page.
///
/// # Errors
/// Everything that can go wrong on the way, with the URL in front.
///
/// # Cancel safety
/// Dropping the future closes the connection.
pub async fn get(url: &Url, tls: &TlsConfig) -> io::Result<Page> {
    fetch(url, tls)
        .await
        .map_err(|e| io::Error::new(e.kind(), format!("{url}: {e}")))
}

async fn fetch(url: &Url, tls: &TlsConfig) -> io::Result<Page> {
    let stream = connect((url.host.as_str(), url.port)).await?;
    if url.secure {
        let tls = tls.clone().server_name(&url.host);
        exchange(wrap_ssl(stream, &tls), url).await
    } else {
        exchange(stream, url).await
    }
}

async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, url: &Url) -> io::Result<Page> {
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nAccept: */*\r\nConnection: close\r\n\r\n",
        url.path,
        host_header(url)
    );
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut reader = BufReader::new(stream);
    let (status, length) = read_head(&mut reader).await?;
    let body = read_body(&mut reader, length).await?;
    Ok(Page { status, body })
}

/// The host as the `Host` header wants it: an IPv6 address in brackets, the port unless it is the
/// usual one.
fn host_header(url: &Url) -> String {
    let shown = url.to_string();
    let after_scheme = shown.split_once("://").map_or("", |(_, rest)| rest);
    after_scheme
        .split('/')
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// How the body's end is known.
enum Length {
    Bytes(usize),
    Chunks,
    UntilTheEnd,
}

async fn read_head(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<(u16, Length)> {
    let mut left = LONGEST_HEAD;
    let first = read_line(reader, &mut left).await?;
    let status = first
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1))
        .and_then(|status| status.parse().ok())
        .ok_or_else(|| bad(format!("the answer does not begin like HTTP/1: {first:?}")))?;
    let mut length = Length::UntilTheEnd;
    loop {
        let line = read_line(reader, &mut left).await?;
        let Some((name, value)) = line.split_once(':') else {
            if line.is_empty() {
                return Ok((status, length));
            }
            return Err(bad(format!("a header without a colon: {line:?}")));
        };
        let value = value.trim();
        if name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked") {
            length = Length::Chunks;
        } else if name.eq_ignore_ascii_case("content-length") && !matches!(length, Length::Chunks) {
            let bytes = value
                .parse()
                .map_err(|_| bad(format!("a length that is no number: {value:?}")))?;
            length = Length::Bytes(bytes);
        }
    }
}

async fn read_body(
    reader: &mut (impl AsyncBufRead + Unpin),
    length: Length,
) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    match length {
        Length::Bytes(bytes) => append(reader, &mut body, bytes).await?,
        Length::UntilTheEnd => {
            reader
                .take(LARGEST_BODY as u64 + 1)
                .read_to_end(&mut body)
                .await?;
            check_size(body.len())?;
        }
        Length::Chunks => loop {
            let mut left = LONGEST_HEAD;
            let line = read_line(reader, &mut left).await?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16)
                .map_err(|_| bad(format!("a chunk's size that is no number: {line:?}")))?;
            if size == 0 {
                while !read_line(reader, &mut left).await?.is_empty() {}
                break;
            }
            append(reader, &mut body, size).await?;
            if !read_line(reader, &mut left).await?.is_empty() {
                return Err(bad("a chunk that is longer than it says".into()));
            }
        },
    }
    Ok(body)
}

/// Reads exactly `bytes` more.
async fn append(
    reader: &mut (impl AsyncBufRead + Unpin),
    body: &mut Vec<u8>,
    bytes: usize,
) -> io::Result<()> {
    let end = body.len().saturating_add(bytes);
    check_size(end)?;
    // `take`, and not a buffer of the announced size: memory follows what really arrives.
    reader.take(bytes as u64).read_to_end(body).await?;
    if body.len() < end {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!("the connection ended {} bytes too early", end - body.len()),
        ));
    }
    Ok(())
}

fn check_size(bytes: usize) -> io::Result<()> {
    if bytes > LARGEST_BODY {
        return Err(bad(format!("a body of more than {LARGEST_BODY} bytes")));
    }
    Ok(())
}

/// One line without its end. `left` is what may still be read of this head.
async fn read_line(reader: &mut (impl AsyncBufRead + Unpin), left: &mut u64) -> io::Result<String> {
    let mut line = Vec::new();
    let read = reader.take(*left).read_until(b'\n', &mut line).await?;
    *left -= read as u64;
    if line.pop() != Some(b'\n') {
        return Err(if *left == 0 {
            bad(format!("more than {LONGEST_HEAD} bytes of headers"))
        } else {
            io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the connection ended within the headers",
            )
        });
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

fn bad(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

const LONGEST_HEAD: u64 = 64 * 1024;
const LARGEST_BODY: usize = 64 * 1024 * 1024;
