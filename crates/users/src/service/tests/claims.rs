//! An account that somebody made with another's address, and what is left of their ways in
//! when its owner comes.

use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::Subscriber as _;
use sharestack_kernel::message::Recipient;
use sharestack_kernel::transact;

use super::codes::{Codes, mail, number};
use super::keys::request;
use super::passkeys::{add, answer, passkeys};
use super::*;
use crate::error::{CodeError, FactorError, PasskeyError};
use crate::events;
use crate::model::{
    Contact, Departure, ExternalIdentity, IdentityId, NewPassword, ProviderName, ProviderProfile, Purpose, Subject,
};
use crate::ports::{ContactQueries as _, ExternalIdentityQueries as _, PrivacyQueries as _};

const NEW_PASSWORD: &str = "river stone lantern";

/// Somebody has registered with the address of lin, and made every way in that there is.
struct Squatted {
    codes: Codes,
    passkeys: Passkeys,
    lin: UserId,
    tokens: Tokens,
    key: SecretString,
}

impl Squatted {
    async fn new() -> Self {
        let codes = Codes::new();
        let world = &codes.world;
        let lin = world.user("lin").await.id;
        let tokens = world.login("lin", PASSWORD).await.unwrap();
        let actor = world.actor(&tokens).await;
        let passkeys = passkeys(world);
        add(&passkeys, lin, "laptop").await.unwrap();
        let key = world.keys.create(&actor, request(&["own.read"])).await.unwrap().secret;
        let phone = number("13800138000");
        let code = codes.sent_code(&phone, Purpose::Register).await;
        let Contact::Phone(phone) = phone else { unreachable!() };
        codes.recovery.verify_phone(&actor, phone, code).await.unwrap();
        world.factors.enrol(&actor).await.unwrap();
        world.factors.confirm(&actor, &PlainTotp::code(world.clock.now())).await.unwrap();
        let profile = ProviderProfile::of(Subject::parse("1077").unwrap());
        let (id, provider) = (IdentityId::new(Uuid::from_u128(1)), ProviderName::parse("google").unwrap());
        let identity = ExternalIdentity::link(id, lin, provider, &profile, world.clock.now());
        let now = world.clock.now();
        let wish = Departure { user_id: lin, reason: None, requested_at: now, due_at: now };
        let store = &world.store;
        let done: Result<(), StoreError> = transact!(store, |tx| {
            assert!(tx.identities().insert(&identity).await.is_ok());
            tx.privacy().insert_departure(&wish).await.map(drop)
        });
        done.unwrap();
        codes.wait(60);
        Self { codes, passkeys, lin, tokens, key }
    }

    async fn code(&self, purpose: Purpose) -> crate::model::Code {
        self.codes.sent_code(&mail("lin@example.com"), purpose).await
    }

    /// Whether each way in is there; all or none must be.
    async fn opens(&self) -> bool {
        let world = &self.codes.world;
        let login = Login { name: "lin".to_owned(), password: PASSWORD.into(), client: Client::default() };
        let asserted = answer(&self.passkeys, "laptop", 1).await;
        let ways = [
            world.checks.authenticate(access(&self.tokens)).await.is_ok(),
            world.sessions.refresh(refresh(&self.tokens)).await.is_ok(),
            world.sessions.login(login).await.is_ok(),
            world.keys.authenticate(self.key.expose_secret()).await.is_ok(),
            self.passkeys.login(&asserted, Client::default()).await.is_ok(),
            world.factors.find(self.lin).await.unwrap().totp.is_some(),
            !world.store.list(self.lin).await.unwrap().is_empty(),
            world.store.find_by_contact(&number("13800138000")).await.unwrap().is_some(),
            world.store.find_departure(self.lin).await.unwrap().is_some(),
        ];
        assert!(ways.iter().all(|way| *way == ways[0]), "{ways:?}");
        ways[0]
    }

