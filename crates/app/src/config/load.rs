//! Reads the layers, and says clearly what is wrong with them.

use std::collections::BTreeMap;
use std::path::Path;

use config::{File, FileFormat};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use sharestack_users::model::RegistrationMode;

use super::names::{Kind, NAMES, list};
use super::{Config, MailTransport, check, spelling};

/// Where the product runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    Development,
    Test,
    Production,
}

/// A setting that cannot be used. The text names the setting and holds no secret.
#[derive(Debug, Error)]
#[error("{setting}: {problem}")]
pub struct ConfigError {
    /// The setting, as it is written in a file, or the variable.
    pub setting: String,
    /// What is wrong with it.
    pub problem: String,
}

impl ConfigError {
    /// `setting` cannot be used because of `problem`.
    pub fn new(setting: impl Into<String>, problem: impl std::fmt::Display) -> Self {
        Self { setting: setting.into(), problem: problem.to_string() }
    }

    /// Names the variable that set it, or something below it that there is not, beside the setting.
    fn set_by(self, variables: &BTreeMap<String, String>) -> Self {
        let Self { setting, problem } = self;
        let below = format!("{setting}.");
        let within = || variables.iter().find(|(set, _)| set.starts_with(&below)).map(|(_, variable)| variable);
        let is_unknown = problem.contains("unknown field");
        let Some(variable) = variables.get(&setting).or_else(|| within().filter(|_| is_unknown)) else {
            return Self { setting, problem };
        };
        let meant = spelling::right(variable).filter(|_| is_unknown);
        let meant = meant.map(|right| format!("; {right} is one")).unwrap_or_default();
        Self { setting: format!("{variable} ({setting})"), problem: format!("{problem}{meant}") }
    }
}

/// What the names of variables begin with that reach every setting.
pub(super) const PREFIX: &str = "SHARESTACK__";
/// How many threads the server can keep count of.
const MOST_WORKERS: usize = 512;
pub(super) const DEFAULT: &str = include_str!("../../../../config/default.toml");
impl Config {
    /// Reads the default, `{directory}/{environment}.toml` when it is there, and `variables`.
    ///
    /// # Errors
    /// Names the first setting that is unknown or cannot be read.
    pub fn load(directory: &Path, variables: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let overrides = overrides(variables)?;
        let set_by: BTreeMap<String, String> =
            overrides.iter().map(|(variable, setting, _)| (setting.clone(), variable.clone())).collect();
        Self::layered(directory, overrides).map_err(|error| error.set_by(&set_by))
    }

    fn layered(directory: &Path, overrides: Vec<Override>) -> Result<Self, ConfigError> {
        let environment = overrides
            .iter()
            .find(|(_, setting, _)| setting == "environment")
            .map_or_else(|| "development".to_owned(), |(_, _, value)| value.to_string());
        // It names a file too: what it may be is known before.
        if !["development", "test", "production"].contains(&environment.as_str()) {
            return Err(ConfigError::new("environment", one_of("environment").unwrap_or_default()));
        }
        let file = directory.join(format!("{environment}.toml"));
        let mut builder = config::Config::builder()
            .add_source(File::from_str(DEFAULT, FileFormat::Toml))
            .add_source(File::from(file).required(false));
        for (_, setting, value) in overrides {
            builder = builder.set_override(&setting, value).map_err(|error| ConfigError::new(setting, error))?;
        }
        let layers = builder.build().map_err(|error| ConfigError::new("configuration", error))?;
        let config: Self = serde_path_to_error::deserialize(layers).map_err(|error| {
            let path = error.path().to_string();
            match one_of(&path) {
                Some(problem) => ConfigError::new(path, problem),
                None if path == "." => ConfigError::new("configuration", error.into_inner()),
                None => ConfigError::new(path, error.into_inner()),
            }
        })?;
        config.validate()?;
        Ok(config)
    }

