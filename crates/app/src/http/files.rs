//! Bytes of files as answers: whole, in part, or not at all when the caller has them.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, EntityTag, HeaderMap};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use sharestack_kernel::blob::{Blob, BlobKey};

use super::context::asks_headers;
use super::error::ApiError;

/// What is answered.
pub struct FileAnswer<'a> {
    /// Where the bytes lie.
    pub key: &'a BlobKey,
    /// How many they are.
    pub size: u64,
    /// What they are.
    pub mime_type: &'a str,
    /// What stands for just these bytes.
    pub etag: String,
    /// Who may keep them, and how long.
    pub cache_control: &'static str,
    /// The name under which they are to be saved; `None` when they are to be shown.
    pub save_as: Option<&'a str>,
}

impl FileAnswer<'_> {
    fn tag(&self) -> EntityTag {
        EntityTag::new_strong(self.etag.clone())
    }
}

/// What of a file somebody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// From one byte to before another.
    Bytes(u64, u64),
    /// What it does not have.
    Beyond,
}

impl Part {
    /// Reads `Range` for a file of `size` bytes. What is malformed, in another unit, or asks
    /// for several parts is as if it were not there (RFC 9110 §14.2).
    pub fn parse(range: &str, size: u64) -> Self {
        let numbers = range.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-'));
        let Some((first, last)) = numbers else { return Self::Whole };
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            // More digits than a number has are more than any file has.
            digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
        };
        match (number(first), number(last), first.is_empty(), last.is_empty()) {
            (Some(first), Some(last), ..) if first <= last && first < size => {
                Self::Bytes(first, last.saturating_add(1).min(size))
            }
            (Some(first), None, _, true) if first < size => Self::Bytes(first, size),
            (Some(first), Some(last), ..) if first > last => Self::Whole,
            (None, Some(last), true, _) if last > 0 && size > 0 => Self::Bytes(size.saturating_sub(last), size),
            (Some(_), Some(_), ..) | (Some(_), None, _, true) | (None, Some(_), true, _) => Self::Beyond,
            _ => Self::Whole,
        }
    }

    /// What a request asks for of a file with this tag.
    pub fn of(headers: &HeaderMap, etag: &EntityTag, size: u64) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let Some(range) = text(header::RANGE) else { return Self::Whole };
        // A part of another file than the caller began with is of no use. A time is never
        // equal: the tag is what is given out.
        let same = text(header::IF_RANGE)
            .is_none_or(|known| known.trim().parse::<EntityTag>().is_ok_and(|known| known.strong_eq(etag)));
        if same { Self::parse(range, size) } else { Self::Whole }
    }
}

/// Whether `If-None-Match` names the tag.
fn knows(headers: &HeaderMap, etag: &EntityTag) -> bool {
    let Some(value) = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()) else { return false };
    value.trim() == "*"
        || value.split(',').filter_map(|tag| tag.trim().parse::<EntityTag>().ok()).any(|tag| tag.weak_eq(etag))
}

/// Whether the answer has the beginning of the file in it: all of it, or a part from its first
/// byte on.
pub fn begins(request: &HttpRequest, file: &FileAnswer<'_>) -> bool {
    let tag = file.tag();
    let part = Part::of(request.headers(), &tag, file.size);
    !asks_headers(request) && !knows(request.headers(), &tag) && matches!(part, Part::Whole | Part::Bytes(0, _))
}

/// `Content-Disposition` for any name: plain letters for old programs, all of it for the
/// others (RFC 6266), and nothing that ends the header or leaves the directory.
pub fn attachment(name: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control() && !is_invisible(*c)).collect();
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default().trim().trim_start_matches('.').trim();
    let name = if name.is_empty() { "file" } else { name };
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ' ' | '(' | ')') { c } else { '_' })
        .collect();
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-') {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&hex::encode_upper([byte]));
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