    fn claimed(&self) -> Option<serde_json::Value> {
        let events = self.codes.world.store.events();
        events.into_iter().find(|event| event.kind == events::CLAIMED).map(|event| event.payload)
    }
}

#[tokio::test]
async fn who_has_the_mailbox_signs_in_to_an_account_that_is_theirs_alone() {
    let app = Squatted::new().await;
    let code = app.code(Purpose::Login).await;
    let done = app.codes.recovery.login(mail("lin@example.com"), code, Client::default(), "en").await.unwrap();
    let tokens = done.tokens().expect("the app of before asks for nothing");
    app.codes.world.actor(&tokens).await;
    assert!(!app.opens().await);
    let noted = app.claimed().unwrap();
    assert_eq!(noted["user_id"], serde_json::json!(app.lin));
    let counts = ["sessions_ended", "passkeys_deleted", "identities_unlinked", "api_keys_deleted"];
    assert!(counts.iter().all(|count| noted[count] == 1), "{noted}");
    let kinds: Vec<_> = app.codes.world.store.events().into_iter().map(|event| event.kind).collect();
    assert!(kinds.contains(&events::DEPARTURE_CANCELLED.to_owned()), "the wish to go went too: {kinds:?}");
    let told = app.codes.sent().pop().unwrap();
    assert_eq!((told.template.as_str(), told.to), ("access_removed", Recipient::Mail("lin@example.com".to_owned())));
    assert_eq!(
        told.data,
        serde_json::json!({
            "username": "lin", "password": true, "sessions": 1, "passkeys": 1, "identities": 1, "api_keys": 1,
            "factor": true, "phone": true,
        })
    );
    app.codes.world.actor(&tokens).await;
}

#[tokio::test]
async fn a_node_that_missed_it_hears_of_it() {
    let app = Squatted::new().await;
    let world = &app.codes.world;
    let later = ForgetSessions::new(world.cached.clone(), Arc::new(world.store.clone()));
    world.checks.authenticate(access(&app.tokens)).await.unwrap();
    let code = app.code(Purpose::Login).await;
    app.codes.recovery.login(mail("lin@example.com"), code, Client::default(), "en").await.unwrap();
    let claimed = world.store.events().into_iter().find(|event| event.kind == events::CLAIMED).unwrap();
    assert!(later.wants(&claimed.kind));
    later.handle(&claimed).await.unwrap();
    assert!(world.checks.authenticate(access(&app.tokens)).await.is_err());
}

