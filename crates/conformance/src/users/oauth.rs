//! [`sharestack_users::ports::OAuthFlowRepository`] and [`sharestack_users::ports::OAuthFlowQueries`].

use chrono::Duration;
use futures::future::join_all;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::{SessionId, UserId};
use sharestack_kernel::transact;
use sharestack_users::model::{
    ClientTarget, CodeChallenge, FlowSecret, LoginCode, OAuthPurpose, OAuthState, ProviderName, RedirectUri, TokenHash,
};
use uuid::Uuid;

use super::{Subject, now};

fn hash(number: u8) -> TokenHash {
    FlowSecret::new([number; 32]).hash()
}

fn state(number: u8) -> OAuthState {
    OAuthState {
        hash: hash(number),
        provider: ProviderName::parse("google").unwrap(),
        purpose: OAuthPurpose::Login,
        nonce: "n".repeat(64),
        verifier: "v".repeat(128),
        browser: hash(200),
        target: None,
        invitation: number.is_multiple_of(2).then(|| hash(201)),
        created_at: now(),
        expires_at: now() + Duration::minutes(10),
    }
}

fn target() -> ClientTarget {
    ClientTarget {
        redirect_uri: RedirectUri::kept(format!("https://app.example/{}", "a".repeat(2000))),
        state: Some("状".repeat(512)),
        challenge: CodeChallenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
    }
}

async fn insert(subject: &Subject, state: &OAuthState) {
    let done: Result<(), StoreError> = transact!(subject.store, |tx| { tx.oauth_flows().insert_state(state).await });
    done.unwrap();
}

async fn take(subject: &Subject, hash: TokenHash, browser: TokenHash) -> Option<OAuthState> {
    let taken: Result<_, StoreError> =
        transact!(subject.store, |tx| { tx.oauth_flows().take_state(hash, browser).await });
    taken.unwrap()
}

fn assert_same(one: &OAuthState, other: &OAuthState) {
    assert_eq!((one.hash, one.browser, one.purpose), (other.hash, other.browser, other.purpose));
    assert_eq!((&one.provider, &one.nonce, &one.verifier), (&other.provider, &other.nonce, &other.verifier));
    assert_eq!((&one.target, one.created_at, one.expires_at), (&other.target, other.created_at, other.expires_at));
}

/// Field by field.
pub async fn a_login_comes_back_as_it_went_out(subject: Subject) {
    let bare = ClientTarget { state: None, challenge: None, ..target() };
    for (number, target) in [(1, None), (2, Some(target())), (3, Some(bare))] {
        let out = OAuthState { target, ..state(number) };
        insert(&subject, &out).await;
        assert!(subject.flows.is_under_way(out.hash).await.unwrap());
        assert_same(&take(&subject, out.hash, out.browser).await.unwrap(), &out);
        assert!(!subject.flows.is_under_way(out.hash).await.unwrap());
    }
    assert!(take(&subject, hash(9), hash(200)).await.is_none());
}

/// Whose account, and by which session.
pub async fn a_login_that_links_knows_whose_it_is(subject: Subject) {
    let purpose = OAuthPurpose::Link { user: UserId::new(7), session: SessionId::new(Uuid::from_u128(77)) };
    let out = OAuthState { purpose, ..state(1) };
    insert(&subject, &out).await;
    assert_eq!(take(&subject, out.hash, out.browser).await.unwrap().purpose, purpose);
}

/// MUST give it to one of any number of rivals.
pub async fn a_login_comes_back_once_of_any_number_of_rivals(subject: Subject) {
    insert(&subject, &state(1)).await;
    let tries = (0..20).map(|_| {
        let subject = subject.clone();
        tokio::spawn(async move { take(&subject, hash(1), hash(200)).await.is_some() })
    });
    let taken = join_all(tries).await.into_iter().filter(|taken| *taken.as_ref().unwrap()).count();
    assert_eq!(taken, 1);
    assert!(take(&subject, hash(1), hash(200)).await.is_none());
}

/// MUST leave it alone when another browser asks.
pub async fn another_browser_leaves_a_login_alone(subject: Subject) {
    insert(&subject, &state(1)).await;
    assert!(take(&subject, hash(1), hash(201)).await.is_none());
    assert!(take(&subject, hash(1), hash(200)).await.is_some());
}

fn code(number: u8, challenge: Option<CodeChallenge>) -> LoginCode {
    LoginCode {
        hash: hash(number),
        user_id: UserId::new(7),
        provider: ProviderName::parse("wechat").unwrap(),
        challenge,
        created_at: now(),
        expires_at: now() + Duration::seconds(60),
    }
}

async fn take_code(subject: &Subject, hash: TokenHash) -> Option<LoginCode> {
    let taken: Result<_, StoreError> = transact!(subject.store, |tx| { tx.oauth_flows().take_code(hash).await });
    taken.unwrap()
}

async fn insert_code(subject: &Subject, code: &LoginCode) {
    let done: Result<(), StoreError> = transact!(subject.store, |tx| { tx.oauth_flows().insert_code(code).await });
    done.unwrap();
}

/// MUST give it to one of any number of rivals; field by field.
pub async fn a_code_is_taken_once_of_any_number_of_rivals(subject: Subject) {
    for (number, challenge) in [(1, None), (2, target().challenge)] {
        let out = code(number, challenge);
        insert_code(&subject, &out).await;
        let tries = (0..20).map(|_| {
            let (subject, hash) = (subject.clone(), out.hash);
            tokio::spawn(async move { take_code(&subject, hash).await })
        });
        let taken: Vec<_> = join_all(tries).await.into_iter().filter_map(Result::unwrap).collect();
        assert_eq!(taken, [out]);
    }
    assert_eq!(take_code(&subject, hash(9)).await, None);
}

/// Nothing is taken by work that fails.
pub async fn a_rolled_back_taking_leaves_the_login(subject: Subject) {
    insert(&subject, &state(1)).await;
    let failed: Result<(), StoreError> = transact!(subject.store, |tx| {
        tx.oauth_flows().take_state(hash(1), hash(200)).await?;
        Err(StoreError::corrupt("late"))
    });
    failed.unwrap_err();
    assert!(take(&subject, hash(1), hash(200)).await.is_some());
}

/// MUST keep every other.
pub async fn pruning_forgets_what_never_came_back(subject: Subject) {
    insert(&subject, &state(1)).await;
    insert(&subject, &OAuthState { expires_at: now(), ..state(2) }).await;
    insert_code(&subject, &code(3, None)).await;
    insert_code(&subject, &LoginCode { expires_at: now(), ..code(4, None) }).await;
    let before = now() + Duration::seconds(1);
    assert_eq!(subject.flows.prune(before, 1000).await.unwrap(), 2);
    assert_eq!(subject.flows.prune(before, 1000).await.unwrap(), 0);
    assert!(subject.flows.is_under_way(hash(1)).await.unwrap());
    assert!(!subject.flows.is_under_way(hash(2)).await.unwrap());
    assert!(take_code(&subject, hash(3)).await.is_some());
    assert!(take_code(&subject, hash(4)).await.is_none());
    assert_eq!(subject.flows.prune(now() + Duration::hours(1), 1000).await.unwrap(), 1);
}
