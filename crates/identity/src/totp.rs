use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use sharestack_users::error::TotpError;
use sharestack_users::model::Enrolment;
use sharestack_users::ports::TotpCodes;
use totp_rs::{Algorithm, Builder, Secret, Totp};

use crate::error::ConfigError;

/// RFC 6238 as every app has it: SHA-1, six digits, a step of 30 seconds.
pub struct RfcTotp {
    issuer: String,
}

impl RfcTotp {
    /// Codes that apps show under this name.
    ///
    /// # Errors
    /// When the name is empty or has a colon.
    pub fn try_new(issuer: &str) -> Result<Self, ConfigError> {
        if issuer.is_empty() || issuer.contains(':') {
            return Err(ConfigError::Issuer);
        }
        Ok(Self { issuer: issuer.to_owned() })
    }

    fn build(builder: Builder) -> Result<Totp, TotpError> {
        let builder = builder.with_algorithm(Algorithm::SHA1).with_digits(6).with_skew(1).with_step_duration(30);
        builder.build().map_err(failed)
    }
}

fn failed(error: impl std::fmt::Display) -> TotpError {
    TotpError(error.to_string().into())
}

impl TotpCodes for RfcTotp {
    fn enrol(&self, account: &str) -> Result<Enrolment, TotpError> {
        let secret = Secret::generate();
        let base32 = secret.to_base32();
        let builder = Builder::new().with_secret(secret).with_issuer(Some(self.issuer.as_str()));
        let uri = Self::build(builder.with_account_name(account))?.to_url().map_err(failed)?;
        Ok(Enrolment { secret: base32.into(), uri: uri.into() })
    }

    fn step_of(&self, secret: &SecretString, code: &str, at: DateTime<Utc>) -> Result<Option<u64>, TotpError> {
        let secret = Secret::try_from_base32(secret.expose_secret()).map_err(failed)?;
        let now = u64::try_from(at.timestamp()).map_err(failed)?;
        Ok(Self::build(Builder::new().with_secret(secret))?.check(code, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of the RFC's appendix B, `12345678901234567890`.
    fn secret() -> SecretString {
        "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".into()
    }

    fn step(code: &str, seconds: i64) -> Option<u64> {
        let totp = RfcTotp::try_new("ShareStack").unwrap();
        totp.step_of(&secret(), code, DateTime::from_timestamp(seconds, 0).unwrap()).unwrap()
    }

    #[test]
    fn the_codes_of_the_rfc_are_known() {
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            assert_eq!(step(code, seconds), Some(u64::try_from(seconds).unwrap() / 30));
        }
    }

    #[test]
    fn one_step_back_and_one_ahead_are_taken_and_no_further() {
        let at = 1_111_111_109_i64;
        let of = Some(37_037_036);
        assert_eq!([step("081804", at - 30), step("081804", at), step("081804", at + 30)], [of; 3]);
        assert_eq!([step("081804", at - 60), step("081804", at + 60)], [None; 2]);
        for code in ["", "81804", "0081804", "081805", "abcdef", "０８１８０４", "+81804", "-81804", " 081804"] {
            assert_eq!(step(code, at), None, "{code}");
        }
    }

    #[test]
    fn an_enrolment_can_be_typed_and_scanned() {
        let totp = RfcTotp::try_new("Share Stack").unwrap();
        let (one, other) = (totp.enrol("林小红").unwrap(), totp.enrol("林小红").unwrap());
        let secret = one.secret.expose_secret();
        assert_eq!(secret.len(), 32);
        assert_ne!(secret, other.secret.expose_secret());
        let uri = one.uri.expose_secret();
        assert!(uri.starts_with("otpauth://totp/Share%20Stack:"), "{uri}");
        assert!(uri.contains(&format!("secret={secret}")) && uri.contains("issuer=Share%20Stack"), "{uri}");
        let read = Totp::from_url(uri).unwrap();
        assert_eq!((read.account_name(), read.digits(), read.step()), ("林小红", 6, 30));
        assert!(totp.enrol("a:b").is_err());
        assert!(totp.step_of(&"not base 32!".into(), "123456", DateTime::UNIX_EPOCH).is_err());
        assert!(RfcTotp::try_new("a:b").is_err() && RfcTotp::try_new("").is_err());
    }
}
