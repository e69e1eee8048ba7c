use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde_json::Value;
use sharestack_kernel::actor::Actor;
use sharestack_kernel::error::{Category, Classified as _, StoreError};
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;

use super::{AccountPorts, CodeSent, Failures, Passkeys, Passwords, SecondFactors, SendCode, Verification};
use crate::error::{FactorError, ProofError, SendCodeError};
use crate::events;
use crate::model::{Code, Contact, EmailAddress, Purpose};

/// A proof that who sits there is who signed in. Each is one that opens the account, or half
/// of one; people who have no password have at least one of the others.
#[derive(Debug)]
pub enum Proof {
    /// The account's password.
    Password(SecretString),
    /// A code that was sent for [`Purpose::Reauthenticate`].
    Code {
        /// Where it was sent; `None` for the account's own address.
        contact: Option<Contact>,
        /// The code.
        code: Code,
    },
    /// A code of the user's app, or one of their recovery codes, as it was typed.
    Factor(String),
    /// What an authenticator answers to a challenge for signing in.
    Passkey(Value),
}

impl Proof {
    /// The field that it comes in.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Password(_) => "password",
            Self::Code { .. } => "code",
            Self::Factor(_) => "totp_code",
            Self::Passkey(_) => "credential",
        }
    }
}

/// Takes proofs within a session, which then counts as signed in now.
#[derive(Clone)]
pub struct StepUp {
    ports: AccountPorts,
    passwords: Passwords,
    verification: Verification,
    factors: SecondFactors,
    passkeys: Option<Passkeys>,
    failures: Failures,
}

impl StepUp {
    /// A service over these, without passkeys.
    pub fn new(ports: AccountPorts, passwords: Passwords, verification: Verification, factors: SecondFactors) -> Self {
        let failures = Failures::new(ports.store.clone(), ports.ids.clone(), ports.clock.clone());
        Self { ports, passwords, verification, factors, passkeys: None, failures }
    }

    /// The same, that takes passkeys too.
    pub fn with_passkeys(mut self, passkeys: Passkeys) -> Self {
        self.passkeys = Some(passkeys);
        self
    }

    /// Sends a code to the actor: to `contact`, if it is theirs, else to their own address.
    ///
    /// # Errors
    /// When one was sent a moment ago, or too many today.
    pub async fn send(
        &self,
        actor: &Actor,
        contact: Option<Contact>,
        language: String,
    ) -> Result<CodeSent, SendCodeError> {
        let own = match contact {
            Some(contact) => Some(contact),
            None => self.own_address(actor.user_id).await?,
        };
        // Who has no address is told what all are told, and helped by their other proofs.
        let contact = own.unwrap_or_else(|| Contact::Email(EmailAddress::placeholder("none")));
        let command = SendCode { contact, purpose: Purpose::Reauthenticate, language, by: Some(actor.user_id) };
        self.verification.send(command).await
    }

    /// Proves again who sits there: the session counts as signed in now. Returns when.
    ///
    /// # Errors
    /// When the proof is wrong, too many wrong ones were tried, or the actor is a program
    /// with a key.
    pub async fn prove(&self, actor: &Actor, proof: Proof) -> Result<DateTime<Utc>, ProofError> {
        let (ports, user, field) = (&self.ports, actor.user_id, proof.field());
        let session = actor.require_session()?;
        let method = match self.check(user, proof).await {
            Ok(method) => method,
            Err(error) => {
                if matches!(error.category(), Category::Invalid) {
                    self.failures.proof_failed(user, field).await;
                }
                return Err(error);
            }
        };
        let (now, event_id) = (ports.clock.now(), ports.ids.uuid());
        transact!(ports.store, |tx| {
            tx.accounts().hold(user).await?;
            if tx.sessions().mark_proved(user, session, now).await? {
                tx.outbox().append(&events::reauthenticated(event_id, user, session, method, now)).await?;
            }
            Ok::<_, StoreError>(())
        })?;
        super::forget(&*ports.cache, user).await;
        Ok(now)
    }

    /// Whether a user has a password to prove who they are by.
    ///
    /// # Errors
    /// The store's.
    pub async fn has_password(&self, user: UserId) -> Result<bool, StoreError> {
        let state = self.ports.queries.find_state(user).await?;
        Ok(state.is_some_and(|state| state.password_hash.is_set()))
    }

    /// By which method the proof proves it.
    async fn check(&self, user: UserId, proof: Proof) -> Result<&'static str, ProofError> {
        match proof {
            Proof::Password(password) => self.passwords.check(user, "password", &password).await.map(|_| "password"),
            Proof::Code { contact, code } => {
                let own = match contact {
                    Some(contact) => Some(contact),
                    None => self.own_address(user).await?,
                };
                let contact = own.ok_or_else(|| nothing_of("code"))?;
                self.take(user, &contact, &code).await.map(|()| "code")
            }
            Proof::Factor(code) => match self.factors.prove(user, &code).await {
                Ok(method) => Ok(method.as_str()),
                Err(FactorError::NotEnrolled | FactorError::Wrong(_)) => Err(nothing_of("totp_code").into()),
                Err(error) => Err(error.into()),
            },
            Proof::Passkey(answer) => match &self.passkeys {
                Some(passkeys) => Ok(passkeys.prove(user, &answer).await.map(|()| "passkey")?),
                None => Err(nothing_of("credential").into()),
            },
        }
    }

    async fn take(&self, user: UserId, contact: &Contact, code: &Code) -> Result<(), ProofError> {
        let ports = &self.ports;
        let (now, event_id) = (ports.clock.now(), ports.ids.uuid());
        let taken = transact!(ports.store, |tx| {
            self.verification.take_own(tx, (Purpose::Reauthenticate, contact, code), user, now, event_id).await
        })?;
        taken.map_err(|refused| ProofError::Code { refused, field: "code" })
    }

    /// The account's address; `None` when nothing is delivered there.
    async fn own_address(&self, user: UserId) -> Result<Option<Contact>, StoreError> {
        let view = self.ports.queries.find_by_id(user).await?;
        let email = view.and_then(|view| EmailAddress::parse(&view.email).ok());
        Ok(email.filter(|email| !email.is_placeholder()).map(Contact::Email))
    }
}

/// The account has nothing that this could prove.
fn nothing_of(field: &'static str) -> FieldErrors {
    FieldErrors::of(field, Issue::not_allowed::<&str>([]))
}
