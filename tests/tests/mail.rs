//! Mail on its way: by SMTP to a real server, later when a provider is down, never twice.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sharestack_conformance::message::{MailServer, Protection, SMTP_PASSWORD, SMTP_USER, ca_file};
use sharestack_kernel::clock::{Clock, SystemClock};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::message::{Message, Recipient};
use sharestack_kernel::random::uuid_v7;
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;
use sharestack_tests::browser::parameter;
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::process::command;
use sharestack_tests::{Database, FakeProvider, Harness, Options, Says, embedded_only, outbox, until};
use sharestack_users::ports::UsersTx;

const SEND: &str = "/api/v1/verification/send";

fn by_smtp(database: Database, protection: Protection, port: u16) -> Options {
    let options = Options::on(database)
        .with("SMTP_HOST", "localhost")
        .with("SMTP_PORT", port.to_string())
        .with("SMTP_FROM_EMAIL", "no-reply@sharestack.example")
        .with("SMTP_USE_TLS", (protection != Protection::None).to_string())
        .with("SHARESTACK__MAIL__TIMEOUT_SECONDS", "5");
    match protection {
        Protection::None => options,
        Protection::StartTls | Protection::Tls => options
            .with("SHARESTACK__MAIL__SMTP_TLS", if protection == Protection::Tls { "tls" } else { "starttls" })
            .with("SHARESTACK__MAIL__SMTP_CA_FILE", ca_file().display().to_string())
            .with("SMTP_USERNAME", SMTP_USER)
            .with("SMTP_PASSWORD", SMTP_PASSWORD),
    }
}

async fn ask(app: &Harness, email: &str, language: &str) {
    let body = json!({ "email": email, "purpose": "register" });
    let request = app.request(reqwest::Method::POST, SEND).header("accept-language", language).json(&body);
    app.send(request).await.expect(200);
}

async fn arrived(server: &MailServer, count: usize) -> Vec<Value> {
    until("the mail arrives", async || server.mails().len() >= count).await;
    server.mails()
}

