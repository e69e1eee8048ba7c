mod settling;
mod tries;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use sharestack_kernel::actor::Actor;
use sharestack_kernel::cache::RateLimiter;
use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::{IdGenerator, UserId};
use sharestack_kernel::prune::{BATCH, until_short};
use sharestack_kernel::random::Randomness;
use sharestack_kernel::seal::Sealer;
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;

use super::notice::tell_of_no_second_factor;
use super::{Failures, Passwords, Sessions, Tokens, Verification};
use crate::error::{FactorError, LoginError, ProofError, SecondFactorError, TotpError};
use crate::events;
use crate::model::{
    Client, Enrolment, FactorCode, FactorMethod, FactorPolicy, FactorsView, MfaToken, NewTotp, RECOVERY_CODES,
    RecoveryCode, SecretHash, StoredChallenge, StoredTotp, totp_place,
};
use crate::ports::{AccountQueries, FactorQueries, TotpCodes, UsersTx};

/// What [`SecondFactors`] works with.
#[derive(Clone)]
pub struct FactorPorts {
    /// Transactions.
    pub store: Arc<dyn Begin<dyn UsersTx>>,
    /// Second factors, to read.
    pub queries: Arc<dyn FactorQueries>,
    /// Accounts, to read.
    pub accounts: Arc<dyn AccountQueries>,
    /// Checks passwords.
    pub passwords: Passwords,
    /// Takes codes that were sent by mail.
    pub verification: Verification,
    /// Makes and checks codes of the moment.
    pub totp: Arc<dyn TotpCodes>,
    /// Seals their secrets.
    pub sealer: Arc<dyn Sealer>,
    /// Counts tries, over all nodes.
    pub limiter: Arc<dyn RateLimiter>,
    /// Draws ids.
    pub ids: Arc<dyn IdGenerator>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Draws recovery codes.
    pub randomness: Arc<dyn Randomness>,
}

/// What somebody shows to have their second factor removed.
#[derive(Debug)]
pub enum FactorProof {
    /// A code of the factor, as it was typed.
    Code(String),
    /// The account's password, as it was typed.
    Password(SecretString),
}

/// A second proof that a token asks for, with one try of it taken.
#[derive(Debug)]
pub struct AskedProof {
    hash: SecretHash,
    challenge: StoredChallenge,
}

impl AskedProof {
    /// Whose it is.
    pub const fn user(&self) -> UserId {
        self.challenge.user_id
    }
}

/// Enrols, asks for and removes second factors. What adds or removes one is refused to a
/// program with a key.
#[derive(Clone)]
pub struct SecondFactors {
    ports: FactorPorts,
    sessions: Sessions,
    policy: FactorPolicy,
    failures: Failures,
}

impl SecondFactors {
    /// A service over these ports, that opens its sessions with `sessions`.
    pub fn new(ports: FactorPorts, sessions: Sessions, policy: FactorPolicy) -> Self {
        let failures = Failures::new(ports.store.clone(), ports.ids.clone(), ports.clock.clone());
        Self { ports, sessions, policy, failures }
    }

    /// What a user has enrolled.
    ///
    /// # Errors
    /// The store's.
    pub async fn find(&self, user: UserId) -> Result<FactorsView, StoreError> {
        self.ports.queries.find_factors(user).await
    }

    /// A new secret for an app that shows codes. It is asked for once it is confirmed; one
    /// that was enrolled but not confirmed is replaced.
    ///
    /// # Errors
    /// When one is confirmed already.
    pub async fn enrol(&self, actor: &Actor) -> Result<Enrolment, FactorError> {
        actor.require_session()?;
        let user = actor.user_id;
        let ports = &self.ports;
        let account = ports.accounts.find_by_id(user).await?.ok_or(FactorError::NoSuchUser(user))?;
        let enrolment = ports.totp.enrol(&account.username)?;
        let secret = enrolment.secret.expose_secret().as_bytes();
        let sealed = ports.sealer.seal(&totp_place(user), secret).map_err(|error| TotpError(Box::new(error)))?;
        let totp = NewTotp { user_id: user, sealed_secret: sealed, created_at: ports.clock.now() };
        transact!(ports.store, |tx| {
            tx.accounts().hold(user).await?.ok_or(FactorError::NoSuchUser(user))?;
            if tx.factors().find_totp(user).await?.is_some_and(|totp| totp.confirmed_at.is_some()) {
                return Err(FactorError::AlreadyConfirmed);
            }
            tx.factors().put_totp(&totp).await?;
            Ok(())
        })?;
        Ok(enrolment)
    }