    fn validate(&self) -> Result<(), ConfigError> {
        let known = ["en", "zh-CN"];
        if !known.contains(&self.localization.default_language.as_str()) {
            return Err(ConfigError::new("localization.default_language", "must be en or zh-CN"));
        }
        if !["", "true", "false"].contains(&self.database.migrate_on_start.as_str()) {
            return Err(ConfigError::new("database.migrate_on_start", "must be true, false or empty"));
        }
        if self.server.workers > MOST_WORKERS {
            return Err(ConfigError::new("server.workers", format!("must be at most {MOST_WORKERS}; 0 is one a core")));
        }
        let nothing = [
            ("rate_limit.seconds", self.rate_limit.seconds == 0),
            ("rate_limit.times", self.rate_limit.times == 0),
            ("jwt.access_token_expire_minutes", self.jwt.access_token_expire_minutes == 0),
            ("jwt.refresh_token_expire_days", self.jwt.refresh_token_expire_days == 0),
        ];
        if let Some((setting, _)) = nothing.into_iter().find(|(_, is_nothing)| *is_nothing) {
            return Err(ConfigError::new(setting, "must be at least 1"));
        }
        if !(15..=1024).contains(&self.search.writer_memory_mib) {
            return Err(ConfigError::new("search.writer_memory_mib", "must be between 15 and 1024"));
        }
        if self.payments.platform_fee_basis_points > 10_000 {
            return Err(ConfigError::new("payments.platform_fee_basis_points", "must be at most 10000"));
        }
        // The law asks for an end within 15 working days; a week of them has two days more.
        if self.privacy.cooling_off_days > 15 {
            return Err(ConfigError::new("privacy.cooling_off_days", "must be at most 15"));
        }
        self.check_forms()?;
        self.upload.check(self.storage.backend)?;
        self.media.check()?;
        self.photos.check()?;
        self.validate_messages()?;
        if self.is_production() {
            check::strong("JWT_SECRET_KEY", self.jwt.secret_key.expose())?;
            if !self.server.secret_key.is_empty() {
                check::strong("SECRET_KEY", self.server.secret_key.expose())?;
            }
        }
        Ok(())
    }
}

impl Config {
    /// What mail, text messages and codes need.
    fn validate_messages(&self) -> Result<(), ConfigError> {
        if RegistrationMode::parse(&self.auth.registration).is_none() {
            return Err(ConfigError::new("auth.registration", "must be open, code or invitation"));
        }
        let missing = |setting: &str, what: &str| Err(ConfigError::new(setting, what));
        match self.mail.chosen() {
            None => return missing("mail.transport", "must be smtp, sendgrid, file or empty"),
            Some(MailTransport::File) => {}
            Some(_) if self.mail.sender().is_empty() => return missing("EMAIL_FROM", "is needed to send mail"),
            Some(MailTransport::Smtp) if self.mail.smtp_host.is_empty() => {
                return missing("SMTP_HOST", "is needed to send mail");
            }
            Some(MailTransport::Sendgrid) if self.mail.sendgrid_api_key.is_empty() => {
                return missing("SENDGRID_API_KEY", "is needed to send mail");
            }
            Some(_) => {}
        }
        let country = &self.sms.default_country;
        if !(1..=3).contains(&country.len()) || !country.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ConfigError::new("sms.default_country", "must be a country's 1 to 3 digits"));
        }
        let codes = &self.verification;
        if !(4..=10).contains(&codes.code_length) {
            return Err(ConfigError::new("verification.code_length", "must be 4 to 10"));
        }
        // What leaves no code good, or any number of guesses, is a slip.
        let least = [
            codes.code_expire_minutes,
            codes.code_max_attempts,
            codes.code_attempt_window_minutes,
            codes.code_max_daily_sends,
        ];
        let most = [
            (codes.code_expire_minutes, 1440),
            (codes.code_max_attempts, 20),
            (codes.code_cooldown_seconds, 3600),
            (codes.code_max_daily_sends, 1000),
            (codes.code_attempt_window_minutes, 10_080),
        ];
        if least.contains(&0) || most.iter().any(|(value, most)| value > most) {
            return Err(ConfigError::new("verification", "a time or count is 0, or far too high"));
        }
        Ok(())
    }
}