/// A port where nobody listens.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_arrives_at_a_real_mail_server_from_every_database() {
    if embedded_only() {
        return;
    }
    for (database, protection) in
        Database::all().into_iter().zip([Protection::StartTls, Protection::Tls, Protection::None])
    {
        let server = MailServer::start(protection);
        let app = Harness::start(by_smtp(database, protection, server.port())).await;
        ask(&app, "lin@example.com", "zh-CN").await;
        let mails = arrived(&server, 1).await;
        let [mail] = &mails[..] else { panic!("one mail") };
        assert_eq!(
            (&mail["to"], &mail["sender"]),
            (&json!(["lin@example.com"]), &json!("no-reply@sharestack.example"))
        );
        assert_eq!(mail["tls"], protection != Protection::None);
        assert_eq!(mail["authenticated"], protection != Protection::None);
        assert!(mail["subject"].as_str().unwrap().starts_with("您的 ShareStack 验证码"), "{mail}");
        let code = outbox::digits(mail["text"].as_str().unwrap());
        assert!(mail["html"].as_str().unwrap().contains(&code));
        let body = json!({
            "username": "lin", "email": "lin@example.com", "password": "correct horse 电池", "verification_code": code
        });
        assert_eq!(app.post("/api/v1/auth/register", &body).await.expect(201).data()["is_verified"], true);
        // What is done leaves nothing to be read.
        outbox::settled(&app).await;
        let store = app.store().await;
        let payloads = store.texts_raw("SELECT payload FROM jobs WHERE kind = 'message.send'").await.unwrap();
        assert_eq!(payloads, ["{}"]);
        store.close().await;
        app.stop().await;
        assert_eq!(server.mails().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_is_down_delays_mail_and_never_a_request() {
    if embedded_only() {
        return;
    }
    let port = free_port();
    let app = Harness::start(by_smtp(Database::Sqlite, Protection::None, port)).await;
    let start = Instant::now();
    for n in 0..5 {
        ask(&app, &format!("user{n}@example.com"), "en").await;
    }
    assert!(start.elapsed() < Duration::from_secs(5), "requests wait for the provider");
    let tried = "SELECT COUNT(*) FROM jobs WHERE kind = 'message.send' AND state = 'waiting' AND attempts >= 1";
    until("each was tried", async || app.count(tried).await == 5).await;
    let store = app.store().await;
    for text in store.texts_raw("SELECT last_error FROM jobs WHERE kind = 'message.send'").await.unwrap() {
        assert_eq!(text, "not sent for now: no connection");
    }
    store.close().await;
    let server = MailServer::start_at(Protection::None, port);
    let mut to: Vec<_> = arrived(&server, 5).await.iter().map(|mail| mail["to"][0].clone()).collect();
    to.sort_by_key(ToString::to_string);
    assert_eq!(to, (0..5).map(|n| json!(format!("user{n}@example.com"))).collect::<Vec<_>>());
    outbox::settled(&app).await;
    app.stop().await;
    assert_eq!(server.mails().len(), 5, "none came twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_for_good_is_a_dead_letter_that_a_person_may_offer_again() {
    if embedded_only() {
        return;
    }
    let server = MailServer::start(Protection::None);
    let app = Harness::start(by_smtp(Database::Sqlite, Protection::None, server.port())).await;
    ask(&app, "refused@example.com", "en").await;
    ask(&app, "busy@example.com", "en").await;
    let dead = "SELECT COUNT(*) FROM jobs WHERE state = 'dead' AND attempts = 1";
    until("it is given up", async || app.count(dead).await == 1).await;
    let run = |arguments: &[&str]| {
        let done = command(app.app().data_dir(), arguments, &BTreeMap::new()).output().unwrap();
        (done.status.success(), String::from_utf8(done.stdout).unwrap())
    };
    let (well, listed) = run(&["jobs", "dead"]);
    assert!(well && listed.contains("message.send") && listed.contains("smtp 550"), "{listed}");
    assert!(!listed.contains('@'), "{listed}");
    assert_eq!(run(&["jobs", "dead", "--kind", "other"]), (true, "no job was given up\n".to_owned()));
    let id = listed.split(' ').next().unwrap();
    assert!(!run(&["jobs", "retry", &uuid_v7().to_string()]).0);
    let (well, said) = run(&["jobs", "retry", id]);
    assert!(well && said.contains("waits again"), "{said}");
    until("it is given up again", async || app.count(dead).await == 1).await;
    assert!(run(&["jobs", "retry", "--all", "--kind", "message.send"]).0);
    assert!(server.mails().is_empty());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_with_line_breaks_adds_no_header() {
    if embedded_only() {
        return;
    }
    let server = MailServer::start(Protection::None);
    let app = Harness::start(by_smtp(Database::Sqlite, Protection::None, server.port())).await;
    let leave = async |to: &str, username: &str| {
        let message = Message {
            to: Recipient::Mail(to.to_owned()),
            template: "email_changed".to_owned(),
            language: "en".to_owned(),
            data: json!({ "username": username, "new_email": "new@example.com" }),
            valid_until: None,
        };
        let job = app.app().mailroom.job(uuid_v7(), &message, SystemClock.now()).unwrap();
        let store: &dyn Begin<dyn UsersTx> = &app.app().store;
        let done: Result<bool, StoreError> = transact!(store, |tx| { tx.jobs().enqueue(&job).await });
        assert!(done.unwrap());
    };
    leave("lin@example.com", "lin\r\nBcc: victim@example.com\r\nX-Evil: 1\r\n\r\n<script>alert(1)</script>").await;
    leave("lin@example.com\r\nBcc: victim@example.com", "lin").await;
    let mails = arrived(&server, 1).await;
    let [mail] = &mails[..] else { panic!("one mail") };
    assert_eq!(mail["to"], json!(["lin@example.com"]));
    let headers = mail["headers"].as_array().unwrap();
    assert!(!headers.contains(&json!("bcc")) && !headers.contains(&json!("x-evil")), "{headers:?}");
    assert!(!mail["html"].as_str().unwrap().contains("<script>"), "{mail}");
    until("the other is given up", async || app.count("SELECT COUNT(*) FROM jobs WHERE state = 'dead'").await == 1)
        .await;
    app.stop().await;
    assert_eq!(server.mails().len(), 1);
}

/// The settings bring a message to the provider that they name, and its code is good.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_go_by_the_providers_that_are_configured() {
    let fake = FakeProvider::start().await;
    fake.says("/v3/mail/send", Says::Text(202, "text/plain", String::new()));
    fake.says("/", Says::Json(200, json!({ "Code": "OK", "Message": "OK", "RequestId": "F655A8D5", "BizId": "9^0" })));
    let options = Options::usual()
        .with("SENDGRID_API_KEY", "SG.key")
        .with("SHARESTACK__MAIL__SENDGRID_API_BASE", fake.base.clone())
        .with("SHARESTACK__MAIL__FROM", "no-reply@sharestack.example")
        .with("SHARESTACK__SMS__PROVIDER", "aliyun")
        .with("SHARESTACK__SMS__ALIYUN_ENDPOINT", fake.base.clone())
        .with("SHARESTACK__SMS__ALIYUN_ACCESS_KEY_ID", "LTAI-test")
        .with("SHARESTACK__SMS__ALIYUN_ACCESS_KEY_SECRET", "secret")
        .with("SHARESTACK__SMS__ALIYUN_SIGN_NAME", "分享栈")
        .with("SHARESTACK__SMS__ALIYUN_TEMPLATE_CODE", "SMS_100")
        .with("SHARESTACK__SMS__ALIYUN_TEMPLATE_CODE_EN", "SMS_200");
    let app = Harness::start(options).await;
    ask(&app, "lin@example.com", "zh-CN").await;
    until("the mail is taken", async || !fake.asked("/v3/mail/send").is_empty()).await;
    let mail = fake.asked("/v3/mail/send").remove(0);
    assert!(mail.head.to_lowercase().contains("\r\nauthorization: bearer sg.key"), "{}", mail.head);
    let body: Value = serde_json::from_str(&mail.body).unwrap();
    assert_eq!(body["personalizations"][0]["to"], json!([{ "email": "lin@example.com" }]));
    assert_eq!(body["from"]["email"], "no-reply@sharestack.example");
    let code = outbox::digits(body["subject"].as_str().unwrap());
    let body = json!({
        "username": "lin", "email": "lin@example.com", "password": PASSWORD, "verification_code": code
    });
    app.post("/api/v1/auth/register", &body).await.expect(201);
    let lin = app.login("lin").await;
    app.post_as(&lin.token, SEND, &json!({ "phone": "13800138000", "purpose": "register" })).await.expect(200);
    until("the text message is taken", async || !fake.asked("/").is_empty()).await;
    let sms = fake.asked("/").remove(0);
    let asked = reqwest::Url::parse(&format!("{}{}", fake.base, sms.line.split(' ').nth(1).unwrap())).unwrap();
    let said = |name| parameter(&asked, name).unwrap();
    assert_eq!(
        [said("PhoneNumbers"), said("SignName"), said("TemplateCode")],
        ["13800138000", "分享栈", "SMS_200"].map(String::from)
    );
    let filled: Value = serde_json::from_str(&said("TemplateParam")).unwrap();
    let body = json!({ "phone": "13800138000", "code": filled["code"] });
    app.post_as(&lin.token, "/api/v1/auth/phone/verify", &body).await.expect(200);
    outbox::settled(&app).await;
    assert!(outbox::messages(&app).is_empty(), "no file beside");
    app.stop().await;
    assert_eq!((fake.asked("/v3/mail/send").len(), fake.asked("/").len()), (1, 1), "none went twice");
}

#[tokio::test]
async fn without_a_provider_messages_are_files_of_the_server_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let app = Harness::embedded().await;
    ask(&app, "lin@example.com", "en").await;
    let sent = outbox::to(&app, "lin@example.com").await;
    assert_eq!((sent.len(), &sent[0]["channel"]), (1, &json!("mail")));
    let directory = app.app().data_dir().join("outbox");
    assert_eq!(std::fs::metadata(directory).unwrap().permissions().mode() & 0o777, 0o700);
    app.stop().await;
}

#[test]
fn the_command_line_makes_invitations() {
    let data = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let done = command(data.path(), arguments, &BTreeMap::new()).output().unwrap();
        (done.status.success(), String::from_utf8(done.stdout).unwrap())
    };
    let (well, code) = run(&["invite", "create", "--email", "lin@example.com", "--days", "3"]);
    assert!(well && code.trim().len() == 47 && code.starts_with("ssi_"), "{code}");
    assert!(!run(&["invite", "create", "--email", "nobody"]).0);
    assert!(!run(&["invite", "create", "--days", "0"]).0);
}
