//! Codes: sent, used once, counted when they are wrong.

use sharestack_kernel::error::{Category, Classified, Details};
use sharestack_kernel::field::Issue;
use sharestack_kernel::message::{PlainMailroom, Recipient};

use super::*;
use crate::error::{CodeError, ProofRefused, SendCodeError};
use crate::events;
use crate::model::{
    AuthMethod, Code, CodePolicy, Contact, EmailAddress, NewPassword, PhoneNumber, Purpose, RegistrationMode,
    VerificationToken,
};
use crate::ports::KeyedHash;

struct PlainKeyed;

impl KeyedHash for PlainKeyed {
    fn hash(&self, context: &str, text: &str) -> [u8; 32] {
        Sha256::new().chain_update(context).chain_update([0]).chain_update(text).finalize().into()
    }
}

/// Codes over a store in memory.
pub(super) fn verification(store: &MemoryStore, ids: &Arc<SequentialIds>, clock: &FakeClock) -> Verification {
    let ports = VerificationPorts {
        store: Arc::new(store.clone()),
        contacts: Arc::new(store.clone()),
        codes: Arc::new(store.clone()),
        hash: Arc::new(PlainKeyed),
        mailroom: Arc::new(PlainMailroom),
        ids: ids.clone(),
        clock: Arc::new(clock.clone()),
        randomness: Arc::new(CountingRandomness::default()),
    };
    Verification::new(ports, CodePolicy::default())
}

pub(super) struct Codes {
    pub(super) world: World,
    pub(super) verification: Verification,
    pub(super) recovery: Recovery,
}

/// One message, as it would be sent.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) to: Recipient,
    pub(super) template: String,
    pub(super) data: serde_json::Value,
}

impl Codes {
    pub(super) fn new() -> Self {
        Self::over(World::new())
    }

    pub(super) fn over(world: World) -> Self {
        let verification = verification(&world.store, &world.ids, &world.clock);
        let recovery = Recovery::new(world.ports(), world.sessions.clone(), verification.clone());
        Self { world, verification, recovery }
    }

    pub(super) fn registrations(&self, mode: RegistrationMode) -> Registrations {
        Registrations::new(self.world.accounts.clone(), self.world.ports(), self.verification.clone(), mode)
    }

    pub(super) async fn send(&self, contact: &Contact, purpose: Purpose) -> Result<CodeSent, SendCodeError> {
        let command = SendCode { contact: contact.clone(), purpose, language: "zh-CN".to_owned(), by: None };
        self.verification.send(command).await
    }

    pub(super) fn sent(&self) -> Vec<Sent> {
        let read = |job: sharestack_kernel::job::NewJob| {
            let message: sharestack_kernel::message::Message = serde_json::from_value(job.payload).unwrap();
            Sent { to: message.to, template: message.template, data: message.data }
        };
        self.world.store.jobs().into_iter().map(read).collect()
    }

    /// The code that was sent last.
    pub(super) fn code(&self) -> Code {
        Code::parse(self.sent().last().unwrap().data["code"].as_str().unwrap()).unwrap()
    }

    pub(super) async fn sent_code(&self, contact: &Contact, purpose: Purpose) -> Code {
        self.send(contact, purpose).await.unwrap();
        self.code()
    }

    pub(super) fn wait(&self, seconds: i64) {
        self.world.clock.advance(chrono::Duration::seconds(seconds));
    }
}

pub(super) fn mail(text: &str) -> Contact {
    Contact::Email(EmailAddress::parse(text).unwrap())
}

pub(super) fn number(text: &str) -> Contact {
    Contact::Phone(PhoneNumber::parse(text, "86").unwrap())
}

pub(super) fn wrong() -> Code {
    Code::parse("999999").unwrap()
}

fn left(error: &CodeError) -> Option<u32> {
    match error {
        CodeError::Proof { refused: ProofRefused::Code { attempts_left }, .. } => Some(*attempts_left),
        _ => None,
    }
}

fn password() -> NewPassword {
    NewPassword::parse("river stone lantern", &[]).unwrap()
}

#[tokio::test]
async fn a_code_signs_in_once_and_proves_the_mailbox() {
    let codes = Codes::new();
    let lin = codes.world.user("lin").await;
    let contact = mail("LIN@example.com");
    let sent = codes.send(&contact, Purpose::Login).await.unwrap();
    assert_eq!((sent.expires_in, sent.cooldown), (600, 60));
    let code = codes.code();
    let tokens = codes.recovery.login(contact.clone(), code.clone(), Client::default(), "en").await.unwrap().tokens();
    assert_eq!(tokens.unwrap().user.id, lin.id);
    assert!(codes.world.accounts.find(lin.id).await.unwrap().unwrap().is_verified);
    let kinds: Vec<_> = codes.world.store.events().into_iter().map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [
            events::REGISTERED,
            events::CODE_SENT,
            events::CODE_ACCEPTED,
            events::EMAIL_VERIFIED,
            events::CLAIMED,
            events::LOGGED_IN
        ]
    );
    let login = codes.world.store.events().pop().unwrap();
    assert_eq!(login.payload["method"], AuthMethod::Code.as_str());
    let again = codes.recovery.login(contact, code, Client::default(), "en").await.unwrap_err();
    assert_eq!(left(&again), Some(3));
    assert!(!format!("{:?}", codes.world.store.events()).contains("example.com"));
}

