use std::collections::BTreeSet;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretBox};
use sha2::{Digest, Sha256};
use sharestack_kernel::id::{SessionId, UserId};
use subtle::ConstantTimeEq;

use super::{ProviderName, TokenHash};

/// The longest address that a login goes back to.
const MAX_URI: usize = 2048;
/// The longest `state` of a client's own.
const MAX_CLIENT_STATE: usize = 512;

/// 32 unguessable bytes of a login that is under way: a state, a browser's mark, a
/// one-time code. Written as 64 hexadecimal digits, which every provider gives back.
#[derive(Debug)]
pub struct FlowSecret(SecretBox<[u8; 32]>);

impl FlowSecret {
    /// Wraps bytes that nobody can guess.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    /// Reads it; `None` when none looks so.
    pub fn parse(text: &str) -> Option<Self> {
        let valid = text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let bytes = hex::decode(text).ok().filter(|_| valid)?;
        Some(Self::new(bytes.try_into().ok()?))
    }

    /// The text.
    pub fn text(&self) -> String {
        hex::encode(self.0.expose_secret())
    }

    /// What a store keeps of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(self.0.expose_secret())
    }
}

/// What a login at a provider is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OAuthPurpose {
    /// To come in.
    Login,
    /// To link an identity to the account of who is signed in.
    Link {
        /// Whose account.
        user: UserId,
        /// The session that asked; it must still be open at the end.
        session: SessionId,
    },
}

/// Where a client gets its user back, and what it needs to know itself by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientTarget {
    /// An address of the allow-list.
    pub redirect_uri: RedirectUri,
    /// What the client gave to have back.
    pub state: Option<String>,
    /// What the one-time code is bound to.
    pub challenge: Option<CodeChallenge>,
}

/// A login that went to a provider and has not come back.
#[derive(Clone)]
pub struct OAuthState {
    /// What is kept of the state parameter: the key.
    pub hash: TokenHash,
    /// Where it went.
    pub provider: ProviderName,
    /// What it is for.
    pub purpose: OAuthPurpose,
    /// What the id token must repeat.
    pub nonce: String,
    /// What proves to the provider that the code comes back to who asked for it.
    pub verifier: String,
    /// What is kept of the browser's mark.
    pub browser: TokenHash,
    /// Where the user goes in the end; `None` when the answer itself is the end.
    pub target: Option<ClientTarget>,
    /// What is kept of the invitation that was brought along.
    pub invitation: Option<TokenHash>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// After this it is refused.
    pub expires_at: DateTime<Utc>,
}

impl fmt::Debug for OAuthState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthState")
            .field("provider", &self.provider)
            .field("purpose", &self.purpose)
            .finish_non_exhaustive()
    }
}

/// A code that a client exchanges for tokens, once and within a minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginCode {
    /// What is kept of it.
    pub hash: TokenHash,
    /// Who comes in by it.
    pub user_id: UserId,
    /// Who vouched for them.
    pub provider: ProviderName,
    /// What it is bound to.
    pub challenge: Option<CodeChallenge>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// After this it is refused.
    pub expires_at: DateTime<Utc>,
}

impl LoginCode {
    /// Whether the client is the one that began: it knows what the challenge was made of.
    /// A code without a challenge takes no verifier.
    pub fn fits(&self, verifier: Option<&str>) -> bool {
        match (&self.challenge, verifier) {
            (None, None) => true,
            (Some(challenge), Some(verifier)) => challenge.fits(verifier),
            _ => false,
        }
    }
}

/// A challenge of RFC 7636 with SHA-256, the only method there is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeChallenge(String);

impl CodeChallenge {
    /// Reads a challenge; `None` when it is no SHA-256 in base 64.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        (bytes.len() == 32).then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it was made of this verifier of 43 to 128 characters.
    pub fn fits(&self, verifier: &str) -> bool {
        let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        (43..=128).contains(&verifier.len()) && bool::from(digest.as_bytes().ct_eq(self.0.as_bytes()))
    }
}

/// An address that somebody may be sent back to: one of the allow-list, or what was kept
/// when it was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RedirectUri(String);

impl RedirectUri {
    /// Wraps an address that was allowed when it was kept.
    pub const fn kept(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address with more parameters.
    pub fn with(&self, parameters: &[(&str, &str)]) -> String {
        let mut text = self.0.clone();
        let mut sign = if text.contains('?') { '&' } else { '?' };
        for (name, value) in parameters {
            text.push(sign);
            text.push_str(name);
            text.push('=');
            encode(&mut text, value);
            sign = '&';
        }
        text
    }
}

/// Percent-encodes everything but what RFC 3986 leaves alone.
fn encode(into: &mut String, value: &str) {
    use fmt::Write as _;
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

/// The addresses that clients may get their users back at.
#[derive(Debug, Clone, Default)]
pub struct RedirectUris(BTreeSet<RedirectUri>);

/// Why an address cannot be on the allow-list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{uri} cannot be a redirect address: {problem}")]
pub struct InvalidRedirectUri {
    /// The address.
    pub uri: String,
    /// What is wrong.
    pub problem: &'static str,
}

impl RedirectUris {
    /// Reads the allow-list: whole addresses, `https`, an app's own scheme, or `http` on
    /// the loopback, without fragment, user or wildcard.
    ///
    /// # Errors
    /// The first that cannot be allowed.
    pub fn parse(texts: &[String]) -> Result<Self, InvalidRedirectUri> {
        let check = |text: &String| match problem(text) {
            None => Ok(RedirectUri(text.clone())),
            Some(problem) => Err(InvalidRedirectUri { uri: text.clone(), problem }),
        };
        texts.iter().map(check).collect::<Result<_, _>>().map(Self)
    }

    /// The address, when it is on the list character by character.
    pub fn find(&self, text: &str) -> Option<RedirectUri> {
        self.0.get(&RedirectUri(text.to_owned())).cloned()
    }
}

fn problem(text: &str) -> Option<&'static str> {
    let Some((scheme, rest)) = text.split_once(':') else { return Some("it has no scheme") };
    let scheme_fits = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b));
    let authority = rest.strip_prefix("//").map(|rest| rest.split(['/', '?']).next().unwrap_or_default());
    if text.len() > MAX_URI {
        return Some("it is too long");
    }
    if !text.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"\\^`{|}*".contains(&b)) {
        return Some("it has characters that an address cannot have, or a wildcard");
    }
    if text.contains('#') {
        return Some("it has a fragment");
    }
    if authority.is_some_and(|authority| authority.contains('@')) {
        return Some("it names a user");
    }
    match (scheme, authority) {
        _ if !scheme_fits => Some("its scheme is none"),
        ("javascript" | "data" | "vbscript" | "file" | "blob" | "about", _) => Some("its scheme runs or reads"),
        ("https", Some(host)) if !host.is_empty() => None,
        ("http", Some(host)) if is_loopback(host) => None,
        ("http" | "https", _) => Some("it needs https, or http on the loopback"),
        // An app's own scheme is the reverse of a domain (RFC 8252 §7.1).
        (own, _) if own.contains('.') => None,
        _ => Some("an app's own scheme has a dot, like com.example.app"),
    }
}

