use chrono::{DateTime, Duration, Utc};
use secrecy::SecretString;
use sharestack_kernel::id::{SessionId, UserId};
use sharestack_kernel::transact;

use super::newcomer::{CreateError, MAX_NAMES, SignUp};
use super::{CODE_SECONDS, ThirdPartyLogin};
use crate::error::{CompleteOAuthError, LoginError, ProviderError};
use crate::events;
use crate::model::{
    AuthMethod, Client, ClientTarget, ExternalIdentity, FlowSecret, IdentityId, LoginCode, OAuthPurpose, OAuthState,
    ProviderName, ProviderProfile, RegistrationMode,
};
use crate::ports::CallbackProof;
use crate::service::SignIn;
use crate::service::sessions::{Draft, Opened, Proof};

/// What a provider sent the browser back with.
#[derive(Debug)]
pub struct Callback {
    /// Which provider.
    pub provider: String,
    /// The state it went out with.
    pub state: String,
    /// The provider's code, or what it said instead.
    pub answer: Result<SecretString, String>,
    /// Who says that it is the issuer (RFC 9207).
    pub issuer: Option<String>,
    /// The browser's mark.
    pub browser: Option<String>,
    /// What the browser is.
    pub client: Client,
}

/// How a login ended.
#[derive(Debug)]
pub enum Outcome {
    /// The user is in, or is asked for more.
    SignedIn(Box<SignIn>),
    /// The client exchanges this code.
    Code(SecretString),
    /// The identity is linked.
    Linked(Box<ExternalIdentity>),
}

/// A login that came back, and where its user goes.
#[derive(Debug)]
pub struct Completed {
    /// Where the client gets its user back.
    pub target: Option<ClientTarget>,
    /// How it ended.
    pub outcome: Result<Outcome, CompleteOAuthError>,
}

/// Why a login that comes back to the browser it went out from is refused all the same.
fn misfit(state: &OAuthState, provider: &ProviderName, now: DateTime<Utc>) -> Option<&'static str> {
    if state.provider != *provider {
        return Some("state_mismatch");
    }
    (now >= state.expires_at).then_some("state_expired")
}

/// Who came in, and what was opened for them; nothing, when no session was asked for.
type CameIn = (UserId, Result<Opened, LoginError>);

impl ThirdPartyLogin {
    /// Takes a login that came back. No remote call is made inside a transaction, and the
    /// state is gone before the first is made. That a login under way came back in another
    /// browser, too late or from another provider is noted.
    ///
    /// # Errors
    /// When no login of this browser is under way with this state: nobody is to be sent
    /// anywhere then. All else is in [`Completed::outcome`].
    pub async fn complete(&self, callback: Callback) -> Result<Completed, CompleteOAuthError> {
        let state = callback.state.clone();
        let completed = self.come_back(callback).await;
        // Forced on somebody, or stolen from them. Of made-up states there is no end: of those
        // the log tells nothing.
        if let Err(CompleteOAuthError::StateMismatch) = &completed
            && matches!(self.is_under_way(&state).await, Ok(true))
        {
            self.failures().login_failed(None, "", AuthMethod::OAuth.as_str(), "state_mismatch").await;
        }
        completed
    }

