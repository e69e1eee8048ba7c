//! Which limit a route has, and whose calls are counted together.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use sharestack_kernel::cache::{CacheError, Decision, Limit, RateLimiter};
use sharestack_kernel::id::UserId;
use sharestack_users::model::{BuiltInRole, network};
use utoipa::openapi::path::Operation;
use utoipa::openapi::{OpenApi, PathItem};

use super::routes::operations;
use crate::config::RateLimit;

/// A class of routes with one limit (contract §8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Auth,
    Upload,
    Search,
    Admin,
    General,
}

/// The routes that have no limit.
const UNLIMITED: &[&str] = &["/", "/health", "/health/live", "/health/ready", "/metrics"];
/// Where somebody proves who they are, or asks for what proves it: every method but `GET`
/// of these and of all below them.
const PROOFS: &[&str] = &[
    "/api/v1/auth/register",
    "/api/v1/auth/login",
    "/api/v1/auth/password",
    "/api/v1/auth/change-password",
    "/api/v1/auth/reauthenticate",
    "/api/v1/auth/email",
    "/api/v1/auth/phone",
    "/api/v1/auth/mfa",
    "/api/v1/auth/passkeys/login",
    "/api/v1/auth/oauth/{provider}",
    "/api/v1/auth/oauth/exchange",
    "/api/v1/verification",
];
/// The ones of them that are a `GET`.
const PROOFS_BY_GET: &[&str] = &["/api/v1/auth/oauth/{provider}/callback"];
/// Where an upload starts; the chunks of one that runs are not counted here.
const UPLOADS: &[&str] = &[
    "/api/v1/upload/single",
    "/api/v1/upload/multiple",
    "/api/v1/upload/chunked/init",
    "/api/v1/upload/tus",
    "/api/v1/articles/media",
    "/api/v1/users/me/avatar",
    "/api/v1/assets/upload",
];
/// The roles that people have who do not run the product: what one of them may do is
/// nobody's office.
const EVERYDAY: [BuiltInRole; 3] = [BuiltInRole::User, BuiltInRole::Creator, BuiltInRole::Editor];
/// Where an operation of the document names the permission that it asks for: as a text, or, when
/// there are callers whom it does not ask for it, as an object of `permission` and `unless`.
pub const REQUIRED_PERMISSION: &str = "x-required-permission";

/// The permission that an operation says it asks for.
pub fn required_permission(operation: &Operation) -> Option<&str> {
    let said = operation.extensions.as_ref()?.get(REQUIRED_PERMISSION)?;
    said.as_str().or_else(|| said["permission"].as_str())
}

/// The permission without which an operation does nothing for anybody.
pub fn general_permission(operation: &Operation) -> Option<&str> {
    operation.extensions.as_ref()?.get(REQUIRED_PERMISSION)?.as_str()
}

/// The class of a route; `None` when it has no limit. `permission` is what it asks for.
pub fn class(method: &str, pattern: &str, permission: Option<&str>) -> Option<Class> {
    let below = |root: &str| pattern.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let reads = matches!(method, "GET" | "HEAD");
    if UNLIMITED.contains(&pattern) || pattern.ends_with("/notify") || is_piece(method, pattern) {
        return None;
    }
    if (!reads && PROOFS.iter().any(|root| below(root))) || PROOFS_BY_GET.contains(&pattern) {
        return Some(Class::Auth);
    }
    if permission.is_some_and(is_office) {
        return Some(Class::Admin);
    }
    if method == "POST" && UPLOADS.contains(&pattern) {
        return Some(Class::Upload);
    }
    if reads && (pattern.split('/').any(|part| part == "search") || pattern.ends_with("/suggestions")) {
        return Some(Class::Search);
    }
    Some(Class::General)
}

/// Whether a call brings a piece of an upload that has begun.
fn is_piece(method: &str, pattern: &str) -> bool {
    pattern.contains("/chunk_") || (method == "PATCH" && pattern == "/api/v1/upload/tus/{upload_id}")
}

/// Whether a permission is one of those who run the product alone.
fn is_office(permission: &str) -> bool {
    !EVERYDAY.iter().any(|role| role.role().permissions.grants(permission))
}

