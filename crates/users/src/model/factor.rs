use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::{Digest, Sha256};
use sharestack_kernel::id::UserId;

use super::{AuthMethod, Client, PasswordHash};

/// What will do as a second proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FactorMethod {
    /// A code of the moment, from an app that holds the account's secret.
    Totp,
    /// One of the codes that were printed when the first factor was confirmed.
    RecoveryCode,
    /// A code that was sent to the account's address, where that is allowed.
    Email,
}

impl FactorMethod {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery_code",
            Self::Email => "email",
        }
    }
}

/// How often second proofs may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FactorPolicy {
    /// How many codes one token may be tried with.
    pub attempts: u32,
    /// How many codes of one kind an account may be tried with in an hour, over all tokens.
    pub hourly: u32,
}

impl Default for FactorPolicy {
    /// 5 tries, 20 an hour.
    fn default() -> Self {
        Self { attempts: 5, hourly: 20 }
    }
}

/// The secret of an app that shows codes, to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTotp {
    /// Whose it is.
    pub user_id: UserId,
    /// The secret, sealed for [`totp_place`].
    pub sealed_secret: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// A kept secret of an app that shows codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTotp {
    /// The secret, sealed for [`totp_place`].
    pub sealed_secret: String,
    /// When its owner showed that their app has it; `None` while it is not asked for.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// The step of the last code that was taken: no code of it or before is taken again.
    pub last_step: u64,
}

/// The place that a user's secret is sealed for.
pub fn totp_place(user: UserId) -> String {
    format!("totp:{user}")
}

/// What a new app is fed with, shown once.
#[derive(Debug)]
pub struct Enrolment {
    /// The secret in base 32, for typing.
    pub secret: SecretString,
    /// The same as an `otpauth:` address, for a picture.
    pub uri: SecretString,
}

/// What somebody has enrolled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FactorsView {
    /// The app that shows codes, confirmed or not.
    pub totp: Option<TotpView>,
    /// How many recovery codes are left.
    pub recovery_codes_left: u64,
}

/// An app that shows codes, as its owner sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TotpView {
    /// When it was enrolled.
    pub created_at: DateTime<Utc>,
    /// When it was confirmed; `None` while it is not asked for.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// When a code of it was last taken.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// How many recovery codes are given out at a time.
pub const RECOVERY_CODES: usize = 10;
/// Digits and letters that nobody takes for each other (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const RECOVERY_LENGTH: usize = 16;

/// A code that replaces the second proof once: 80 unguessable bits.
#[derive(Clone)]
pub struct RecoveryCode(SecretString);

impl RecoveryCode {
    /// A code of these bytes, the first ten of which nobody can guess.
    pub fn new(bytes: [u8; 32]) -> Self {
        let text: String = (0..RECOVERY_LENGTH).map(|place| char::from(ALPHABET[five_bits(&bytes, place)])).collect();
        Self(text.into())
    }

    /// Reads a code in any letter case, with or without its dashes, also when letters were
    /// taken for digits; `None` when no code looks so.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 64 {
            return None;
        }
        let read = |c: char| match c.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        };
        let text: String = text.chars().filter(|c| !matches!(c, '-' | ' ')).map(read).collect();
        let known = |byte: u8| ALPHABET.contains(&byte);
        (text.len() == RECOVERY_LENGTH && text.bytes().all(known)).then(|| Self(text.into()))
    }

    /// As its owner gets it: `xxxx-xxxx-xxxx-xxxx`.
    pub fn text(&self) -> SecretString {
        let code = self.0.expose_secret();
        let groups: Vec<&str> = (0..RECOVERY_LENGTH / 4).map(|group| &code[group * 4..group * 4 + 4]).collect();
        groups.join("-").into()
    }

    /// What a store keeps of it, for this user.
    pub fn hash(&self, user: UserId) -> SecretHash {
        let digest = Sha256::new().chain_update(format!("recovery:{user}:")).chain_update(self.0.expose_secret());
        SecretHash(digest.finalize().into())
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(…)")
    }
}

/// The `place`-th group of five bits.
fn five_bits(bytes: &[u8], place: usize) -> usize {
    let bit = place * 5;
    let pair = u16::from_be_bytes([bytes[bit / 8], bytes[bit / 8 + 1]]);
    usize::from((pair >> (11 - bit % 8)) & 31)
}

/// The SHA-256 of something that nobody can guess.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// What tells one kept password from the next: who proved the one has proved nothing
    /// once there is another.
    pub fn of_password(password: &PasswordHash) -> Self {
        Self(Sha256::new().chain_update("password:").chain_update(password.as_str()).finalize().into())
    }

    /// 64 hexadecimal digits.
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }

    /// Reads 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

const MFA_PREFIX: &str = "ssm_";

/// What somebody carries between the first proof and the second: 32 unguessable bytes.
#[derive(Debug)]
pub struct MfaToken(SecretBox<[u8; 32]>);

