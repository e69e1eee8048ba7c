//! What every request carries: its id, its language, where it comes from.

use std::net::IpAddr;
use std::pin::Pin;

use actix_web::dev::{Payload, RequestHead};
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use chrono::{DateTime, SecondsFormat, Utc};
use ipnet::IpNet;
use serde_json::{Value, json};
use sharestack_kernel::origin::Origin;
use sharestack_users::model::Client;
use uuid::Uuid;

use super::error::ApiError;
use super::extract::actor;
use super::language::Language;

/// Written once by the outermost middleware; an extractor everywhere else.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// `req_` and 26 characters that sort by time, or what the client sent.
    pub request_id: String,
    pub language: Language,
    /// Whether the client asked for it; else it may be the one that its user has set.
    pub asked_language: bool,
    /// The client's address, behind trusted hops.
    pub client_ip: IpAddr,
    /// The address again, and what the client's program calls itself.
    pub client: Client,
    /// When the request came.
    pub received_at: DateTime<Utc>,
}

/// Left with a request that asked for the headers alone (`HEAD`): it is answered as a `GET`.
#[derive(Debug, Clone, Copy)]
pub struct HeadersOnly;

/// Whether only the headers of an answer are asked for.
pub fn asks_headers(request: &HttpRequest) -> bool {
    request.extensions().contains::<HeadersOnly>()
}

impl RequestContext {
    /// The `meta` block of every answer.
    pub fn meta(&self) -> Value {
        json!({ "timestamp": timestamp(self.received_at), "request_id": self.request_id })
    }

    /// Where the request comes from, for the events that it causes.
    pub fn origin(&self) -> Origin {
        Origin {
            ip: self.client.ip.clone(),
            user_agent: self.client.user_agent.clone(),
            request_id: Some(self.request_id.clone()),
        }
    }
}

impl FromRequest for RequestContext {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            // Who asks may have set the language; that they may not ask is told by another extractor.
            if !of(&request)?.asked_language {
                drop(actor(&request).await);
            }
            of(&request)
        })
    }
}

/// The context of a request.
pub fn of(request: &HttpRequest) -> Result<RequestContext, ApiError> {
    request.extensions().get::<RequestContext>().cloned().ok_or_else(|| ApiError::internal("request without context"))
}

/// RFC 3339 in UTC, with a `Z`.
pub fn timestamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// The client's request id when it is 1 to 64 of `[A-Za-z0-9_-]`, else a new one.
pub fn request_id(headers: &HeaderMap, fresh: Uuid) -> String {
    let sent = headers.get("x-request-id").and_then(|value| value.to_str().ok());
    let valid = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    sent.filter(valid).map_or_else(|| format!("req_{}", crockford(fresh)), str::to_owned)
}

/// A UUID as 26 characters that sort as it does (Crockford's base 32, as ULID writes it).
fn crockford(id: Uuid) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let value = id.as_u128();
    (0..26)
        .rev()
        .map(|group| {
            let index = usize::try_from((value >> (group * 5)) & 31).unwrap_or_default();
            char::from(ALPHABET[index])
        })
        .collect()
}

/// The last address of the chain that is not a trusted hop. Only a trusted peer's
/// `X-Forwarded-For` is read, from its right end.
pub fn client_ip(head: &RequestHead, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(&address.to_canonical()));
    let peer = head.peer_addr.map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.ip().to_canonical());
    if !is_trusted(peer) {
        return peer;
    }
    let mut nearest = peer;
    let hops: Vec<&str> = head
        .headers()
        .get_all(header::HeaderName::from_static("x-forwarded-for"))
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for hop in hops.into_iter().rev() {
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        nearest = address.to_canonical();
        if !is_trusted(nearest) {
            break;
        }
    }
    nearest
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_fresh_id_has_26_characters_and_sorts_by_time() {
        let early = crockford(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000));
        let late = crockford(Uuid::from_u128(0x0190_0000_0001_7000_8000_0000_0000_0000));
        assert_eq!(early.len(), 26);
        assert!(early < late);
    }

    #[test]
    fn only_a_well_formed_id_of_the_client_is_kept() {
        let id = |sent: &str| {
            let request = TestRequest::default().insert_header(("x-request-id", sent)).to_http_request();
            request_id(request.headers(), Uuid::nil())
        };
        assert_eq!(id("abc_-9"), "abc_-9");
        for bad in ["", "a b", "<script>", &"x".repeat(65)] {
            assert!(id(bad).starts_with("req_"), "{bad}");
        }
    }

    #[test]
    fn the_address_comes_only_from_trusted_hops() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let ip = |peer: &str, forwarded: &str| {
            let request = TestRequest::default()
                .peer_addr(peer.parse().unwrap())
                .insert_header(("x-forwarded-for", forwarded))
                .to_http_request();
            client_ip(request.head(), &trusted).to_string()
        };
        assert_eq!(ip("203.0.113.9:1", "198.51.100.1"), "203.0.113.9");
        assert_eq!(ip("10.0.0.1:1", "198.51.100.1"), "198.51.100.1");
        assert_eq!(ip("10.0.0.1:1", "1.2.3.4, 198.51.100.1, 10.0.0.2"), "198.51.100.1");
        assert_eq!(ip("10.0.0.1:1", "nonsense"), "10.0.0.1");
    }
}
