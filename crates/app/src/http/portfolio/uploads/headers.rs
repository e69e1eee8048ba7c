//! What headers say of a content: checksums, and the headers of tus.

use actix_web::http::header::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sharestack_content::service::{Algorithm, Checksum};
use sharestack_kernel::field::{FieldErrors, Issue};

/// How long the metadata of an upload may be.
const MAX_METADATA: usize = 8 * 1024;

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, FieldErrors> {
    lines(headers, name).next().transpose()
}

/// Every line of a header that may stand in several.
fn lines<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = Result<&'a str, FieldErrors>> {
    headers.get_all(name).map(move |value| value.to_str().map(str::trim).map_err(|_| malformed(name)))
}

fn malformed(name: &str) -> FieldErrors {
    FieldErrors::of(name, Issue::InvalidFormat)
}

/// Every checksum that `Content-MD5`, `Digest`, `Content-Digest` and `Repr-Digest` give, in all their lines.
/// Algorithms that are not known are left aside, as the standards want.
pub(super) fn checksums(headers: &HeaderMap) -> Result<Vec<Checksum>, FieldErrors> {
    let mut found = Vec::new();
    for value in lines(headers, "Content-MD5") {
        found.push(checksum(Algorithm::Md5, value?).ok_or_else(|| malformed("Content-MD5"))?);
    }
    for name in ["Digest", "Content-Digest", "Repr-Digest"] {
        for value in lines(headers, name) {
            found.extend(digests(value?, name != "Digest").ok_or_else(|| malformed(name))?);
        }
    }
    Ok(found)
}

fn checksum(algorithm: Algorithm, value: &str) -> Option<Checksum> {
    Checksum::new(algorithm, STANDARD.decode(value).ok()?)
}

/// `sha-256=<base64>, …`, with colons around the value where it is a structured field.
fn digests(value: &str, structured: bool) -> Option<Vec<Checksum>> {
    let mut found = Vec::new();
    for item in value.split(',') {
        let (name, value) = item.trim().split_once('=')?;
        let value = if structured { value.strip_prefix(':')?.strip_suffix(':')? } else { value };
        if let Some(algorithm) = Algorithm::parse(name) {
            found.push(checksum(algorithm, value)?);
        }
    }
    Some(found)
}

/// `Upload-Checksum`: an algorithm, a blank, base64.
pub(super) fn upload_checksum(headers: &HeaderMap) -> Result<Option<Checksum>, FieldErrors> {
    const NAME: &str = "Upload-Checksum";
    let Some(value) = text(headers, NAME)? else { return Ok(None) };
    let (name, value) = value.split_once(' ').ok_or_else(|| malformed(NAME))?;
    let allowed = || Issue::not_allowed(Algorithm::ALL.map(Algorithm::as_str));
    let algorithm = Algorithm::ALL.into_iter().find(|known| known.as_str() == name);
    let algorithm = algorithm.ok_or_else(|| FieldErrors::of(NAME, allowed()))?;
    checksum(algorithm, value).map(Some).ok_or_else(|| malformed(NAME))
}

/// A number of bytes.
pub(super) fn bytes(headers: &HeaderMap, name: &str) -> Result<u64, FieldErrors> {
    let value = text(headers, name)?.ok_or_else(|| FieldErrors::of(name, Issue::Required))?;
    let plain = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let number = value.parse::<u64>().ok().filter(|number| plain && i64::try_from(*number).is_ok());
    number.ok_or_else(|| malformed(name))
}

/// What a tus client says of its file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    pub filename: Option<String>,
    pub filetype: Option<String>,
    /// The header itself.
    pub raw: Option<String>,
}

/// `Upload-Metadata`: keys with values in base64, with commas between them.
pub(super) fn metadata(headers: &HeaderMap) -> Result<Metadata, FieldErrors> {
    const NAME: &str = "Upload-Metadata";
    let Some(value) = text(headers, NAME)? else { return Ok(Metadata::default()) };
    if value.len() > MAX_METADATA {
        return Err(FieldErrors::of(NAME, Issue::TooLong { max: MAX_METADATA }));
    }
    let pairs = pairs(value).ok_or_else(|| malformed(NAME))?;
    let find = |names: [&str; 2]| {
        let value = names.iter().find_map(|name| pairs.iter().find(|(key, _)| key == name));
        value.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    };
    let filetype = find(["filetype", "type"]);
    // A name is cleaned of these; a type that has any is none.
    if filetype.as_deref().is_some_and(|kind| kind.contains(char::is_control)) {
        return Err(malformed(NAME));
    }
    Ok(Metadata {
        filename: find(["filename", "name"]),
        filetype: filetype.filter(|kind| kind.chars().count() <= 128),
        raw: Some(value.to_owned()),
    })
}