#[tokio::test]
async fn who_is_nobody_is_told_the_same_by_the_same_work() {
    let codes = Codes::new();
    codes.world.user("lin").await;
    for purpose in [Purpose::Login, Purpose::Reset] {
        let before =
            (codes.world.store.events().len(), codes.world.store.jobs().len(), codes.world.store.code_subjects());
        let there = codes.send(&mail("lin@example.com"), purpose).await.unwrap();
        let between =
            (codes.world.store.events().len(), codes.world.store.jobs().len(), codes.world.store.code_subjects());
        let nobody = codes.send(&mail("ghost@example.com"), purpose).await.unwrap();
        let after =
            (codes.world.store.events().len(), codes.world.store.jobs().len(), codes.world.store.code_subjects());
        assert_eq!(there, nobody);
        assert_eq!((between.0 - before.0, between.1 - before.1, between.2 - before.2), (1, 1, 1));
        assert_eq!((after.0 - between.0, after.1 - between.1, after.2 - between.2), (1, 1, 1));
        assert_eq!(codes.sent().last().unwrap().to, Recipient::Nobody);
        let guess = codes.code();
        for name in ["lin", "ghost"] {
            let contact = mail(&format!("{name}@example.com"));
            let refused = codes.send(&contact, purpose).await.unwrap_err();
            assert!(matches!(refused, SendCodeError::TooOften(throttle) if throttle.wait.as_secs() == 60));
            let error = if purpose == Purpose::Login {
                codes.recovery.login(contact, wrong(), Client::default(), "en").await.unwrap_err()
            } else {
                let proof = ContactProof::Code(contact, wrong());
                codes.recovery.reset_password(proof, &password(), "en").await.unwrap_err()
            };
            assert_eq!((left(&error), error.category()), (Some(2), Category::Invalid));
        }
        // Also who guesses it is nobody.
        let contact = mail("ghost@example.com");
        if purpose == Purpose::Login {
            let error = codes.recovery.login(contact, guess, Client::default(), "en").await.unwrap_err();
            assert!(left(&error).is_some());
        }
    }
}

