//! Proofs within a session, of each kind.

use secrecy::SecretString;
use sharestack_kernel::actor::Credential;
use sharestack_kernel::error::{Category, Classified, Details};
use sharestack_kernel::message::Recipient;

use super::codes::{Codes, mail, number, wrong};
use super::passkeys::{add, answer, passkeys};
use super::*;
use crate::error::ProofError;
use crate::events;
use crate::model::{AuthMethod, Contact, EmailAddress, PasswordHash, Purpose};

struct Stepping {
    codes: Codes,
    passkeys: Passkeys,
    step_up: StepUp,
    lin: UserView,
    tokens: Tokens,
}

impl Stepping {
    /// Somebody whose last proof is twenty minutes old.
    async fn new() -> Self {
        let codes = Codes::new();
        let world = &codes.world;
        let lin = world.user("lin").await;
        let tokens = world.login("lin", PASSWORD).await.unwrap();
        let passkeys = passkeys(world);
        let step_up =
            StepUp::new(world.ports(), world.passwords.clone(), codes.verification.clone(), world.factors.clone());
        let step_up = step_up.with_passkeys(passkeys.clone());
        codes.wait(1200);
        Self { codes, passkeys, step_up, lin, tokens }
    }

    async fn actor(&self) -> Actor {
        self.codes.world.actor(&self.tokens).await
    }

    async fn is_recent(&self) -> bool {
        let since = self.codes.world.clock.now();
        self.actor().await.require_recent(since).is_ok()
    }

    async fn prove(&self, proof: Proof) -> Result<(), ProofError> {
        self.step_up.prove(&self.actor().await, proof).await.map(drop)
    }

    /// The proof is right: the session is recent, and the log says by what.
    async fn proves(&self, proof: Proof, method: &str) {
        self.codes.wait(1);
        assert!(!self.is_recent().await, "{method}");
        self.prove(proof).await.unwrap();
        assert!(self.is_recent().await, "{method}");
        let event = self.codes.world.store.events().pop().unwrap();
        assert_eq!((event.kind.as_str(), &event.payload["method"]), (events::REAUTHENTICATED, &method.into()));
    }

    /// The proof is refused, in its field, and that is noted.
    async fn refuses(&self, proof: Proof, refusal: &str) -> ProofError {
        self.codes.wait(1);
        let field = proof.field();
        let error = self.prove(proof).await.unwrap_err();
        assert!(!self.is_recent().await, "{refusal}");
        let Details::Fields(errors) = error.details() else { panic!("{error:?}") };
        let named: Vec<_> = errors.iter().map(|one| format!("{} {}", one.field, one.issue.code())).collect();
        assert_eq!((named, error.category()), (vec![refusal.to_owned()], Category::Invalid));
        let event = self.codes.world.store.events().pop().unwrap();
        assert_eq!((event.kind.as_str(), &event.payload["reason"]), (events::PROOF_FAILED, &field.into()));
        error
    }

    async fn send(&self, contact: Option<Contact>) {
        self.step_up.send(&self.actor().await, contact, "en".to_owned()).await.unwrap();
    }

    fn code(&self, contact: Option<Contact>) -> Proof {
        Proof::Code { contact, code: self.codes.code() }
    }
}

fn password(text: &str) -> Proof {
    Proof::Password(SecretString::from(text.to_owned()))
}

#[tokio::test]
async fn a_password_proves_who_one_is() {
    let app = Stepping::new().await;
    app.refuses(password("wrong horse"), "password MISMATCH").await;
    app.proves(password(PASSWORD), "password").await;
}

#[tokio::test]
async fn a_code_proves_it_once_to_who_has_the_mailbox() {
    let app = Stepping::new().await;
    app.send(None).await;
    let sent = app.codes.sent().pop().unwrap();
    assert_eq!((sent.to, &sent.data["purpose"]), (Recipient::Mail("lin@example.com".into()), &"reauthenticate".into()));
    app.refuses(Proof::Code { contact: None, code: wrong() }, "code MISMATCH").await;
    app.proves(app.code(None), "code").await;
    app.refuses(app.code(None), "code MISMATCH").await;
    // One for another purpose is none.
    app.codes.send(&mail("lin@example.com"), Purpose::Login).await.unwrap();
    app.refuses(app.code(None), "code MISMATCH").await;
}

