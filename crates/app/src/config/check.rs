//! Settings whose text has a form: what cannot be meant is refused at the start, not
//! passed over in silence.

use actix_web::http::header::HeaderName;
use actix_web::http::{Method, Uri};

use super::{Config, ConfigError, Cors, Log};

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// What stands in secrets of examples, in small letters with dashes: production refuses them.
const SAMPLES: &[&str] = &["change-in-production", "change-me", "changeme", "change-this", "your-secret", "replace-me"];

impl Log {
    /// The directives for `tracing`, in its own words.
    ///
    /// # Errors
    /// When a part is neither a level nor a directive.
    pub fn directives(&self) -> Result<String, ConfigError> {
        let parts = self.level.split(',').map(str::trim).map(|part| match part.to_ascii_lowercase().as_str() {
            // As other programs call them.
            "warning" => Ok("warn".to_owned()),
            "critical" | "fatal" => Ok("error".to_owned()),
            level if LEVELS.contains(&level) => Ok(level.to_owned()),
            _ if part.contains('=') => Ok(part.to_owned()),
            _ => {
                let problem =
                    format!("`{part}` is no level ({}), and no directive such as sqlx=debug", LEVELS.join(", "));
                Err(ConfigError::new("log.level", problem))
            }
        });
        Ok(parts.collect::<Result<Vec<_>, _>>()?.join(","))
    }
}

impl Cors {
    fn check(&self) -> Result<(), ConfigError> {
        let named = |items: &[String], good: fn(&str) -> bool| {
            items.iter().find(|item| *item != "*" && !good(item)).map(|item| format!("`{item}`"))
        };
        if let Some(item) = named(&self.origins, is_origin) {
            let problem = format!(
                "{item} is no origin: a scheme, a host and a port without a path, such as https://app.example.org"
            );
            return Err(ConfigError::new("cors.origins", problem));
        }
        if let Some(item) = named(&self.allow_methods, is_method) {
            return Err(ConfigError::new(
                "cors.allow_methods",
                format!("{item} is no method in capitals, such as GET"),
            ));
        }
        if let Some(item) = named(&self.allow_headers, |text| text.parse::<HeaderName>().is_ok()) {
            return Err(ConfigError::new("cors.allow_headers", format!("{item} is no name of a header")));
        }
        Ok(())
    }
}

/// Refuses a secret that can be guessed.
pub(super) fn strong(setting: &str, secret: &str) -> Result<(), ConfigError> {
    let plain = secret.to_lowercase().replace(['_', ' '], "-");
    if secret.len() < 32 || SAMPLES.iter().any(|sample| plain.contains(sample)) {
        let problem = "production needs a secret of at least 32 bytes that is not a sample";
        return Err(ConfigError::new(setting, problem));
    }
    Ok(())
}

/// What a browser sends in `Origin`.
fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let whole = uri.scheme_str().zip(uri.authority()).is_some_and(|(scheme, authority)| {
        !authority.host().is_empty() && !authority.as_str().contains('@') && text == format!("{scheme}://{authority}")
    });
    whole && text == text.to_ascii_lowercase()
}

fn is_method(text: &str) -> bool {
    text.parse::<Method>().is_ok() && text.bytes().all(|b| b.is_ascii_uppercase())
}

impl Config {
    /// Refuses texts that have not the form of what they set.
    pub(super) fn check_forms(&self) -> Result<(), ConfigError> {
        self.log.directives()?;
        self.cors.check()?;
        let public = &self.server.public_url;
        let is_address = |text: &str| {
            text.parse::<Uri>().is_ok_and(|uri| {
                matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
            })
        };
        if !public.is_empty() && !is_address(public) {
            return Err(ConfigError::new("server.public_url", "must be an address such as https://api.example.org"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_one_and_may_be_called_as_elsewhere() {
        let read = |level: &str| Log { level: level.to_owned(), format: super::super::LogFormat::Pretty }.directives();
        assert_eq!(read("INFO").unwrap(), "info");
        assert_eq!(read("WARNING, sqlx=debug").unwrap(), "warn,sqlx=debug");
        for bad in ["verbose", "", "info,", "informational", "2", "sqlx"] {
            let error = read(bad).unwrap_err().to_string();
            assert!(error.starts_with("log.level: `") && error.contains("trace"), "{bad}: {error}");
        }
    }

    #[test]
    fn an_origin_is_what_browsers_send() {
        for good in ["https://app.example.org", "http://localhost:3000", "capacitor://localhost", "http://[::1]:8080"] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "",
            "localhost:3000",
            "app.example.org",
            "https://app.example.org/",
            "https://a.example/x",
            "https://",
            "https://App.example.org",
            "https://u@a.example",
            "http://a b",
            "null",
            "https://*.example.org/",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
