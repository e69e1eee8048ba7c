//! The connection below HTTP. A request that is none is refused by the framework before any
//! layer sees it, with an empty answer; here it gets its body.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::rt::net::TcpStream;
use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What the framework refuses by itself, and closes the connection.
const BARE: [(&str, u16); 3] = [
    ("HTTP/1.1 400 Bad Request\r\n", 400),
    ("HTTP/1.1 408 Request Timeout\r\n", 408),
    ("HTTP/1.1 431 Request Header Fields Too Large\r\n", 431),
];
/// No head of such an answer is longer.
const LONGEST: usize = 256;
/// What every answer begins with.
const START: &[u8] = b"HTTP/1.1 ";
/// What ends the head of one.
const END: &[u8] = b"\r\n\r\n";
/// What ends a body of chunks.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// A connection.
pub struct Wire<F> {
    io: TcpStream,
    refuse: F,
    written: Written,
    /// What is written in place of what was given, until it is written.
    instead: Option<Bytes>,
    /// After a refusal nothing follows.
    ended: bool,
}

impl<F: Fn(u16) -> Bytes + Unpin> Wire<F> {
    /// A connection whose unreadable requests are answered with what `refuse` makes.
    pub const fn new(io: TcpStream, refuse: F) -> Self {
        Self { io, refuse, written: Written { left: 0, untouched: false }, instead: None, ended: false }
    }
}

/// How far the answers came that were written: what stands in a body is none of the framework's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Written {
    /// How much of a body is still to come.
    left: u64,
    /// Nothing of that body has come yet: it may be that of an answer to `HEAD`, which has none.
    untouched: bool,
}

impl Written {
    /// Where in `bytes`, which are written next, an answer of the framework's own begins, and
    /// its status: behind answers that are whole, at the end. Requests that come at once are
    /// answered at once.
    fn refusal(mut self, bytes: &[u8]) -> Option<(usize, u16)> {
        // Nearly all that is written ends otherwise.
        bytes.ends_with(END).then_some(())?;
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
            if self.left > 0 && !(self.untouched && rest.starts_with(START) && rest.len() as u64 != self.left) {
                at = at.checked_add(usize::try_from(self.left).ok()?)?;
                self.left = 0;
                continue;
            }
            if let Some(status) = bare(rest) {
                return Some((at, status));
            }
            let (length, body) = head(rest)?;
            at += length;
            match body {
                Body::Bytes(left) => self = Self { left, untouched: true },
                Body::Chunks => {
                    let tail = at.max(bytes.len().saturating_sub(LONGEST));
                    let behind = |from: &usize| bytes[at..*from].ends_with(LAST_CHUNK);
                    let mut starts = (tail..bytes.len()).filter(|from| bytes[*from..].starts_with(START));
                    return starts.find(behind).and_then(|from| Some((from, bare(&bytes[from..])?)));
                }
            }
        }
    }

    /// How far they came with these bytes.
    fn and(mut self, bytes: &[u8]) -> Self {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.untouched && rest.len() == bytes.len() && rest.starts_with(START) {
                self = Self::default();
            }
            if self.left > 0 {
                let some = rest.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                self = Self { left: self.left - some as u64, untouched: false };
                rest = &rest[some..];
                continue;
            }
            let Some((length, Body::Bytes(left))) = head(rest) else { return Self::default() };
            self = Self { left, untouched: left > 0 };
            rest = &rest[length..];
        }
        self
    }
}

/// What follows a head.
enum Body {
    /// So many bytes.
    Bytes(u64),
    /// As many as come.
    Chunks,
}

