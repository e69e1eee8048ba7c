use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use sharestack_kernel::actor::Actor;
use sharestack_kernel::clock::Clock;
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::id::{IdGenerator, UserId};
use sharestack_kernel::message::Mailroom;
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;

use super::notice::of_new_password;
use super::{Failures, LoginGuard};
use crate::error::ProofError;
use crate::events::{self, RevokeReason};
use crate::model::{NewPassword, Password, PasswordHash, UserView};
use crate::ports::{AccountQueries, PasswordHasher, SessionCache, UsersTx, Verified};

/// The field of the password until now.
const FIELD: &str = "current_password";

/// What [`Passwords`] works with.
#[derive(Clone)]
pub struct PasswordPorts {
    /// Transactions.
    pub store: Arc<dyn Begin<dyn UsersTx>>,
    /// Accounts, to read.
    pub accounts: Arc<dyn AccountQueries>,
    /// Hashes passwords.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Makes jobs of messages.
    pub mailroom: Arc<dyn Mailroom>,
    /// Cached sessions, to forget.
    pub cache: Arc<dyn SessionCache>,
    /// Draws ids.
    pub ids: Arc<dyn IdGenerator>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// A change of one's own password, as it was sent.
#[derive(Debug, Clone, Default)]
pub struct ChangePasswordInput {
    /// The password until now.
    pub current: Option<SecretString>,
    /// The password from now on.
    pub new: Option<SecretString>,
    /// The same again.
    pub confirm: Option<SecretString>,
}

/// A change of one's own password.
#[derive(Debug)]
pub struct ChangePassword {
    /// The password until now.
    pub current: SecretString,
    /// The password from now on.
    pub new: NewPassword,
}

impl ChangePasswordInput {
    /// Checks every field: first the shape, then that both new ones are the same.
    ///
    /// # Errors
    /// Every field that is missing or breaks a rule.
    pub fn parse(self) -> Result<ChangePassword, FieldErrors> {
        let mut check = FieldErrors::new();
        let current = check.required("current_password", self.current);
        let current = current.filter(|text| {
            let there = !text.expose_secret().is_empty();
            if !there {
                check.push("current_password", Issue::Required);
            }
            there
        });
        let text = check.required("new_password", self.new);
        let new =
            text.as_ref().and_then(|text| check.check("new_password", NewPassword::parse(text.expose_secret(), &[])));
        let confirm = check.required("confirm_password", self.confirm);
        if let (Some(text), Some(confirm)) = (&text, &confirm)
            && text.expose_secret() != confirm.expose_secret()
        {
            check.push("confirm_password", Issue::Mismatch { other: "new_password" });
        }
        match (current, new) {
            (Some(current), Some(new)) => check.finish().map(|()| ChangePassword { current, new }),
            _ => Err(check),
        }
    }
}

/// Changes passwords, and checks them within a session.
#[derive(Clone)]
pub struct Passwords {
    ports: PasswordPorts,
    failures: Failures,
    guard: Option<LoginGuard>,
}

impl Passwords {
    /// A service over these ports.
    pub fn new(ports: PasswordPorts) -> Self {
        let failures = Failures::new(ports.store.clone(), ports.ids.clone(), ports.clock.clone());
        Self { ports, failures, guard: None }
    }

    /// The same, that slows down who guesses passwords.
    pub fn guarded(mut self, guard: LoginGuard) -> Self {
        self.guard = Some(guard);
        self
    }

