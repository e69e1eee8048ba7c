//! Aliyun's SMS service: `SendSms`, signed by `ACS3-HMAC-SHA256`.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::SecondsFormat;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Client, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use sharestack_kernel::clock::Clock;
use sharestack_kernel::message::{OutgoingSms, SendError, SmsSender};
use sharestack_kernel::random::Randomness;

use crate::config::AliyunConfig;
use crate::error::ConfigError;
use crate::http;

const ACTION: &str = "SendSms";
const VERSION: &str = "2017-05-25";
/// What it says of a number or a text that it will never take.
const FOR_GOOD: &[&str] = &[
    "isv.MOBILE_NUMBER_ILLEGAL",
    "isv.MOBILE_COUNT_OVER_LIMIT",
    "isv.BLACK_KEY_CONTROL_LIMIT",
    "isv.INVALID_PARAMETERS",
    "isv.PARAM_LENGTH_LIMIT",
    "isv.PARAM_NOT_SUPPORT_URL",
    "isv.TEMPLATE_PARAMS_ILLEGAL",
    "isv.TEMPLATE_MISSING_PARAMETERS",
    "MobileNumberIllegal",
];

/// Sends by Aliyun.
pub struct AliyunSms {
    client: Client,
    base: Url,
    host: String,
    config: AliyunConfig,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
}

impl AliyunSms {
    /// A sender with this account.
    ///
    /// # Errors
    /// When a setting cannot work.
    pub fn try_new(
        config: AliyunConfig,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Self, ConfigError> {
        let base = http::base(&config.endpoint)?;
        let name = base.host_str().ok_or(ConfigError::Endpoint)?;
        let host = base.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
        Ok(Self { client: http::client(config.timeout)?, host, base, config, clock, randomness })
    }

    fn query(&self, sms: &OutgoingSms) -> String {
        let english = sms.language == "en" && !self.config.template_code_en.is_empty();
        let template = if english { &self.config.template_code_en } else { &self.config.template_code };
        // Sorted by name, as the signature asks.
        let parameters = [
            ("OutId", sms.id.to_string()),
            ("PhoneNumbers", number(&sms.to)),
            ("SignName", self.config.sign_name.clone()),
            ("TemplateCode", template.clone()),
            ("TemplateParam", sms.parameters.to_string()),
        ];
        parameters.map(|(name, value)| format!("{name}={}", encode(&value))).join("&")
    }
}

/// Numbers of mainland China go without their country, all others without the `+`.
fn number(e164: &str) -> String {
    e164.strip_prefix("+86").or_else(|| e164.strip_prefix('+')).unwrap_or(e164).to_owned()
}

/// RFC 3986: everything but letters, digits, `-`, `_`, `.` and `~`.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&hex::encode_upper([byte]));
        }
    }
    encoded
}

/// What is signed: the call without its body, which is empty.
struct Call<'a> {
    host: &'a str,
    action: &'a str,
    version: &'a str,
    date: &'a str,
    nonce: &'a str,
    query: &'a str,
}

impl Call<'_> {
    /// The headers to be sent, in the order of the signature; `host` is the client's.
    fn headers(&self) -> [(&'static str, String); 6] {
        [
            ("host", self.host.to_owned()),
            ("x-acs-action", self.action.to_owned()),
            ("x-acs-content-sha256", hex::encode(Sha256::digest(b""))),
            ("x-acs-date", self.date.to_owned()),
            ("x-acs-signature-nonce", self.nonce.to_owned()),
            ("x-acs-version", self.version.to_owned()),
        ]
    }

    fn authorization(&self, key_id: &str, secret: &SecretString) -> String {
        let headers = self.headers();
        let names = headers.each_ref().map(|(name, _)| *name).join(";");
        let lines = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect::<Vec<_>>().concat();
        let hash = hex::encode(Sha256::digest(b""));
        let canonical = format!("POST\n/\n{}\n{lines}\n{names}\n{hash}", self.query);
        let to_sign = format!("ACS3-HMAC-SHA256\n{}", hex::encode(Sha256::digest(canonical)));
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.expose_secret().as_bytes())
            .expect("HMAC takes keys of any length");
        mac.update(to_sign.as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        format!("ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={names},Signature={signature}")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    code: String,
}

#[async_trait]
impl SmsSender for AliyunSms {
    async fn send(&self, sms: &OutgoingSms) -> Result<(), SendError> {
        let query = self.query(sms);
        let mut nonce = [0; 16];
        self.randomness.fill(&mut nonce);
        let call = Call {
            host: &self.host,
            action: ACTION,
            version: VERSION,
            date: &self.clock.now().to_rfc3339_opts(SecondsFormat::Secs, true),
            nonce: &hex::encode(nonce),
            query: &query,
        };
        let mut url = self.base.clone();
        url.set_path("/");
        url.set_query(Some(&query));
        let mut request = self
            .client
            .post(url)
            .header("authorization", call.authorization(&self.config.access_key_id, &self.config.access_key_secret));
        for (name, value) in call.headers().into_iter().filter(|(name, _)| *name != "host") {
            request = request.header(name, value);
        }
        let (status, body) = http::call(request).await?;
        let Ok(Answer { code }) = serde_json::from_slice(&body) else {
            return Err(SendError::Temporary(format!("http {}", status.as_u16())));
        };
        // Only a code that looks like one: whatever else stands there may hold the number.
        let plain = code.len() <= 64 && code.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        let reason = if plain { code.clone() } else { format!("http {}", status.as_u16()) };
        match code.as_str() {
            "OK" if status.is_success() => Ok(()),
            code if FOR_GOOD.contains(&code) => Err(SendError::Permanent(reason)),
            _ => Err(SendError::Temporary(reason)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example with fixed parameters in Aliyun's description of the signature.
    #[test]
    fn a_call_is_signed_as_the_documentation_shows() {
        let call = Call {
            host: "ecs.cn-shanghai.aliyuncs.com",
            action: "RunInstances",
            version: "2014-05-26",
            date: "2023-10-26T10:22:32Z",
            nonce: "3156853299f313e23d1673dc12e1703d",
            query: "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai",
        };
        assert_eq!(
            call.authorization("YourAccessKeyId", &"YourAccessKeySecret".into()),
            "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;\
             x-acs-date;x-acs-signature-nonce;x-acs-version,\
             Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
        );
    }

    #[test]
    fn what_is_signed_is_encoded_by_rfc_3986() {
        assert_eq!(encode("a b*~验+"), "a%20b%2A~%E9%AA%8C%2B");
        assert_eq!(
            (number("+8613800138000").as_str(), number("+85251234567").as_str()),
            ("13800138000", "85251234567")
        );
    }
}
