//! SMTP, against a real server.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sharestack_conformance::message::{MailServer, Protection, SMTP_PASSWORD, SMTP_USER, Subject, ca_file};
use sharestack_kernel::message::{MailSender, OutgoingMail, SendError};
use sharestack_messaging::{ConfigError, Sender, SmtpConfig, SmtpMailer, SmtpTls};
use uuid::Uuid;

/// Whether only what needs no server is meant.
fn embedded_only() -> bool {
    std::env::var("SHARESTACK_TEST_EMBEDDED").is_ok_and(|value| value == "1")
}

fn config(port: u16, tls: SmtpTls) -> SmtpConfig {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    SmtpConfig {
        host: "localhost".to_owned(),
        port,
        credentials: (tls != SmtpTls::None).then(|| (SMTP_USER.to_owned(), SMTP_PASSWORD.into())),
        tls,
        ca_file: (tls != SmtpTls::None).then(ca_file),
        timeout: Duration::from_secs(5),
        connections: 4,
        from: Sender { email: "no-reply@sharestack.example".to_owned(), name: "ShareStack 平台".to_owned() },
    }
}

fn mailer(port: u16, tls: SmtpTls) -> SmtpMailer {
    SmtpMailer::try_new(&config(port, tls)).unwrap()
}

fn mail(to: &str) -> OutgoingMail {
    OutgoingMail::try_new(Uuid::from_u128(1), to, "subject", "text", None).unwrap()
}

async fn subject(protection: Protection) -> Option<(MailServer, Subject)> {
    if embedded_only() {
        return None;
    }
    let tls = match protection {
        Protection::None => SmtpTls::None,
        Protection::StartTls => SmtpTls::StartTls,
        Protection::Tls => SmtpTls::Tls,
    };
    let server = MailServer::start(protection);
    let away = mailer(super::endpoint::nowhere().await.port(), tls);
    let sender = Arc::new(mailer(server.port(), tls));
    let subject = Subject { sender, inbox: server.inbox(), away: Some(Arc::new(away)) };
    Some((server, subject))
}

macro_rules! run {
    ($($domain:ident::$port:ident: [$($case:ident),* $(,)?]),* $(,)?) => {$(
        mod $port {
            $(
                #[tokio::test]
                async fn $case() {
                    if let Some((_server, subject)) = super::super::subject(super::PROTECTION).await {
                        sharestack_conformance::$domain::$port::$case(subject).await;
                    }
                }
            )*
        }
    )*};
}

macro_rules! on {
    ($($module:ident: $protection:ident),*) => {$(
        mod $module {
            use sharestack_conformance::message::Protection;
            const PROTECTION: Protection = Protection::$protection;
            sharestack_conformance::mail_cases!(run);
            sharestack_conformance::mail_provider_cases!(run);
        }
    )*};
}

on!(plain: None, starttls: StartTls, tls: Tls);

#[tokio::test]
async fn a_protected_mail_is_sent_by_tls_with_name_and_password() {
    if embedded_only() {
        return;
    }
    for (protection, tls) in [(Protection::StartTls, SmtpTls::StartTls), (Protection::Tls, SmtpTls::Tls)] {
        let server = MailServer::start(protection);
        mailer(server.port(), tls).send(&mail("lin@example.com")).await.unwrap();
        let [got] = &server.mails()[..] else { panic!("one mail") };
        assert_eq!((&got["tls"], &got["authenticated"]), (&json!(true), &json!(true)), "{got}");
        assert_eq!(got["sender"], "no-reply@sharestack.example");
        assert!(got["header_from"].as_str().unwrap().contains("ShareStack 平台"), "{got}");
    }
}

#[tokio::test]
async fn addresses_in_every_script_are_reached() {
    if embedded_only() {
        return;
    }
    let server = MailServer::start(Protection::None);
    mailer(server.port(), SmtpTls::None).send(&mail("用户@例子.公司")).await.unwrap();
    let to = server.mails()[0]["to"][0].as_str().unwrap().to_owned();
    assert!(to == "用户@例子.公司" || to == "用户@xn--fsqu00a.xn--55qx5d", "{to}");
}

#[tokio::test]
async fn a_server_that_is_not_trusted_gets_nothing() {
    if embedded_only() {
        return;
    }
    let server = MailServer::start(Protection::Tls);
    let stranger = SmtpConfig { ca_file: None, ..config(server.port(), SmtpTls::Tls) };
    let error = SmtpMailer::try_new(&stranger).unwrap().send(&mail("lin@example.com")).await.unwrap_err();
    assert!(matches!(error, SendError::Temporary(_)), "{error:?}");
    // A server without TLS is not spoken to in the clear when TLS was asked for.
    let open = MailServer::start(Protection::None);
    let error = mailer(open.port(), SmtpTls::StartTls).send(&mail("lin@example.com")).await.unwrap_err();
    assert!(matches!(error, SendError::Temporary(_) | SendError::Permanent(_)), "{error:?}");
    assert!(open.mails().is_empty() && server.mails().is_empty());
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let impatient = SmtpConfig { timeout: Duration::from_millis(200), ..config(port, SmtpTls::None) };
    let error = SmtpMailer::try_new(&impatient).unwrap().send(&mail("lin@example.com")).await.unwrap_err();
    assert_eq!(error, SendError::Temporary("no answer in time".to_owned()));
}

#[tokio::test]
async fn a_wrong_password_loses_no_mail() {
    if embedded_only() {
        return;
    }
    let server = MailServer::start(Protection::StartTls);
    let mut wrong = config(server.port(), SmtpTls::StartTls);
    wrong.credentials = Some((SMTP_USER.to_owned(), "wrong".into()));
    let mailer = SmtpMailer::try_new(&wrong).unwrap();
    let error = mailer.send(&mail("lin@example.com")).await.unwrap_err();
    assert!(matches!(error, SendError::Temporary(_)), "{error:?}");
    assert!(mailer.ping().await.is_err());
    assert!(self::mailer(server.port(), SmtpTls::StartTls).ping().await.is_ok());
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused() {
    let from = |email: &str, name: &str| {
        let from = Sender { email: email.to_owned(), name: name.to_owned() };
        SmtpMailer::try_new(&SmtpConfig { from, ..config(25, SmtpTls::None) }).err()
    };
    assert!(from("no-reply@sharestack.example", "").is_none());
    for (email, name) in [("", ""), ("nobody", ""), ("a@b.c\r\nBcc: x@y.z", ""), ("a@example.com", "x\r\nBcc: y@z.w")] {
        assert!(matches!(from(email, name), Some(ConfigError::Sender)), "{email:?} {name:?}");
    }
    let missing = SmtpConfig { ca_file: Some("/no/such/file".into()), ..config(25, SmtpTls::Tls) };
    assert!(matches!(SmtpMailer::try_new(&missing).err(), Some(ConfigError::CaFile(_))));
}