    /// Sets another password, and ends every other session of the user, who is told by mail.
    ///
    /// # Errors
    /// When the current one is wrong or was guessed at too often, when the new one is the
    /// same or easily guessed, and when the actor is a program with a key.
    pub async fn change(&self, actor: &Actor, command: ChangePassword, language: &str) -> Result<u64, ProofError> {
        let (ports, user) = (&self.ports, actor.user_id);
        let session = actor.require_session()?;
        let view = ports.accounts.find_by_id(user).await?.ok_or(ProofError::NoSuchUser(user))?;
        for _ in 0..3 {
            let verified = match self.check(user, FIELD, &command.current).await {
                Ok(verified) => verified,
                Err(error) => {
                    if matches!(error, ProofError::Fields(_)) {
                        self.failures.proof_failed(user, FIELD).await;
                    }
                    return Err(error);
                }
            };
            refuse_known(&view, &command)?;
            let hash = ports.hasher.hash(command.new.password()).await?;
            let (now, event_id, reason) = (ports.clock.now(), ports.ids.uuid(), RevokeReason::PasswordChanged);
            let told = (view.username.as_str(), view.email.as_str(), language);
            let notice = of_new_password(&*ports.mailroom, ports.ids.uuid(), told, now)?;
            let done = transact!(ports.store, |tx| {
                let state = tx.accounts().hold(user).await?.ok_or(ProofError::NoSuchUser(user))?;
                if state.password_hash != verified {
                    return Ok(None);
                }
                tx.accounts().set_password(user, &hash, now).await?;
                let ended = tx.sessions().revoke_all(user, Some(session), reason.as_str(), now).await?;
                tx.sessions().mark_proved(user, session, now).await?;
                tx.outbox().append(&events::password_changed(event_id, user, session, ended, now)).await?;
                if let Some(notice) = &notice {
                    tx.jobs().enqueue(notice).await?;
                }
                Ok::<_, ProofError>(Some(ended))
            })?;
            // A password that changed while it was being checked is checked again.
            if let Some(ended) = done {
                super::forget(&*ports.cache, user).await;
                return Ok(ended);
            }
        }
        Err(wrong(FIELD))
    }

    /// Whether the password is the account's, for the program's own questions: it counts as no
    /// try of anybody.
    ///
    /// # Errors
    /// When there is no such user, or it cannot be checked.
    pub async fn fits(&self, user: UserId, password: &SecretString) -> Result<bool, ProofError> {
        Ok(self.compare(user, password).await?.is_some())
    }

    /// The account's hash, when the password fits it.
    async fn compare(&self, user: UserId, password: &SecretString) -> Result<Option<PasswordHash>, ProofError> {
        let state = self.ports.accounts.find_state(user).await?.ok_or(ProofError::NoSuchUser(user))?;
        let Some(password) = Password::claimed(password.expose_secret()) else { return Ok(None) };
        let verified = self.ports.hasher.verify(&password, Some(state.password_hash.clone())).await?;
        Ok((verified != Verified::Wrong).then_some(state.password_hash))
    }

    /// The hash that the password fits. Who changes something by it holds the account then,
    /// and looks whether it still is the hash.
    ///
    /// # Errors
    /// When it is not the account's, or too many were tried.
    pub(super) async fn check(
        &self,
        user: UserId,
        field: &'static str,
        password: &SecretString,
    ) -> Result<PasswordHash, ProofError> {
        if let Some(guard) = &self.guard {
            guard.admit_user(user).await.map_err(ProofError::TooMany)?;
        }
        let hash = self.compare(user, password).await?.ok_or_else(|| wrong(field))?;
        if let Some(guard) = &self.guard {
            guard.succeeded_user(user).await;
        }
        Ok(hash)
    }
}

fn wrong(field: &'static str) -> ProofError {
    FieldErrors::of(field, Issue::Mismatch { other: "your_password" }).into()
}

/// Refuses a new password that is the old one, or that others guess who know the user.
fn refuse_known(view: &UserView, command: &ChangePassword) -> Result<(), FieldErrors> {
    let same = Password::claimed(command.current.expose_secret())
        .is_some_and(|current| current.expose() == command.new.password().expose());
    if same {
        return Err(FieldErrors::of("new_password", Issue::NotAllowed { allowed: Vec::new() }));
    }
    let known = [Some(view.username.as_str()), Some(&view.email), view.display_name.as_deref(), view.phone.as_deref()];
    let known: Vec<&str> = known.into_iter().flatten().collect();
    command.new.withstands(&known).map_err(|issue| FieldErrors::of("new_password", issue))
}