/// What a setting with few values may be.
fn one_of(setting: &str) -> Option<&'static str> {
    match setting {
        "environment" => Some("must be development, test or production"),
        "log.format" => Some("must be pretty or json"),
        "storage.backend" => Some("must be fs, s3, oss or memory"),
        _ => None,
    }
}

/// A variable, the setting that it stands for, and what it says.
type Override = (String, String, config::Value);

/// What the variables say, as settings.
fn overrides(variables: &BTreeMap<String, String>) -> Result<Vec<Override>, ConfigError> {
    let mut found = Vec::new();
    for (name, setting, kind) in NAMES {
        if let Some(text) = variables.get(*name) {
            found.push(((*name).to_owned(), (*setting).to_owned(), value(name, text, *kind)?));
        }
    }
    for (name, text) in variables {
        let Some(path) = name.strip_prefix(PREFIX) else { continue };
        let setting = path.to_ascii_lowercase().replace("__", ".");
        let scopes = setting.starts_with("oauth.providers.") && setting.ends_with(".scopes");
        let kind = if scopes || is_list(&setting) { Kind::List } else { Kind::Plain };
        found.push((name.clone(), setting, value(name, text, kind)?));
    }
    Ok(found)
}

/// Whether a setting has several values: the one that is shipped has.
fn is_list(setting: &str) -> bool {
    let shipped = File::from_str(DEFAULT, FileFormat::Toml);
    let shipped = config::Config::builder().add_source(shipped).build();
    shipped.is_ok_and(|shipped| shipped.get_array(setting).is_ok())
}

