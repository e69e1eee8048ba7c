//! Passkeys, with an authenticator that signs by copying.

use serde_json::{Value, json};
use sharestack_kernel::error::{Category, Classified, Details};

use super::*;
use crate::error::{CeremonyError, PasskeyError, PasskeyLoginError};
use crate::events;
use crate::model::{
    Answered, Ceremony, CredentialId, MAX_PASSKEYS, NewCredential, PasskeyId, PasskeyName, PasskeyOwner,
};
use crate::ports::PasskeyCeremonies;

/// Challenges are numbers; a key is known by its name, and its secret is its count of uses.
#[derive(Default)]
pub(super) struct PlainCeremonies(AtomicUsize);

impl PlainCeremonies {
    fn challenge(&self) -> String {
        self.0.fetch_add(1, Ordering::Relaxed).to_string()
    }
}

impl PasskeyCeremonies for PlainCeremonies {
    fn start_registration(&self, owner: &PasskeyOwner, known: &[CredentialId]) -> Result<Ceremony, CeremonyError> {
        let challenge = self.challenge();
        let options = json!({ "challenge": challenge, "handle": owner.handle, "known": known.len() });
        Ok(Ceremony { options, state: challenge.clone(), challenge })
    }

    fn finish_registration(&self, state: &str, answer: &Value) -> Result<NewCredential, CeremonyError> {
        assert_eq!(answer["challenge"], state);
        if answer["bad"] == true {
            return Err(CeremonyError::Refused("bad".into()));
        }
        let credential_id = self.read(answer).unwrap().credential_id;
        Ok(NewCredential { credential_id, credential: "0".to_owned() })
    }

    fn start_login(&self) -> Result<Ceremony, CeremonyError> {
        let challenge = self.challenge();
        Ok(Ceremony { options: json!({ "challenge": challenge }), state: challenge.clone(), challenge })
    }

    fn read(&self, answer: &Value) -> Option<Answered> {
        Some(Answered {
            challenge: answer["challenge"].as_str()?.to_owned(),
            credential_id: CredentialId::new(answer["key"].as_str()?.as_bytes().to_vec())?,
            handle: answer["handle"].as_str().map(|text| Uuid::parse_str(text).unwrap()),
        })
    }

    fn finish_login(&self, state: &str, answer: &Value, credential: &str) -> Result<String, CeremonyError> {
        assert_eq!(answer["challenge"], state);
        let (count, known) = (answer["count"].as_u64().unwrap(), credential.parse::<u64>().unwrap());
        if count <= known { Err(CeremonyError::Copied) } else { Ok(count.to_string()) }
    }
}

pub(super) fn passkeys(world: &World) -> Passkeys {
    let ports = PasskeyPorts {
        store: Arc::new(world.store.clone()),
        queries: Arc::new(world.store.clone()),
        accounts: Arc::new(world.store.clone()),
        ceremonies: Arc::new(PlainCeremonies::default()),
        cache: world.cache.clone(),
        sealer: Arc::new(OpenSeal::default()),
        ids: world.ids.clone(),
        clock: Arc::new(world.clock.clone()),
        randomness: Arc::new(CountingRandomness::default()),
    };
    Passkeys::new(ports, world.sessions.clone())
}

/// Makes a key for a user.
pub(super) async fn add(passkeys: &Passkeys, user: UserId, key: &str) -> Result<PasskeyId, PasskeyError> {
    let options = passkeys.start_registration(&own(user)).await?;
    let answer = json!({ "challenge": options["challenge"], "key": key });
    passkeys.register(&own(user), PasskeyName::default(), &answer).await.map(|view| view.id)
}

/// What a key answers to a new challenge, at its `count`th use.
pub(super) async fn answer(passkeys: &Passkeys, key: &str, count: u64) -> Value {
    let options = passkeys.start_login().await.unwrap();
    json!({ "challenge": options["challenge"], "key": key, "count": count })
}

#[tokio::test]
async fn a_key_opens_the_account_of_who_registered_it() {
    let world = World::new();
    let passkeys = passkeys(&world);
    let lin = world.user("lin").await.id;
    let options = passkeys.start_registration(&own(lin)).await.unwrap();
    assert_eq!(options["known"], 0);
    let made = json!({ "challenge": options["challenge"], "key": "laptop" });
    let name = PasskeyName::parse("我的电脑").unwrap();
    let view = passkeys.register(&own(lin), name, &made).await.unwrap();
    assert_eq!((view.name.as_str(), view.last_used_at), ("我的电脑", None));
    let again = passkeys.start_registration(&own(lin)).await.unwrap();
    assert_eq!((&again["known"], &again["handle"]), (&json!(1), &options["handle"]), "devices know one user");
    let opened = passkeys.login(&answer(&passkeys, "laptop", 1).await, Client::default()).await.unwrap();
    assert_eq!(opened.tokens().unwrap().user.id, lin);
    assert!(passkeys.list(lin).await.unwrap()[0].last_used_at.is_some());
    let mut named = answer(&passkeys, "laptop", 2).await;
    named["handle"] = options["handle"].clone();
    passkeys.login(&named, Client::default()).await.unwrap();
    let kinds: Vec<_> = world.store.events().into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [events::REGISTERED, events::PASSKEY_ADDED, events::LOGGED_IN, events::LOGGED_IN]);
}