    async fn come_back(&self, callback: Callback) -> Result<Completed, CompleteOAuthError> {
        let ports = &self.ports;
        let provider = self
            .provider(&callback.provider)
            .ok_or_else(|| CompleteOAuthError::NoSuchProvider(callback.provider.clone()))?;
        let state = FlowSecret::parse(&callback.state).ok_or(CompleteOAuthError::StateMismatch)?;
        let browser = callback.browser.as_deref().and_then(FlowSecret::parse);
        let browser = browser.ok_or(CompleteOAuthError::StateMismatch)?;
        let (hash, browser) = (state.hash(), browser.hash());
        let taken = transact!(ports.store, |tx| {
            tx.oauth_flows().take_state(hash, browser).await.map_err(CompleteOAuthError::from)
        })?;
        let mut state = taken.ok_or(CompleteOAuthError::StateMismatch)?;
        // It did go out from this browser, and is gone now: nobody made it up.
        if let Some(reason) = misfit(&state, &provider.info().name, ports.clock.now()) {
            self.note(&state, reason).await;
            return Err(CompleteOAuthError::StateMismatch);
        }
        let target = state.target.take();
        let outcome = match callback.answer {
            Err(said) if matches!(said.as_str(), "server_error" | "temporarily_unavailable") => {
                Err(ProviderError::Unavailable(said.into()).into())
            }
            Err(said) => Err(CompleteOAuthError::Denied(said)),
            Ok(code) => {
                let proof = CallbackProof {
                    code,
                    issuer: callback.issuer,
                    nonce: state.nonce.clone(),
                    verifier: state.verifier.clone(),
                };
                match provider.exchange(&proof).await {
                    Ok(profile) => self.settle(&state, target.as_ref(), profile, callback.client).await,
                    Err(error) => Err(error.into()),
                }
            }
        };
        match &outcome {
            // That an account is disabled its session has noted.
            Ok(_) | Err(CompleteOAuthError::Login(_) | CompleteOAuthError::Store(_)) => {}
            Err(error) => self.note(&state, error.client_code()).await,
        }
        Ok(Completed { target, outcome })
    }

    /// Notes what came to nothing.
    async fn note(&self, state: &OAuthState, reason: &str) {
        let failures = self.failures();
        match state.purpose {
            OAuthPurpose::Login => failures.login_failed(None, "", AuthMethod::OAuth.as_str(), reason).await,
            OAuthPurpose::Link { user, .. } => {
                let (id, now) = (self.ports.ids.uuid(), self.ports.clock.now());
                let event = events::identity_link_failed(id, user, &state.provider, reason, now);
                failures.note(Some(user), event).await;
            }
        }
    }

    async fn settle(
        &self,
        state: &OAuthState,
        target: Option<&ClientTarget>,
        profile: ProviderProfile,
        client: Client,
    ) -> Result<Outcome, CompleteOAuthError> {
        match state.purpose {
            OAuthPurpose::Link { user, session } => {
                let identity = self.link(user, session, &state.provider, &profile).await?;
                Ok(Outcome::Linked(Box::new(identity)))
            }
            OAuthPurpose::Login => {
                let sessions = &self.ports.sessions;
                if let Some(target) = target {
                    let (user, _) = self.find_or_create(state, &profile, None).await?;
                    return self.code(user, &state.provider, target).await;
                }
                let draft = sessions.draft(AuthMethod::OAuth, client);
                let (user, opened) = self.find_or_create(state, &profile, Some(&draft)).await?;
                if let Err(error) = &opened {
                    sessions.note_refused(user, AuthMethod::OAuth, error).await;
                }
                Ok(Outcome::SignedIn(Box::new(sessions.present(user, draft, opened?).await?)))
            }
        }
    }

    /// A code in place of tokens: addresses end up in histories and logs.
    async fn code(
        &self,
        user_id: UserId,
        provider: &ProviderName,
        target: &ClientTarget,
    ) -> Result<Outcome, CompleteOAuthError> {
        let (secret, now) = (FlowSecret::new(self.ports.randomness.token()), self.ports.clock.now());
        let code = LoginCode {
            hash: secret.hash(),
            user_id,
            provider: provider.clone(),
            challenge: target.challenge.clone(),
            created_at: now,
            expires_at: now + Duration::seconds(CODE_SECONDS),
        };
        transact!(self.ports.store, |tx| { tx.oauth_flows().insert_code(&code).await })?;
        Ok(Outcome::Code(secret.text().into()))
    }

    /// Links what came back to who asked for it, if they still are signed in.
    async fn link(
        &self,
        user: UserId,
        session: SessionId,
        provider: &ProviderName,
        profile: &ProviderProfile,
    ) -> Result<ExternalIdentity, CompleteOAuthError> {
        let ports = &self.ports;
        let now = ports.clock.now();
        let open = ports.open_sessions.find_active(session).await?;
        if !open.is_some_and(|open| open.user_id == user && now < open.expires_at) {
            return Err(CompleteOAuthError::SessionEnded);
        }
        let (id, event_id) = (IdentityId::new(ports.ids.uuid()), ports.ids.uuid());
        let linked = transact!(ports.store, |tx| {
            tx.accounts().hold(user).await?.ok_or(CreateError::IdentityTaken)?;
            if let Some(known) = tx.identities().find_by_subject(provider, &profile.subject).await? {
                if known.user_id != user {
                    return Err(CreateError::IdentityTaken);
                }
                let known = known.told(profile);
                tx.identities().update(&known).await?;
                return Ok(known);
            }
            let identity = ExternalIdentity::link(id, user, provider.clone(), profile, now);
            tx.identities().insert(&identity).await?;
            tx.outbox().append(&events::identity(event_id, events::IDENTITY_LINKED, &identity, now)).await?;
            Ok(identity)
        });
        linked.map_err(|error| match error {
            CreateError::Store(error) => error.into(),
            _ => CompleteOAuthError::IdentityTaken,
        })
    }

