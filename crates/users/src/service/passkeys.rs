use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sharestack_kernel::actor::Actor;
use sharestack_kernel::cache::{Cache, CacheError};
use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::{Category, Classified as _, StoreError};
use sharestack_kernel::id::{IdGenerator, UserId};
use sharestack_kernel::random::Randomness;
use sharestack_kernel::seal::Sealer;
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;
use uuid::{Builder, Uuid};

use super::sessions::{Draft, Opened, Proof};
use super::{Failures, Sessions, SignIn};
use crate::error::{CeremonyError, LoginError, PasskeyError, PasskeyLoginError};
use crate::events;
use crate::model::{
    Answered, AuthMethod, CEREMONY_TTL, Ceremony, Client, CredentialId, MAX_PASSKEYS, NewPasskey, PasskeyId,
    PasskeyName, PasskeyOwner, PasskeyView,
};
use crate::ports::{AccountQueries, PasskeyCeremonies, PasskeyQueries, UsersTx};

/// What [`Passkeys`] works with.
#[derive(Clone)]
pub struct PasskeyPorts {
    /// Transactions.
    pub store: Arc<dyn Begin<dyn UsersTx>>,
    /// Passkeys, to read.
    pub queries: Arc<dyn PasskeyQueries>,
    /// Accounts, to read.
    pub accounts: Arc<dyn AccountQueries>,
    /// Talks with authenticators.
    pub ceremonies: Arc<dyn PasskeyCeremonies>,
    /// Keeps challenges until they are answered. MUST be one that all nodes see at once.
    pub cache: Arc<dyn Cache>,
    /// Seals what is kept with them.
    pub sealer: Arc<dyn Sealer>,
    /// Draws ids.
    pub ids: Arc<dyn IdGenerator>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Draws what authenticators know users by.
    pub randomness: Arc<dyn Randomness>,
}

/// What is kept of a challenge until it is answered.
#[derive(Serialize, Deserialize)]
struct Pending {
    /// Who registers; nobody at a login.
    owner: Option<(UserId, Uuid)>,
    state: String,
}

/// What a challenge is for.
#[derive(Clone, Copy)]
enum Purpose {
    Register,
    Login,
}

impl Purpose {
    fn place(self, challenge: &str) -> String {
        let name = match self {
            Self::Register => "register",
            Self::Login => "login",
        };
        format!("users:passkey:{name}:{challenge}")
    }
}

/// Registers passkeys, and lets people in with them. What adds or removes one is refused to
/// a program with a key: it would become a session.
#[derive(Clone)]
pub struct Passkeys {
    ports: PasskeyPorts,
    sessions: Sessions,
    failures: Failures,
}

impl Passkeys {
    /// A service over these ports, that opens its sessions with `sessions`.
    pub fn new(ports: PasskeyPorts, sessions: Sessions) -> Self {
        let failures = Failures::new(ports.store.clone(), ports.ids.clone(), ports.clock.clone());
        Self { ports, sessions, failures }
    }