#[tokio::test]
async fn what_is_worth_nothing_opens_nothing_and_all_of_it_looks_alike() {
    let world = World::new();
    let passkeys = passkeys(&world);
    let lin = world.user("lin").await.id;
    add(&passkeys, lin, "laptop").await.unwrap();
    let used = answer(&passkeys, "laptop", 1).await;
    passkeys.login(&used, Client::default()).await.unwrap();
    let mut other_user = answer(&passkeys, "laptop", 5).await;
    other_user["handle"] = json!(Uuid::max());
    let registration = passkeys.start_registration(&own(lin)).await.unwrap();
    let crossed = json!({ "challenge": registration["challenge"], "key": "laptop", "count": 5 });
    let unknown = answer(&passkeys, "phone", 1).await;
    let copied = answer(&passkeys, "laptop", 1).await;
    for bad in [json!({}), used, other_user, crossed, unknown, copied] {
        let error = passkeys.login(&bad, Client::default()).await.unwrap_err();
        assert_eq!((error.category(), error.code()), (Category::Unauthenticated, Some("INVALID_CREDENTIALS")), "{bad}");
    }
    world.store.set_active(lin, false);
    let error = passkeys.login(&answer(&passkeys, "laptop", 9).await, Client::default()).await.unwrap_err();
    assert_eq!(error.code(), Some("ACCOUNT_DISABLED"));
    assert_eq!(world.store.unused_tokens(), 1);
}

fn field(error: &PasskeyError) -> String {
    match error.details() {
        Details::Fields(errors) => {
            errors.iter().map(|one| format!("{} {}", one.field, one.issue.code())).collect::<Vec<_>>().concat()
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_broken_registration_keeps_nothing() {
    let world = World::new();
    let passkeys = passkeys(&world);
    let (lin, wei) = (world.user("lin").await.id, world.user("wei").await.id);
    let register = async |user, answer: Value| passkeys.register(&own(user), PasskeyName::default(), &answer).await;
    let challenge = async || passkeys.start_registration(&own(lin)).await.unwrap()["challenge"].clone();
    let unreadable = register(lin, json!({ "key": 1 })).await.unwrap_err();
    assert_eq!(field(&unreadable), "credential INVALID_FORMAT");
    let refused = json!({ "challenge": challenge().await, "key": "x", "bad": true });
    let crossed = answer(&passkeys, "x", 1).await;
    for (user, bad) in [(lin, refused), (lin, crossed), (wei, json!({ "challenge": challenge().await, "key": "x" }))] {
        let error = register(user, bad).await.unwrap_err();
        assert_eq!((error.category(), field(&error)), (Category::Invalid, "credential NOT_ALLOWED".to_owned()));
    }
    add(&passkeys, lin, "laptop").await.unwrap();
    assert!(matches!(add(&passkeys, wei, "laptop").await, Err(PasskeyError::Taken)));
    let nobody = UserId::new(999);
    assert!(matches!(passkeys.start_registration(&own(nobody)).await, Err(PasskeyError::NoSuchUser(_))));
    assert!(matches!(
        passkeys.remove(&own(nobody), PasskeyId::new(Uuid::nil())).await,
        Err(PasskeyError::NoSuchUser(_))
    ));
    assert_eq!((passkeys.list(lin).await.unwrap().len(), passkeys.list(wei).await.unwrap().len()), (1, 0));
    world.cache.away.store(true, Ordering::Relaxed);
    assert_eq!(passkeys.start_registration(&own(lin)).await.unwrap_err().category(), Category::Unavailable);
    let error = passkeys.start_login().await.unwrap_err();
    assert_eq!((error.category(), error.code()), (Category::Unavailable, None));
}

#[tokio::test]
async fn an_account_has_a_number_of_keys_and_never_loses_its_last_way_in() {
    let world = World::new();
    let passkeys = passkeys(&world);
    let lin = world.user("lin").await.id;
    let late = passkeys.start_registration(&own(lin)).await.unwrap()["challenge"].clone();
    let mut keys = Vec::new();
    for number in 0..MAX_PASSKEYS {
        keys.push(add(&passkeys, lin, &number.to_string()).await.unwrap());
    }
    assert!(matches!(passkeys.start_registration(&own(lin)).await, Err(PasskeyError::TooMany)));
    let answer = json!({ "challenge": late, "key": "one too many" });
    assert!(matches!(passkeys.register(&own(lin), PasskeyName::default(), &answer).await, Err(PasskeyError::TooMany)));
    for key in &keys {
        passkeys.remove(&own(lin), *key).await.unwrap();
        assert!(matches!(passkeys.remove(&own(lin), *key).await, Err(PasskeyError::NoSuchPasskey(_))));
    }
    let last = add(&passkeys, lin, "last").await.unwrap();
    let ports = world.ports();
    let done: Result<(), sharestack_kernel::error::StoreError> = sharestack_kernel::transact!(ports.store, |tx| {
        tx.accounts().set_password(lin, &PasswordHash::unset(), world.clock.now()).await
    });
    done.unwrap();
    let error = passkeys.remove(&own(lin), last).await.unwrap_err();
    assert!(matches!(error, PasskeyError::LastWayIn) && error.category() == Category::Conflict);
    assert_eq!(passkeys.list(lin).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_failure_of_a_login_is_the_stores_or_the_sessions() {
    let error = PasskeyLoginError::from(LoginError::InvalidCredentials);
    assert_eq!((error.category(), error.code()), (Category::Unauthenticated, Some("INVALID_CREDENTIALS")));
    let error = PasskeyLoginError::from(sharestack_kernel::error::StoreError::corrupt("x"));
    assert_eq!((error.category(), error.code()), (Category::Internal, None));
}