fn value(name: &str, text: &str, kind: Kind) -> Result<config::Value, ConfigError> {
    match kind {
        Kind::Plain => Ok(text.to_owned().into()),
        Kind::List => {
            let items = list(text).ok_or_else(|| ConfigError::new(name, "must be a JSON array of texts"))?;
            Ok(items.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let variables = variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Config::load(Path::new("does-not-exist"), &variables)
    }

    #[test]
    fn the_names_of_the_env_example_work_as_they_stand() {
        let config = load(&[
            ("API_PORT", "9000"),
            ("DATABASE_URL", "postgresql+asyncpg://postgres:postgres@localhost:5432/pet_food"),
            ("CORS_ORIGINS", r#"["https://a.example","https://b.example"]"#),
            ("RATE_LIMIT_ENABLED", "false"),
            ("MAX_REQUEST_SIZE", "1024"),
        ])
        .unwrap();
        assert_eq!(config.server.port, 9000);
        assert_eq!(config.cors.origins, ["https://a.example", "https://b.example"]);
        assert!(!config.rate_limit.enabled);
        assert_eq!(config.server.max_request_size, 1024);
        assert!(config.database_url().starts_with("postgresql+asyncpg"));
    }

    #[test]
    fn a_prefixed_name_reaches_every_setting() {
        let config = load(&[("SHARESTACK__PASSWORD__MEMORY_KIB", "64")]).unwrap();
        assert_eq!(config.password.memory_kib, 64);
    }

    #[test]
    fn the_writers_memory_has_bounds() {
        let error = load(&[("SHARESTACK__SEARCH__WRITER_MEMORY_MIB", "14")]).unwrap_err();
        assert!(error.setting.contains("search.writer_memory_mib"), "{}", error.setting);
    }

    #[test]
    fn who_wants_to_go_is_not_kept_longer_than_the_law_allows() {
        let error = load(&[("SHARESTACK__PRIVACY__COOLING_OFF_DAYS", "16")]).unwrap_err();
        assert!(error.setting.contains("privacy.cooling_off_days"), "{}", error.setting);
        assert!(load(&[("SHARESTACK__PRIVACY__COOLING_OFF_DAYS", "15")]).is_ok());
        assert!(load(&[]).unwrap().privacy.cooling_off_days <= 15);
    }

    #[test]
    fn a_provider_is_named_by_its_variables() {
        let config = load(&[
            ("SHARESTACK__OAUTH__PROVIDERS__GOOGLE__KIND", "oidc"),
            ("SHARESTACK__OAUTH__PROVIDERS__GOOGLE__ISSUER", "https://accounts.google.com"),
            ("SHARESTACK__OAUTH__PROVIDERS__GOOGLE__CLIENT_ID", "id"),
            ("SHARESTACK__OAUTH__PROVIDERS__GOOGLE__CLIENT_SECRET", "hunter2"),
            ("SHARESTACK__OAUTH__PROVIDERS__GOOGLE__SCOPES", "email,profile"),
            ("SHARESTACK__OAUTH__REDIRECT_URIS", "https://a.example/cb,https://b.example/cb"),
        ])
        .unwrap();
        let google = &config.oauth.providers["google"];
        assert_eq!((google.kind, google.enabled), (super::super::OAuthKind::Oidc, true));
        assert_eq!(google.scopes, ["email", "profile"]);
        assert_eq!(config.oauth.redirect_uris, ["https://a.example/cb", "https://b.example/cb"]);
        assert!(!format!("{config:?}{}", toml::to_string(&config).unwrap()).contains("hunter2"));
        for (name, value) in [("KIND", "saml"), ("SECRET", "x")] {
            let name = format!("SHARESTACK__OAUTH__PROVIDERS__GOOGLE__{name}");
            let kind = ("SHARESTACK__OAUTH__PROVIDERS__GOOGLE__KIND", "oidc");
            let client = ("SHARESTACK__OAUTH__PROVIDERS__GOOGLE__CLIENT_ID", "id");
            let error = load(&[client, kind, (&name, value)]).unwrap_err().to_string();
            assert!(error.contains("oauth.providers.google") || error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn an_unknown_setting_is_named() {
        for (variable, said) in [
            ("SHARESTACK__SERVER__PROT", "SHARESTACK__SERVER__PROT (server.prot): unknown field"),
            ("SHARESTACK__NO_SUCH_SECTION__KEY", "SHARESTACK__NO_SUCH_SECTION__KEY (no_such_section): unknown field"),
            ("SHARESTACK__SERVER_PORT", "; SHARESTACK__SERVER__PORT is one"),
        ] {
            let error = load(&[(variable, "1")]).unwrap_err().to_string();
            assert!(error.contains(variable) && error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_wrong_value_names_its_setting() {
        let error = load(&[("API_PORT", "eighty")]).unwrap_err();
        assert!(error.to_string().starts_with("API_PORT (server.port): "), "{error}");
        let error = load(&[("SHARESTACK__LOG__FORMAT", "xml")]).unwrap_err();
        assert_eq!(error.to_string(), "SHARESTACK__LOG__FORMAT (log.format): must be pretty or json");
        let error = load(&[("ENVIRONMENT", "staging")]).unwrap_err();
        assert_eq!(error.to_string(), "ENVIRONMENT (environment): must be development, test or production");
        let error = load(&[("RATE_LIMIT_TIMES", "0")]).unwrap_err();
        assert!(error.to_string().contains("rate_limit"), "{error}");
    }

    #[test]
    fn production_refuses_a_sample_secret() {
        for secret in [
            "",
            "short",
            "your-super-secret-jwt-key-change-in-production",
            "your-secret-key-here-change-in-production",
            "CHANGE_ME_CHANGE_ME_CHANGE_ME_CHANGE_ME",
            "please change this to something of your own",
        ] {
            let error = load(&[("ENVIRONMENT", "production"), ("JWT_SECRET_KEY", secret)]).unwrap_err();
            assert_eq!(error.setting, "JWT_SECRET_KEY");
        }
        let good = "k".repeat(32);
        let production = [("ENVIRONMENT", "production"), ("JWT_SECRET_KEY", good.as_str())];
        assert!(load(&production).is_ok());
        for secret in ["short", "your-app-secret-key-change-in-production"] {
            let error = load(&[production[0], production[1], ("SECRET_KEY", secret)]).unwrap_err();
            assert_eq!(error.setting, "SECRET_KEY");
        }
    }

    #[test]
    fn the_transport_is_what_is_configured() {
        let chosen = |variables: &[(&str, &str)]| load(variables).map(|config| config.mail.chosen());
        assert_eq!(chosen(&[]).unwrap(), Some(MailTransport::File));
        let smtp = [("SMTP_HOST", "smtp.qq.com"), ("SMTP_FROM_EMAIL", "a@qq.com")];
        assert_eq!(chosen(&smtp).unwrap(), Some(MailTransport::Smtp));
        let sendgrid = [("SENDGRID_API_KEY", "SG.x"), ("EMAIL_FROM", "a@example.com")];
        assert_eq!(chosen(&sendgrid).unwrap(), Some(MailTransport::Sendgrid));
        let file = [smtp[0], smtp[1], ("SHARESTACK__MAIL__TRANSPORT", "file")];
        assert_eq!(chosen(&file).unwrap(), Some(MailTransport::File));
        assert!(!toml::to_string(&load(&sendgrid).unwrap()).unwrap().contains("SG.x"));
    }

    #[test]
    fn messages_that_cannot_be_sent_are_refused_at_the_start() {
        for (variables, setting) in [
            (&[("SMTP_HOST", "smtp.qq.com")][..], "EMAIL_FROM"),
            (&[("SENDGRID_API_KEY", "SG.x")], "EMAIL_FROM"),
            (&[("SHARESTACK__MAIL__TRANSPORT", "smtp"), ("EMAIL_FROM", "a@b.cn")], "SMTP_HOST"),
            (&[("SHARESTACK__MAIL__TRANSPORT", "sendgrid"), ("EMAIL_FROM", "a@b.cn")], "SENDGRID_API_KEY"),
            (&[("SHARESTACK__MAIL__TRANSPORT", "pigeon")], "mail.transport"),
            (&[("SHARESTACK__SMS__DEFAULT_COUNTRY", "+86")], "sms.default_country"),
            (&[("SHARESTACK__AUTH__REGISTRATION", "closed")], "auth.registration"),
            (&[("SHARESTACK__AUTH__GUARD__TRUST_DAYS", "-1")], "SHARESTACK__AUTH__GUARD__TRUST_DAYS"),
            (&[("RATE_LIMIT_TIMES", "0")], "rate_limit.times"),
            (&[("RATE_LIMIT_SECONDS", "0")], "rate_limit.seconds"),
            (&[("JWT_ACCESS_TOKEN_EXPIRE_MINUTES", "0")], "jwt.access_token_expire_minutes"),
            (&[("JWT_REFRESH_TOKEN_EXPIRE_DAYS", "0")], "jwt.refresh_token_expire_days"),
            (&[("SHARESTACK__VERIFICATION__CODE_LENGTH", "3")], "verification.code_length"),
            (&[("SHARESTACK__VERIFICATION__CODE_MAX_ATTEMPTS", "0")], "verification"),
            (&[("SHARESTACK__VERIFICATION__CODE_EXPIRE_MINUTES", "100000")], "verification"),
        ] {
            let refused = load(variables).unwrap_err().setting;
            assert!(refused.contains(setting), "{refused} instead of {setting}");
        }
    }

    #[test]
    fn secrets_do_not_show_themselves() {
        let config = load(&[("DATABASE_URL", "postgres://u:hunter2@h/d")]).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(!toml::to_string(&config).unwrap().contains("hunter2"));
    }
}
