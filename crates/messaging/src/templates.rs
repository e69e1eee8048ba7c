//! The words of every message, in every language, from files inside the program.

use std::error::Error;

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::Value;
use thiserror::Error;

/// Name in the environment, and content. `.html` is escaped, everything else is plain.
macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../templates/", $path)))),*]
    };
}

const FILES: &[(&str, &str)] = files![
    "layout.html",
    "en/access_removed.subject.txt",
    "en/access_removed.txt",
    "en/access_removed.html",
    "en/already_registered.subject.txt",
    "en/already_registered.txt",
    "en/already_registered.html",
    "en/deletion_scheduled.subject.txt",
    "en/deletion_scheduled.txt",
    "en/deletion_scheduled.html",
    "en/email_changed.subject.txt",
    "en/email_changed.txt",
    "en/email_changed.html",
    "en/password_changed.subject.txt",
    "en/password_changed.txt",
    "en/password_changed.html",
    "en/second_factor_removed.subject.txt",
    "en/second_factor_removed.txt",
    "en/second_factor_removed.html",
    "en/verification_code.subject.txt",
    "en/verification_code.txt",
    "en/verification_code.html",
    "en/verification_code.sms.txt",
    "zh-CN/access_removed.subject.txt",
    "zh-CN/access_removed.txt",
    "zh-CN/access_removed.html",
    "zh-CN/already_registered.subject.txt",
    "zh-CN/already_registered.txt",
    "zh-CN/already_registered.html",
    "zh-CN/deletion_scheduled.subject.txt",
    "zh-CN/deletion_scheduled.txt",
    "zh-CN/deletion_scheduled.html",
    "zh-CN/email_changed.subject.txt",
    "zh-CN/email_changed.txt",
    "zh-CN/email_changed.html",
    "zh-CN/password_changed.subject.txt",
    "zh-CN/password_changed.txt",
    "zh-CN/password_changed.html",
    "zh-CN/second_factor_removed.subject.txt",
    "zh-CN/second_factor_removed.txt",
    "zh-CN/second_factor_removed.html",
    "zh-CN/verification_code.subject.txt",
    "zh-CN/verification_code.txt",
    "zh-CN/verification_code.html",
    "zh-CN/verification_code.sms.txt",
];

/// A mail, written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line, whatever it was filled with.
    pub subject: String,
    /// For every reader.
    pub text: String,
    /// The same, with everything that was filled in escaped.
    pub html: String,
}

/// A message cannot be written. The text names the template and nothing of its content.
#[derive(Debug, Error)]
#[error("template {name} cannot be written")]
pub struct TemplateError {
    /// Which one.
    pub name: String,
    /// Why.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

/// Every template.
pub struct Templates(Environment<'static>);

impl Default for Templates {
    fn default() -> Self {
        Self::new()
    }
}

impl Templates {
    /// All of them.
    ///
    /// # Panics
    /// When a file of this crate is no template, which its tests find out.
    pub fn new() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|name| match name.rsplit_once('.') {
            Some((_, "html")) => AutoEscape::Html,
            _ => AutoEscape::None,
        });
        for (name, text) in FILES {
            environment.add_template(name, text).expect("the program's own templates are templates");
        }
        Self(environment)
    }

    /// Writes a mail. An unknown language is English.
    ///
    /// # Errors
    /// When there is no such template, or what it asks for is missing.
    pub fn mail(&self, name: &str, language: &str, data: &Value) -> Result<Rendered, TemplateError> {
        Ok(Rendered {
            subject: one_line(&self.render(name, language, "subject.txt", data)?),
            text: self.render(name, language, "txt", data)?,
            html: self.render(name, language, "html", data)?,
        })
    }

    /// Writes a text message, on one line.
    ///
    /// # Errors
    /// When there is no such template, or what it asks for is missing.
    pub fn sms(&self, name: &str, language: &str, data: &Value) -> Result<String, TemplateError> {
        Ok(one_line(&self.render(name, language, "sms.txt", data)?))
    }

    fn render(&self, name: &str, language: &str, kind: &str, data: &Value) -> Result<String, TemplateError> {
        let language = if language == "zh-CN" { language } else { "en" };
        let file = format!("{language}/{name}.{kind}");
        let rendered = self.0.get_template(&file).and_then(|template| template.render(minijinja::value::Serde(data)));
        rendered.map_err(|source| TemplateError { name: file, source: Box::new(source) })
    }
}

