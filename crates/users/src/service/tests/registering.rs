//! Who may register, where codes or invitations are asked for.

use sharestack_kernel::error::{Classified, Details};

use super::codes::{Codes, mail, wrong};
use super::*;
use crate::error::RegisterError;
use crate::events;
use crate::model::{Code, EmailAddress, Purpose, RegistrationMode, VerificationToken};

fn fields(error: &RegisterError) -> Vec<String> {
    match error.details() {
        Details::Fields(errors) => errors.iter().map(|one| format!("{} {}", one.field, one.issue.code())).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn where_codes_are_asked_for_only_who_proves_the_address_registers() {
    let codes = Codes::new();
    let registrations = codes.registrations(RegistrationMode::Code);
    let error = registrations.register(registration("lin"), Credential::default()).await.unwrap_err();
    assert_eq!(fields(&error), ["verification_code REQUIRED"]);
    let contact = mail("lin@example.com");
    let code = codes.sent_code(&contact, Purpose::Register).await;
    let with = |code: Code| Credential { proof: Some(RegistrationProof::Code(code)), invitation: None };
    let error = registrations.register(registration("lin"), with(wrong())).await.unwrap_err();
    assert_eq!(fields(&error), ["verification_code MISMATCH"]);
    assert!(registrations.register(registration("wei"), with(code.clone())).await.is_err(), "it is lin's");
    assert_eq!(codes.world.store.events().iter().filter(|event| event.kind == events::REGISTERED).count(), 0);
    let user = registrations.register(registration("lin"), with(code)).await.unwrap();
    assert!(user.is_verified && codes.world.accounts.find(user.id).await.unwrap().unwrap().is_verified);
    // By what a code was exchanged for, too.
    let contact = mail("wei@example.com");
    let code = codes.sent_code(&contact, Purpose::Register).await;
    let token = codes.verification.verify(contact, Purpose::Register, code).await.unwrap().token;
    let token = VerificationToken::parse(token.expose_secret()).unwrap();
    let with = |token| Credential { proof: Some(RegistrationProof::Token(token)), invitation: None };
    let other = registrations.register(registration("someone"), with(VerificationToken::new([3; 32]))).await;
    assert_eq!(fields(&other.unwrap_err()), ["verification_token NOT_ALLOWED"]);
    assert!(registrations.register(registration("wei"), with(token)).await.is_ok());
}

#[tokio::test]
async fn a_refused_registration_leaves_a_right_code_good() {
    let codes = Codes::new();
    codes.world.user("lin").await;
    let registrations = codes.registrations(RegistrationMode::Code);
    let code = codes.sent_code(&mail("new@example.com"), Purpose::Register).await;
    let new =
        |name: &str| Registration { email: EmailAddress::parse("new@example.com").unwrap(), ..registration(name) };
    let with = || Credential { proof: Some(RegistrationProof::Code(code.clone())), invitation: None };
    assert!(matches!(registrations.register(new("lin"), with()).await, Err(RegisterError::UsernameTaken)));
    registrations.register(new("wei"), with()).await.unwrap();
}

#[tokio::test]
async fn where_invitations_are_asked_for_each_lets_one_in() {
    let codes = Codes::new();
    let registrations = codes.registrations(RegistrationMode::Invitation);
    let error = registrations.register(registration("lin"), Credential::default()).await.unwrap_err();
    assert_eq!(fields(&error), ["invite_code REQUIRED"]);
    let day = chrono::Duration::days(1);
    let anybody = registrations.invite(None, None, day).await.unwrap().token;
    let for_lin = registrations.invite(None, EmailAddress::parse("lin@example.com").ok(), day).await.unwrap().token;
    let with = |token: &SecretString| Credential { proof: None, invitation: Some(token.expose_secret().to_owned()) };
    for bad in [registrations.register(registration("wei"), with(&for_lin)).await, {
        let nonsense = SecretString::from("ssi_nonsense".to_owned());
        registrations.register(registration("wei"), with(&nonsense)).await
    }] {
        assert_eq!(fields(&bad.unwrap_err()), ["invite_code NOT_ALLOWED"]);
    }
    registrations.register(registration("lin"), with(&for_lin)).await.unwrap();
    registrations.register(registration("wei"), with(&anybody)).await.unwrap();
    for token in [&for_lin, &anybody] {
        let error = registrations.register(registration("third"), with(token)).await.unwrap_err();
        assert_eq!(fields(&error), ["invite_code NOT_ALLOWED"]);
    }
    let late = registrations.invite(None, None, day).await.unwrap().token;
    codes.world.clock.advance(day);
    assert!(registrations.register(registration("third"), with(&late)).await.is_err());
}