#[tokio::test]
async fn who_resets_the_password_of_an_unproven_account_is_in_it_alone() {
    let app = Squatted::new().await;
    let code = app.code(Purpose::Reset).await;
    let password = NewPassword::parse(NEW_PASSWORD, &[]).unwrap();
    let proof = ContactProof::Code(mail("lin@example.com"), code);
    app.codes.recovery.reset_password(proof, &password, "en").await.unwrap();
    assert!(!app.opens().await);
    assert!(app.claimed().is_some());
    let told: Vec<_> = app.codes.sent().into_iter().map(|message| (message.template, message.data)).collect();
    let [.., (removed, what), (changed, _)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((removed.as_str(), changed.as_str()), ("access_removed", "password_changed"));
    assert_eq!((&what["password"], &what["passkeys"]), (&false.into(), &1.into()), "the password is another");
    assert!(app.codes.world.login("lin", NEW_PASSWORD).await.is_ok());
}

#[tokio::test]
async fn who_confirms_an_address_from_outside_leaves_nobody_else_in() {
    let app = Squatted::new().await;
    let proof = ContactProof::Code(mail("lin@example.com"), app.code(Purpose::Register).await);
    app.codes.recovery.verify_email(proof, None, "en").await.unwrap();
    assert!(!app.opens().await);
    assert!(app.claimed().is_some());
}

#[tokio::test]
async fn who_confirms_their_address_within_their_session_keeps_all() {
    let app = Squatted::new().await;
    let proof = ContactProof::Code(mail("lin@example.com"), app.code(Purpose::Register).await);
    let actor = app.codes.world.actor(&app.tokens).await;
    app.codes.recovery.verify_email(proof, Some(&actor), "en").await.unwrap();
    assert!(app.opens().await);
    assert_eq!(app.claimed(), None);
    assert!(app.codes.sent().iter().all(|message| message.template != "access_removed"));
}

#[tokio::test]
async fn an_address_that_was_proven_before_changes_nothing_more() {
    let app = Squatted::new().await;
    let actor = app.codes.world.actor(&app.tokens).await;
    let proof = ContactProof::Code(mail("lin@example.com"), app.code(Purpose::Register).await);
    app.codes.recovery.verify_email(proof, Some(&actor), "en").await.unwrap();
    let code = app.code(Purpose::Login).await;
    let asked = app.codes.recovery.login(mail("lin@example.com"), code, Client::default(), "en").await.unwrap();
    assert!(matches!(asked, SignIn::SecondFactor(_)));
    assert!(app.opens().await);
}

#[tokio::test]
async fn a_number_proves_no_mailbox() {
    let app = Squatted::new().await;
    let contact = number("13800138000");
    app.codes.wait(60);
    let code = app.codes.sent_code(&contact, Purpose::Register).await;
    let refused = app.codes.recovery.verify_email(ContactProof::Code(contact, code), None, "en").await;
    assert!(matches!(refused, Err(CodeError::Proof { .. })), "{refused:?}");
    assert!(app.opens().await);
}

#[tokio::test]
async fn a_program_with_a_key_adds_and_removes_no_way_in() {
    let app = Squatted::new().await;
    let world = &app.codes.world;
    let key = world.keys.authenticate(app.key.expose_secret()).await.unwrap();
    let passkeys = &app.passkeys;
    assert!(matches!(passkeys.start_registration(&key).await, Err(PasskeyError::Denied(_))));
    let made = serde_json::json!({ "challenge": "0", "key": "mine" });
    let name = crate::model::PasskeyName::default();
    assert!(matches!(passkeys.register(&key, name, &made).await, Err(PasskeyError::Denied(_))));
    let id = passkeys.list(app.lin).await.unwrap()[0].id;
    assert!(matches!(passkeys.remove(&key, id).await, Err(PasskeyError::Denied(_))));
    assert!(matches!(world.factors.enrol(&key).await, Err(FactorError::Denied(_))));
    assert!(matches!(world.factors.confirm(&key, "000000").await, Err(FactorError::Denied(_))));
    assert!(matches!(world.factors.renew_recovery_codes(&key).await, Err(FactorError::Denied(_))));
    let proof = FactorProof::Password(PASSWORD.into());
    assert!(matches!(world.factors.remove(&key, proof, "en").await, Err(FactorError::Denied(_))));
    let code = app.code(Purpose::Register).await;
    let proof = ContactProof::Code(mail("lin@example.com"), code.clone());
    let recovery = &app.codes.recovery;
    assert!(matches!(recovery.verify_email(proof, Some(&key), "en").await, Err(CodeError::Denied(_))));
    let Contact::Phone(phone) = number("13900139000") else { unreachable!() };
    assert!(matches!(recovery.verify_phone(&key, phone, code.clone()).await, Err(CodeError::Denied(_))));
    let Contact::Email(other) = mail("other@example.com") else { unreachable!() };
    let proof = ContactProof::Code(mail("other@example.com"), code);
    assert!(matches!(recovery.change_email(&key, other, proof, "en").await, Err(CodeError::Denied(_))));
    let denied = world.keys.create(&key, request(&["own.read"])).await;
    assert!(matches!(denied, Err(crate::error::ApiKeyError::Denied(_))));
    let id = world.keys.list(&key).await.unwrap()[0].id;
    assert!(matches!(world.keys.delete(&key, id).await, Err(crate::error::ApiKeyError::Denied(_))));
    assert!(app.opens().await);
}