/// How long the head is that stands here, and what follows it.
fn head(bytes: &[u8]) -> Option<(usize, Body)> {
    bytes.starts_with(START).then_some(())?;
    let length = memchr::memmem::find(bytes, END)? + END.len();
    let has = |name: &[u8]| memchr::memmem::find(&bytes[..length], name);
    // The framework writes these names in small letters.
    if has(b"\r\ntransfer-encoding: chunked\r\n").is_some() {
        return Some((length, Body::Chunks));
    }
    let name = b"\r\ncontent-length: ";
    let digits = has(name).map(|at| &bytes[at + name.len()..length]).unwrap_or_default();
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let size = digits.fold(0_u64, |size, digit| size.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    // These have none, whatever they say.
    let without = bytes[START.len()..].starts_with(b"1")
        || [b"204", b"304"].iter().any(|status| bytes[START.len()..].starts_with(*status));
    Some((length, Body::Bytes(if without { 0 } else { size })))
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
        let mut ours = bytes;
        if this.instead.is_none() {
            match this.written.refusal(bytes) {
                Some((0, status)) => this.instead = Some((this.refuse)(status)),
                // First what stands before it; then it comes alone.
                Some((start, _)) => ours = &bytes[..start],
                None => {}
            }
        }
        let Some(answer) = &mut this.instead else {
            let written = ready!(Pin::new(&mut this.io).poll_write(cx, ours))?;
            this.written = this.written.and(&ours[..written]);
            return Poll::Ready(Ok(written));
        };
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
    use proptest::prelude::*;

    use super::*;

    const DATE: &str = "date: Thu, 15 Jan 2026 10:30:00 GMT\r\n\r\n";
    const LINE: &str = "HTTP/1.1 400 Bad Request\r\n";

    fn refused() -> String {
        format!("{LINE}content-length: 0\r\nconnection: close\r\n{DATE}")
    }

    fn answer(body: &str) -> String {
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nx-request-id: req_1\r\n{DATE}{body}", body.len())
    }

    #[test]
    fn only_an_answer_of_the_frameworks_own_is_replaced() {
        assert_eq!(bare(refused().as_bytes()), Some(400));
        for other in [
            format!("{LINE}content-length: 0\r\nx-request-id: req_1\r\n{DATE}"),
            format!("{LINE}content-length: 2\r\n{DATE}{{}}"),
            format!("{LINE}content-length: 2\r\n\r\n\r\n\r\n"),
            format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n{DATE}"),
            format!("x{LINE}content-length: 0\r\n{DATE}"),
        ] {
            assert_eq!(bare(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn it_is_found_behind_whole_answers_and_never_in_a_body() {
        let found = |bytes: &str| Written::default().refusal(bytes.as_bytes());
        let chunks = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n{DATE}5\r\nhello\r\n0\r\n\r\n");
        let none = format!("HTTP/1.1 204 No Content\r\n{DATE}");
        let known = format!("HTTP/1.1 304 Not Modified\r\ncontent-length: 700\r\n{DATE}");
        let head = answer("x").trim_end_matches('x').to_owned();
        for before in [String::new(), answer("{}"), answer("{}").repeat(3), answer(""), chunks, none, known, head] {
            assert_eq!(found(&format!("{before}{}", refused())), Some((before.len(), 400)), "{before}");
            assert_eq!(found(&before), None, "{before}");
        }
        // A file of just that.
        assert_eq!(found(&answer(&refused())), None);
        assert_eq!(found(&answer(&format!("{}{}", answer("x"), refused()))), None);
        let twice = format!("{}{}", answer(&refused()), refused());
        assert_eq!(found(&twice), Some((answer(&refused()).len(), 400)));
        // In the midst of a longer one.
        let begun = format!("HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n{DATE}begin");
        let written = Written::default().and(begun.as_bytes());
        assert_eq!((written.left, written.refusal(refused().as_bytes())), (8995, None));
        let rest = "x".repeat(8995);
        assert_eq!(written.refusal(format!("{rest}{}", refused()).as_bytes()), Some((8995, 400)));
        assert_eq!(written.and(rest.as_bytes()).refusal(refused().as_bytes()), Some((0, 400)));
        // The answer to `HEAD` says how long the one to `GET` is.
        let head = Written::default().and(b"HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n");
        assert_eq!(head.refusal(refused().as_bytes()), Some((0, 400)));
        assert_eq!(head.and(answer("{}").as_bytes()), Written::default());
    }

    proptest! {
        #[test]
        fn any_answers_are_followed_in_any_pieces(
            bodies in prop::collection::vec("[a-z\r\n]{0,40}", 1..6), cuts in prop::collection::vec(1_usize..200, 1..12)
        ) {
            let all: String = bodies.iter().map(|body| answer(body)).collect();
            let mut written = Written::default();
            // A write takes a head as a whole, and of a body what it takes.
            for body in &bodies {
                let one = answer(body);
                let head = one.len() - body.len();
                written = written.and(&one.as_bytes()[..head]);
                let mut rest = &one.as_bytes()[head..];
                for cut in &cuts {
                    let some = rest.len().min(*cut);
                    written = written.and(&rest[..some]);
                    rest = &rest[some..];
                }
                written = written.and(rest);
            }
            prop_assert_eq!(written, Written::default());
            prop_assert_eq!(Written::default().and(all.as_bytes()), Written::default());
            let ended = format!("{all}{}", refused());
            prop_assert_eq!(Written::default().refusal(ended.as_bytes()), Some((all.len(), 400)));
        }

        #[test]
        fn nothing_makes_it_fall(bytes in prop::collection::vec(any::<u8>(), 0..300), left in any::<u64>(), untouched: bool) {
            for start in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\n"] {
                let bytes = [start, &bytes, END].concat();
                Written { left, untouched }.refusal(&bytes);
                Written { left, untouched }.and(&bytes);
            }
        }
    }
}
