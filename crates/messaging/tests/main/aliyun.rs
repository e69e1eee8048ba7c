//! Aliyun, against a server that answers as its API does.

use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::{Digest, Sha256};
use sharestack_kernel::clock::FakeClock;
use sharestack_kernel::message::{OutgoingSms, SendError, SmsSender};
use sharestack_kernel::random::CountingRandomness;
use sharestack_messaging::{AliyunConfig, AliyunSms};
use uuid::Uuid;

use super::endpoint::{Asked, Endpoint, nowhere};

fn sender(endpoint: &str) -> AliyunSms {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let config = AliyunConfig {
        endpoint: endpoint.to_owned(),
        access_key_id: "LTAI-test".to_owned(),
        access_key_secret: "secret".into(),
        sign_name: "分享栈".to_owned(),
        template_code: "SMS_100".to_owned(),
        template_code_en: "SMS_200".to_owned(),
        timeout: Duration::from_secs(5),
    };
    AliyunSms::try_new(config, Arc::new(FakeClock::default()), Arc::new(CountingRandomness::default())).unwrap()
}

fn sms(language: &str) -> OutgoingSms {
    OutgoingSms {
        id: Uuid::from_u128(1),
        to: "+8613800138000".to_owned(),
        text: "验证码 012345".to_owned(),
        language: language.to_owned(),
        parameters: json!({ "code": "012345" }),
    }
}

#[tokio::test]
async fn a_message_is_asked_for_as_the_documentation_says() {
    let endpoint = Endpoint::start(|_| {
        (200, r#"{"Message":"OK","RequestId":"F655A8D5","Code":"OK","BizId":"9006^0"}"#.to_owned())
    })
    .await;
    sender(&endpoint.url).send(&sms("zh-CN")).await.unwrap();
    sender(&endpoint.url).send(&sms("en")).await.unwrap();
    let [asked, english] = &endpoint.asked()[..] else { panic!("two calls") };
    assert_eq!(asked.method, "POST");
    assert_eq!(
        asked.target,
        "/?OutId=00000000-0000-0000-0000-000000000001&PhoneNumbers=13800138000&SignName=%E5%88%86%E4%BA%AB%E6%A0%88\
         &TemplateCode=SMS_100&TemplateParam=%7B%22code%22%3A%22012345%22%7D"
    );
    assert!(english.target.contains("TemplateCode=SMS_200"));
    for (name, value) in [
        ("x-acs-action", "SendSms"),
        ("x-acs-version", "2017-05-25"),
        ("x-acs-date", "2026-01-15T10:30:00Z"),
        ("x-acs-signature-nonce", "00000000000000000000000000000000"),
        ("host", endpoint.url.strip_prefix("http://").unwrap()),
    ] {
        assert_eq!(asked.headers[name], value);
    }
    for asked in [asked, english] {
        assert_eq!(asked.headers["authorization"], signed(asked), "{}", asked.target);
    }
    assert_ne!(asked.headers["authorization"], english.headers["authorization"]);
}

/// What must stand in `authorization`, made as Aliyun makes it: of what has arrived.
fn signed(asked: &Asked) -> String {
    let names =
        ["host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version"];
    let lines = names.map(|name| format!("{name}:{}\n", asked.headers[name])).concat();
    let body = hex::encode(Sha256::digest(&asked.body));
    assert_eq!(asked.headers["x-acs-content-sha256"], body);
    let (path, query) = asked.target.split_once('?').unwrap();
    let names = names.join(";");
    let canonical = format!("{}\n{path}\n{query}\n{lines}\n{names}\n{body}", asked.method);
    let to_sign = format!("ACS3-HMAC-SHA256\n{}", hex::encode(Sha256::digest(canonical)));
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(b"secret").unwrap();
    mac.update(to_sign.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    format!("ACS3-HMAC-SHA256 Credential=LTAI-test,SignedHeaders={names},Signature={signature}")
}

#[tokio::test]
async fn what_it_refuses_is_told_apart() {
    let answer = async |status: u16, body: &'static str| {
        let endpoint = Endpoint::start(move |_| (status, body.to_owned())).await;
        sender(&endpoint.url).send(&sms("en")).await.unwrap_err()
    };
    let illegal = r#"{"Code":"isv.MOBILE_NUMBER_ILLEGAL","Message":"13800138000 is illegal","RequestId":"x"}"#;
    assert_eq!(answer(200, illegal).await, SendError::Permanent("isv.MOBILE_NUMBER_ILLEGAL".to_owned()));
    for (status, body, reason) in [
        (200, r#"{"Code":"isv.BUSINESS_LIMIT_CONTROL"}"#, "isv.BUSINESS_LIMIT_CONTROL"),
        (200, r#"{"Code":"isv.AMOUNT_NOT_ENOUGH"}"#, "isv.AMOUNT_NOT_ENOUGH"),
        (403, r#"{"Code":"SignatureDoesNotMatch"}"#, "SignatureDoesNotMatch"),
        (503, r#"{"Code":"ServiceUnavailable"}"#, "ServiceUnavailable"),
        (500, r#"{"Code":"OK"}"#, "OK"),
        (200, r#"{"Code":"the number 13800138000 is wrong"}"#, "http 200"),
        (502, "<html>Bad gateway</html>", "http 502"),
    ] {
        assert_eq!(answer(status, body).await, SendError::Temporary(reason.to_owned()));
    }
    let away = sender(&format!("http://{}", nowhere().await)).send(&sms("en")).await.unwrap_err();
    assert_eq!(away, SendError::Temporary("no connection".to_owned()));
}
