//! Who comes in by another service for the first time registers like everybody.

use sharestack_kernel::error::{Category, Classified, Details};

use super::third_party::{Party, begin, lin};
use super::*;
use crate::error::{BeginOAuthError, CompleteOAuthError};
use crate::model::{EmailAddress, OAuthPurpose, ProviderProfile, RegistrationMode, Subject};
use crate::service::tests::codes::Codes;

/// Comes in with an invitation.
async fn invited(party: &Party, code: &str, token: &SecretString) -> Result<UserView, CompleteOAuthError> {
    let invitation = Some(token.expose_secret().to_owned());
    let begun = party.login.begin(BeginOAuth { invitation, ..begin("google", OAuthPurpose::Login) }).await.unwrap();
    party.done("google", &begun, code).await
}

fn field(error: &CompleteOAuthError) -> String {
    match error.details() {
        Details::Fields(errors) => {
            errors.iter().map(|one| format!("{} {}", one.field, one.issue.code())).collect::<Vec<_>>().concat()
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn where_one_must_be_invited_another_service_is_no_way_around() {
    let party = Party::registering(true, RegistrationMode::Invitation);
    let codes = Codes::over(party.world.clone());
    let registrations = codes.registrations(RegistrationMode::Invitation);
    let day = chrono::Duration::days(1);
    let invite = async |email: Option<&str>| {
        let email = email.map(|text| EmailAddress::parse(text).unwrap());
        registrations.invite(None, email, day).await.unwrap().token
    };
    party.google.knows("lin", lin("1"));
    party.google.knows("nobody", ProviderProfile::of(Subject::parse("2").unwrap()).username(Some("wei")));
    let error = party.come_in("google", "lin").await.unwrap_err();
    assert_eq!((field(&error).as_str(), error.client_code()), ("invite_code REQUIRED", "invitation_required"));
    assert_eq!(error.category(), Category::Invalid);
    for bad in [invite(Some("wei@example.com")).await, SecretString::from(format!("ssi_{}", "A".repeat(43)))] {
        assert_eq!(field(&invited(&party, "lin", &bad).await.unwrap_err()), "invite_code NOT_ALLOWED");
    }
    assert!(!party.kinds().contains(&crate::events::REGISTERED.to_owned()), "{:?}", party.kinds());
    let good = invite(Some("lin@example.com")).await;
    let user = invited(&party, "lin", &good).await.unwrap();
    assert_eq!(user.email, "lin@example.com");
    assert!(party.kinds().contains(&crate::events::INVITATION_USED.to_owned()), "{:?}", party.kinds());
    // Once in, nothing more is asked; and each lets one in.
    assert_eq!(party.come_in("google", "lin").await.unwrap().id, user.id);
    assert_eq!(field(&invited(&party, "nobody", &good).await.unwrap_err()), "invite_code NOT_ALLOWED");
    invited(&party, "nobody", &invite(None).await).await.unwrap();
    let nonsense = BeginOAuth { invitation: Some("x".to_owned()), ..begin("google", OAuthPurpose::Login) };
    assert!(matches!(party.login.begin(nonsense).await, Err(BeginOAuthError::Fields(_))));
}

#[tokio::test]
async fn where_codes_are_asked_for_the_provider_must_vouch_for_the_address() {
    let party = Party::registering(true, RegistrationMode::Code);
    party.google.knows("lin", lin("1"));
    party.google.knows("unproven", lin("2").email(Some("wei@example.com"), false));
    party.google.knows("none", ProviderProfile::of(Subject::parse("3").unwrap()).username(Some("wei")));
    for code in ["unproven", "none"] {
        let error = party.come_in("google", code).await.unwrap_err();
        assert!(matches!(error, CompleteOAuthError::EmailUnverified(_)), "{error:?}");
    }
    assert!(party.come_in("google", "lin").await.unwrap().is_verified);
}

#[tokio::test]
async fn what_is_brought_along_must_be_good_where_nobody_asks_for_it() {
    let party = Party::registering(true, RegistrationMode::Open);
    party.google.knows("lin", lin("1"));
    let bad = SecretString::from(format!("ssi_{}", "A".repeat(43)));
    assert_eq!(field(&invited(&party, "lin", &bad).await.unwrap_err()), "invite_code NOT_ALLOWED");
    party.come_in("google", "lin").await.unwrap();
}