    /// Whose identity it is; a new account's when nobody has linked it, its address is free,
    /// and it brings along what everybody needs who registers. An account that has the address is never linked by itself: its owner signs in
    /// first and links.
    async fn find_or_create(
        &self,
        state: &OAuthState,
        profile: &ProviderProfile,
        draft: Option<&Draft>,
    ) -> Result<CameIn, CompleteOAuthError> {
        let provider = &state.provider;
        if let Some(known) = self.recognise(provider, profile, draft).await? {
            return Ok(known);
        }
        if !self.policy.sign_up {
            return Err(CompleteOAuthError::SignUpClosed);
        }
        // Asked before the address is looked up: who cannot prove it learns nothing of it.
        // What a code would prove, the provider has.
        let proven = profile.email.is_some() && profile.email_verified;
        let asked = profile.email.is_some() || self.policy.registration == RegistrationMode::Code;
        if asked && !proven {
            return Err(CompleteOAuthError::EmailUnverified(provider.clone()));
        }
        if self.policy.registration == RegistrationMode::Invitation && state.invitation.is_none() {
            return Err(CompleteOAuthError::Uninvited { brought: false });
        }
        for attempt in 0..MAX_NAMES {
            let id = UserId::new(self.ports.ids.number(UserId::SEQUENCE).await?);
            let made = match self.create(id, state, profile, attempt, draft).await? {
                Ok(opened) => return Ok((id, Ok(opened))),
                Err(made) => made,
            };
            // A rival that came back with the same identity may have been first.
            if let Some(known) = self.recognise(provider, profile, draft).await? {
                return Ok(known);
            }
            match made {
                SignUp::EmailTaken => return Err(CompleteOAuthError::EmailTaken),
                SignUp::Uninvited => return Err(CompleteOAuthError::Uninvited { brought: true }),
                SignUp::NameTaken | SignUp::IdentityTaken => {}
            }
        }
        Err(sharestack_kernel::error::StoreError::Transient("no free username was found".into()).into())
    }

    /// Who has linked it, noting that it was used and what it tells now; and their session,
    /// when one is to be opened.
    async fn recognise(
        &self,
        provider: &ProviderName,
        profile: &ProviderProfile,
        draft: Option<&Draft>,
    ) -> Result<Option<CameIn>, CompleteOAuthError> {
        let ports = &self.ports;
        let (now, event_id) = (ports.clock.now(), ports.ids.uuid());
        transact!(ports.store, |tx| {
            let Some(known) = tx.identities().find_by_subject(provider, &profile.subject).await? else {
                return Ok(None);
            };
            // Nobody comes in to an account that is gone; the session says so.
            let user = known.user_id;
            if tx.accounts().hold(user).await?.is_none() {
                return Ok(Some((user, Err(LoginError::InvalidCredentials))));
            }
            // It may have been unlinked before the account was held.
            let Some(known) = tx.identities().find_by_user(user, known.id).await? else { return Ok(None) };
            let mut known = known.told(profile);
            known.last_used_at = Some(now);
            tx.identities().update(&known).await?;
            tx.outbox().append(&events::identity(event_id, events::IDENTITY_USED, &known, now)).await?;
            let Some(draft) = draft else { return Ok(Some((user, Ok(Opened::Stale)))) };
            match ports.sessions.open(tx, user, &Proof::Other, draft).await {
                Err(LoginError::Store(error)) => Err(error.into()),
                opened => Ok(Some((user, opened))),
            }
        })
    }
}
