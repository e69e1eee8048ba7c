use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use http::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HOST};
use http::request::Parts;
use http::{Request, StatusCode};
use hyper::body::Incoming;
use reqwest::Url;
use s3s::{Body, HttpResponse};
use sha1::Sha1;
use sharestack_kernel::clock::{Clock as _, SystemClock};

use super::server::Bucket;

/// The bucket that an [`OssServer`] has. OSS reads a bucket's name before the host's, and nobody
/// resolves names of hosts to a test: both together are the address of this machine.
pub const OSS_BUCKET: &str = "127";
const HOST_BEHIND_BUCKET: &str = "0.0.1";
/// Who may use it.
pub const OSS_ACCESS_KEY: &str = "writer";
/// And by what proof.
pub const OSS_SECRET_KEY: &str = "oss-secret";

/// What of a query is signed: the parts of OSS's list that its operations on objects have.
const SIGNED: [&str; 14] = [
    "append",
    "continuation-token",
    "delete",
    "partNumber",
    "position",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "security-token",
    "uploadId",
    "uploads",
];
/// How far the clocks of both sides may be apart.
const SKEW: TimeDelta = TimeDelta::minutes(15);
/// How many objects a page of a list has when nobody says, and at the most.
const KEYS: (u32, u32) = (100, 1000);

type Query = Vec<(String, String)>;

/// An Aliyun OSS in this process, as its documentation says: its bucket is named by the host,
/// requests and addresses have signatures of version 1, which are checked. What it keeps, it keeps
/// as [`S3Server`](super::S3Server) does, whose answers are the same.
pub struct OssServer(Bucket);

impl OssServer {
    /// Starts one with an empty bucket.
    pub async fn start() -> Self {
        Self(Bucket::serve(OSS_BUCKET, None, admit).await)
    }

    /// Where it answers, once the bucket's name stands before the host's.
    pub fn endpoint(&self) -> String {
        format!("http://{HOST_BEHIND_BUCKET}:{}", self.0.address.port())
    }

    /// What its directory holds, unfinished parts among it.
    pub fn kept(&self) -> Vec<String> {
        self.0.kept()
    }
}

fn admit(request: Request<Incoming>) -> Result<Request<Incoming>, Box<HttpResponse>> {
    let (mut parts, body) = request.into_parts();
    let admitted = check(&parts, SystemClock.now()).and_then(|query| to_s3(&mut parts, query));
    admitted.map_err(|code| Box::new(refusal(code)))?;
    Ok(Request::from_parts(parts, body))
}

fn refusal(code: &str) -> HttpResponse {
    let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code></Error>");
    let mut answer = HttpResponse::new(Body::from(text));
    *answer.status_mut() = StatusCode::FORBIDDEN;
    answer.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/xml"));
    answer
}

/// The query of a request that was signed with the right secret and in time, or the code of the
/// error.
fn check(parts: &Parts, now: DateTime<Utc>) -> Result<Query, &'static str> {
    let query = query(parts);
    let said = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let (id, signature, date) = if let Some(proof) = header(parts, AUTHORIZATION.as_str()).strip_prefix("OSS ") {
        let date = header(parts, DATE.as_str());
        let at = DateTime::parse_from_rfc2822(date).map_err(|_| "AccessDenied")?;
        if (now - at.to_utc()).abs() > SKEW {
            return Err("RequestTimeTooSkewed");
        }
        let (id, signature) = proof.split_once(':').ok_or("InvalidArgument")?;
        (id, signature, date)
    } else {
        let expires = said("Expires").ok_or("AccessDenied")?;
        let end: i64 = expires.parse().map_err(|_| "AccessDenied")?;
        if end < now.timestamp() {
            return Err("AccessDenied");
        }
        (said("OSSAccessKeyId").unwrap_or_default(), said("Signature").unwrap_or_default(), expires)
    };
    if id != OSS_ACCESS_KEY {
        return Err("InvalidAccessKeyId");
    }
    if sign(OSS_SECRET_KEY, &to_sign(parts, &query, date)) != signature {
        return Err("SignatureDoesNotMatch");
    }
    Ok(query)
}

fn query(parts: &Parts) -> Query {
    let url = Url::parse(&format!("http://x{}", parts.uri)).expect("what follows a host is part of a URL");
    url.query_pairs().into_owned().collect()
}

fn header<'a>(parts: &'a Parts, name: &str) -> &'a str {
    parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// What comes before the first dot of the host.
fn bucket(parts: &Parts) -> &str {
    header(parts, HOST.as_str()).split('.').next().unwrap_or_default()
}

/// What is signed: the verb, three headers, OSS's own headers, and the object with what of the
/// query is part of it. `date` is when the request was made, or how long the address lives.
fn to_sign(parts: &Parts, query: &[(String, String)], date: &str) -> String {
    let own = parts.headers.keys().map(http::HeaderName::as_str).filter(|name| name.starts_with("x-oss-"));
    let mut own: Vec<String> = own.map(|name| format!("{name}:{}\n", header(parts, name))).collect();
    own.sort_unstable();
    let mut signed: Vec<_> = query.iter().filter(|(name, _)| SIGNED.contains(&name.as_str())).collect();
    signed.sort_unstable();
    let signed = signed.into_iter().map(|(name, value)| match value.as_str() {
        "" => name.clone(),
        value => format!("{name}={value}"),
    });
    let signed = signed.collect::<Vec<_>>().join("&");
    let lines = [parts.method.as_str(), header(parts, "content-md5"), header(parts, CONTENT_TYPE.as_str()), date];
    // Keys of blobs have no character that is escaped in a path.
    let object = format!("/{}{}", bucket(parts), parts.uri.path());
    let mark = if signed.is_empty() { "" } else { "?" };
    format!("{}\n{}{object}{mark}{signed}", lines.join("\n"), own.concat())
}