#[tokio::test]
async fn a_proven_number_gets_codes_too() {
    let app = Stepping::new().await;
    let phone = number("13800138000");
    app.send(Some(phone.clone())).await;
    assert_eq!(app.codes.sent().pop().unwrap().to, Recipient::Nobody, "nobody has proven it");
    let code = app.codes.sent_code(&phone, Purpose::Register).await;
    let Contact::Phone(bare) = phone.clone() else { unreachable!() };
    app.codes.recovery.verify_phone(&own(app.lin.id), bare, code).await.unwrap();
    app.codes.wait(60);
    app.send(Some(phone.clone())).await;
    assert_eq!(app.codes.sent().pop().unwrap().to, Recipient::Sms("+8613800138000".into()));
    app.proves(app.code(Some(phone)), "code").await;
}

#[tokio::test]
async fn nobody_gets_or_uses_up_anothers_codes() {
    let app = Stepping::new().await;
    app.codes.world.user("wei").await;
    let wei = app.codes.world.actor(&app.codes.world.login("wei", PASSWORD).await.unwrap()).await;
    app.send(None).await;
    let good = app.codes.code();
    // Wei asks for codes of lin's, guesses at them, and uses them up: none of it is lin's.
    for _ in 0..3 {
        let lins = Some(mail("lin@example.com"));
        app.step_up.send(&wei, lins.clone(), "en".to_owned()).await.unwrap();
        assert_eq!(app.codes.sent().pop().unwrap().to, Recipient::Nobody);
        for code in [app.codes.code(), wrong()] {
            let proof = Proof::Code { contact: lins.clone(), code };
            assert!(app.step_up.prove(&wei, proof).await.is_err());
        }
        app.codes.wait(60);
    }
    let contact = Some(mail("LIN@example.com"));
    assert!(app.step_up.prove(&wei, Proof::Code { contact: contact.clone(), code: good.clone() }).await.is_err());
    app.proves(Proof::Code { contact, code: good }, "code").await;
    // Nor who is not signed in at all.
    let outside = SendCode {
        contact: mail("lin@example.com"),
        purpose: Purpose::Reauthenticate,
        language: "en".to_owned(),
        by: None,
    };
    app.codes.verification.send(outside).await.unwrap();
    assert_eq!(app.codes.sent().pop().unwrap().to, Recipient::Nobody);
}

#[tokio::test]
async fn tries_of_a_code_are_counted() {
    let app = Stepping::new().await;
    app.send(None).await;
    for left in [2, 1, 0] {
        let error = app.refuses(Proof::Code { contact: None, code: wrong() }, "code MISMATCH").await;
        assert!(matches!(
            error,
            ProofError::Code { refused: crate::error::ProofRefused::Code { attempts_left }, .. } if attempts_left == left
        ));
    }
    let error = app.prove(app.code(None)).await.unwrap_err();
    assert_eq!(error.category(), Category::RateLimited);
    app.proves(password(PASSWORD), "password").await;
}