impl MfaToken {
    /// Wraps bytes that nobody can guess.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    /// Reads a token; `None` when no token looks so.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix(MFA_PREFIX).filter(|text| text.len() == 43)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        Some(Self::new(bytes.try_into().ok()?))
    }

    /// The text that its owner gets.
    pub fn text(&self) -> SecretString {
        format!("{MFA_PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0.expose_secret())).into()
    }

    /// What a store keeps of it.
    pub fn hash(&self) -> SecretHash {
        SecretHash(Sha256::new().chain_update("mfa:").chain_update(self.0.expose_secret()).finalize().into())
    }
}

/// A second proof that is awaited, to be kept.
#[derive(Debug, Clone)]
pub struct NewChallenge {
    /// What is kept of its token.
    pub hash: SecretHash,
    /// Who gave the first proof.
    pub user_id: UserId,
    /// What the first proof was.
    pub method: AuthMethod,
    /// The account's password at that time.
    pub stamp: SecretHash,
    /// Where it came from.
    pub client: Client,
    /// When.
    pub created_at: DateTime<Utc>,
    /// After this the second proof comes too late.
    pub expires_at: DateTime<Utc>,
}

/// A second proof that is awaited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredChallenge {
    /// Who gave the first proof.
    pub user_id: UserId,
    /// What the first proof was.
    pub method: AuthMethod,
    /// The account's password at that time.
    pub stamp: SecretHash,
    /// How many codes were tried.
    pub attempts: u32,
    /// After this the second proof comes too late.
    pub expires_at: DateTime<Utc>,
    /// When the second proof was given.
    pub used_at: Option<DateTime<Utc>>,
}

/// What was typed as a second proof.
#[derive(Debug, Clone)]
pub enum FactorCode {
    /// Six digits: of the app.
    Digits(SecretString),
    /// A recovery code.
    Recovery(RecoveryCode),
}

impl FactorCode {
    /// Reads a code, spaces aside; `None` when no code looks so.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 64 {
            return None;
        }
        let digits: String = text.chars().filter(|c| *c != ' ').collect();
        if digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(Self::Digits(digits.into()));
        }
        RecoveryCode::parse(text).map(Self::Recovery)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recovery_code_reads_back_however_it_is_typed() {
        let user = UserId::new(1);
        let bytes: [u8; 32] = std::array::from_fn(|n| u8::try_from(n * 37 % 256).unwrap());
        let code = RecoveryCode::new(bytes);
        let text = code.text();
        let text = text.expose_secret();
        assert_eq!((text.len(), text.matches('-').count()), (19, 3));
        for typed in [text.to_owned(), text.to_uppercase(), text.replace('-', ""), text.replace('-', " ")] {
            assert_eq!(RecoveryCode::parse(&typed).unwrap().hash(user), code.hash(user), "{typed}");
        }
        assert_eq!(
            RecoveryCode::parse("OOOO-IIII-LLLL-0000").unwrap().hash(user),
            RecoveryCode::parse("0000-1111-1111-0000").unwrap().hash(user)
        );
        assert_ne!(code.hash(user), code.hash(UserId::new(2)));
        assert!(!format!("{code:?} {:?}", code.hash(user)).contains(&text[..4]));
    }

    #[test]
    fn every_bit_of_the_first_ten_bytes_counts() {
        let text = |bytes| RecoveryCode::new(bytes).text().expose_secret().to_owned();
        let zero = text([0; 32]);
        assert_eq!(zero, "0000-0000-0000-0000");
        assert_eq!(text([0xff; 32]), "zzzz-zzzz-zzzz-zzzz");
        for bit in 0..80 {
            let mut bytes = [0; 32];
            bytes[bit / 8] = 1 << (bit % 8);
            assert_ne!(text(bytes), zero, "bit {bit}");
        }
    }

    #[test]
    fn a_code_is_six_digits_or_a_recovery_code() {
        assert!(
            matches!(FactorCode::parse("123 456"), Some(FactorCode::Digits(code)) if code.expose_secret() == "123456")
        );
        assert!(matches!(FactorCode::parse("0000-1111-2222-3333"), Some(FactorCode::Recovery(_))));
        let long = "1".repeat(1 << 20);
        for text in ["", "12345", "1234567", "１２３４５６", "12345a", "uuuu-uuuu-uuuu-uuuu", "' OR 1=1 --", &long]
        {
            assert!(FactorCode::parse(text).is_none(), "{text:.20}");
        }
    }

    #[test]
    fn a_token_reads_back_and_others_do_not() {
        let token = MfaToken::new([7; 32]);
        let read = MfaToken::parse(token.text().expose_secret()).unwrap();
        assert_eq!(read.hash(), token.hash());
        for text in ["", "ssm_", "ssm_AAAA", "ssr_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc", &"x".repeat(1 << 20)] {
            assert!(MfaToken::parse(text).is_none());
        }
    }

    #[test]
    fn a_hash_reads_back_and_does_not_show_itself() {
        let hash = SecretHash::of_password(&PasswordHash::new("$argon2id$".to_owned()));
        assert_eq!(SecretHash::from_hex(&hash.to_hex()), Some(hash));
        assert_eq!(SecretHash::from_hex("07"), None);
        assert_eq!(format!("{hash:?}"), "SecretHash(…)");
    }
}
