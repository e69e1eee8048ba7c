//! The connection below HTTP. A request that is none is refused by the framework before any
//! layer sees it, with an empty answer; here it gets its body.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::rt::net::TcpStream;
use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What the framework refuses by itself, and closes the connection.
const BARE: [(&str, u16); 2] =
    [("HTTP/1.1 400 Bad Request\r\n", 400), ("HTTP/1.1 431 Request Header Fields Too Large\r\n", 431)];
/// No head of such an answer is longer.
const LONGEST: usize = 256;

/// A connection.
pub struct Wire<F> {
    io: TcpStream,
    refuse: F,
    /// What is written in place of what was given, until it is written.
    instead: Option<Bytes>,
    /// After a refusal nothing follows.
    ended: bool,
}

impl<F: Fn(u16) -> Bytes + Unpin> Wire<F> {
    /// A connection whose unreadable requests are answered with what `refuse` makes.
    pub const fn new(io: TcpStream, refuse: F) -> Self {
        Self { io, refuse, instead: None, ended: false }
    }
}

/// The status of an answer that the framework gave by itself: a head alone, without the
/// request's id, that every answer of ours has.
fn bare(bytes: &[u8]) -> Option<u16> {
    if bytes.len() > LONGEST {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let (_, status) = BARE.into_iter().find(|(line, _)| text.starts_with(line))?;
    let head = text.strip_suffix("\r\n\r\n")?.to_ascii_lowercase();
    let empty = head.contains("\r\ncontent-length: 0");
    (empty && !head.contains("\r\n\r\n") && !head.contains("\r\nx-request-id:")).then_some(status)
}

impl<F: Fn(u16) -> Bytes + Unpin> AsyncWrite for Wire<F> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if this.instead.is_none() {
            this.instead = bare(bytes).map(|status| (this.refuse)(status));
        }
        let Some(answer) = &mut this.instead else { return Pin::new(&mut this.io).poll_write(cx, bytes) };
        while answer.has_remaining() {
            match ready!(Pin::new(&mut this.io).poll_write(cx, answer))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => answer.advance(written),
            }
        }
        this.ended = true;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

impl<F: Unpin> AsyncRead for Wire<F> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(cx, into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_of_the_frameworks_own_is_replaced() {
        let date = "date: Thu, 15 Jan 2026 10:30:00 GMT\r\n\r\n";
        let line = "HTTP/1.1 400 Bad Request\r\n";
        assert_eq!(bare(format!("{line}content-length: 0\r\nconnection: close\r\n{date}").as_bytes()), Some(400));
        for other in [
            format!("{line}content-length: 0\r\nx-request-id: req_1\r\n{date}"),
            format!("{line}content-length: 2\r\n{date}{{}}"),
            format!("{line}content-length: 2\r\n\r\n\r\n\r\n"),
            format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n{date}"),
            format!("x{line}content-length: 0\r\n{date}"),
        ] {
            assert_eq!(bare(other.as_bytes()), None, "{other}");
        }
    }
}