fn pairs(value: &str) -> Option<Vec<(&str, Vec<u8>)>> {
    let mut pairs: Vec<(&str, Vec<u8>)> = Vec::new();
    for pair in value.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        if pairs.iter().any(|(known, _)| *known == key) {
            return None;
        }
        pairs.push((key, STANDARD.decode(value.trim()).ok()?));
    }
    Some(pairs)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    fn with(name: &str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let name: HeaderName = name.parse().unwrap();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        headers
    }

    const SHA: &str = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";

    #[test]
    fn checksums_come_in_four_headers() {
        let md5 = Checksum::new(Algorithm::Md5, STANDARD.decode("kAFQmDzST7DWlj99KOF/cg==").unwrap());
        let sha = Checksum::new(Algorithm::Sha256, STANDARD.decode(SHA).unwrap());
        assert_eq!(checksums(&HeaderMap::new()).unwrap(), []);
        assert_eq!(checksums(&with("content-md5", "kAFQmDzST7DWlj99KOF/cg==")).unwrap(), [md5.unwrap()]);
        for (name, value) in [
            ("digest", format!("SHA-256={SHA}")),
            ("digest", format!("unixsum=30637, sha-256={SHA}")),
            ("repr-digest", format!("sha-256=:{SHA}:")),
            ("content-digest", format!("sha-256=:{SHA}:, unknown=:AAAA:")),
        ] {
            assert_eq!(checksums(&with(name, &value)).unwrap(), [sha.clone().unwrap()], "{name}: {value}");
        }
        for (name, value) in [
            ("content-md5", "x"),
            ("content-md5", SHA),
            ("digest", "sha-256"),
            ("digest", ""),
            ("repr-digest", &*format!("sha-256={SHA}")),
        ] {
            assert!(checksums(&with(name, value)).is_err(), "{name}: {value}");
        }
    }

    #[test]
    fn a_checksum_in_another_line_of_its_header_counts() {
        let other = STANDARD.encode([7; 32]);
        for (name, first, second) in [
            ("digest", format!("sha-256={SHA}"), format!("sha-256={other}")),
            ("content-digest", format!("sha-256=:{SHA}:"), format!("sha-256=:{other}:")),
            ("repr-digest", "unknown=:AAAA:".to_owned(), format!("sha-256=:{SHA}:, sha-256=:{other}:")),
            ("content-md5", STANDARD.encode([1; 16]), STANDARD.encode([2; 16])),
        ] {
            let mut headers = with(name, &first);
            headers.append(name.parse().unwrap(), HeaderValue::from_str(&second).unwrap());
            let found = checksums(&headers).unwrap();
            assert_eq!(found.len(), 2, "{name}");
            assert_ne!(found[0], found[1], "{name}");
            headers.append(name.parse().unwrap(), HeaderValue::from_static("x"));
            assert!(checksums(&headers).is_err(), "{name}");
        }
    }

    #[test]
    fn tus_headers_are_read_strictly() {
        assert_eq!(bytes(&with("upload-offset", "42"), "Upload-Offset"), Ok(42));
        for wrong in ["", "-1", "+1", "1.5", "0x1", "9223372036854775808", "99999999999999999999999"] {
            assert!(bytes(&with("upload-offset", wrong), "Upload-Offset").is_err(), "{wrong}");
        }
        let header = "filename 5Z+O5biCLmpwZw==,filetype aW1hZ2UvanBlZw==,empty";
        let read = metadata(&with("upload-metadata", header)).unwrap();
        assert_eq!(read.filename.as_deref(), Some("城市.jpg"));
        assert_eq!((read.filetype.as_deref(), read.raw.as_deref()), (Some("image/jpeg"), Some(header)));
        let with_nul = format!("filetype {}", STANDARD.encode("image/jpeg\0"));
        for wrong in ["a AA==,a AA==", "a !!!", "type AA==", &*with_nul, &*"k ".repeat(5000)] {
            assert!(metadata(&with("upload-metadata", wrong)).is_err(), "{wrong}");
        }
        assert!(upload_checksum(&with("upload-checksum", &format!("sha256 {SHA}"))).unwrap().is_some());
        for wrong in ["sha256", "crc32 AAAA", &*format!("sha1 {SHA}"), "sha256 x"] {
            assert!(upload_checksum(&with("upload-checksum", wrong)).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_read_or_refused(value in "[ -~]{0,80}", base in "[A-Za-z0-9+/=, :]{0,60}") {
            for name in ["upload-metadata", "upload-checksum", "upload-offset", "digest", "repr-digest", "content-md5"] {
                for value in [&value, &base, &format!("sha-256=:{base}:"), &format!("sha1 {base}")] {
                    let headers = with(name, value);
                    let _ = (metadata(&headers), upload_checksum(&headers), checksums(&headers));
                    if let Ok(number) = bytes(&headers, name) {
                        prop_assert!(i64::try_from(number).is_ok());
                    }
                }
            }
        }

        #[test]
        fn a_number_of_bytes_is_just_its_digits(number: u64, around in "[ \t]{0,2}", sign in "[-+]?", after in "[.0-9a-f_ ]{0,3}") {
            let header = format!("{around}{sign}{number}{after}");
            let digits = header.trim();
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            let expected = digits.parse::<i64>().ok().filter(|_| plain).and_then(|number| u64::try_from(number).ok());
            prop_assert_eq!(bytes(&with("upload-length", &header), "Upload-Length").ok(), expected);
        }

        #[test]
        fn a_checksum_has_the_length_of_its_algorithm(
            algorithm in prop::sample::select(&Algorithm::ALL[..]), digest in prop::collection::vec(any::<u8>(), 0..80)
        ) {
            let encoded = STANDARD.encode(&digest);
            let length = match algorithm.as_str() {
                "md5" => 16,
                "sha1" => 20,
                "sha256" => 32,
                _ => 64,
            };
            let read = upload_checksum(&with("upload-checksum", &format!("{} {encoded}", algorithm.as_str())));
            prop_assert_eq!(read.is_ok(), digest.len() == length);
            // Without its end, or with more behind it, it is none.
            for wrong in [encoded.get(..encoded.len().saturating_sub(1)).unwrap_or_default().to_owned(), format!("{encoded}AAAA")] {
                let read = upload_checksum(&with("upload-checksum", &format!("sha256 {wrong}")));
                prop_assert!(read.is_err() || STANDARD.decode(&wrong).is_ok_and(|digest| digest.len() == 32));
            }
        }

        #[test]
        fn what_is_taken_of_metadata_was_said(header in "([a-z]{0,8} ?[A-Za-z0-9+/=]{0,12},?){0,6}") {
            if let Ok(read) = metadata(&with("upload-metadata", &header)) {
                let pairs: Vec<_> = header.split(',').map(str::trim).filter(|pair| !pair.is_empty()).collect();
                let mut keys: Vec<_> = pairs.iter().map(|pair| pair.split(' ').next().unwrap()).collect();
                keys.sort_unstable();
                prop_assert!(keys.windows(2).all(|pair| pair[0] != pair[1]), "twice in {header}");
                for pair in pairs {
                    let value = pair.split_once(' ').map_or("", |(_, value)| value.trim());
                    prop_assert!(STANDARD.decode(value).is_ok(), "{value}");
                }
                prop_assert!(read.filename.is_none() || header.contains("name"));
                prop_assert_eq!(read.raw.as_deref(), Some(header.trim()));
            }
        }

        #[test]
        fn metadata_reads_back(name in any::<String>(), kind in r"[a-z]{1,20}/[a-z]{1,20}|.{0,140}|[\x00-\x7f]{0,8}") {
            let header = format!("filename {},filetype {}", STANDARD.encode(&name), STANDARD.encode(&kind));
            prop_assume!(header.len() <= MAX_METADATA);
            let read = metadata(&with("upload-metadata", &header)).ok().map(|read| (read.filename, read.filetype));
            // What the store could not hold is refused; what is too long to be a type is left aside.
            let plain = !kind.chars().any(char::is_control);
            let short = kind.chars().count() <= 128;
            prop_assert_eq!(read, plain.then_some((Some(name), Some(kind).filter(|_| short))));
        }
    }
}
