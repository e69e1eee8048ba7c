use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sharestack_users::error::CeremonyError;
use sharestack_users::model::{Answered, Ceremony, CredentialId, NewCredential, PasskeyOwner};
use sharestack_users::ports::PasskeyCeremonies;
use uuid::Uuid;
use webauthn_rs::WebauthnBuilder;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, Url,
    Webauthn, WebauthnError,
};

use crate::error::ConfigError;

/// Which site passkeys are for.
#[derive(Debug, Clone)]
pub struct PasskeyConfig {
    /// The domain that keys belong to.
    pub rp_id: String,
    /// What authenticators call the site.
    pub rp_name: String,
    /// Where its pages come from: `https://…`, each in the domain.
    pub origins: Vec<String>,
}

/// `WebAuthn` by webauthn-rs.
pub struct WebauthnCeremonies {
    webauthn: Webauthn,
}

impl WebauthnCeremonies {
    /// Ceremonies for this site.
    ///
    /// # Errors
    /// When an origin is none, or not in the domain.
    pub fn try_new(config: &PasskeyConfig) -> Result<Self, ConfigError> {
        let wrong = |what: &str| ConfigError::Passkeys(what.to_owned());
        let mut origins = Vec::with_capacity(config.origins.len());
        for text in &config.origins {
            let origin = Url::parse(text).map_err(|_| wrong(&format!("{text} is no origin")))?;
            // Each is put to the same question that the library asks of the first only.
            let belongs = WebauthnBuilder::new(&config.rp_id, &origin);
            belongs.map_err(|_| wrong(&format!("{text} is not in the domain {}", config.rp_id)))?;
            origins.push(origin);
        }
        let (first, others) = origins.split_first().ok_or_else(|| wrong("there is no origin"))?;
        let builder = WebauthnBuilder::new(&config.rp_id, first).map_err(|error| wrong(&error.to_string()))?;
        let builder = others.iter().fold(builder.rp_name(&config.rp_name), WebauthnBuilder::append_allowed_origin);
        Ok(Self { webauthn: builder.build().map_err(|error| wrong(&error.to_string()))? })
    }
}

impl PasskeyCeremonies for WebauthnCeremonies {
    fn start_registration(&self, owner: &PasskeyOwner, known: &[CredentialId]) -> Result<Ceremony, CeremonyError> {
        let known = known.iter().map(|id| id.as_bytes().to_vec()).collect();
        let started =
            self.webauthn.start_passkey_registration(owner.handle, &owner.name, &owner.display_name, Some(known));
        let (options, state) = started.map_err(failed)?;
        let mut options = to_value(&options)?;
        // The library asks for keys that need not be found without a name; ours must be.
        options["publicKey"]["authenticatorSelection"]["residentKey"] = "required".into();
        options["publicKey"]["authenticatorSelection"]["requireResidentKey"] = true.into();
        ceremony(options, &state)
    }

    fn finish_registration(&self, state: &str, answer: &Value) -> Result<NewCredential, CeremonyError> {
        let answer: RegisterPublicKeyCredential = read(answer)?;
        let state: PasskeyRegistration = stored(state)?;
        let passkey = self.webauthn.finish_passkey_registration(&answer, &state).map_err(refused)?;
        let credential_id = CredentialId::new(passkey.cred_id().clone()).ok_or(CeremonyError::Unreadable)?;
        let credential = serde_json::to_string(&passkey).map_err(|error| CeremonyError::Failed(Box::new(error)))?;
        Ok(NewCredential { credential_id, credential })
    }

    fn start_login(&self) -> Result<Ceremony, CeremonyError> {
        let (mut options, state) = self.webauthn.start_discoverable_authentication().map_err(failed)?;
        // Whether the browser offers keys in a form or in a dialogue is the page's choice.
        options.mediation = None;
        ceremony(to_value(&options)?, &state)
    }

    fn read(&self, answer: &Value) -> Option<Answered> {
        let bytes = |value: &Value| URL_SAFE_NO_PAD.decode(value.as_str()?).ok();
        let client: Value = serde_json::from_slice(&bytes(&answer["response"]["clientDataJSON"])?).ok()?;
        let challenge = client["challenge"].as_str().filter(|text| text.len() <= 128 && !text.is_empty())?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '=');
        let handle = match &answer["response"]["userHandle"] {
            Value::Null => None,
            value => Some(Uuid::from_slice(&bytes(value)?).ok()?),
        };
        Some(Answered {
            challenge: Some(challenge).filter(|text| text.chars().all(plain))?.to_owned(),
            credential_id: CredentialId::new(bytes(&answer["rawId"])?)?,
            handle,
        })
    }

    fn finish_login(&self, state: &str, answer: &Value, credential: &str) -> Result<String, CeremonyError> {
        let answer: PublicKeyCredential = read(answer)?;
        let state: DiscoverableAuthentication = stored(state)?;
        let mut passkey: Passkey = stored(credential)?;
        let done = self.webauthn.finish_discoverable_authentication_v2(&answer, state, &passkey).map_err(refused)?;
        if !done.user_verified() {
            return Err(refused(WebauthnError::UserNotVerified));
        }
        passkey.update_credential(&done);
        serde_json::to_string(&passkey).map_err(|error| CeremonyError::Failed(Box::new(error)))
    }
}