#[tokio::test]
async fn the_app_and_a_recovery_code_prove_it_once_each() {
    let app = Stepping::new().await;
    let (world, lin) = (&app.codes.world, app.lin.id);
    let shown = || Proof::Factor(PlainTotp::code(world.clock.now()));
    app.refuses(shown(), "totp_code NOT_ALLOWED").await;
    world.factors.enrol(&own(lin)).await.unwrap();
    app.refuses(shown(), "totp_code NOT_ALLOWED").await;
    let recovery = world.factors.confirm(&own(lin), &PlainTotp::code(world.clock.now())).await.unwrap();
    app.codes.wait(30);
    app.codes.wait(1);
    let now = PlainTotp::code(world.clock.now());
    app.prove(Proof::Factor(now.clone())).await.unwrap();
    assert!(app.is_recent().await);
    app.refuses(Proof::Factor(now), "totp_code NOT_ALLOWED").await;
    let one = recovery[0].expose_secret().to_owned();
    app.proves(Proof::Factor(one.clone()), "recovery_code").await;
    app.refuses(Proof::Factor(one), "totp_code NOT_ALLOWED").await;
    for bad in ["", "not a code", "000000"] {
        app.refuses(Proof::Factor(bad.to_owned()), "totp_code NOT_ALLOWED").await;
    }
    let used = world.store.events().into_iter().filter(|event| event.kind == events::RECOVERY_CODE_USED);
    assert_eq!(used.count(), 1);
    for _ in 0..20 {
        drop(app.prove(Proof::Factor("000000".to_owned())).await);
    }
    let error = app.prove(Proof::Factor(recovery[1].expose_secret().to_owned())).await.unwrap_err();
    assert!(matches!(error.details(), Details::Throttled(throttle) if throttle.limit == 20));
}

#[tokio::test]
async fn a_passkey_proves_it_and_anothers_does_not() {
    let app = Stepping::new().await;
    let wei = app.codes.world.user("wei").await;
    add(&app.passkeys, app.lin.id, "laptop").await.unwrap();
    add(&app.passkeys, wei.id, "phone").await.unwrap();
    let proof = async |key: &str, count| Proof::Passkey(answer(&app.passkeys, key, count).await);
    app.refuses(proof("phone", 1).await, "credential NOT_ALLOWED").await;
    app.refuses(Proof::Passkey("nonsense".into()), "credential INVALID_FORMAT").await;
    app.proves(proof("laptop", 1).await, "passkey").await;
    let without = StepUp::new(
        app.codes.world.ports(),
        app.codes.world.passwords.clone(),
        app.codes.verification.clone(),
        app.codes.world.factors.clone(),
    );
    let error = without.prove(&app.actor().await, proof("laptop", 2).await).await.unwrap_err();
    assert_eq!(error.category(), Category::Invalid);
}

#[tokio::test]
async fn who_has_no_password_proves_it_by_what_they_have() {
    let app = Stepping::new().await;
    let (world, lin) = (&app.codes.world, app.lin.id);
    let ports = world.ports();
    let placeholder = crate::model::AccountChange {
        email: Some(EmailAddress::placeholder("wechat-1")),
        ..crate::model::AccountChange::default()
    };
    let done: Result<(), crate::error::InsertAccountError> = sharestack_kernel::transact!(ports.store, |tx| {
        tx.accounts().hold(lin).await?;
        tx.accounts().set_password(lin, &PasswordHash::unset(), world.clock.now()).await?;
        tx.edits().change(lin, &placeholder, world.clock.now()).await
    });
    done.unwrap();
    app.refuses(password("!"), "password MISMATCH").await;
    app.send(None).await;
    assert_eq!(app.codes.sent().pop().unwrap().to, Recipient::Nobody, "nothing is delivered there");
    app.refuses(app.code(None), "code NOT_ALLOWED").await;
    add(&app.passkeys, lin, "laptop").await.unwrap();
    app.proves(Proof::Passkey(answer(&app.passkeys, "laptop", 1).await), "passkey").await;
    // Or by coming in again.
    let again = world.sessions.establish(lin, AuthMethod::OAuth, Client::default()).await.unwrap().tokens().unwrap();
    world.actor(&again).await.require_recent(world.clock.now()).unwrap();
}

#[tokio::test]
async fn a_program_with_a_key_and_an_ended_session_prove_nothing() {
    let app = Stepping::new().await;
    let actor = app.actor().await;
    let key = Actor { credential: Credential::ApiKey(Uuid::nil()), ..actor.clone() };
    assert!(matches!(app.step_up.prove(&key, password(PASSWORD)).await, Err(ProofError::Denied(_))));
    app.codes.world.control.end_all(&actor, true).await.unwrap();
    app.step_up.prove(&actor, password(PASSWORD)).await.unwrap();
    assert_eq!(app.codes.world.store.events().pop().unwrap().kind, events::SESSIONS_REVOKED);
}
