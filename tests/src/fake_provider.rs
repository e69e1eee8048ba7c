//! A provider that answers as the test says: recorded answers of GitHub and `WeChat`, and
//! an `OpenID` provider that lies.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a path answers.
#[derive(Debug, Clone)]
pub enum Says {
    /// JSON with a status.
    Json(u16, Value),
    /// Anything with a status and a type.
    Text(u16, &'static str, String),
    /// Another place.
    Elsewhere(String),
    /// Nothing, for a minute.
    Nothing,
    /// More than anybody reads.
    TooMuch,
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `METHOD /path?query`.
    pub line: String,
    /// The head, as it came.
    pub head: String,
    pub body: String,
}

#[derive(Default)]
struct Script {
    says: BTreeMap<String, Says>,
    asked: Vec<Asked>,
}

/// The provider; it ends with its owner.
pub struct FakeProvider {
    pub base: String,
    script: Arc<Mutex<Script>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for FakeProvider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl FakeProvider {
    /// Listens on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::new(Mutex::new(Script::default()));
        let shared = script.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, shared.clone()));
            }
        });
        Self { base, script, serving }
    }

    /// What a path answers from now on.
    pub fn says(&self, path: &str, what: Says) {
        self.script.lock().unwrap().says.insert(path.to_owned(), what);
    }

    /// What was asked of a path.
    pub fn asked(&self, path: &str) -> Vec<Asked> {
        let of_path = |asked: &&Asked| {
            let target = asked.line.split(' ').nth(1).unwrap_or_default();
            target.split('?').next() == Some(path)
        };
        self.script.lock().unwrap().asked.iter().filter(of_path).cloned().collect()
    }
}

async fn serve(mut stream: TcpStream, script: Arc<Mutex<Script>>) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    let (head, body) = loop {
        let Ok(read) = stream.read(&mut buffer).await else { return };
        if read == 0 {
            return;
        }
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        if body.len() >= length.unwrap_or(0) {
            break (head.to_owned(), body.to_owned());
        }
    };
    let line = head.lines().next().unwrap_or_default().to_owned();
    let path = line.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default().to_owned();
    let says = {
        let mut script = script.lock().unwrap();
        script.asked.push(Asked { line, head, body });
        script.says.get(&path).cloned()
    };
    let answer = match says {
        None => answer(404, "application/json", "{}", ""),
        Some(Says::Json(status, value)) => answer(status, "application/json", &value.to_string(), ""),
        Some(Says::Text(status, kind, text)) => answer(status, kind, &text, ""),
        Some(Says::Elsewhere(location)) => answer(302, "text/plain", "", &format!("Location: {location}\r\n")),
        Some(Says::TooMuch) => answer(200, "application/json", &format!("\"{}\"", "x".repeat(4 << 20)), ""),
        Some(Says::Nothing) => {
            tokio::time::sleep(Duration::from_mins(1)).await;
            return;
        }
    };
    // A client that has read enough goes away.
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn answer(status: u16, kind: &str, body: &str, more: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Said\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n{more}\r\n{body}"
    )
}

/// A key that id tokens are signed with.
pub struct SigningKey {
    pub id: String,
    encoding: EncodingKey,
    public: String,
}

impl SigningKey {
    /// A new key.
    pub fn new(id: &str) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&aws_lc_rs::rand::SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        Self {
            id: id.to_owned(),
            encoding: EncodingKey::from_ed_der(pkcs8.as_ref()),
            public: URL_SAFE_NO_PAD.encode(pair.public_key().as_ref()),
        }
    }

    /// What a key set says of it.
    pub fn jwk(&self) -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": self.id, "x": self.public })
    }

    /// Signs claims.
    pub fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.id.clone());
        jsonwebtoken::encode(&header, claims, &self.encoding).unwrap()
    }
}

/// Claims that nobody has signed.
pub fn unsigned(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(&json!({ "alg": "none", "typ": "JWT" })), part(claims))
}

/// Claims that were signed with what the client shares with the provider.
pub fn signed_with_secret(claims: &Value, secret: &str) -> String {
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

impl FakeProvider {
    /// Answers discovery as an `OpenID` provider with these keys.
    pub fn discovers(&self, keys: &[&SigningKey]) {
        let base = &self.base;
        let document = json!({
            "issuer": base, "authorization_endpoint": format!("{base}/auth"), "token_endpoint": format!("{base}/token"),
            "jwks_uri": format!("{base}/jwks"), "userinfo_endpoint": format!("{base}/me"),
            "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["EdDSA", "HS256", "none"],
        });
        self.says("/.well-known/openid-configuration", Says::Json(200, document));
        let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
        self.says("/jwks", Says::Json(200, json!({ "keys": keys })));
    }

    /// Answers the next code with this id token.
    pub fn gives(&self, id_token: &str) {
        let tokens = json!({ "access_token": "at", "token_type": "Bearer", "expires_in": 60, "id_token": id_token });
        self.says("/token", Says::Json(200, tokens));
    }
}