    /// Confirms the enrolled app by a code of it, and returns the recovery codes: nobody
    /// sees them again.
    ///
    /// # Errors
    /// When the code is wrong, or there is nothing to confirm.
    pub async fn confirm(&self, actor: &Actor, code: &str) -> Result<Vec<SecretString>, FactorError> {
        actor.require_session()?;
        self.noting(actor.user_id, self.confirm_by(actor.user_id, code)).await
    }

    async fn confirm_by(&self, user: UserId, code: &str) -> Result<Vec<SecretString>, FactorError> {
        let ports = &self.ports;
        let (now, event_id) = (ports.clock.now(), ports.ids.uuid());
        let Some(FactorCode::Digits(code)) = FactorCode::parse(code) else { return Err(FactorError::Wrong("code")) };
        let (codes, hashes) = self.draw(user);
        transact!(ports.store, |tx| {
            tx.accounts().hold(user).await?.ok_or(FactorError::NoSuchUser(user))?;
            let totp = tx.factors().find_totp(user).await?.ok_or(FactorError::NotEnrolled)?;
            if totp.confirmed_at.is_some() {
                return Err(FactorError::AlreadyConfirmed);
            }
            let step = self.step_of(user, &totp, &code, now)?.ok_or(FactorError::Wrong("code"))?;
            tx.factors().confirm_totp(user, step, now).await?;
            tx.factors().replace_recovery_codes(user, &hashes, now).await?;
            tx.outbox().append(&events::mfa_enabled(event_id, user, FactorMethod::Totp, now)).await?;
            Ok(())
        })?;
        Ok(codes.iter().map(RecoveryCode::text).collect())
    }

    /// Removes the app and its recovery codes, for who shows one of its codes or the
    /// account's password. A mail tells its owner, in the language of their settings, or else
    /// in `language`.
    ///
    /// # Errors
    /// When the proof is wrong, or there is nothing to remove.
    pub async fn remove(&self, actor: &Actor, proof: FactorProof, language: &str) -> Result<(), FactorError> {
        actor.require_session()?;
        self.noting(actor.user_id, self.remove_by(actor.user_id, proof, language)).await
    }

    async fn remove_by(&self, user: UserId, proof: FactorProof, language: &str) -> Result<(), FactorError> {
        let ports = &self.ports;
        let budget = format!("users:mfa:remove:{user}");
        self.count(&budget).await.map_err(FactorError::TooMany)?;
        let (now, ids) = (ports.clock.now(), [ports.ids.uuid(), ports.ids.uuid()]);
        let (code, password) = match proof {
            FactorProof::Code(text) => (Some(FactorCode::parse(&text).ok_or(FactorError::Wrong("code"))?), None),
            FactorProof::Password(text) => (None, Some(self.verify_password(user, &text).await?)),
        };
        transact!(ports.store, |tx| {
            let account = tx.accounts().hold(user).await?.ok_or(FactorError::NoSuchUser(user))?;
            let totp = tx.factors().find_totp(user).await?.ok_or(FactorError::NotEnrolled)?;
            if password.is_some_and(|stamp| SecretHash::of_password(&account.password_hash) != stamp) {
                return Err(FactorError::Wrong("password"));
            }
            let right = match &code {
                None => true,
                Some(code) => self.take::<FactorError>(tx, user, &totp, code, now).await?,
            };
            if !right {
                return Err(FactorError::Wrong("code"));
            }
            tx.factors().delete_totp(user).await?;
            if totp.confirmed_at.is_some() {
                tx.outbox().append(&events::mfa_disabled(ids[0], user, FactorMethod::Totp, now)).await?;
                let mailroom = ports.verification.mailroom();
                let record = tx.edits().hold_record(user).await?.ok_or(FactorError::NoSuchUser(user))?;
                tell_of_no_second_factor(tx, mailroom, ids[1], (user, &record, language), now).await?;
            }
            Ok(())
        })?;
        self.clear(&budget).await;
        Ok(())
    }

