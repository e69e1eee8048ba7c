use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use crate::error::TotpError;
use crate::model::{Enrolment, FactorsView, NewChallenge, NewTotp, SecretHash, StoredChallenge, StoredTotp};

/// What asks for a second proof, inside a transaction.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait FactorRepository: Send {
    /// Keeps a secret that is not confirmed, in place of one that was there.
    async fn put_totp(&mut self, totp: &NewTotp) -> Result<(), StoreError>;

    /// A user's secret. Who changes it holds the account first, and so does who decides by it.
    ///
    /// MUST show what an earlier holder of the account wrote.
    async fn find_totp(&mut self, user: UserId) -> Result<Option<StoredTotp>, StoreError>;

    /// Notes that a user's secret is confirmed, by the code of `step`.
    async fn confirm_totp(&mut self, user: UserId, step: u64, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// Notes that the code of `step` was taken. Returns `false` when this one or a later
    /// one was taken before; MUST then change nothing, and of any number of rivals with
    /// one step MUST return `true` to one.
    async fn take_step(&mut self, user: UserId, step: u64, at: DateTime<Utc>) -> Result<bool, StoreError>;

    /// Removes a user's secret and their recovery codes; whether there was a secret.
    async fn delete_totp(&mut self, user: UserId) -> Result<bool, StoreError>;

    /// Makes these a user's recovery codes. MUST leave none of those before.
    async fn replace_recovery_codes(
        &mut self,
        user: UserId,
        codes: &[SecretHash],
        at: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Takes a recovery code of a user. Returns `false` when it is none of theirs, or was
    /// taken before; of any number of rivals with one code MUST return `true` to one.
    async fn take_recovery_code(
        &mut self,
        user: UserId,
        code: SecretHash,
        at: DateTime<Utc>,
    ) -> Result<bool, StoreError>;

    /// Keeps a second proof that is awaited.
    async fn insert_challenge(&mut self, challenge: &NewChallenge) -> Result<(), StoreError>;

    /// A second proof that is awaited, held until the transaction ends.
    ///
    /// MUST let no other transaction that holds it go on meanwhile: of any number of rivals
    /// one sees it unused.
    async fn hold_challenge(&mut self, hash: SecretHash) -> Result<Option<StoredChallenge>, StoreError>;

    /// Counts a code that is tried for a held challenge.
    async fn note_attempt(&mut self, hash: SecretHash) -> Result<(), StoreError>;

    /// Notes that the second proof was given for a held challenge.
    async fn mark_used(&mut self, hash: SecretHash, at: DateTime<Utc>) -> Result<(), StoreError>;
}

/// What asks for a second proof, read from outside.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait FactorQueries: Send + Sync {
    /// What a user has enrolled. MUST count recovery codes that were not taken only.
    async fn find_factors(&self, user: UserId) -> Result<FactorsView, StoreError>;

    /// Forgets challenges whose time was over before `before`, at most `limit`; returns how
    /// many. MUST keep every other.
    async fn prune_challenges(&self, before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError>;
}

/// Codes of the moment (RFC 6238): six digits, a step of 30 seconds, SHA-1, as every app has them.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait TotpCodes: Send + Sync {
    /// A new secret of 160 bits for an account. MUST never give one twice.
    ///
    /// # Errors
    /// When the account's name cannot stand in an `otpauth:` address.
    fn enrol(&self, account: &str) -> Result<Enrolment, TotpError>;

    /// The step that `code` is of, at `at`.
    ///
    /// MUST look one step back and one ahead, no further, and compare in constant time.
    ///
    /// # Errors
    /// When the secret is none.
    fn step_of(&self, secret: &SecretString, code: &str, at: DateTime<Utc>) -> Result<Option<u64>, TotpError>;
}