    /// A user's passkeys, the oldest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn list(&self, user: UserId) -> Result<Vec<PasskeyView>, StoreError> {
        self.ports.queries.list_passkeys(user).await
    }

    /// What the client's program needs to make a passkey for a user.
    ///
    /// # Errors
    /// When they have as many as they may.
    pub async fn start_registration(&self, actor: &Actor) -> Result<Value, PasskeyError> {
        actor.require_session()?;
        let user = actor.user_id;
        let ports = &self.ports;
        let account = ports.accounts.find_by_id(user).await?.ok_or(PasskeyError::NoSuchUser(user))?;
        let known = ports.queries.list_passkeys(user).await?;
        if known.len() >= MAX_PASSKEYS {
            return Err(PasskeyError::TooMany);
        }
        let owner = PasskeyOwner {
            handle: known.first().map_or_else(|| self.draw_handle(), |passkey| passkey.handle),
            display_name: account.display_name.unwrap_or_else(|| account.username.clone()),
            name: account.username,
        };
        let known: Vec<CredentialId> = known.into_iter().map(|passkey| passkey.credential_id).collect();
        let ceremony = ports.ceremonies.start_registration(&owner, &known)?;
        self.keep(Purpose::Register, &ceremony, Some((user, owner.handle))).await?;
        Ok(ceremony.options)
    }

    /// Keeps the passkey that was made.
    ///
    /// # Errors
    /// When the answer is worth nothing, or the key is somebody's already.
    pub async fn register(
        &self,
        actor: &Actor,
        name: PasskeyName,
        answer: &Value,
    ) -> Result<PasskeyView, PasskeyError> {
        actor.require_session()?;
        let user = actor.user_id;
        let ports = &self.ports;
        let answered = ports.ceremonies.read(answer).ok_or(CeremonyError::Unreadable)?;
        let pending = self.take(Purpose::Register, &answered.challenge).await?;
        let Some(Pending { owner: Some((owner, handle)), state }) = pending else {
            return Err(CeremonyError::NoChallenge.into());
        };
        if owner != user {
            return Err(CeremonyError::NoChallenge.into());
        }
        let key = ports.ceremonies.finish_registration(&state, answer)?;
        let (now, event_id) = (ports.clock.now(), ports.ids.uuid());
        let id = PasskeyId::new(ports.ids.uuid());
        let passkey = NewPasskey { id, user_id: user, handle, name, key, created_at: now };
        transact!(ports.store, |tx| {
            tx.accounts().hold(user).await?.ok_or(PasskeyError::NoSuchUser(user))?;
            if tx.passkeys().count(user).await? >= MAX_PASSKEYS as u64 {
                return Err(PasskeyError::TooMany);
            }
            tx.passkeys().insert(&passkey).await?;
            tx.outbox().append(&events::passkey_added(event_id, user, id, now)).await?;
            Ok::<_, PasskeyError>(())
        })?;
        Ok(PasskeyView {
            id,
            name: passkey.name.as_str().to_owned(),
            credential_id: passkey.key.credential_id,
            handle,
            created_at: now,
            last_used_at: None,
        })
    }

    /// Removes a passkey of a user; its next use is refused.
    ///
    /// # Errors
    /// When they have none such, or no other way in.
    pub async fn remove(&self, actor: &Actor, id: PasskeyId) -> Result<(), PasskeyError> {
        actor.require_session()?;
        let user = actor.user_id;
        let ports = &self.ports;
        let (now, event_id) = (ports.clock.now(), ports.ids.uuid());
        transact!(ports.store, |tx| {
            tx.accounts().hold(user).await?.ok_or(PasskeyError::NoSuchUser(user))?;
            let ways = tx.identities().ways_in(user).await?;
            if !tx.passkeys().delete(user, id).await? {
                return Err(PasskeyError::NoSuchPasskey(id));
            }
            if !ways.can_lose_one() {
                return Err(PasskeyError::LastWayIn);
            }
            tx.outbox().append(&events::passkey_removed(event_id, user, id, now)).await?;
            Ok(())
        })
    }

    /// What the client's program needs to sign in with a passkey: the same for everybody,
    /// since the authenticator knows whose keys it has.
    ///
    /// # Errors
    /// When the challenge cannot be kept.
    pub async fn start_login(&self) -> Result<Value, PasskeyLoginError> {
        let ceremony = self.ports.ceremonies.start_login()?;
        self.keep(Purpose::Login, &ceremony, None).await?;
        Ok(ceremony.options)
    }

    /// Opens a session for who holds a passkey. A challenge is good once.
    ///
    /// The password's lock is neither asked nor told: who is locked out there comes in here.
    ///
    /// # Errors
    /// When the answer is worth nothing, or the account is disabled.
    pub async fn login(&self, answer: &Value, client: Client) -> Result<SignIn, PasskeyLoginError> {
        let draft = self.sessions.draft(AuthMethod::Passkey, client);
        let opened = self.open(answer, &draft).await;
        let (user, opened) = match opened {
            Ok((user, Ok(opened))) => (user, opened),
            Ok((user, Err(error))) => {
                self.sessions.note_refused(user, AuthMethod::Passkey, &error).await;
                return Err(error.into());
            }
            Err(error) => {
                if error.category() == Category::Unauthenticated {
                    self.failures.login_failed(None, "", AuthMethod::Passkey.as_str(), "wrong").await;
                }
                return Err(error);
            }
        };
        Ok(self.sessions.present(user, draft, opened).await?)
    }

    /// Takes the answer, and opens the session of whose key it is with it.
    async fn open(
        &self,
        answer: &Value,
        draft: &Draft,
    ) -> Result<(UserId, Result<Opened, LoginError>), PasskeyLoginError> {
        let ports = &self.ports;
        let asked = self.answered(answer).await?;
        let now = ports.clock.now();
        transact!(ports.store, |tx| {
            let user = self.assert::<PasskeyLoginError>(tx, answer, &asked, None, now).await?;
            // That the key was used is kept whatever becomes of the session.
            match self.sessions.open(tx, user, &Proof::Other, draft).await {
                Err(LoginError::Store(error)) => Err(error.into()),
                opened => Ok((user, opened)),
            }
        })
    }

    /// Takes a passkey of who is signed in as a proof that it is them: the answer to a
    /// challenge of [`Self::start_login`].
    ///
    /// # Errors
    /// When the answer is worth nothing, or is of another's key.
    pub async fn prove(&self, user: UserId, answer: &Value) -> Result<(), PasskeyError> {
        let asked = self.answered(answer).await?;
        let now = self.ports.clock.now();
        transact!(self.ports.store, |tx| {
            self.assert::<PasskeyError>(tx, answer, &asked, Some(user), now).await.map(drop)
        })
    }

    /// What the answer says of itself, and what was asked; the challenge is used up.
    async fn answered(&self, answer: &Value) -> Result<(Answered, Pending), CeremonyError> {
        let answered = self.ports.ceremonies.read(answer).ok_or(CeremonyError::Unreadable)?;
        let pending = self.take(Purpose::Login, &answered.challenge).await?.ok_or(CeremonyError::NoChallenge)?;
        Ok((answered, pending))
    }

    /// Whose key has signed the answer, which must be `expected` when somebody is.
    async fn assert<E: From<CeremonyError> + From<StoreError>>(
        &self,
        tx: &mut dyn UsersTx,
        answer: &Value,
        (answered, pending): &(Answered, Pending),
        expected: Option<UserId>,
        now: DateTime<Utc>,
    ) -> Result<UserId, E> {
        let held = tx.passkeys().hold(&answered.credential_id).await?.ok_or(CeremonyError::NoSuchKey)?;
        let others = expected.is_some_and(|expected| expected != held.user_id);
        if others || answered.handle.is_some_and(|handle| handle != held.handle) {
            return Err(E::from(CeremonyError::NoSuchKey));
        }
        // The key is held meanwhile, so that of two copies of it one is found out.
        let credential = self.ports.ceremonies.finish_login(&pending.state, answer, &held.credential)?;
        tx.passkeys().note_use(held.id, &credential, now).await?;
        Ok(held.user_id)
    }

    fn draw_handle(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.ports.randomness.fill(&mut bytes);
        Builder::from_random_bytes(bytes).into_uuid()
    }

    async fn keep(
        &self,
        purpose: Purpose,
        ceremony: &Ceremony,
        owner: Option<(UserId, Uuid)>,
    ) -> Result<(), CeremonyError> {
        let place = purpose.place(&ceremony.challenge);
        let pending = Pending { owner, state: ceremony.state.clone() };
        let plain = serde_json::to_vec(&pending).map_err(|error| CeremonyError::Failed(Box::new(error)))?;
        let sealed = self.ports.sealer.seal(&place, &plain).map_err(|error| CeremonyError::Failed(Box::new(error)))?;
        let ttl = CEREMONY_TTL.to_std().unwrap_or_default();
        Ok(self.ports.cache.set(&place, sealed.as_bytes(), ttl).await?)
    }

    /// What was kept of a challenge, for one of any number of rivals.
    async fn take(&self, purpose: Purpose, challenge: &str) -> Result<Option<Pending>, CeremonyError> {
        let place = purpose.place(challenge);
        let Some(sealed) = self.ports.cache.get(&place).await? else { return Ok(None) };
        if !self.ports.cache.remove(&place).await? {
            return Ok(None);
        }
        let sealed = String::from_utf8(sealed).map_err(|error| CeremonyError::Failed(Box::new(error)))?;
        let plain = self.ports.sealer.open(&place, &sealed).map_err(|error| CeremonyError::Failed(Box::new(error)))?;
        serde_json::from_slice(&plain).map(Some).map_err(|error| CeremonyError::Failed(Box::new(error)))
    }
}

impl From<CacheError> for CeremonyError {
    fn from(error: CacheError) -> Self {
        Self::Unavailable(error)
    }
}