    /// Draws other recovery codes for a user whose app is confirmed, and returns them: nobody
    /// sees them again, and those before are worth nothing.
    ///
    /// # Errors
    /// When no app is confirmed.
    pub async fn renew_recovery_codes(&self, actor: &Actor) -> Result<Vec<SecretString>, FactorError> {
        actor.require_session()?;
        let user = actor.user_id;
        let ports = &self.ports;
        let (now, event_id) = (ports.clock.now(), ports.ids.uuid());
        let (codes, hashes) = self.draw(user);
        transact!(ports.store, |tx| {
            tx.accounts().hold(user).await?.ok_or(FactorError::NoSuchUser(user))?;
            self.confirmed(tx, user).await?;
            tx.factors().replace_recovery_codes(user, &hashes, now).await?;
            tx.outbox().append(&events::recovery_codes_renewed(event_id, user, now)).await?;
            Ok::<_, FactorError>(())
        })?;
        Ok(codes.iter().map(RecoveryCode::text).collect())
    }

    /// Takes a code of the app or a recovery code, of who is signed in, as a proof that it is
    /// them; says which it was. Its tries are counted apart from those of logins, so that
    /// who guesses from outside keeps nobody from it who is in.
    ///
    /// # Errors
    /// When the code is wrong, no app is confirmed, or too much was tried.
    pub async fn prove(&self, user: UserId, code: &str) -> Result<FactorMethod, FactorError> {
        let ports = &self.ports;
        let code = FactorCode::parse(code).ok_or(FactorError::Wrong("code"))?;
        let budget = format!("users:mfa:prove:{user}");
        self.count(&budget).await.map_err(FactorError::TooMany)?;
        let (now, event_id) = (ports.clock.now(), ports.ids.uuid());
        let method = match &code {
            FactorCode::Digits(_) => FactorMethod::Totp,
            FactorCode::Recovery(_) => FactorMethod::RecoveryCode,
        };
        transact!(ports.store, |tx| {
            tx.accounts().hold(user).await?.ok_or(FactorError::NoSuchUser(user))?;
            let totp = self.confirmed(tx, user).await?;
            if !self.take::<FactorError>(tx, user, &totp, &code, now).await? {
                return Err(FactorError::Wrong("code"));
            }
            if method == FactorMethod::RecoveryCode {
                tx.outbox().append(&events::recovery_code_used(event_id, user, now)).await?;
            }
            Ok(())
        })?;
        self.clear(&budget).await;
        Ok(method)
    }

    /// Takes one of a token's few tries, before anything is compared: rivals cannot share one.
    ///
    /// # Errors
    /// When the token is worth nothing.
    pub async fn reserve(&self, token: &str) -> Result<AskedProof, SecondFactorError> {
        let hash = MfaToken::parse(token).ok_or(SecondFactorError::InvalidToken)?.hash();
        let now = self.ports.clock.now();
        let challenge = transact!(self.ports.store, |tx| {
            let mut challenge = self.held(tx, hash, now).await?;
            if challenge.attempts >= self.policy.attempts {
                return Err(SecondFactorError::InvalidToken);
            }
            tx.factors().note_attempt(hash).await?;
            challenge.attempts += 1;
            Ok(challenge)
        })?;
        Ok(AskedProof { hash, challenge })
    }

