//! Coming in by another service.

mod linking;
mod returning;
mod states;

use std::collections::BTreeMap;

use futures_like::join;
use sharestack_kernel::error::{Category, Classified};
use sharestack_kernel::random::SystemRandomness;

use super::*;
use crate::error::{BeginOAuthError, CompleteOAuthError, ExchangeCodeError, ProviderError, UnlinkError};
use crate::events;
use crate::model::{
    AuthMethod, CodeChallenge, IdentityId, OAuthPurpose, ProviderName, ProviderProfile, RedirectUris, RegistrationMode,
    Subject,
};
use crate::ports::{AuthorizeRequest, CallbackProof, IdentityProvider, ProviderInfo, ProviderKind};

const APP: &str = "https://app.example/cb";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Runs futures side by side without a runtime of its own.
mod futures_like {
    pub async fn join<T: Send + 'static>(all: Vec<impl Future<Output = T> + Send + 'static>) -> Vec<T> {
        let running: Vec<_> = all.into_iter().map(tokio::spawn).collect();
        let mut done = Vec::new();
        for one in running {
            done.push(one.await.unwrap());
        }
        done
    }
}

/// A provider whose codes are the keys of what it vouches for.
pub(super) struct Vouches {
    info: ProviderInfo,
    people: Mutex<BTreeMap<String, ProviderProfile>>,
    away: AtomicBool,
    asked: Mutex<Vec<(String, String)>>,
}

impl Vouches {
    fn new(name: &str) -> Arc<Self> {
        let name = ProviderName::parse(name).unwrap();
        let info = ProviderInfo { display_name: name.to_string(), name, kind: ProviderKind::Oidc };
        Arc::new(Self { info, people: Mutex::default(), away: AtomicBool::default(), asked: Mutex::default() })
    }

    pub(super) fn knows(&self, code: &str, profile: ProviderProfile) {
        self.people.lock().unwrap().insert(code.to_owned(), profile);
    }
}

#[async_trait]
impl IdentityProvider for Vouches {
    fn info(&self) -> &ProviderInfo {
        &self.info
    }

    async fn authorize_url(&self, request: &AuthorizeRequest) -> Result<String, ProviderError> {
        if self.away.load(Ordering::Relaxed) {
            return Err(ProviderError::Unavailable("away".into()));
        }
        self.asked.lock().unwrap().push((request.nonce.clone(), request.verifier.clone()));
        Ok(request.state.clone())
    }

    async fn exchange(&self, proof: &CallbackProof) -> Result<ProviderProfile, ProviderError> {
        if self.away.load(Ordering::Relaxed) {
            return Err(ProviderError::Unavailable("away".into()));
        }
        let asked = self.asked.lock().unwrap().contains(&(proof.nonce.clone(), proof.verifier.clone()));
        assert!(asked, "nonce and verifier come back as they went out");
        let found = self.people.lock().unwrap().get(proof.code.expose_secret()).cloned();
        found.ok_or_else(|| ProviderError::CodeRefused("unknown".into()))
    }
}

pub(super) struct Party {
    pub(super) world: World,
    pub(super) google: Arc<Vouches>,
    github: Arc<Vouches>,
    pub(super) login: ThirdPartyLogin,
}

pub(super) fn lin(subject: &str) -> ProviderProfile {
    ProviderProfile::of(Subject::parse(subject).unwrap())
        .email(Some("lin@example.com"), true)
        .name(Some("林小红"))
        .username(Some("lin"))
}

impl Party {
    pub(super) fn new() -> Self {
        Self::with(true)
    }

    fn with(sign_up: bool) -> Self {
        Self::registering(sign_up, RegistrationMode::Open)
    }

    pub(super) fn registering(sign_up: bool, registration: RegistrationMode) -> Self {
        let world = World::new();
        let (google, github) = (Vouches::new("google"), Vouches::new("github"));
        let store = Arc::new(world.store.clone());
        let ports = ThirdPartyPorts {
            store: store.clone(),
            identities: store.clone(),
            flows: store.clone(),
            open_sessions: store,
            sessions: world.sessions.clone(),
            providers: vec![google.clone(), github.clone()],
            ids: world.ids.clone(),
            clock: Arc::new(world.clock.clone()),
            randomness: Arc::new(SystemRandomness),
        };
        let redirect_uris = RedirectUris::parse(&[APP.to_owned()]).unwrap();
        let login = ThirdPartyLogin::new(ports, ThirdPartyPolicy { redirect_uris, sign_up, registration });
        Self { world, google, github, login }
    }

