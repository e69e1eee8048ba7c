//! Addresses and numbers: confirmed by a code, and changed for others.

use sharestack_kernel::error::{Category, Classified};
use sharestack_kernel::message::Recipient;

use super::codes::{Codes, mail, number, wrong};
use super::*;
use crate::model::{Contact, EmailAddress, Purpose};

#[tokio::test]
async fn an_address_is_confirmed_by_who_has_it() {
    let codes = Codes::new();
    let lin = codes.world.user("lin").await;
    let wei = codes.world.user("wei").await;
    let contact = mail("lin@example.com");
    let code = codes.sent_code(&contact, Purpose::Register).await;
    let proof = || ContactProof::Code(contact.clone(), code.clone());
    assert!(codes.recovery.verify_email(proof(), Some(&own(wei.id)), "en").await.is_err());
    codes.wait(60);
    let code = codes.sent_code(&contact, Purpose::Register).await;
    codes.recovery.verify_email(ContactProof::Code(contact.clone(), code), Some(&own(lin.id)), "en").await.unwrap();
    assert!(codes.world.accounts.find(lin.id).await.unwrap().unwrap().is_verified);
    // Whoever asks again is told that it is taken, and by mail alone.
    codes.wait(60);
    codes.send(&contact, Purpose::Register).await.unwrap();
    let told = codes.sent().pop().unwrap();
    assert_eq!((told.template.as_str(), told.data.get("code")), ("already_registered", None));
}

#[tokio::test]
async fn another_address_is_taken_by_who_was_sent_a_code_there_and_the_old_one_is_told() {
    let codes = Codes::new();
    let lin = codes.world.user("lin").await;
    codes.world.user("wei").await;
    let new = EmailAddress::parse("new@example.com").unwrap();
    codes.recovery.begin_email_change(&new, "en").await.unwrap();
    let proof = ContactProof::Code(Contact::Email(new.clone()), codes.code());
    let bad = ContactProof::Code(Contact::Email(new.clone()), wrong());
    assert!(codes.recovery.change_email(&own(lin.id), new.clone(), bad, "en").await.is_err());
    let view = codes.recovery.change_email(&own(lin.id), new.clone(), proof, "en").await.unwrap();
    assert_eq!((view.email.as_str(), view.is_verified), ("new@example.com", true));
    let told = codes.sent().pop().unwrap();
    assert_eq!(told.to, Recipient::Mail("lin@example.com".to_owned()));
    assert_eq!((told.template.as_str(), &told.data["new_email"]), ("email_changed", &"new@example.com".into()));
    let taken = EmailAddress::parse("wei@example.com").unwrap();
    codes.recovery.begin_email_change(&taken, "en").await.unwrap();
    assert_eq!(codes.sent().pop().unwrap().template, "already_registered");
    let gone = EmailAddress::parse("gone@example.com").unwrap();
    codes.recovery.begin_email_change(&gone, "en").await.unwrap();
    let proof = ContactProof::Code(Contact::Email(gone.clone()), codes.code());
    codes.world.accounts.register(Registration { email: gone.clone(), ..registration("first") }).await.unwrap();
    let error = codes.recovery.change_email(&own(lin.id), gone, proof, "en").await.unwrap_err();
    assert_eq!(error.category(), Category::Conflict);
}

#[tokio::test]
async fn a_confirmed_number_is_a_way_in() {
    let codes = Codes::new();
    let lin = codes.world.user("lin").await;
    let contact = number("138 0013 8000");
    codes.send(&contact, Purpose::Login).await.unwrap();
    assert_eq!(codes.sent().pop().unwrap().to, Recipient::Nobody, "nobody has confirmed it");
    let code = codes.sent_code(&contact, Purpose::Register).await;
    let Contact::Phone(phone) = contact.clone() else { unreachable!() };
    assert!(codes.recovery.verify_phone(&own(lin.id), phone.clone(), wrong()).await.is_err());
    let view = codes.recovery.verify_phone(&own(lin.id), phone, code).await.unwrap();
    assert_eq!(view.phone.as_deref(), Some("+8613800138000"));
    codes.wait(60);
    let code = codes.sent_code(&contact, Purpose::Login).await;
    assert_eq!(codes.sent().pop().unwrap().to, Recipient::Sms("+8613800138000".to_owned()));
    let tokens = codes.recovery.login(contact, code, Client::default(), "en").await.unwrap().tokens().unwrap();
    assert_eq!(tokens.user.id, lin.id);
    assert!(!codes.world.accounts.find(lin.id).await.unwrap().unwrap().is_verified, "a number is no mailbox");
}