fn sign(secret: &str, text: &str) -> String {
    let mut mac = <Hmac<Sha1> as KeyInit>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Says the same to S3: the bucket in the path, the proof left out, and pages as long as OSS's.
fn to_s3(parts: &mut Parts, query: Query) -> Result<(), &'static str> {
    let mut url = Url::parse("http://x").expect("a URL");
    url.set_path(&format!("/{}{}", bucket(parts), parts.uri.path()));
    let lists = query.iter().any(|(name, _)| name == "list-type");
    let keys = query.iter().find(|(name, _)| name == "max-keys").map_or(Ok(KEYS.0), |(_, keys)| keys.parse());
    let keys = keys.ok().filter(|keys| (1..=KEYS.1).contains(keys)).ok_or("InvalidArgument")?;
    let proof = ["OSSAccessKeyId", "Expires", "Signature", "max-keys"];
    let query = query.into_iter().filter(|(name, _)| !proof.contains(&name.as_str()));
    url.query_pairs_mut().extend_pairs(query).extend_pairs(lists.then(|| ("max-keys", keys.to_string())));
    let target = match url.query() {
        Some(query) if !query.is_empty() => format!("{}?{query}", url.path()),
        _ => url.path().to_owned(),
    };
    parts.uri = target.parse().map_err(|_| "InvalidObjectName")?;
    parts.headers.remove(AUTHORIZATION);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(request: http::request::Builder) -> Parts {
        request.body(()).unwrap().into_parts().0
    }

    /// The secret of the examples in OSS's documentation.
    const DOCUMENTED: &str = "OtxrzxIsfpFjA7SwPzILwy8Bw21TLhquhboDYROV";

    #[test]
    fn a_request_is_signed_as_it_is_documented() {
        let date = "Thu, 17 Nov 2005 18:49:58 GMT";
        let request = Request::put("/nelson")
            .header("host", "oss-example.oss-cn-hangzhou.aliyuncs.com")
            .header("content-md5", "ODBGOERFMDMzQTczRUY3NUE3NzA5QzdFNUYzMDQxNEM=")
            .header("content-type", "text/html")
            .header("x-oss-meta-author", "foo@bar.com")
            .header("x-oss-magic", "abracadabra");
        let text = to_sign(&parts(request), &[], date);
        let expected = "PUT\nODBGOERFMDMzQTczRUY3NUE3NzA5QzdFNUYzMDQxNEM=\ntext/html\nThu, 17 Nov 2005 18:49:58 GMT\n\
                        x-oss-magic:abracadabra\nx-oss-meta-author:foo@bar.com\n/oss-example/nelson";
        assert_eq!(text, expected);
        assert_eq!(sign(DOCUMENTED, &text), "26NBxoKdsyly4EDv6inkoDft/yA=");
    }

    #[test]
    fn an_address_is_signed_as_it_is_documented() {
        let request = Request::get("/oss-api.pdf").header("host", "oss-example.oss-cn-hangzhou.aliyuncs.com");
        let text = to_sign(&parts(request), &[], "1141889120");
        assert_eq!(text, "GET\n\n\n1141889120\n/oss-example/oss-api.pdf");
        assert_eq!(sign(DOCUMENTED, &text), "EwaNTn1erJGkimiJ9WmXgwnANLc=");
    }

    #[test]
    fn what_of_a_query_names_the_resource_is_signed_in_order() {
        let request = Request::put("/a/b?uploadId=x%2Fy&max-keys=3&partNumber=2&uploads").header("host", "files.host");
        let parts = parts(request);
        let text = to_sign(&parts, &query(&parts), "date");
        assert_eq!(text, "PUT\n\n\ndate\n/files/a/b?partNumber=2&uploadId=x/y&uploads");
    }

    #[test]
    fn an_address_is_good_until_its_end_and_for_its_key() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let signature = sign(OSS_SECRET_KEY, "GET\n\n\n1800000000\n/127/x");
        let signature = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        let ask = |id: &str, now| {
            let uri = format!("/x?OSSAccessKeyId={id}&Expires=1800000000&Signature={signature}");
            check(&parts(Request::get(uri).header("host", "127.0.0.1:80")), now).map(drop)
        };
        assert_eq!(ask(OSS_ACCESS_KEY, now), Ok(()));
        assert_eq!(ask(OSS_ACCESS_KEY, now + TimeDelta::seconds(1)), Err("AccessDenied"));
        assert_eq!(ask("another", now), Err("InvalidAccessKeyId"));
    }

    #[test]
    fn a_request_of_another_hour_is_refused() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let ask = |apart: TimeDelta| {
            let date = (now + apart).to_rfc2822();
            let signature = sign(OSS_SECRET_KEY, &format!("GET\n\n\n{date}\n/127/x"));
            let request = Request::get("/x").header("host", "127.0.0.1:80").header("date", date);
            let request = request.header("authorization", format!("OSS {OSS_ACCESS_KEY}:{signature}"));
            check(&parts(request), now).map(drop)
        };
        assert_eq!(ask(TimeDelta::minutes(15)), Ok(()));
        assert_eq!(ask(TimeDelta::minutes(-16)), Err("RequestTimeTooSkewed"));
        assert_eq!(ask(TimeDelta::minutes(16)), Err("RequestTimeTooSkewed"));
    }
}
