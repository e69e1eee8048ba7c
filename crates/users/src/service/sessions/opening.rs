//! Opening a session, in the transaction that takes the proof.

use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::{SessionId, UserId};
use sharestack_kernel::transact;
use uuid::Uuid;

use super::{SecondFactorNeeded, Sessions, SignIn};
use crate::error::LoginError;
use crate::events;
use crate::model::{
    AuthMethod, Client, Contact, EmailAddress, FactorMethod, MfaToken, NewChallenge, NewRefreshToken, NewSession,
    PasswordHash, RefreshSecret, SecretHash,
};
use crate::ports::UsersTx;

/// What a session is opened on.
pub(in crate::service) enum Proof {
    /// The password fitted this hash; a hash that became weak has a new one.
    Password {
        verified: PasswordHash,
        rehashed: Option<PasswordHash>,
    },
    Other,
    /// A first proof and a second one.
    Both,
}

/// What a session will be made of, drawn before the transaction that opens it.
pub(in crate::service) struct Draft {
    id: SessionId,
    method: AuthMethod,
    client: Client,
    at: DateTime<Utc>,
    secret: RefreshSecret,
    second: MfaToken,
    event_id: Uuid,
}

/// What a proof has opened.
pub(in crate::service) enum Opened {
    Session,
    /// Nothing yet: a second proof is awaited.
    Challenge,
    /// Nothing: the password has changed since it was checked.
    Stale,
}

impl Sessions {
    /// `None` when the password has changed since it was checked.
    pub(super) async fn sign_in(
        &self,
        user: UserId,
        proof: &Proof,
        draft: Draft,
    ) -> Result<Option<SignIn>, LoginError> {
        let opened = transact!(self.ports.store, |tx| { self.open(tx, user, proof, &draft).await });
        if let Err(error) = &opened {
            self.note_refused(user, draft.method, error).await;
        }
        match opened? {
            Opened::Stale => Ok(None),
            opened => self.present(user, draft, opened).await.map(Some),
        }
    }

    /// Notes a right proof that opens nothing, because its account may not be used.
    pub(in crate::service) async fn note_refused(&self, user: UserId, method: AuthMethod, error: &LoginError) {
        if matches!(error, LoginError::AccountDisabled) {
            self.failures().login_failed(Some(user), "", method.as_str(), "disabled").await;
        }
    }

    /// What a session from this client will be made of.
    pub(in crate::service) fn draft(&self, method: AuthMethod, client: Client) -> Draft {
        let ports = &self.ports;
        Draft {
            id: SessionId::new(ports.ids.uuid()),
            method,
            client,
            at: ports.clock.now(),
            secret: RefreshSecret::new(ports.randomness.token()),
            second: MfaToken::new(ports.randomness.token()),
            event_id: ports.ids.uuid(),
        }
    }

    /// Opens a session in the transaction that took the proof, so that whoever ends all
    /// sessions of the user does so before the proof is looked at, or ends this one too.
    /// It writes nothing when it fails by anything but the store.
    ///
    /// # Errors
    /// When the account is gone or disabled.
    pub(in crate::service) async fn open(
        &self,
        tx: &mut dyn UsersTx,
        user: UserId,
        proof: &Proof,
        draft: &Draft,
    ) -> Result<Opened, LoginError> {
        let (now, expires_at) = (draft.at, draft.at + self.policy.refresh_ttl);
        let state = tx.accounts().hold(user).await?.ok_or(LoginError::InvalidCredentials)?;
        if !state.is_active {
            return Err(LoginError::AccountDisabled);
        }
        let rehashed = match proof {
            Proof::Password { verified, .. } if state.password_hash != *verified => return Ok(Opened::Stale),
            Proof::Password { rehashed, .. } => rehashed.clone(),
            Proof::Other | Proof::Both => None,
        };
        let asks = !matches!(proof, Proof::Both) && draft.method.wants_second_factor();
        if asks && tx.factors().find_totp(user).await?.is_some_and(|totp| totp.confirmed_at.is_some()) {
            let kept = rehashed.as_ref().unwrap_or(&state.password_hash);
            let challenge = NewChallenge {
                hash: draft.second.hash(),
                user_id: user,
                method: draft.method,
                stamp: SecretHash::of_password(kept),
                client: draft.client.clone(),
                created_at: now,
                expires_at: now + self.policy.second_factor_ttl,
            };
            if let Some(hash) = &rehashed {
                tx.accounts().rehash(user, hash).await?;
            }
            tx.factors().insert_challenge(&challenge).await?;
            return Ok(Opened::Challenge);
        }
        let session = NewSession {
            id: draft.id,
            user_id: user,
            method: draft.method,
            client: draft.client.clone(),
            created_at: now,
            expires_at,
        };
        let token = NewRefreshToken { hash: draft.secret.hash(), session_id: session.id, issued_at: now, expires_at };
        tx.accounts().record_login(user, now, rehashed).await?;
        tx.sessions().insert(&session).await?;
        tx.sessions().insert_refresh_token(&token).await?;
        tx.outbox().append(&events::logged_in(draft.event_id, &session)).await?;
        Ok(Opened::Session)
    }

    /// Where a code may go as the second proof after a first one by `method`; `None` where mail
    /// is no second proof: a code has shown a mailbox already, and one that nobody has
    /// confirmed may be anybody's.
    pub(in crate::service) async fn mailbox(
        &self,
        user: UserId,
        method: AuthMethod,
    ) -> Result<Option<Contact>, StoreError> {
        if !self.policy.second_factor_by_mail || method == AuthMethod::Code {
            return Ok(None);
        }
        let user = self.ports.accounts.find_by_id(user).await?.filter(|user| user.is_verified);
        let email = user.and_then(|user| EmailAddress::parse(&user.email).ok());
        Ok(email.filter(|email| !email.is_placeholder()).map(Contact::Email))
    }

    /// What who signed in gets, once the transaction is committed.
    pub(in crate::service) async fn present(
        &self,
        user: UserId,
        draft: Draft,
        opened: Opened,
    ) -> Result<SignIn, LoginError> {
        let ports = &self.ports;
        match opened {
            Opened::Session => {
                let view = ports.accounts.find_by_id(user).await?.ok_or(LoginError::InvalidCredentials)?;
                if let Some(guard) = &self.guard {
                    guard.trust(&view, &draft.client).await;
                }
                Ok(SignIn::Tokens(self.tokens(view, draft.id, &draft.secret, draft.at)?))
            }
            Opened::Challenge => {
                let by_mail = self.mailbox(user, draft.method).await?.map(|_| FactorMethod::Email);
                Ok(SignIn::SecondFactor(SecondFactorNeeded {
                    mfa_token: draft.second.text(),
                    expires_in: self.policy.second_factor_ttl.num_seconds(),
                    methods: [FactorMethod::Totp, FactorMethod::RecoveryCode].into_iter().chain(by_mail).collect(),
                }))
            }
            Opened::Stale => Err(LoginError::InvalidCredentials),
        }
    }
}