    async fn begin(&self, provider: &str, purpose: OAuthPurpose) -> Begun {
        self.login.begin(begin(provider, purpose)).await.unwrap()
    }

    async fn back(&self, provider: &str, begun: &Begun, code: &str) -> Result<Outcome, CompleteOAuthError> {
        self.login.complete(callback(provider, begun, code)).await?.outcome
    }

    /// Comes in; the username and whether the account is new.
    pub(super) async fn come_in(&self, provider: &str, code: &str) -> Result<UserView, CompleteOAuthError> {
        let begun = self.begin(provider, OAuthPurpose::Login).await;
        self.done(provider, &begun, code).await
    }

    /// Comes back; who is in.
    pub(super) async fn done(&self, provider: &str, begun: &Begun, code: &str) -> Result<UserView, CompleteOAuthError> {
        match self.back(provider, begun, code).await? {
            Outcome::SignedIn(done) => Ok(tokens(*done).user),
            other => panic!("{other:?}"),
        }
    }

    /// Links to who is signed in.
    async fn link(&self, actor: &Actor, provider: &str, code: &str) -> Result<Outcome, CompleteOAuthError> {
        let purpose = OAuthPurpose::Link { user: actor.user_id, session: actor.session_id().unwrap() };
        let begun = self.begin(provider, purpose).await;
        self.back(provider, &begun, code).await
    }

    pub(super) fn kinds(&self) -> Vec<String> {
        self.world.store.events().into_iter().map(|event| event.kind).collect()
    }
}

fn tokens(done: SignIn) -> Tokens {
    done.tokens().unwrap()
}

pub(super) fn begin(provider: &str, purpose: OAuthPurpose) -> BeginOAuth {
    BeginOAuth {
        provider: provider.to_owned(),
        purpose,
        redirect_uri: None,
        state: None,
        challenge: None,
        invitation: None,
        browser: None,
    }
}

fn callback(provider: &str, begun: &Begun, code: &str) -> Callback {
    Callback {
        provider: provider.to_owned(),
        state: begun.authorize_url.clone(),
        answer: Ok(code.into()),
        issuer: None,
        browser: Some(begun.browser.clone()),
        client: Client::default(),
    }
}

#[tokio::test]
async fn somebody_new_gets_an_account_without_a_password() {
    let party = Party::new();
    party.google.knows("c1", lin("1"));
    let user = party.come_in("google", "c1").await.unwrap();
    assert_eq!((user.username.as_str(), user.email.as_str(), user.role()), ("lin", "lin@example.com", "user"));
    assert_eq!((user.is_verified, user.display_name.as_deref()), (true, Some("林小红")));
    assert_eq!(party.kinds(), [events::REGISTERED, events::IDENTITY_LINKED, events::LOGGED_IN]);
    for password in ["", "!", "x"] {
        assert!(matches!(party.world.login("lin", password).await, Err(LoginError::InvalidCredentials)));
    }
    let linked = party.login.list(user.id).await.unwrap();
    assert_eq!((linked[0].provider.as_str(), linked[0].subject.as_str()), ("google", "1"));
    let login = party.world.store.events().into_iter().find(|event| event.kind == events::LOGGED_IN).unwrap();
    assert_eq!(login.payload["method"], AuthMethod::OAuth.as_str());
}

#[tokio::test]
async fn the_same_identity_comes_into_the_same_account_whatever_its_address_is_now() {
    let party = Party::new();
    party.google.knows("c1", lin("1"));
    let first = party.come_in("google", "c1").await.unwrap();
    party.google.knows("c2", lin("1").email(Some("else@example.com"), false).name(Some("Lin")));
    let again = party.come_in("google", "c2").await.unwrap();
    assert_eq!((again.id, again.email.as_str()), (first.id, "lin@example.com"));
    let linked = party.login.list(first.id).await.unwrap();
    assert_eq!((linked[0].email.as_deref(), linked[0].email_verified), (Some("else@example.com"), false));
    assert_eq!(linked[0].last_used_at, Some(sharestack_kernel::clock::Clock::now(&party.world.clock)));
    assert!(party.kinds().contains(&events::IDENTITY_USED.to_owned()));
}

#[tokio::test]
async fn an_address_of_another_account_is_a_conflict_and_links_nothing() {
    let party = Party::new();
    let owner = party.world.user("lin").await;
    party.google.knows("c1", lin("1"));
    let refused = party.come_in("google", "c1").await.unwrap_err();
    assert!(matches!(refused, CompleteOAuthError::EmailTaken));
    assert_eq!(refused.category(), Category::Conflict);
    assert_eq!(party.login.list(owner.id).await.unwrap(), []);
}

