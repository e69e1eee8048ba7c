//! Codes by mail as the second proof, where that is allowed.

use super::codes::Codes;
use super::*;
use crate::error::SecondFactorError;
use crate::events;
use crate::model::{Contact, EmailAddress, FactorMethod, Purpose};

const FAR: &str = "000001";

/// Somebody with a confirmed app and a confirmed address, where mail is a second proof or not.
async fn guarded(by_mail: bool) -> (Codes, UserId) {
    let policy = SessionPolicy { second_factor_by_mail: by_mail, ..SessionPolicy::default() };
    let codes = Codes::over(World::with(policy));
    let world = &codes.world;
    let user = world.user("lin").await.id;
    let proof = ContactProof::Code(address(), code(&codes, Purpose::Register, None).await);
    codes.recovery.verify_email(proof, Some(&own(user)), "en").await.unwrap();
    world.factors.enrol(&own(user)).await.unwrap();
    world.factors.confirm(&own(user), &PlainTotp::code(world.clock.now())).await.unwrap();
    world.clock.advance(chrono::Duration::seconds(30));
    (codes, user)
}

fn address() -> Contact {
    Contact::Email(EmailAddress::parse("lin@example.com").unwrap())
}

/// A code that was sent.
async fn code(codes: &Codes, purpose: Purpose, by: Option<UserId>) -> crate::model::Code {
    let command = SendCode { contact: address(), purpose, language: "en".to_owned(), by };
    codes.verification.send(command).await.unwrap();
    let sent = codes.sent().pop().unwrap();
    crate::model::Code::parse(sent.data["code"].as_str().unwrap()).unwrap()
}

async fn login(world: &World) -> SecondFactorNeeded {
    let login = Login { name: "lin".to_owned(), password: PASSWORD.into(), client: Client::default() };
    match world.sessions.login(login).await.unwrap() {
        SignIn::SecondFactor(needed) => needed,
        SignIn::Tokens(_) => panic!("no second factor was asked for"),
    }
}

async fn second(world: &World, token: &str, code: &str) -> Result<Tokens, SecondFactorError> {
    let asked = world.factors.reserve(token).await?;
    world.factors.verify(&asked, code, Client::default()).await
}

#[tokio::test]
async fn a_mail_is_a_second_proof_where_that_is_allowed() {
    let (codes, user) = guarded(true).await;
    let asked = login(&codes.world).await;
    assert_eq!(asked.methods, [FactorMethod::Totp, FactorMethod::RecoveryCode, FactorMethod::Email]);
    let token = asked.mfa_token.expose_secret();
    assert_eq!(codes.world.factors.mailbox(token).await.unwrap(), (user, address()));
    let mailed = code(&codes, Purpose::SecondFactor, Some(user)).await;
    second(&codes.world, token, mailed.expose()).await.unwrap();
    // Both are used.
    assert!(matches!(codes.world.factors.mailbox(token).await, Err(SecondFactorError::InvalidToken)));
    let again = login(&codes.world).await;
    let refused = second(&codes.world, again.mfa_token.expose_secret(), mailed.expose()).await;
    assert!(matches!(refused, Err(SecondFactorError::WrongCode { attempts_left: 4 })));
}

#[tokio::test]
async fn a_mail_is_none_where_nobody_allowed_it_and_after_a_code() {
    let (codes, user) = guarded(false).await;
    let asked = login(&codes.world).await;
    assert_eq!(asked.methods, [FactorMethod::Totp, FactorMethod::RecoveryCode]);
    let token = asked.mfa_token.expose_secret();
    assert!(matches!(codes.world.factors.mailbox(token).await, Err(SecondFactorError::NoMail)));
    let mailed = code(&codes, Purpose::SecondFactor, Some(user)).await;
    assert!(second(&codes.world, token, mailed.expose()).await.is_err());

    let (codes, user) = guarded(true).await;
    let first = code(&codes, Purpose::Login, None).await;
    let opened = codes.recovery.login(address(), first, Client::default(), "en").await.unwrap();
    let SignIn::SecondFactor(asked) = opened else { panic!("no second factor was asked for") };
    assert_eq!(asked.methods, [FactorMethod::Totp, FactorMethod::RecoveryCode]);
    let mailed = code(&codes, Purpose::SecondFactor, Some(user)).await;
    assert!(second(&codes.world, asked.mfa_token.expose_secret(), mailed.expose()).await.is_err());
}

#[tokio::test]
async fn wrong_mails_are_counted_and_keep_nobody_from_the_app() {
    let (codes, user) = guarded(true).await;
    let mailed = code(&codes, Purpose::SecondFactor, Some(user)).await;
    let asked = login(&codes.world).await;
    let token = asked.mfa_token.expose_secret();
    for _ in 0..3 {
        assert!(matches!(second(&codes.world, token, FAR).await, Err(SecondFactorError::WrongCode { .. })));
    }
    assert!(second(&codes.world, token, mailed.expose()).await.is_err(), "three were tried");
    second(&codes.world, token, &PlainTotp::code(codes.world.clock.now())).await.unwrap();
    let failed = codes.world.store.events().into_iter().filter(|event| event.kind == events::SECOND_FACTOR_FAILED);
    assert_eq!(failed.count(), 4);
}
