//! Which limit a route has, and whose calls are counted together.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use sharestack_kernel::cache::{CacheError, Decision, Limit, RateLimiter};

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
/// Login, registration, codes, password reset, second factors.
const AUTH: &[&str] = &[
    "/api/v1/auth/register",
    "/api/v1/auth/login",
    "/api/v1/auth/token",
    "/api/v1/auth/reauthenticate",
    "/api/v1/auth/mfa/totp",
    "/api/v1/auth/mfa/totp/confirm",
    "/api/v1/auth/mfa/verify",
];
/// What needs an admin permission.
const ADMIN: &[(&str, &str)] = &[
    ("PUT", "/api/v1/users/{user_id}/roles"),
    ("PATCH", "/api/v1/users/{user_id}/roles"),
    ("GET", "/api/v1/users/{user_id}/sessions"),
    ("DELETE", "/api/v1/users/{user_id}/sessions/{session_id}"),
    ("GET", "/api/v1/audit-logs"),
    ("GET", "/api/v1/audit-logs/{id}"),
    ("POST", "/cache/test"),
    ("GET", "/cache/{key}"),
    ("POST", "/cache/{key}"),
    ("DELETE", "/cache/{key}"),
];

/// The class of a route; `None` when it has no limit.
pub fn class(method: &str, pattern: &str) -> Option<Class> {
    if UNLIMITED.contains(&pattern) || pattern.ends_with("/notify") {
        return None;
    }
    if AUTH.contains(&pattern) {
        return Some(Class::Auth);
    }
    if ADMIN.contains(&(method, pattern)) {
        return Some(Class::Admin);
    }
    if pattern.ends_with("/search") {
        return Some(Class::Search);
    }
    Some(Class::General)
}

/// The limits as they are configured.
#[derive(Clone)]
pub struct RateLimits {
    limiter: Arc<dyn RateLimiter>,
    config: RateLimit,
}

impl RateLimits {
    /// Counts with `limiter`.
    pub fn new(limiter: Arc<dyn RateLimiter>, config: RateLimit) -> Self {
        Self { limiter, config }
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

    /// Counts a try to sign in to one account, from wherever it comes.
    ///
    /// # Errors
    /// When the limiter cannot count at all.
    pub async fn hit_account(&self, account: &str) -> Result<Decision, CacheError> {
        let key = format!("rate:Auth:account:{}", account.to_lowercase());
        self.limiter.hit(&key, self.limit(Class::Auth, false)).await
    }
}

/// Whom an address stands for: one IPv4 address, or the /64 that one IPv6 subscriber has.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
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
        assert_eq!(class("GET", "/health"), None);
        assert_eq!(class("POST", "/api/v1/subscriptions/payments/sandbox/notify"), None);
        assert_eq!(class("POST", "/api/v1/auth/login"), Some(Class::Auth));
        assert_eq!(class("POST", "/api/v1/auth/refresh"), Some(Class::General));
        assert_eq!(class("PUT", "/api/v1/users/{user_id}/roles"), Some(Class::Admin));
        assert_eq!(class("GET", "/api/v1/users/search"), Some(Class::Search));
        assert_eq!(class("GET", "/api/v1/articles"), Some(Class::General));
    }
}