#[tokio::test]
async fn wrong_codes_are_counted_over_every_use_of_a_purpose() {
    let codes = Codes::new();
    codes.world.user("lin").await;
    let contact = mail("lin@example.com");
    codes.send(&contact, Purpose::Login).await.unwrap();
    for expected in [2, 1, 0] {
        let error = codes.recovery.login(contact.clone(), wrong(), Client::default(), "en").await.unwrap_err();
        assert_eq!(left(&error), Some(expected));
        let Details::Fields(fields) = error.details() else { panic!() };
        assert_eq!(fields.iter().next().unwrap().issue, Issue::WrongCode { attempts_left: expected });
    }
    codes.wait(60);
    let right = codes.sent_code(&contact, Purpose::Login).await;
    let error = codes.verification.verify(contact.clone(), Purpose::Login, right.clone()).await.unwrap_err();
    assert_eq!(error.category(), Category::RateLimited);
    let Details::Throttled(throttle) = error.details() else { panic!() };
    assert_eq!((throttle.limit, throttle.window.as_secs()), (3, 3600));
    assert!(codes.recovery.login(contact.clone(), right, Client::default(), "en").await.is_err());
    // Another purpose, and another way in, are not touched.
    let reset = codes.sent_code(&contact, Purpose::Reset).await;
    codes.verification.verify(contact, Purpose::Reset, reset).await.unwrap();
    codes.world.login("lin", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_code_is_for_its_address_and_purpose_alone() {
    let codes = Codes::new();
    codes.world.user("lin").await;
    codes.world.user("wei").await;
    let code = codes.sent_code(&mail("lin@example.com"), Purpose::Login).await;
    codes.send(&mail("wei@example.com"), Purpose::Login).await.unwrap();
    let other = codes.recovery.login(mail("wei@example.com"), code.clone(), Client::default(), "en").await;
    let purpose = codes.verification.verify(mail("lin@example.com"), Purpose::Reset, code.clone()).await;
    assert!(other.is_err() && purpose.is_err());
    codes.wait(600);
    assert!(codes.recovery.login(mail("lin@example.com"), code, Client::default(), "en").await.is_err());
}

#[tokio::test]
async fn a_reset_sets_the_password_once_and_ends_every_session() {
    let codes = Codes::new();
    let lin = codes.world.user("lin").await;
    let open = codes.world.login("lin", PASSWORD).await.unwrap();
    let contact = mail("lin@example.com");
    let code = codes.sent_code(&contact, Purpose::Reset).await;
    let proof = || ContactProof::Code(contact.clone(), code.clone());
    let actor = codes.world.actor(&open).await;
    let input = crate::model::ApiKeyInput {
        name: Some("x".to_owned()),
        scopes: Some(vec!["own.read".to_owned()]),
        ..Default::default()
    };
    let key = codes.world.keys.create(&actor, input.parse().unwrap()).await.unwrap().secret;
    codes.world.keys.authenticate(key.expose_secret()).await.unwrap();
    codes.recovery.reset_password(proof(), &password(), "en").await.unwrap();
    assert!(codes.world.keys.authenticate(key.expose_secret()).await.is_err());
    assert!(codes.world.keys.list(&actor).await.unwrap().is_empty());
    assert!(codes.world.checks.authenticate(access(&open)).await.is_err());
    assert!(codes.world.sessions.refresh(refresh(&open)).await.is_err());
    assert!(codes.world.login("lin", PASSWORD).await.is_err());
    codes.world.login("lin", "river stone lantern").await.unwrap();
    assert!(codes.recovery.reset_password(proof(), &password(), "en").await.is_err());
    let told = codes.sent().pop().unwrap();
    assert_eq!((told.template.as_str(), told.to), ("password_changed", Recipient::Mail("lin@example.com".to_owned())));
    assert!(codes.world.accounts.find(lin.id).await.unwrap().unwrap().is_verified);
    let event = codes.world.store.events().into_iter().find(|event| event.kind == events::PASSWORD_RESET).unwrap();
    assert_eq!((&event.payload["sessions_ended"], &event.payload["api_keys_deleted"]), (&1.into(), &1.into()));
}

#[tokio::test]
async fn a_token_stands_for_a_code_once() {
    let codes = Codes::new();
    codes.world.user("lin").await;
    codes.world.user("wei").await;
    let token = async |name: &str, purpose: Purpose| {
        codes.wait(60);
        let contact = mail(&format!("{name}@example.com"));
        let code = codes.sent_code(&contact, purpose).await;
        let verified = codes.verification.verify(contact, purpose, code).await.unwrap();
        assert_eq!(verified.expires_in, 600);
        VerificationToken::parse(verified.token.expose_secret()).unwrap()
    };
    let reset = async |token: VerificationToken, said: Option<&str>| {
        let proof = ContactProof::Token(token, said.map(mail));
        codes.recovery.reset_password(proof, &password(), "en").await
    };
    let spent = token("lin", Purpose::Reset).await;
    let copy = VerificationToken::parse(spent.text().expose_secret()).unwrap();
    reset(spent, Some("lin@example.com")).await.unwrap();
    for bad in [
        reset(copy, Some("lin@example.com")).await,
        reset(token("lin", Purpose::Reset).await, Some("wei@example.com")).await,
        reset(token("lin", Purpose::Login).await, Some("lin@example.com")).await,
        reset(VerificationToken::new([9; 32]), None).await,
    ] {
        let error = bad.unwrap_err();
        assert!(matches!(error, CodeError::Proof { refused: ProofRefused::Token, field: "token" }), "{error:?}");
    }
    let late = token("lin", Purpose::Reset).await;
    codes.wait(600);
    assert!(reset(late, None).await.is_err());
    let good = token("lin", Purpose::Reset).await;
    reset(good, None).await.unwrap();
}

#[tokio::test]
async fn a_disabled_account_is_told_so_only_with_the_right_code() {
    let codes = Codes::new();
    let lin = codes.world.user("lin").await;
    codes.world.store.set_active(lin.id, false);
    let contact = mail("lin@example.com");
    let code = codes.sent_code(&contact, Purpose::Login).await;
    let error = codes.recovery.login(contact.clone(), wrong(), Client::default(), "en").await.unwrap_err();
    assert_eq!(left(&error), Some(2));
    let error = codes.recovery.login(contact, code, Client::default(), "en").await.unwrap_err();
    assert_eq!((error.category(), error.code()), (Category::Unauthenticated, Some("ACCOUNT_DISABLED")));
}

#[tokio::test]
async fn what_nobody_asked_for_leaves_no_row_and_old_rows_go() {
    let codes = Codes::new();
    let unknown = codes.verification.verify(mail("ghost@example.com"), Purpose::Login, wrong()).await.unwrap_err();
    assert_eq!((left(&unknown), codes.world.store.code_subjects()), (Some(3), 0));
    codes.send(&mail("lin@example.com"), Purpose::Register).await.unwrap();
    assert_eq!(codes.verification.prune().await.unwrap(), 0);
    codes.wait(86_401);
    assert_eq!(codes.verification.prune().await.unwrap(), 1);
    assert_eq!(codes.world.store.code_subjects(), 0);
}

#[tokio::test]
async fn nobody_learns_by_silence_that_a_code_was_not_sent() {
    let codes = Codes::new();
    let language = "en".to_owned();
    let contact = mail("lin@example.com");
    let command =
        || SendCode { contact: contact.clone(), purpose: Purpose::Reset, language: language.clone(), by: None };
    for _ in 0..3 {
        codes.verification.send_in_silence(command()).await.unwrap();
    }
    assert_eq!(codes.world.store.jobs().len(), 1);
}