/// Blanks and control characters in a row become one blank: a subject is one line, and a
/// name with line breaks in it adds no header.
fn one_line(text: &str) -> String {
    let plain = |c: char| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c };
    let text: String = text.chars().map(plain).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use serde_json::json;

    use super::*;

    /// What every template asks for, at its worst: each text would break out of where it stands.
    fn hostile() -> Value {
        let text = "lin\r\nBcc: victim@example.com\r\n\r\n<script>alert('1')</script>\" onload=\"x\"&amp;{{ code }}";
        json!({
            "code": text, "minutes": text, "purpose": "login", "new_email": text, "due": text, "username": text,
            "password": true, "sessions": text, "passkeys": text, "identities": text, "api_keys": text, "factor": true,
            "phone": true,
        })
    }

    fn names() -> Vec<&'static str> {
        FILES.iter().filter_map(|(name, _)| name.strip_prefix("en/")?.strip_suffix(".subject.txt")).collect()
    }

    #[test]
    fn every_message_is_there_in_both_languages_and_escapes_what_it_is_filled_with() {
        let templates = Templates::new();
        assert_eq!(names().len(), 7);
        for name in names() {
            for language in ["en", "zh-CN"] {
                let mail = templates.mail(name, language, &hostile()).unwrap();
                assert!(!mail.subject.is_empty() && !mail.subject.contains(['\r', '\n']), "{name} {language}");
                assert!(!mail.html.contains("<script") && !mail.html.contains("onload=\"x"), "{}", mail.html);
                assert!(!mail.html.contains("&amp;{{") && !mail.html.contains("'1'"), "{}", mail.html);
                assert!(mail.html.contains(&format!("<html lang=\"{language}\">")), "{}", mail.html);
                assert!(!mail.text.trim().is_empty());
            }
            let (en, zh) = (templates.mail(name, "en", &hostile()), templates.mail(name, "zh-CN", &hostile()));
            assert_ne!(en.unwrap().subject, zh.unwrap().subject);
        }
    }

    /// What a file asks to be filled with.
    fn asked(file: &str) -> BTreeSet<String> {
        let templates = Templates::new();
        let asked = templates.0.get_template(file).unwrap().undeclared_variables(true);
        asked.into_iter().collect()
    }

    #[test]
    fn both_languages_have_the_same_files_that_ask_for_the_same() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        let of = |language: &str| {
            let files = std::fs::read_dir(directory.join(language)).unwrap();
            files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect::<BTreeSet<_>>()
        };
        assert_eq!(of("en"), of("zh-CN"));
        for file in of("en") {
            for language in ["en", "zh-CN"] {
                let file = format!("{language}/{file}");
                assert!(FILES.iter().any(|(name, _)| *name == file), "{file} is not in the program");
            }
            assert_eq!(asked(&format!("en/{file}")), asked(&format!("zh-CN/{file}")), "{file}");
        }
        for name in names() {
            let [text, html] = ["txt", "html"].map(|kind| asked(&format!("en/{name}.{kind}")));
            assert_eq!(text, html, "{name} tells all readers the same");
        }
    }

    #[test]
    fn every_purpose_has_its_words() {
        let templates = Templates::new();
        for language in ["en", "zh-CN"] {
            let mut subjects = BTreeSet::new();
            let purposes = ["register", "login", "reset", "change_email", "reauthenticate"];
            for purpose in purposes {
                let data = json!({ "code": "012345", "minutes": 10, "purpose": purpose });
                let mail = templates.mail("verification_code", language, &data).unwrap();
                let sms = templates.sms("verification_code", language, &data).unwrap();
                for text in [&mail.subject, &mail.text, &mail.html, &sms] {
                    assert!(text.contains("012345"), "{text}");
                }
                assert!(mail.text.contains("10") && mail.html.contains("10") && sms.contains("10"));
                subjects.insert(mail.text);
            }
            assert_eq!(subjects.len(), purposes.len());
            let second = json!({ "code": "012345", "minutes": 10, "purpose": "second_factor" });
            let second = templates.mail("verification_code", language, &second).unwrap();
            assert!(subjects.contains(&second.text), "both proofs sign in: {}", second.text);
        }
    }

    #[test]
    fn what_was_removed_is_told_and_nothing_else() {
        let templates = Templates::new();
        let nothing = json!({
            "username": "lin", "password": false, "sessions": 0, "passkeys": 0, "identities": 0, "api_keys": 0,
            "factor": false, "phone": false,
        });
        for (name, value, en, zh) in [
            ("password", json!(true), "- the password", "- 密码"),
            ("sessions", json!(2), "- open sessions: 2", "- 已登录的会话：2"),
            ("passkeys", json!(1), "- passkeys: 1", "- 通行密钥：1"),
            ("identities", json!(1), "- linked accounts of other services: 1", "- 关联的第三方账号：1"),
            ("api_keys", json!(3), "- API keys: 3", "- API 密钥：3"),
            ("factor", json!(true), "- the app that shows codes", "- 显示验证码的应用"),
            ("phone", json!(true), "- the phone number", "- 手机号码"),
        ] {
            let mut data = nothing.clone();
            data[name] = value;
            for (language, line) in [("en", en), ("zh-CN", zh)] {
                let mail = templates.mail("access_removed", language, &data).unwrap();
                let told: Vec<_> = mail.text.lines().filter(|line| line.starts_with("- ")).collect();
                assert_eq!(told, [line], "{}", mail.text);
                assert_eq!(mail.html.matches("<li>").count(), 1, "{}", mail.html);
                assert!(mail.html.contains(line.trim_start_matches("- ")), "{}", mail.html);
            }
        }
    }

    #[test]
    fn a_name_with_line_breaks_stays_on_one_line() {
        assert_eq!(one_line("Hello\r\nBcc: x@y.z\u{2028}\0you"), "Hello Bcc: x@y.z you");
    }

    #[test]
    fn what_is_missing_is_an_error_that_tells_no_content() {
        let error = Templates::new().mail("verification_code", "en", &json!({ "minutes": 10 })).unwrap_err();
        assert_eq!(error.to_string(), "template en/verification_code.subject.txt cannot be written");
        assert!(Templates::new().mail("../layout", "en", &json!({})).is_err());
        let other = Templates::new().mail("verification_code", "fr", &hostile()).unwrap();
        assert!(other.html.contains("lang=\"en\""));
    }
}
