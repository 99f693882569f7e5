//! Reading a header from a stream, and not a byte of what follows it.

use std::io;
use std::time::Duration;

use evlet_hub::timeout;
use futures::io::{AsyncRead, AsyncReadExt};

use super::binary::{self, FIXED, SIGNATURE};
use super::error::ProxyHeaderError;
use super::header::ProxyHeader;
use super::text;

/// How long [`accept`] waits for a whole header: a proxy sends it with its first packet.
pub const HEADER_LIMIT: Duration = Duration::from_secs(5);

/// Reads the header at the beginning of `stream`, of either version, within [`HEADER_LIMIT`].
///
/// # Errors
/// [`ProxyHeaderError`] inside an [`io::Error`]; those of the stream. The connection is of no more use
/// then: close it.
///
/// # Cancel safety
/// A part of the header may have been read: close the connection.
pub async fn accept<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<ProxyHeader> {
    accept_within(stream, HEADER_LIMIT).await
}

/// [`accept`] with a limit of your own.
///
/// # Errors
/// As for [`accept`].
///
/// # Cancel safety
/// As for [`accept`].
pub async fn accept_within<S: AsyncRead + Unpin>(
    stream: &mut S,
    limit: Duration,
) -> io::Result<ProxyHeader> {
    match timeout(limit, read(stream)).await {
        Ok(read) => read.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => ProxyHeaderError::CutOff.into(),
            _ => error,
        }),
        Err(_) => Err(ProxyHeaderError::TimedOut(limit).into()),
    }
}

async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<ProxyHeader> {
    // Whatever cannot become a header is refused at its first wrong byte, not after twelve.
    let mut start = [0; SIGNATURE.len()];
    let mut have = 0;
    while have < start.len() {
        let n = stream.read(&mut start[have..]).await?;
        if n == 0 {
            return Err(ProxyHeaderError::CutOff.into());
        }
        have += n;
        let is = |what: &[u8]| {
            let len = have.min(what.len());
            start[..len] == what[..len]
        };
        if !is(&SIGNATURE) && !is(b"PROXY ") {
            return Err(ProxyHeaderError::NotAHeader.into());
        }
    }
    if start == SIGNATURE {
        let mut fixed = [0; FIXED];
        fixed[..start.len()].copy_from_slice(&start);
        stream.read_exact(&mut fixed[start.len()..]).await?;
        let mut rest = vec![0; binary::rest(&fixed)?];
        stream.read_exact(&mut rest).await?;
        return Ok(binary::read(&fixed, &rest)?);
    }
    let mut line = start.to_vec();
    // The shortest one is longer than what is read; from here on byte by byte, since the client's
    // first byte may come right behind.
    while line.last() != Some(&b'\n') {
        if line.len() == text::LONGEST {
            return Err(ProxyHeaderError::BadText("more than 107 bytes").into());
        }
        let mut byte = [0];
        stream.read_exact(&mut byte).await?;
        line.push(byte[0]);
    }
    match line.strip_suffix(b"\r\n") {
        Some(line) if !line.contains(&b'\r') && !line.contains(&b'\n') => Ok(text::read(line)?),
        _ => Err(ProxyHeaderError::BadText("another end of line than CR LF").into()),
    }
}
