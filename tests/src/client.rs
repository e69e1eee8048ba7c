//! A client that shows whole answers.

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// The body as JSON; `null` when it is none.
    pub body: Value,
}

impl Answer {
    /// A header's text; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// `error.type`.
    pub fn error(&self) -> &str {
        self.body["error"]["type"].as_str().unwrap_or_default()
    }

    /// `data`.
    pub fn data(&self) -> &Value {
        &self.body["data"]
    }

    /// The fields that a validation error names, with their codes, in order.
    pub fn fields(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let details = self.body["error"]["details"].as_array().cloned().unwrap_or_default();
        details.iter().map(|one| (text(&one["field"]), text(&one["code"]))).collect()
    }

    /// What a refused body has wrong, each as `field CODE`, in order.
    #[track_caller]
    pub fn broken_fields(self) -> Vec<String> {
        let fields = self.refused(400, "VALIDATION_ERROR").fields();
        fields.into_iter().map(|(field, code)| format!("{field} {code}")).collect()
    }

    /// The answer itself, when it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// The answer itself, when it is this refusal in the contract's shape.
    #[track_caller]
    pub fn refused(self, status: u16, kind: &str) -> Self {
        assert_eq!((self.status, self.error()), (status, kind), "{}", self.text);
        assert_eq!(self.body["success"], false, "{}", self.text);
        assert_eq!(self.body["code"], status, "{}", self.text);
        assert!(self.body["data"].is_null(), "{}", self.text);
        assert_eq!(self.body["meta"]["request_id"], self.header("x-request-id"), "{}", self.text);
        self
    }
}

/// Speaks to one server.
#[derive(Debug, Clone)]
pub struct Client {
    pub base: String,
    pub http: reqwest::Client,
}

impl Client {
    /// A client of the server at `base`.
    pub fn new(base: impl Into<String>) -> Self {
        sharestack_app::wiring::install_crypto();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
        Self { base: base.into(), http }
    }

    /// A request to be completed.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        self.http.request(method, url)
    }

    /// Sends a request and reads its answer.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or_default();
        Answer { status, headers, text, body }
    }

    async fn call(&self, method: Method, path: &str, token: Option<&str>, body: Option<&Value>) -> Answer {
        let mut request = self.request(method, path);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        self.send(request).await
    }

    /// `GET`, by nobody.
    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None, None).await
    }

    /// `GET`.
    pub async fn get_as(&self, token: &str, path: &str) -> Answer {
        self.call(Method::GET, path, Some(token), None).await
    }

    /// `POST`, by nobody.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, None, Some(body)).await
    }

    /// `POST`.
    pub async fn post_as(&self, token: &str, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, Some(token), Some(body)).await
    }

    /// `POST` with an idempotency key.
    pub async fn post_once(&self, token: &str, path: &str, key: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, path).bearer_auth(token).header("Idempotency-Key", key).json(body);
        self.send(request).await
    }

    /// `PUT`.
    pub async fn put_as(&self, token: &str, path: &str, body: &Value) -> Answer {
        self.call(Method::PUT, path, Some(token), Some(body)).await
    }

    /// `DELETE`.
    pub async fn delete_as(&self, token: &str, path: &str) -> Answer {
        self.call(Method::DELETE, path, Some(token), None).await
    }
}