/// Marks that turn the direction of a text or take no room: a name looks another by them.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Answers with a file's bytes, streamed; who asks for the headers alone costs no byte of them.
///
/// # Errors
/// When the store of files fails, and 404 when it has no such file.
pub async fn answer(request: &HttpRequest, blobs: &dyn Blob, file: &FileAnswer<'_>) -> Result<HttpResponse, ApiError> {
    let tag = file.tag();
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::ETAG, tag.clone()))
        .insert_header((header::CACHE_CONTROL, file.cache_control))
        .insert_header((header::ACCEPT_RANGES, "bytes"));
    if knows(request.headers(), &tag) {
        return Ok(response.status(StatusCode::NOT_MODIFIED).finish());
    }
    response.insert_header((header::CONTENT_TYPE, file.mime_type));
    if let Some(name) = file.save_as {
        response.insert_header((header::CONTENT_DISPOSITION, attachment(name)));
    }
    let part = Part::of(request.headers(), &tag, file.size);
    let only_headers = asks_headers(request);
    let (stream, length) = match part {
        Part::Beyond => {
            response.insert_header((header::CONTENT_RANGE, format!("bytes */{}", file.size)));
            return Ok(response.status(StatusCode::RANGE_NOT_SATISFIABLE).finish());
        }
        Part::Whole if only_headers => (Some(stream::empty().boxed()), file.size),
        Part::Whole => (blobs.get(file.key).await?, file.size),
        Part::Bytes(first, end) => {
            response.status(StatusCode::PARTIAL_CONTENT);
            let range = format!("bytes {first}-{}/{}", end - 1, file.size);
            response.insert_header((header::CONTENT_RANGE, range));
            let part = if only_headers {
                Some(stream::empty().boxed())
            } else {
                blobs.get_range(file.key, first..end).await?
            };
            (part, end - first)
        }
    };
    let stream = stream.ok_or_else(|| ApiError::not_found("file", serde_json::Value::Null))?;
    let stream = stream.map_err(|error| Box::new(error) as Box<dyn std::error::Error>);
    Ok(response.body(SizedStream::new(length, stream)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        for (range, expected) in [
            ("bytes=0-0", Part::Bytes(0, 1)),
            ("bytes=0-", Part::Bytes(0, 100)),
            ("bytes=10-19", Part::Bytes(10, 20)),
            ("bytes=90-200", Part::Bytes(90, 100)),
            ("bytes=-10", Part::Bytes(90, 100)),
            ("bytes=-1000", Part::Bytes(0, 100)),
            ("bytes=99999999999999999999-", Part::Beyond),
            ("bytes=100-", Part::Beyond),
            ("bytes=-0", Part::Beyond),
            ("bytes=5-1", Part::Whole),
            ("bytes=0-1,5-6", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("items=0-1", Part::Whole),
            ("bytes=0 - 1", Part::Whole),
            ("bytes=+0-1", Part::Whole),
            ("bytes 0-1", Part::Whole),
            ("", Part::Whole),
        ] {
            assert_eq!(Part::parse(range, 100), expected, "{range}");
        }
        assert_eq!(Part::parse("bytes=0-", 0), Part::Beyond);
        assert_eq!(Part::parse("bytes=-5", 0), Part::Beyond);
    }

    #[test]
    fn a_name_neither_ends_the_header_nor_leaves_the_directory() {
        assert_eq!(attachment("DSC_0001.jpg"), "attachment; filename=\"DSC_0001.jpg\"; filename*=UTF-8''DSC_0001.jpg");
        assert!(attachment("夜.jpg").ends_with("filename*=UTF-8''%E5%A4%9C.jpg"));
        for name in
            ["../../etc/passwd", "a\r\nSet-Cookie: x=y", "\"; evil=\"", "\u{202e}gpj.exe", "a\0b", "", "...", "🎉"]
        {
            let header = attachment(name);
            assert!(header::HeaderValue::from_str(&header).is_ok(), "{header}");
            assert_eq!(header.matches('"').count(), 2, "{header}");
            assert!(!header.contains("..") && !header.contains('/') && !header.contains('\\'), "{header}");
            assert!(!header.contains("%E2%80%AE") && !header.contains("%00"), "{header}");
        }
    }

    proptest! {
        #[test]
        fn a_range_lies_within_the_file(range in "(bytes=)?[-0-9, a]{0,24}", size in 0..5000_u64) {
            if let Part::Bytes(first, end) = Part::parse(&range, size) {
                prop_assert!(first < end && end <= size);
            }
        }

        #[test]
        fn a_range_is_what_its_numbers_say(
            first in prop::option::of(0_u64..6000), last in prop::option::of(0_u64..6000), size in 0_u64..5000, zeros in 0_usize..30
        ) {
            let text = |number: Option<u64>| number.map(|number| format!("{}{number}", "0".repeat(zeros))).unwrap_or_default();
            let expected = match (first, last) {
                (None, None) => Part::Whole,
                (Some(first), Some(last)) if first > last => Part::Whole,
                (Some(first), _) if first >= size => Part::Beyond,
                (Some(first), last) => Part::Bytes(first, last.map_or(size, |last| (last + 1).min(size))),
                (None, Some(last)) if last == 0 || size == 0 => Part::Beyond,
                (None, Some(last)) => Part::Bytes(size.saturating_sub(last), size),
            };
            prop_assert_eq!(Part::parse(&format!("bytes={}-{}", text(first), text(last)), size), expected);
        }

        #[test]
        fn nothing_else_is_a_range(text in "(bytes=)?[-+0-9,. a]{0,12}|[ -~]{0,40}", size in 0_u64..5000) {
            if Part::parse(&text, size) != Part::Whole {
                let numbers = text.trim().strip_prefix("bytes=").unwrap_or("none");
                let (first, last) = numbers.split_once('-').unwrap_or(("none", ""));
                prop_assert!([first, last].concat().bytes().all(|byte| byte.is_ascii_digit()), "{text}");
            }
        }

        #[test]
        fn numbers_without_end_are_read(first in "[0-9]{0,60}", last in "[0-9]{0,60}", size: u64) {
            if let Part::Bytes(first, end) = Part::parse(&format!("bytes={first}-{last}"), size) {
                prop_assert!(first < end && end <= size);
            }
        }

        #[test]
        fn any_name_is_a_header(name in "\\PC{0,60}") {
            prop_assert!(header::HeaderValue::from_str(&attachment(&name)).is_ok());
        }
    }
}