/// The class of every operation of a document.
struct Classes(HashMap<String, Vec<(&'static str, Option<Class>)>>);

impl Classes {
    fn of(document: &OpenApi) -> Self {
        let classes = |(path, item): (&String, &PathItem)| {
            let of = |(method, operation)| (method, class(method, path, required_permission(operation)));
            (path.clone(), operations(item).into_iter().map(of).collect())
        };
        Self(document.paths.paths.iter().map(classes).collect())
    }

    fn find(&self, method: &str, pattern: &str) -> Option<Class> {
        let asked = if method == "HEAD" { "GET" } else { method };
        let known = self.0.get(pattern).and_then(|all| all.iter().find(|(method, _)| *method == asked));
        known.map_or_else(|| class(method, pattern, None), |(_, class)| *class)
    }
}

/// The limits as they are configured.
#[derive(Clone)]
pub struct RateLimits {
    limiter: Arc<dyn RateLimiter>,
    config: RateLimit,
    classes: Arc<Classes>,
}

impl RateLimits {
    /// Counts with `limiter` the calls of the operations of `document`.
    pub fn new(limiter: Arc<dyn RateLimiter>, config: RateLimit, document: &OpenApi) -> Self {
        Self { limiter, config, classes: Arc::new(Classes::of(document)) }
    }

    /// The class of a route; `None` when it has no limit.
    pub fn class(&self, method: &str, pattern: &str) -> Option<Class> {
        self.classes.find(method, pattern)
    }

    /// Whether calls are counted at all.
    pub const fn enabled(&self) -> bool {
        self.config.enabled
    }

    fn limit(&self, class: Class, signed_in: bool) -> Limit {
        const HOUR: Duration = Duration::from_hours(1);
        const MINUTE: Duration = Duration::from_mins(1);
        let (limit, window) = match class {
            Class::Auth => (self.config.auth_per_minute, MINUTE),
            Class::Upload => (self.config.upload_per_minute, MINUTE),
            Class::Search => (self.config.search_per_minute, MINUTE),
            Class::Admin => (self.config.admin_per_hour, HOUR),
            Class::General if signed_in => (self.config.general_per_hour, HOUR),
            Class::General => (self.config.times, Duration::from_secs(self.config.seconds)),
        };
        Limit { limit, window }
    }

    /// Counts a call of `class` by a user, or by an address.
    ///
    /// # Errors
    /// When the limiter cannot count at all.
    pub async fn hit(&self, class: Class, user: Option<i64>, address: IpAddr) -> Result<Decision, CacheError> {
        let user = user.filter(|_| class != Class::Auth);
        let who = user.map_or_else(|| format!("ip:{}", network(address)), |id| format!("user:{id}"));
        let key = format!("rate:{class:?}:{who}");
        self.limiter.hit(&key, self.limit(class, user.is_some())).await
    }

    /// Whether an address may show one more key: not while too many of its keys were wrong.
    /// This is asked before a key is looked up.
    ///
    /// # Errors
    /// When the limiter cannot count at all.
    pub async fn peek_keys(&self, address: IpAddr) -> Result<Decision, CacheError> {
        self.limiter.peek(&wrong_keys(address), self.limit(Class::General, false)).await
    }

    /// Counts a key of an address that opens nothing.
    ///
    /// # Errors
    /// When the limiter cannot count at all.
    pub async fn hit_wrong_key(&self, address: IpAddr) -> Result<Decision, CacheError> {
        self.limiter.hit(&wrong_keys(address), self.limit(Class::General, false)).await
    }

    /// Counts a try that concerns one account, from wherever it comes, by what it is known by.
    ///
    /// # Errors
    /// When the limiter cannot count at all.
    pub async fn hit_account(&self, name: &str) -> Result<Decision, CacheError> {
        let key = format!("rate:Auth:account:{}", name.to_lowercase());
        self.limiter.hit(&key, self.limit(Class::Auth, false)).await
    }

    /// Counts a text message that a user has sent to a number they do not own yet, of so
    /// many in a day.
    ///
    /// # Errors
    /// When the limiter cannot count at all.
    pub async fn hit_texts(&self, user: UserId, limit: u32) -> Result<Decision, CacheError> {
        let limit = Limit { limit, window: Duration::from_hours(24) };
        self.limiter.hit(&format!("rate:Texts:user:{user}"), limit).await
    }
}

fn wrong_keys(address: IpAddr) -> String {
    format!("rate:Key:ip:{}", network(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_subscriber_is_one_caller() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    #[test]
    fn routes_have_the_class_of_the_contract() {
        let auth = Some(Class::Auth);
        for (method, path, permission, expected) in [
            ("GET", "/health", None, None),
            ("POST", "/api/v1/subscriptions/payments/sandbox/notify", None, None),
            ("PUT", "/api/v1/upload/chunked/{upload_id}/chunk_{n}", None, None),
            ("PATCH", "/api/v1/upload/tus/{upload_id}", Some("photo.create"), None),
            ("POST", "/api/v1/auth/login", None, auth),
            ("POST", "/api/v1/auth/register", None, auth),
            ("POST", "/api/v1/auth/login/code", None, auth),
            ("POST", "/api/v1/auth/password/forgot", None, auth),
            ("POST", "/api/v1/auth/password/reset", None, auth),
            ("POST", "/api/v1/auth/change-password", None, auth),
            ("POST", "/api/v1/auth/email/verify", None, auth),
            ("POST", "/api/v1/auth/email/change", None, auth),
            ("POST", "/api/v1/auth/mfa/verify", None, auth),
            ("DELETE", "/api/v1/auth/mfa/totp", None, auth),
            ("POST", "/api/v1/auth/passkeys/login", None, auth),
            ("POST", "/api/v1/auth/passkeys/login/options", None, auth),
            ("GET", "/api/v1/auth/oauth/{provider}/callback", None, auth),
            ("POST", "/api/v1/auth/oauth/{provider}/callback", None, auth),
            ("POST", "/api/v1/auth/oauth/exchange", None, auth),
            ("POST", "/api/v1/verification/send", None, auth),
            ("POST", "/api/v1/verification/verify", None, auth),
            ("GET", "/api/v1/verification/config", None, Some(Class::General)),
            ("GET", "/api/v1/auth/mfa", None, Some(Class::General)),
            ("GET", "/api/v1/auth/oauth/providers", None, Some(Class::General)),
            ("DELETE", "/api/v1/auth/oauth/identities/{id}", None, Some(Class::General)),
            ("POST", "/api/v1/auth/passkeys/register", None, Some(Class::General)),
            ("POST", "/api/v1/auth/refresh", None, Some(Class::General)),
            ("POST", "/api/v1/auth/logout", None, Some(Class::General)),
            // The grant decides: the handler counts a password.
            ("POST", "/api/v1/auth/token", None, Some(Class::General)),
            ("PUT", "/api/v1/users/{user_id}/roles", Some("role.grant"), Some(Class::Admin)),
            ("GET", "/api/v1/users", Some("user.read"), Some(Class::Admin)),
            ("POST", "/cache/test", Some("*"), Some(Class::Admin)),
            ("POST", "/api/v1/articles", Some("article.create"), Some(Class::General)),
            ("POST", "/api/v1/upload/single", Some("photo.create"), Some(Class::Upload)),
            ("POST", "/api/v1/upload/chunked/init", Some("photo.create"), Some(Class::Upload)),
            ("GET", "/api/v1/users/search", None, Some(Class::Search)),
            ("GET", "/api/v1/photos/search", None, Some(Class::Search)),
            ("GET", "/api/v1/articles/search", None, Some(Class::Search)),
            ("GET", "/api/v1/tags/suggestions", None, Some(Class::Search)),
            ("GET", "/api/v1/articles", None, Some(Class::General)),
        ] {
            assert_eq!(class(method, path, permission), expected, "{method} {path}");
        }
    }

    #[test]
    fn the_document_says_what_an_operation_asks_for() {
        let classes = Classes::of(&crate::http::docs::document());
        for (method, path) in [
            ("PUT", "/api/v1/users/{user_id}/roles"),
            ("PATCH", "/api/v1/users/{user_id}/roles"),
            ("POST", "/cache/test"),
            ("HEAD", "/cache/{key}"),
            ("DELETE", "/cache/{key}"),
        ] {
            assert_eq!(classes.find(method, path), Some(Class::Admin), "{method} {path}");
        }
        assert_eq!(classes.find("POST", "/api/v1/articles"), Some(Class::General));
        assert_eq!(classes.find("GET", "/health"), None);
        assert_eq!(classes.find("GET", "/no/such"), Some(Class::General));
    }
}
