//! Coming in by another service: begin, come back, exchange, link, unlink.

mod complete;
mod newcomer;

use std::sync::Arc;

use chrono::Duration;
use sharestack_kernel::actor::Actor;
use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::id::{IdGenerator, UserId};
use sharestack_kernel::prune::{BATCH, until_short};
use sharestack_kernel::random::Randomness;
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;

use super::sessions::Proof;
use super::{Failures, Sessions};
use crate::error::{BeginOAuthError, ExchangeCodeError, LoginError, UnlinkError};
use crate::events;
use crate::model::{
    AuthMethod, Client, ClientTarget, CodeChallenge, ExternalIdentity, FlowSecret, IdentityId, InvitationToken,
    OAuthPurpose, OAuthState, ProviderName, RedirectUris, RegistrationMode, TokenHash,
};
use crate::ports::{
    AuthorizeRequest, ExternalIdentityQueries, IdentityProvider, OAuthFlowQueries, ProviderInfo, SessionQueries,
    UsersTx,
};
use crate::service::SignIn;

pub use complete::{Callback, Completed, Outcome};

/// How long a login may be away at its provider.
pub const FLOW_MINUTES: i64 = 10;
/// How long a one-time code is good, in seconds.
const CODE_SECONDS: i64 = 60;

/// What [`ThirdPartyLogin`] works with.
#[derive(Clone)]
pub struct ThirdPartyPorts {
    /// Transactions.
    pub store: Arc<dyn Begin<dyn UsersTx>>,
    /// Linked identities, to read.
    pub identities: Arc<dyn ExternalIdentityQueries>,
    /// Logins under way, to look at and to prune.
    pub flows: Arc<dyn OAuthFlowQueries>,
    /// Sessions, to see whether the one that asked for a link is still open.
    pub open_sessions: Arc<dyn SessionQueries>,
    /// Opens sessions.
    pub sessions: Sessions,
    /// Who vouches, in the order people see them.
    pub providers: Vec<Arc<dyn IdentityProvider>>,
    /// Draws ids.
    pub ids: Arc<dyn IdGenerator>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Draws states, nonces, codes.
    pub randomness: Arc<dyn Randomness>,
}

/// What third-party login allows.
#[derive(Debug, Clone)]
pub struct ThirdPartyPolicy {
    /// Where clients may get their users back.
    pub redirect_uris: RedirectUris,
    /// Whether somebody new gets an account.
    pub sign_up: bool,
    /// What they need for it, as everybody who registers.
    pub registration: RegistrationMode,
}

/// Somebody wants to come in by another service, or to link it.
#[derive(Debug)]
pub struct BeginOAuth {
    /// Which service.
    pub provider: String,
    /// To come in, or to link.
    pub purpose: OAuthPurpose,
    /// Where the client gets its user back; it must be on the allow-list.
    pub redirect_uri: Option<String>,
    /// What the client gets back with the user.
    pub state: Option<String>,
    /// What the client's one-time code is bound to.
    pub challenge: Option<CodeChallenge>,
    /// An invitation to register, as it was typed.
    pub invitation: Option<String>,
    /// The browser's mark, when it has one.
    pub browser: Option<String>,
}

/// Where the browser goes, and the mark it must come back with.
#[derive(Debug)]
pub struct Begun {
    /// The provider's page.
    pub authorize_url: String,
    /// The browser's mark.
    pub browser: String,
}

/// Lets people in that other services vouch for, and links those services to accounts.
#[derive(Clone)]
pub struct ThirdPartyLogin {
    ports: ThirdPartyPorts,
    policy: ThirdPartyPolicy,
}

impl ThirdPartyLogin {
    /// A service over these ports.
    pub const fn new(ports: ThirdPartyPorts, policy: ThirdPartyPolicy) -> Self {
        Self { ports, policy }
    }

    /// Who vouches, as people choose.
    pub fn providers(&self) -> impl Iterator<Item = &ProviderInfo> {
        self.ports.providers.iter().map(|provider| provider.info())
    }

    fn failures(&self) -> Failures {
        Failures::new(self.ports.store.clone(), self.ports.ids.clone(), self.ports.clock.clone())
    }

    fn provider(&self, name: &str) -> Option<&Arc<dyn IdentityProvider>> {
        let name = ProviderName::parse(name)?;
        self.ports.providers.iter().find(|provider| provider.info().name == name)
    }

    /// Sends a login to a provider.
    ///
    /// # Errors
    /// When there is no such provider, it does not answer, or the client's address is not
    /// on the allow-list.
    pub async fn begin(&self, command: BeginOAuth) -> Result<Begun, BeginOAuthError> {
        let target = self.target(&command)?;
        let invitation = invitation(&command)?;
        let ports = &self.ports;
        let provider = self.provider(&command.provider).ok_or(BeginOAuthError::NoSuchProvider(command.provider))?;
        let draw = || FlowSecret::new(ports.randomness.token());
        let (state, nonce, verifier) = (draw(), draw().text(), draw().text());
        // One mark for all logins that a browser has under way.
        let browser = command.browser.as_deref().and_then(FlowSecret::parse).unwrap_or_else(draw);
        let request = AuthorizeRequest { state: state.text(), nonce, verifier };
        let authorize_url = provider.authorize_url(&request).await?;
        let now = ports.clock.now();
        let kept = OAuthState {
            hash: state.hash(),
            provider: provider.info().name.clone(),
            purpose: command.purpose,
            nonce: request.nonce,
            verifier: request.verifier,
            browser: browser.hash(),
            target,
            invitation,
            created_at: now,
            expires_at: now + Duration::minutes(FLOW_MINUTES),
        };
        transact!(ports.store, |tx| { tx.oauth_flows().insert_state(&kept).await })?;
        Ok(Begun { authorize_url, browser: browser.text() })
    }