fn ceremony(options: Value, state: &impl Serialize) -> Result<Ceremony, CeremonyError> {
    let challenge = options["publicKey"]["challenge"].as_str().unwrap_or_default().to_owned();
    let state = serde_json::to_string(state).map_err(|error| CeremonyError::Failed(Box::new(error)))?;
    Ok(Ceremony { options, challenge, state })
}

fn to_value(options: &impl Serialize) -> Result<Value, CeremonyError> {
    serde_json::to_value(options).map_err(|error| CeremonyError::Failed(Box::new(error)))
}

fn read<T: DeserializeOwned>(answer: &Value) -> Result<T, CeremonyError> {
    T::deserialize(answer).map_err(|_| CeremonyError::Unreadable)
}

fn stored<T: DeserializeOwned>(text: &str) -> Result<T, CeremonyError> {
    serde_json::from_str(text).map_err(|error| CeremonyError::Failed(Box::new(error)))
}

fn failed(error: WebauthnError) -> CeremonyError {
    CeremonyError::Failed(Box::new(error))
}

fn refused(error: WebauthnError) -> CeremonyError {
    if matches!(error, WebauthnError::CredentialPossibleCompromise) {
        return CeremonyError::Copied;
    }
    CeremonyError::Refused(Box::new(error))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(rp_id: &str, origins: &[&str]) -> PasskeyConfig {
        let origins = origins.iter().map(|&origin| origin.to_owned()).collect();
        PasskeyConfig { rp_id: rp_id.to_owned(), rp_name: "ShareStack".to_owned(), origins }
    }

    fn site() -> WebauthnCeremonies {
        WebauthnCeremonies::try_new(&config("example.com", &["https://example.com", "https://app.example.com"]))
            .unwrap()
    }

    fn owner() -> PasskeyOwner {
        PasskeyOwner { handle: Uuid::from_u128(7), name: "lin".to_owned(), display_name: "林小红".to_owned() }
    }

    #[test]
    fn every_origin_is_in_the_domain() {
        for (rp_id, origins) in [
            ("example.com", &["https://example.org"][..]),
            ("example.com", &["https://example.com", "https://evil-example.com"]),
            ("example.com", &["nonsense"]),
            ("example.com", &["http://127.0.0.1:8000"]),
            ("example.com", &[]),
        ] {
            assert!(WebauthnCeremonies::try_new(&config(rp_id, origins)).is_err(), "{origins:?}");
        }
        assert!(WebauthnCeremonies::try_new(&config("localhost", &["http://localhost:8000"])).is_ok());
    }

    #[test]
    fn a_key_must_be_found_without_a_name_and_its_user_verified() {
        let known = [CredentialId::new(vec![1, 2, 3]).unwrap()];
        let made = site().start_registration(&owner(), &known).unwrap();
        let options = &made.options["publicKey"];
        assert_eq!(options["challenge"], made.challenge.as_str());
        assert_eq!(options["rp"], json!({ "id": "example.com", "name": "ShareStack" }));
        assert_eq!(options["user"]["id"], URL_SAFE_NO_PAD.encode(Uuid::from_u128(7).as_bytes()));
        assert_eq!(options["excludeCredentials"][0]["id"], "AQID");
        let selection = &options["authenticatorSelection"];
        assert_eq!((&selection["residentKey"], &selection["requireResidentKey"]), (&json!("required"), &json!(true)));
        assert_eq!(selection["userVerification"], "required");
    }

    #[test]
    fn a_login_challenge_names_nobody_and_is_never_the_same() {
        let (one, other) = (site().start_login().unwrap(), site().start_login().unwrap());
        assert_ne!(one.challenge, other.challenge);
        let options = &one.options["publicKey"];
        assert_eq!((&options["allowCredentials"], &options["rpId"]), (&json!([]), &json!("example.com")));
        assert_eq!(options["userVerification"], "required");
        assert!(one.options.get("mediation").is_none());
    }

    #[test]
    fn what_is_no_answer_is_not_read() {
        let client = |challenge: &str| URL_SAFE_NO_PAD.encode(json!({ "challenge": challenge }).to_string());
        let answer = |id: &str, client: String, handle: Value| json!({ "rawId": id, "response": { "clientDataJSON": client, "userHandle": handle } });
        let handle = json!(URL_SAFE_NO_PAD.encode(Uuid::from_u128(7).as_bytes()));
        let read = site().read(&answer("AQID", client("abc-_9"), handle.clone())).unwrap();
        assert_eq!((read.challenge.as_str(), read.handle), ("abc-_9", Some(Uuid::from_u128(7))));
        assert_eq!(site().read(&answer("AQID", client("abc"), Value::Null)).unwrap().handle, None);
        let long = client(&"x".repeat(129));
        for bad in [
            json!(null),
            json!([]),
            json!({}),
            answer("", client("abc"), handle.clone()),
            answer("!", client("abc"), handle.clone()),
            answer("AQID", client(""), handle.clone()),
            answer("AQID", client("a:b"), handle.clone()),
            answer("AQID", long, handle),
            answer("AQID", "AQID".to_owned(), Value::Null),
            answer("AQID", client("abc"), json!("AQID")),
            answer("AQID", client("abc"), json!(7)),
        ] {
            assert_eq!(site().read(&bad), None, "{bad}");
        }
    }
}
