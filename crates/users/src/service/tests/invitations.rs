//! Invitations: who makes, sees and takes them back.

use chrono::Duration as Span;
use sharestack_kernel::error::{Category, Classified, Details};
use sharestack_kernel::page::PageRequest;

use super::codes::Codes;
use super::*;
use crate::error::InvitationError;
use crate::events;
use crate::model::{EmailAddress, InvitationId, InvitationStatus, RegistrationMode};

#[tokio::test]
async fn who_runs_the_product_invites_looks_and_takes_back() {
    let codes = Codes::new();
    let world = &codes.world;
    let registrations = codes.registrations(RegistrationMode::Invitation);
    let invitations = Invitations::new(world.ports(), Arc::new(world.store.clone()), registrations.clone());
    let root = world.root().await;
    let (day, page) = (Span::days(1), PageRequest::default());
    let made = invitations.create(&root, EmailAddress::parse("lin@example.com").ok(), day).await.unwrap();
    assert_eq!((made.view.created_by, made.view.email.as_deref()), (Some(root.user_id), Some("lin@example.com")));
    let taken_back = invitations.create(&root, None, day).await.unwrap();
    let with = |made: &Invited| Credential { proof: None, invitation: Some(made.token.expose_secret().to_owned()) };
    invitations.revoke(&root, taken_back.view.id).await.unwrap();
    let event = world.store.events().pop().unwrap();
    assert_eq!((event.kind.as_str(), event.actor), (events::INVITATION_REVOKED, Some(root.user_id)));
    assert_eq!(event.aggregate_id, taken_back.view.id.to_string());
    assert!(registrations.register(registration("wei"), with(&taken_back)).await.is_err());
    let lin = registrations.register(registration("lin"), with(&made)).await.unwrap();
    let used = world.store.events().pop().unwrap();
    assert_eq!((used.kind.as_str(), used.actor), (events::INVITATION_USED, Some(lin.id)));
    assert_eq!(used.aggregate_id, made.view.id.to_string());
    for (id, status) in [(taken_back.view.id, "revoked"), (made.view.id, "used")] {
        let error = invitations.revoke(&root, id).await.unwrap_err();
        assert_eq!(error.category(), Category::Conflict);
        assert!(matches!(error.details(), Details::Object(details) if details["status"] == status));
    }
    let late = invitations.create(&root, None, day).await.unwrap();
    world.clock.advance(day);
    let listed = invitations.list(&root, None, page).await.unwrap();
    assert_eq!(
        listed.items.iter().map(|view| view.id).collect::<Vec<_>>(),
        [late.view.id, taken_back.view.id, made.view.id]
    );
    assert_eq!((listed.items[2].used_by, listed.items[2].email.clone()), (Some(lin.id), None));
    let expired = invitations.list(&root, Some(InvitationStatus::Expired), page).await.unwrap();
    assert_eq!((expired.total, expired.items[0].id), (1, late.view.id));
    let nobody = InvitationId::new(Uuid::max());
    let error = invitations.revoke(&root, nobody).await.unwrap_err();
    assert!(matches!(error, InvitationError::NoSuchInvitation(id) if id == nobody));
    assert_eq!(error.category(), Category::NotFound);
}

#[tokio::test]
async fn others_neither_invite_nor_look() {
    let codes = Codes::new();
    let world = &codes.world;
    world.user("lin").await;
    let lin = world.actor(&world.login("lin", PASSWORD).await.unwrap()).await;
    let registrations = codes.registrations(RegistrationMode::Open);
    let invitations = Invitations::new(world.ports(), Arc::new(world.store.clone()), registrations);
    let id = InvitationId::new(Uuid::nil());
    for error in [
        invitations.create(&lin, None, Span::days(1)).await.unwrap_err(),
        invitations.list(&lin, None, PageRequest::default()).await.unwrap_err(),
        invitations.revoke(&lin, id).await.unwrap_err(),
    ] {
        assert!(matches!(&error, InvitationError::Denied(denied) if denied.required == "user.create"), "{error:?}");
    }
}