#[tokio::test]
async fn an_unproven_address_is_refused_whether_or_not_anybody_has_it() {
    let party = Party::new();
    let owner = party.world.user("lin").await;
    for (code, address) in [("c1", "lin@example.com"), ("c2", "free@example.com")] {
        party.google.knows(code, lin(code).email(Some(address), false));
        let refused = party.come_in("google", code).await.unwrap_err();
        assert!(matches!(refused, CompleteOAuthError::EmailUnverified(_)), "{refused}");
        assert_eq!(refused.category(), Category::Unprocessable);
    }
    assert_eq!(party.login.list(owner.id).await.unwrap(), []);
    assert!(!party.kinds().contains(&events::IDENTITY_LINKED.to_owned()));
}

#[tokio::test]
async fn who_has_no_address_gets_a_placeholder() {
    let party = Party::new();
    let nobody = |subject: &str| ProviderProfile::of(Subject::parse(subject).unwrap());
    party.google.knows("c1", nobody("1"));
    party.google.knows("c2", nobody("2"));
    let (one, other) = (party.come_in("google", "c1").await.unwrap(), party.come_in("google", "c2").await.unwrap());
    assert_ne!(one.id, other.id);
    for user in [one, other] {
        assert!(crate::model::EmailAddress::parse(&user.email).unwrap().is_placeholder(), "{}", user.email);
        assert!(!user.is_verified && user.username.starts_with("user"));
    }
}

#[tokio::test]
async fn a_taken_username_gets_a_number() {
    let party = Party::new();
    party.world.user("lin").await;
    for n in 0..10 {
        let code = format!("c{n}");
        party.google.knows(&code, lin(&code).email(Some(&format!("lin{n}@else.example")), true));
        let user = party.come_in("google", &code).await.unwrap();
        assert!(user.username.starts_with("lin-"), "{}", user.username);
    }
}

#[tokio::test]
async fn of_many_that_come_at_once_with_one_identity_all_are_in_one_account() {
    let party = Arc::new(Party::new());
    party.google.knows("c1", lin("1"));
    let tries = (0..10).map(|_| {
        let party = party.clone();
        async move { party.come_in("google", "c1").await }
    });
    let users: Vec<_> = join(tries.collect()).await;
    let mut ids: Vec<_> = users.into_iter().filter_map(|user| user.ok().map(|user| user.id)).collect();
    assert!(!ids.is_empty());
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(party.login.list(ids[0]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn nobody_new_comes_in_when_sign_up_is_closed() {
    let party = Party::with(false);
    party.google.knows("c1", lin("1"));
    assert!(matches!(party.come_in("google", "c1").await, Err(CompleteOAuthError::SignUpClosed)));
    party.world.user("lin").await;
    let actor = party.world.actor(&party.world.login("lin", PASSWORD).await.unwrap()).await;
    party.link(&actor, "google", "c1").await.unwrap();
    assert_eq!(party.come_in("google", "c1").await.unwrap().id, actor.user_id);
}

#[tokio::test]
async fn a_browser_keeps_its_mark_over_several_logins() {
    let party = Party::new();
    party.google.knows("c1", lin("1"));
    let first = party.begin("google", OAuthPurpose::Login).await;
    let again = BeginOAuth { browser: Some(first.browser.clone()), ..begin("google", OAuthPurpose::Login) };
    let second = party.login.begin(again).await.unwrap();
    assert_eq!(first.browser, second.browser);
    assert_ne!(first.authorize_url, second.authorize_url);
    let forged = BeginOAuth { browser: Some("my own mark".to_owned()), ..begin("google", OAuthPurpose::Login) };
    assert_ne!(party.login.begin(forged).await.unwrap().browser, "my own mark");
    party.back("google", &second, "c1").await.unwrap();
    party.back("google", &first, "c1").await.unwrap();
}

#[tokio::test]
async fn what_never_came_back_is_forgotten() {
    let party = Party::new();
    let begun = party.begin("google", OAuthPurpose::Login).await;
    assert!(party.login.is_under_way(&begun.authorize_url).await.unwrap());
    assert!(!party.login.is_under_way("nonsense").await.unwrap());
    assert_eq!(party.login.prune().await.unwrap(), 0);
    party.world.clock.advance(chrono::Duration::minutes(FLOW_MINUTES + 1));
    assert_eq!(party.login.prune().await.unwrap(), 1);
    assert!(!party.login.is_under_way(&begun.authorize_url).await.unwrap());
}
