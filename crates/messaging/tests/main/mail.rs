//! SendGrid against a server that answers as its API does, the file outbox, and the memory.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sharestack_conformance::message::{Inbox, Received, Subject};
use sharestack_kernel::clock::FakeClock;
use sharestack_kernel::message::{MailSender, OutgoingMail, OutgoingSms, SendError, SmsSender};
use sharestack_messaging::{ConfigError, FileOutbox, MemoryOutbox, SendGrid, SendGridConfig, Sender};
use uuid::Uuid;

use super::endpoint::{Asked, Endpoint, nowhere};

const KEY: &str = "SG.key";

fn sendgrid(url: String) -> SendGrid {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let from = Sender { email: "no-reply@sharestack.example".to_owned(), name: "ShareStack".to_owned() };
    let config = SendGridConfig { base_url: url, api_key: KEY.into(), timeout: Duration::from_secs(5), from };
    SendGrid::try_new(&config).unwrap()
}

fn body(asked: &Asked) -> Value {
    serde_json::from_slice(&asked.body).unwrap()
}

/// `POST /v3/mail/send`, as SendGrid documents its answers.
fn answer(asked: &Asked) -> (u16, String) {
    let error = |status, message: &str| (status, json!({ "errors": [{ "message": message }] }).to_string());
    if asked.headers.get("authorization").map(String::as_str) != Some("Bearer SG.key") {
        return error(401, "The provided authorization grant is invalid, expired, or revoked");
    }
    match body(asked)["personalizations"][0]["to"][0]["email"].as_str().unwrap() {
        "refused@example.com" => error(400, "Does not contain a valid address."),
        "busy@example.com" => error(429, "too many requests"),
        _ => (202, String::new()),
    }
}

fn received(asked: &Asked) -> Received {
    let body = body(asked);
    let content = |kind: &str| {
        let parts = body["content"].as_array().unwrap();
        parts.iter().find(|part| part["type"] == kind).map(|part| part["value"].as_str().unwrap().to_owned())
    };
    let headers = body["headers"].as_object().unwrap();
    Received {
        to: body["personalizations"][0]["to"][0]["email"].as_str().unwrap().to_owned(),
        subject: body["subject"].as_str().unwrap().to_owned(),
        text: content("text/plain").unwrap(),
        html: content("text/html"),
        message_id: headers["Message-ID"].as_str().unwrap().to_owned(),
        headers: headers.keys().map(|name| name.to_lowercase()).collect(),
    }
}

async fn sendgrid_subject() -> Subject {
    let endpoint = Endpoint::start(answer).await;
    let sender = Arc::new(sendgrid(endpoint.url.clone()));
    let away = Arc::new(sendgrid(format!("http://{}", nowhere().await)));
    let inbox: Inbox = Arc::new(move || {
        let asked = endpoint.asked();
        let taken = asked.iter().filter(|asked| answer(asked).0 == 202).map(received).collect();
        Box::pin(std::future::ready(taken))
    });
    Subject { sender, inbox, away: Some(away) }
}

