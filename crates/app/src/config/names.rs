//! The flat names of S2's `.env.example`, and where each setting stands.

/// How the text of a variable is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As it stands.
    Plain,
    /// A JSON array, or items with commas between them.
    List,
}

/// Name, setting, and how it is read.
pub const NAMES: &[(&str, &str, Kind)] = &[
    ("ENVIRONMENT", "environment", Kind::Plain),
    ("DATA_DIR", "data_dir", Kind::Plain),
    ("DASHSCOPE_API_BASE", "llm.dashscope_api_base", Kind::Plain),
    ("DASHSCOPE_API_KEY", "llm.dashscope_api_key", Kind::Plain),
    ("DEEPSEEK_API_KEY", "llm.deepseek_api_key", Kind::Plain),
    ("ZAI_API_KEY", "llm.zai_api_key", Kind::Plain),
    ("MOONSHOT_API_KEY", "llm.moonshot_api_key", Kind::Plain),
    ("TAVILIY_API_KEY", "llm.taviliy_api_key", Kind::Plain),
    ("SILICONFLOW_API_KEY", "llm.siliconflow_api_key", Kind::Plain),
    ("API_HOST", "server.host", Kind::Plain),
    ("API_PORT", "server.port", Kind::Plain),
    ("API_RELOAD", "server.reload", Kind::Plain),
    ("API_WORKERS", "server.workers", Kind::Plain),
    ("LOG_LEVEL", "log.level", Kind::Plain),
    ("JWT_SECRET_KEY", "jwt.secret_key", Kind::Plain),
    ("JWT_ALGORITHM", "jwt.algorithm", Kind::Plain),
    ("JWT_ACCESS_TOKEN_EXPIRE_MINUTES", "jwt.access_token_expire_minutes", Kind::Plain),
    ("JWT_REFRESH_TOKEN_EXPIRE_DAYS", "jwt.refresh_token_expire_days", Kind::Plain),
    ("DATABASE_URL", "database.url", Kind::Plain),
    ("DATABASE_ECHO", "database.echo", Kind::Plain),
    ("REDIS_URL", "redis.url", Kind::Plain),
    ("REDIS_PASSWORD", "redis.password", Kind::Plain),
    ("REDIS_DB", "redis.db", Kind::Plain),
    ("SMTP_HOST", "mail.smtp_host", Kind::Plain),
    ("SMTP_PORT", "mail.smtp_port", Kind::Plain),
    ("SMTP_USERNAME", "mail.smtp_username", Kind::Plain),
    ("SMTP_PASSWORD", "mail.smtp_password", Kind::Plain),
    ("SMTP_FROM_EMAIL", "mail.smtp_from_email", Kind::Plain),
    ("SMTP_USE_TLS", "mail.smtp_use_tls", Kind::Plain),
    ("EMAIL_FROM", "mail.from", Kind::Plain),
    ("SENDGRID_API_KEY", "mail.sendgrid_api_key", Kind::Plain),
    ("CORS_ORIGINS", "cors.origins", Kind::List),
    ("CORS_ALLOW_CREDENTIALS", "cors.allow_credentials", Kind::Plain),
    ("CORS_ALLOW_METHODS", "cors.allow_methods", Kind::List),
    ("CORS_ALLOW_HEADERS", "cors.allow_headers", Kind::List),
    ("PASSKEY_RP_ID", "auth.passkeys.rp_id", Kind::Plain),
    ("PASSKEY_ORIGINS", "auth.passkeys.origins", Kind::List),
    ("SECRET_KEY", "server.secret_key", Kind::Plain),
    ("ALLOWED_HOSTS", "server.allowed_hosts", Kind::List),
    ("MAX_REQUEST_SIZE", "server.max_request_size", Kind::Plain),
    ("TRUSTED_PROXIES", "server.trusted_proxies", Kind::List),
    ("RATE_LIMIT_ENABLED", "rate_limit.enabled", Kind::Plain),
    ("RATE_LIMIT_TIMES", "rate_limit.times", Kind::Plain),
    ("RATE_LIMIT_SECONDS", "rate_limit.seconds", Kind::Plain),
];

/// A JSON array whose quotes a shell took away.
fn unquoted(text: &str) -> Option<Vec<String>> {
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    let items: Vec<_> = inner.split(',').map(|item| item.trim().to_owned()).collect();
    let plain = |item: &String| !item.is_empty() && !item.contains(['[', ']', '{', '}', '"', '\'', '\\']);
    items.iter().all(plain).then_some(items)
}

/// Reads a list.
pub fn list(text: &str) -> Option<Vec<String>> {
    let text = text.trim();
    if text.starts_with('[') {
        return serde_json::from_str(text).ok().or_else(|| unquoted(text));
    }
    Some(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::list;

    #[test]
    fn a_list_is_json_with_or_without_its_quotes_or_has_commas() {
        let two = Some(vec!["https://a.example".to_owned(), "https://b.example".to_owned()]);
        for text in [
            r#"["https://a.example", "https://b.example"]"#,
            "[https://a.example,https://b.example]",
            "https://a.example, https://b.example",
        ] {
            assert_eq!(list(text), two, "{text}");
        }
        assert_eq!(list("[]"), Some(Vec::new()));
        for text in [r#"["https://a.example""#, r#"["a",]"#, "[a,,b]", "[1, [2]]", "[a"] {
            assert_eq!(list(text), None, "{text}");
        }
    }
}
