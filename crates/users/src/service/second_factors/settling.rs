//! What is typed as a second proof, and what it opens.

use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;
use uuid::Uuid;

use super::SecondFactors;
use crate::error::{LoginError, SecondFactorError};
use crate::events;
use crate::model::{Code, Contact, FactorCode, MfaToken, Purpose, SecretHash, StoredChallenge};
use crate::ports::UsersTx;
use crate::service::sessions::{Draft, Opened, Proof};

/// What was typed, as each of what it may be.
pub(super) struct Typed {
    factor: Option<FactorCode>,
    /// Where a code was sent that it may be.
    mailed: Option<(Contact, Code)>,
}

impl Typed {
    pub(super) const fn is_recovery(&self) -> bool {
        matches!(self.factor, Some(FactorCode::Recovery(_)))
    }
}

impl SecondFactors {
    /// Whose second proof a token awaits, and where a code for it may be sent. It takes no try.
    ///
    /// # Errors
    /// When the token is worth nothing, or a mail is no second proof of its login.
    pub async fn mailbox(&self, token: &str) -> Result<(UserId, Contact), SecondFactorError> {
        let hash = MfaToken::parse(token).ok_or(SecondFactorError::InvalidToken)?.hash();
        let now = self.ports.clock.now();
        let challenge = transact!(self.ports.store, |tx| {
            let challenge = self.held(tx, hash, now).await?;
            if challenge.attempts >= self.policy.attempts {
                return Err(SecondFactorError::InvalidToken);
            }
            Ok(challenge)
        })?;
        let contact = self.sessions.mailbox(challenge.user_id, challenge.method).await?;
        Ok((challenge.user_id, contact.ok_or(SecondFactorError::NoMail)?))
    }

    /// Reads what was typed.
    pub(super) async fn typed(&self, challenge: &StoredChallenge, text: &str) -> Result<Typed, StoreError> {
        let contact = self.sessions.mailbox(challenge.user_id, challenge.method).await?;
        Ok(Typed { factor: FactorCode::parse(text), mailed: contact.zip(Code::parse(text).ok()) })
    }

    /// Opens the session when the code is right; then the token and the code are used.
    pub(super) async fn settle(
        &self,
        hash: SecretHash,
        code: &Typed,
        draft: &Draft,
    ) -> Result<Option<Opened>, SecondFactorError> {
        let ports = &self.ports;
        let (now, event_id, code_id) = (ports.clock.now(), ports.ids.uuid(), ports.ids.uuid());
        transact!(ports.store, |tx| {
            let StoredChallenge { user_id: user, method, stamp, .. } = self.held(tx, hash, now).await?;
            let account = tx.accounts().hold(user).await?.ok_or(SecondFactorError::InvalidToken)?;
            if SecretHash::of_password(&account.password_hash) != stamp {
                return Err(SecondFactorError::InvalidToken);
            }
            let totp = tx.factors().find_totp(user).await?.ok_or(SecondFactorError::InvalidToken)?;
            let mut right = match &code.factor {
                None => false,
                Some(code) => self.take::<SecondFactorError>(tx, user, &totp, code, now).await?,
            };
            if !right && let Some(mailed) = &code.mailed {
                right = self.take_mailed(tx, user, mailed, (now, code_id)).await?;
            }
            if !right {
                tx.outbox().append(&events::second_factor_failed(event_id, user, method, now)).await?;
                return Ok(None);
            }
            tx.factors().mark_used(hash, now).await?;
            if code.is_recovery() {
                tx.outbox().append(&events::recovery_code_used(event_id, user, now)).await?;
            }
            self.sessions.open(tx, user, &Proof::Both, draft).await.map(Some).map_err(LoginError::within)
        })
    }

    /// Takes a code that was sent by mail, once; whether it is right. A wrong one counts.
    async fn take_mailed(
        &self,
        tx: &mut dyn UsersTx,
        user: UserId,
        (contact, code): &(Contact, Code),
        (now, event_id): (DateTime<Utc>, Uuid),
    ) -> Result<bool, StoreError> {
        let asked = (Purpose::SecondFactor, contact, code);
        Ok(self.ports.verification.take_own(tx, asked, user, now, event_id).await?.is_ok())
    }

    /// A challenge that may still be met.
    pub(super) async fn held(
        &self,
        tx: &mut dyn UsersTx,
        hash: SecretHash,
        now: DateTime<Utc>,
    ) -> Result<StoredChallenge, SecondFactorError> {
        let challenge = tx.factors().hold_challenge(hash).await?.ok_or(SecondFactorError::InvalidToken)?;
        if challenge.used_at.is_some() {
            return Err(SecondFactorError::InvalidToken);
        }
        if now >= challenge.expires_at {
            return Err(SecondFactorError::Expired);
        }
        Ok(challenge)
    }
}