    /// Opens a session for who has given the first proof, and now gives the second.
    ///
    /// A token is good once, and so is a code of the moment; the tries of an account are counted
    /// over all tokens, those with codes of the moment apart from those with recovery codes.
    ///
    /// # Errors
    /// When the code is worth nothing, or too much was tried.
    pub async fn verify(&self, asked: &AskedProof, code: &str, client: Client) -> Result<Tokens, SecondFactorError> {
        let AskedProof { hash, challenge } = asked;
        let (hash, user, code) = (*hash, challenge.user_id, self.typed(challenge, code).await?);
        let kind = if code.is_recovery() { "recovery" } else { "totp" };
        let budget = format!("users:mfa:{kind}:{user}");
        self.count(&budget).await.map_err(SecondFactorError::TooMany)?;
        let draft = self.sessions.draft(challenge.method, client);
        let settled = self.settle(hash, &code, &draft).await;
        if let Err(SecondFactorError::Login(error)) = &settled {
            self.sessions.note_refused(user, challenge.method, error).await;
        }
        let attempts_left = self.policy.attempts.saturating_sub(challenge.attempts);
        let opened = settled?.ok_or(SecondFactorError::WrongCode { attempts_left })?;
        self.clear(&budget).await;
        let done = self.sessions.present(user, draft, opened).await?;
        Ok(done.tokens().ok_or(LoginError::InvalidCredentials)?)
    }

    /// Forgets challenges that are a day old; returns how many. Called now and then.
    ///
    /// # Errors
    /// The store's.
    pub async fn prune(&self) -> Result<u64, StoreError> {
        let before = self.ports.clock.now() - chrono::Duration::days(1);
        until_short(|| self.ports.queries.prune_challenges(before, BATCH)).await
    }

    fn draw(&self, user: UserId) -> (Vec<RecoveryCode>, Vec<SecretHash>) {
        let codes: Vec<_> = (0..RECOVERY_CODES).map(|_| RecoveryCode::new(self.ports.randomness.token())).collect();
        let hashes = codes.iter().map(|code| code.hash(user)).collect();
        (codes, hashes)
    }

    /// The app of a user who confirmed it.
    async fn confirmed(&self, tx: &mut dyn UsersTx, user: UserId) -> Result<StoredTotp, FactorError> {
        let totp = tx.factors().find_totp(user).await?;
        totp.filter(|totp| totp.confirmed_at.is_some()).ok_or(FactorError::NotEnrolled)
    }

    /// Takes a code of a user, once; whether it is right.
    async fn take<E: From<TotpError> + From<StoreError>>(
        &self,
        tx: &mut dyn UsersTx,
        user: UserId,
        totp: &StoredTotp,
        code: &FactorCode,
        now: DateTime<Utc>,
    ) -> Result<bool, E> {
        Ok(match code {
            FactorCode::Recovery(code) => tx.factors().take_recovery_code(user, code.hash(user), now).await?,
            FactorCode::Digits(code) => match self.step_of(user, totp, code, now)? {
                Some(step) => tx.factors().take_step(user, step, now).await?,
                None => false,
            },
        })
    }

    fn step_of(
        &self,
        user: UserId,
        totp: &StoredTotp,
        code: &SecretString,
        now: DateTime<Utc>,
    ) -> Result<Option<u64>, TotpError> {
        let secret = self.ports.sealer.open(&totp_place(user), &totp.sealed_secret);
        let secret = secret.map_err(|error| TotpError(Box::new(error)))?;
        let secret = String::from_utf8(secret).map_err(|error| TotpError(Box::new(error.utf8_error())))?;
        self.ports.totp.step_of(&secret.into(), code.expose_secret(), now)
    }

    /// The stamp of the password that was typed, when it is the account's.
    async fn verify_password(&self, user: UserId, typed: &SecretString) -> Result<SecretHash, FactorError> {
        match self.ports.passwords.check(user, "password", typed).await {
            Ok(hash) => Ok(SecretHash::of_password(&hash)),
            Err(ProofError::TooMany(throttle)) => Err(FactorError::TooMany(throttle)),
            Err(ProofError::NoSuchUser(user)) => Err(FactorError::NoSuchUser(user)),
            Err(ProofError::Hash(error)) => Err(error.into()),
            Err(ProofError::Store(error)) => Err(error.into()),
            Err(_) => Err(FactorError::Wrong("password")),
        }
    }
}