    /// Where the client gets its user back. Without an address, what belongs to one is not
    /// taken either.
    fn target(&self, command: &BeginOAuth) -> Result<Option<ClientTarget>, FieldErrors> {
        let Some(uri) = &command.redirect_uri else {
            if command.challenge.is_some() {
                return Err(FieldErrors::of("redirect_uri", Issue::Required));
            }
            return Ok(None);
        };
        let allowed = self.policy.redirect_uris.find(uri);
        let redirect_uri = allowed.ok_or_else(|| FieldErrors::of("redirect_uri", Issue::not_allowed::<&str>([])))?;
        Ok(Some(ClientTarget { redirect_uri, state: command.state.clone(), challenge: command.challenge.clone() }))
    }

    /// Whether a login with this state has gone out and not come back.
    ///
    /// # Errors
    /// The store's.
    pub async fn is_under_way(&self, state: &str) -> Result<bool, StoreError> {
        match FlowSecret::parse(state) {
            Some(state) => self.ports.flows.is_under_way(state.hash()).await,
            None => Ok(false),
        }
    }

    /// Opens the session that a one-time code stands for. A code that there was and that is
    /// refused is noted.
    ///
    /// # Errors
    /// When the code is worth nothing to this client, or the account is disabled.
    pub async fn exchange(
        &self,
        code: &str,
        verifier: Option<&str>,
        client: Client,
    ) -> Result<SignIn, ExchangeCodeError> {
        let ports = &self.ports;
        let hash = FlowSecret::parse(code).ok_or(ExchangeCodeError::Invalid)?.hash();
        let draft = ports.sessions.draft(AuthMethod::OAuth, client);
        let now = ports.clock.now();
        let taken = transact!(ports.store, |tx| {
            let Some(code) = tx.oauth_flows().take_code(hash).await? else { return Ok(None) };
            let user = code.user_id;
            // What is refused has used the code up all the same.
            if now >= code.expires_at || !code.fits(verifier) {
                return Ok(Some((user, None)));
            }
            tx.accounts().hold(user).await?;
            // The account may have gone to who has its address since.
            if tx.identities().ways_in(user).await?.identities == 0 {
                return Ok(Some((user, None)));
            }
            match ports.sessions.open(tx, user, &Proof::Other, &draft).await {
                Err(LoginError::Store(error)) => Err(ExchangeCodeError::from(error)),
                opened => Ok(Some((user, Some(opened)))),
            }
        })?;
        // Not noted: a used code and a made-up one are the same here, and of those there is no end.
        let (user, opened) = taken.ok_or(ExchangeCodeError::Invalid)?;
        let Some(opened) = opened else {
            self.failures().login_failed(Some(user), "", AuthMethod::OAuth.as_str(), "invalid_code").await;
            return Err(ExchangeCodeError::Invalid);
        };
        if let Err(error) = &opened {
            ports.sessions.note_refused(user, AuthMethod::OAuth, error).await;
        }
        Ok(ports.sessions.present(user, draft, opened?).await?)
    }

    /// What a user has linked.
    ///
    /// # Errors
    /// The store's.
    pub async fn list(&self, user: UserId) -> Result<Vec<ExternalIdentity>, StoreError> {
        self.ports.identities.list(user).await
    }

    /// Unlinks an identity, but never the last way into the account.
    ///
    /// # Errors
    /// When the user has no such identity, nothing else would open the account, or the actor
    /// is a program with a key.
    pub async fn unlink(&self, actor: &Actor, id: IdentityId) -> Result<(), UnlinkError> {
        actor.require_session()?;
        let user = actor.user_id;
        let ports = &self.ports;
        let (now, event_id) = (ports.clock.now(), ports.ids.uuid());
        transact!(ports.store, |tx| {
            // Held, so that of two that unlink at once the second sees what the first left.
            tx.accounts().hold(user).await?.ok_or(UnlinkError::NoSuchIdentity(id))?;
            let found = tx.identities().find_by_user(user, id).await?;
            let identity = found.ok_or(UnlinkError::NoSuchIdentity(id))?;
            if !tx.identities().ways_in(user).await?.can_lose_one() {
                return Err(UnlinkError::LastWayIn);
            }
            tx.identities().delete(user, id).await?;
            tx.outbox().append(&events::identity(event_id, events::IDENTITY_UNLINKED, &identity, now)).await?;
            Ok(())
        })
    }

    /// Forgets logins that never came back; returns how many. Called now and then.
    ///
    /// # Errors
    /// The store's.
    pub async fn prune(&self) -> Result<u64, StoreError> {
        let now = self.ports.clock.now();
        until_short(|| self.ports.flows.prune(now, BATCH)).await
    }
}

/// What is kept of the invitation that somebody brings along who may be new.
fn invitation(command: &BeginOAuth) -> Result<Option<TokenHash>, FieldErrors> {
    let text = command.invitation.as_deref().filter(|_| command.purpose == OAuthPurpose::Login);
    let worthless = || FieldErrors::of("invite_code", Issue::not_allowed::<&str>([]));
    text.map(|text| Ok(InvitationToken::parse(text).ok_or_else(worthless)?.hash())).transpose()
}
