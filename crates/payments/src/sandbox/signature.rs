//! Signatures: `t=<epoch seconds>,n=<nonce>,v1=<hex HMAC-SHA256 over "t.n.body">`.

use chrono::{DateTime, Duration, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::config::SandboxSecret;

/// The header that carries the signature.
pub const SIGNATURE_HEADER: &str = "x-sandbox-signature";

/// How far the time in a signature may be from now. Each delivery is signed anew, so
/// this bounds replays, not how late a notification may come.
pub const TOLERANCE: Duration = Duration::minutes(5);

fn mac(secret: &SandboxSecret, timestamp: i64, nonce: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{timestamp}.{nonce}.").as_bytes());
    mac.update(body);
    mac
}

/// The header's value for `body`, sent at `now`.
pub(super) fn sign(secret: &SandboxSecret, now: DateTime<Utc>, nonce: &str, body: &[u8]) -> String {
    let timestamp = now.timestamp();
    let signature = hex::encode(mac(secret, timestamp, nonce, body).finalize().into_bytes());
    format!("t={timestamp},n={nonce},v1={signature}")
}

/// Whether `header` was made with the secret for `body`, not long before or after `now`.
pub(super) fn verify(secret: &SandboxSecret, now: DateTime<Utc>, header: &str, body: &[u8]) -> bool {
    let part = |name: &str| header.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
    let (Some(timestamp), Some(nonce), Some(signature)) = (part("t"), part("n"), part("v1")) else { return false };
    let (Ok(timestamp), Ok(signature)) = (timestamp.parse::<i64>(), hex::decode(signature)) else { return false };
    let is_near = now.timestamp().checked_sub(timestamp).is_some_and(|age| age.abs() <= TOLERANCE.num_seconds());
    // `verify_slice` compares in constant time.
    is_near && mac(secret, timestamp, nonce, body).verify_slice(&signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SandboxSecret {
        SandboxSecret::try_new(text.repeat(32).into()).unwrap()
    }

    #[test]
    fn only_the_holder_of_the_secret_signs() {
        let now = DateTime::UNIX_EPOCH + Duration::days(20_000);
        let header = sign(&secret("a"), now, "nonce", b"body");
        assert!(verify(&secret("a"), now, &header, b"body"));
        assert!(!verify(&secret("b"), now, &header, b"body"));
        assert!(!verify(&secret("a"), now, &header, b"other body"));
        assert!(!verify(&secret("a"), now, &header.replace("nonce", "other"), b"body"));
    }

    #[test]
    fn a_signature_is_good_for_a_while() {
        let now = DateTime::UNIX_EPOCH + Duration::days(20_000);
        let header = sign(&secret("a"), now, "nonce", b"body");
        let at = |seconds| verify(&secret("a"), now + Duration::seconds(seconds), &header, b"body");
        assert!(at(300) && at(-300));
        assert!(!at(301) && !at(-301));
        let moved = header.replace(&now.timestamp().to_string(), &(now.timestamp() + 60).to_string());
        assert!(!verify(&secret("a"), now, &moved, b"body"));
    }

    #[test]
    fn broken_headers_are_refused() {
        let now = DateTime::UNIX_EPOCH;
        let overflow = format!("t={},n=x,v1=00", i64::MIN);
        for header in ["", "t=0", "t=x,n=y,v1=00", "t=0,n=y,v1=zz", "v1=,t=,n=", "t=0,n=y,v1=", overflow.as_str()] {
            assert!(!verify(&secret("a"), now, header, b""), "{header}");
        }
    }
}