fn file(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A file outbox keeps one copy of a mail that is sent twice, as it should.
async fn outbox_subject() -> Subject {
    let directory = tempfile::tempdir().unwrap();
    let sender = FileOutbox::try_new(directory.path().join("outbox"), Arc::new(FakeClock::default())).unwrap();
    let inbox: Inbox = Arc::new(move || {
        let files = std::fs::read_dir(directory.path().join("outbox")).unwrap();
        let taken = files.map(|entry| {
            let mail = file(&entry.unwrap().path());
            let text = |name: &str| mail[name].as_str().unwrap().to_owned();
            Received {
                to: text("to"),
                subject: text("subject"),
                text: text("text"),
                html: mail["html"].as_str().map(str::to_owned),
                message_id: text("id"),
                headers: Vec::new(),
            }
        });
        Box::pin(std::future::ready(taken.collect()))
    });
    Subject { sender: Arc::new(sender), inbox, away: None }
}

async fn memory_subject() -> Subject {
    let outbox = Arc::new(MemoryOutbox::default());
    let kept = outbox.clone();
    let inbox: Inbox = Arc::new(move || {
        let taken = kept.mails().into_iter().map(|mail| Received {
            to: mail.to().to_owned(),
            subject: mail.subject().to_owned(),
            text: mail.text().to_owned(),
            html: mail.html().map(str::to_owned),
            message_id: mail.id().to_string(),
            headers: Vec::new(),
        });
        Box::pin(std::future::ready(taken.collect()))
    });
    Subject { sender: outbox, inbox, away: None }
}

macro_rules! run {
    ($($domain:ident::$port:ident: [$($case:ident),* $(,)?]),* $(,)?) => {$(
        mod $port {
            $(
                #[tokio::test]
                async fn $case() {
                    sharestack_conformance::$domain::$port::$case(super::subject().await).await;
                }
            )*
        }
    )*};
}

mod by_sendgrid {
    use super::sendgrid_subject as subject;
    sharestack_conformance::mail_cases!(run);
    sharestack_conformance::mail_provider_cases!(run);
}

mod by_file {
    use super::outbox_subject as subject;
    sharestack_conformance::mail_cases!(run);
}

mod by_memory {
    use super::memory_subject as subject;
    sharestack_conformance::mail_cases!(run);
}

fn mail() -> OutgoingMail {
    OutgoingMail::try_new(Uuid::from_u128(1), "lin@example.com", "subject", "text", None).unwrap()
}

#[tokio::test]
async fn sendgrid_is_asked_as_its_documentation_says() {
    let endpoint = Endpoint::start(answer).await;
    sendgrid(endpoint.url.clone() + "/").send(&mail()).await.unwrap();
    let [asked] = &endpoint.asked()[..] else { panic!("one call") };
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/v3/mail/send"));
    assert_eq!(asked.headers["content-type"], "application/json");
    assert_eq!(body(asked)["from"], json!({ "email": "no-reply@sharestack.example", "name": "ShareStack" }));
}

#[tokio::test]
async fn a_wrong_key_or_a_broken_provider_loses_no_mail() {
    for status in [301, 401, 403, 404, 500, 502, 503] {
        let endpoint = Endpoint::start(move |_| (status, "x".repeat(1 << 20))).await;
        let error = sendgrid(endpoint.url.clone()).send(&mail()).await.unwrap_err();
        assert_eq!(error, SendError::Temporary(format!("http {status}")));
    }
}

#[test]
fn addresses_that_are_none_are_refused_at_the_start() {
    for url in ["", "api.sendgrid.com", "ftp://api.sendgrid.com", "file:///etc/passwd"] {
        let config = SendGridConfig {
            base_url: url.to_owned(),
            api_key: KEY.into(),
            timeout: Duration::from_secs(1),
            from: Sender { email: "a@example.com".to_owned(), name: String::new() },
        };
        assert!(matches!(SendGrid::try_new(&config).err(), Some(ConfigError::Endpoint)), "{url}");
    }
}

#[tokio::test]
async fn the_outbox_is_its_owners_alone_and_keeps_both_channels() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deep/outbox");
    let outbox = FileOutbox::try_new(path.clone(), Arc::new(FakeClock::default())).unwrap();
    MailSender::send(&outbox, &mail()).await.unwrap();
    let sms = OutgoingSms {
        id: Uuid::from_u128(2),
        to: "+8613800138000".to_owned(),
        text: "验证码 012345".to_owned(),
        language: "zh-CN".to_owned(),
        parameters: json!({ "code": "012345" }),
    };
    SmsSender::send(&outbox, &sms).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let kept = path.join(format!("{}.json", sms.id));
    assert_eq!((mode(&path), mode(&kept)), (0o700, 0o600));
    assert_eq!(
        file(&kept),
        json!({ "id": sms.id, "channel": "sms", "to": sms.to, "text": sms.text, "written_at": "2026-01-15T10:30:00Z" })
    );
    assert_eq!(std::fs::read_dir(&path).unwrap().count(), 2);
    std::fs::remove_dir_all(&path).unwrap();
    assert!(matches!(MailSender::send(&outbox, &mail()).await, Err(SendError::Temporary(_))));
}
