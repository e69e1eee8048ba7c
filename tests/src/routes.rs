//! Routes that several subjects of the tests ask.

pub const CHANGE_PASSWORD: &str = "/api/v1/auth/change-password";
pub const KEYS: &str = "/api/v1/auth/api-keys";
pub const LOGIN: &str = "/api/v1/auth/login";
pub const LOGOUT_ALL: &str = "/api/v1/auth/logout-all";
pub const ME: &str = "/api/v1/users/me";
pub const PROVE: &str = "/api/v1/auth/reauthenticate";
pub const REFRESH: &str = "/api/v1/auth/refresh";
pub const SESSIONS: &str = "/api/v1/auth/sessions";