fn is_loopback(host: &str) -> bool {
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    matches!(name.map_or(host, |(name, _)| name), "localhost" | "127.0.0.1" | "[::1]")
}

/// The `state` of a client's own, as it comes in a query.
///
/// # Errors
/// What is wrong with it.
pub fn client_state(text: String) -> Result<String, sharestack_kernel::field::Issue> {
    sharestack_kernel::field::length(text, 1, MAX_CLIENT_STATE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(texts: &[&str]) -> Result<RedirectUris, InvalidRedirectUri> {
        RedirectUris::parse(&texts.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn only_the_very_same_address_is_allowed() {
        let allowed = list(&["https://good.example/cb", "http://127.0.0.1:3000/cb", "com.example.app:/cb"]).unwrap();
        for text in ["https://good.example/cb", "http://127.0.0.1:3000/cb", "com.example.app:/cb"] {
            assert_eq!(allowed.find(text).unwrap().as_str(), text);
        }
        for text in [
            "",
            "https://good.example",
            "https://good.example/cb/",
            "https://good.example/cb?x=1",
            "https://good.example/cb#x",
            "https://good.example.evil/cb",
            "https://good.example@evil.example/cb",
            "https://evil@good.example/cb",
            "https://good.example:443/cb",
            "https://good.example/cb/../x",
            "https://good.example/./cb",
            "https://GOOD.example/cb",
            "HTTPS://good.example/cb",
            "http://good.example/cb",
            "//good.example/cb",
            "https://good.example\\@evil.example/cb",
            " https://good.example/cb",
            "https://good.example/cb\r\nSet-Cookie: a=b",
            "https://good.example/cb%00",
            "http://127.0.0.1:3001/cb",
        ] {
            assert_eq!(allowed.find(text), None, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_safe_is_never_on_the_list() {
        for text in [
            "good.example/cb",
            "https://",
            "http://good.example/cb",
            "http://localhost.evil/cb",
            "https://good.example/#x",
            "https://a@good.example/",
            "https://*.example/cb",
            "javascript:alert(1)",
            "data:text/html,x",
            "myapp:/cb",
            "https://good.example/a b",
            "HTTPS://good.example/",
        ] {
            assert!(list(&[text]).is_err(), "{text}");
        }
    }

    #[test]
    fn parameters_are_added_and_encoded() {
        let uri = RedirectUri::kept("https://a.example/cb?x=1".to_owned());
        assert_eq!(
            uri.with(&[("code", "a&b=c"), ("state", "é \r\n")]),
            "https://a.example/cb?x=1&code=a%26b%3Dc&state=%C3%A9%20%0D%0A"
        );
        let uri = RedirectUri::kept("https://a.example/cb".to_owned());
        assert_eq!(uri.with(&[("error", "x")]), "https://a.example/cb?error=x");
    }

    #[test]
    fn a_code_is_good_for_who_knows_its_verifier() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = CodeChallenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
        assert!(challenge.fits(verifier));
        assert!(!challenge.fits(&"x".repeat(43)));
        assert!(!challenge.fits("short"));
        for text in ["", "plain", &"A".repeat(44), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM"] {
            assert_eq!(CodeChallenge::parse(text), None, "{text}");
        }
        let now = DateTime::<Utc>::UNIX_EPOCH;
        let code = |challenge| LoginCode {
            hash: TokenHash::of(b"x"),
            user_id: UserId::new(1),
            provider: ProviderName::parse("google").unwrap(),
            challenge,
            created_at: now,
            expires_at: now,
        };
        assert!(code(None).fits(None) && code(Some(challenge.clone())).fits(Some(verifier)));
        assert!(!code(None).fits(Some(verifier)) && !code(Some(challenge)).fits(None));
    }

    #[test]
    fn a_secret_reads_back_and_shows_itself_to_nobody() {
        let secret = FlowSecret::new([0xab; 32]);
        assert_eq!(FlowSecret::parse(&secret.text()).unwrap().hash(), secret.hash());
        assert!(!format!("{secret:?}").contains("ab, ") && !format!("{secret:?}").contains("171"));
        for text in ["", "ab", &"AB".repeat(32), &"zz".repeat(32), &"ab".repeat(40_000)] {
            assert!(FlowSecret::parse(text).is_none());
        }
    }
}
