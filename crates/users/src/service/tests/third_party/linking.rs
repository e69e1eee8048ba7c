//! Identities of other services, linked to an account and unlinked.

use super::*;

#[tokio::test]
async fn an_identity_is_linked_to_who_asked_and_to_nobody_else() {
    let party = Party::new();
    party.google.knows("c1", lin("1"));
    let (wei, other) = (party.world.user("wei").await, party.world.user("other").await);
    let actor = party.world.actor(&party.world.login("wei", PASSWORD).await.unwrap()).await;
    let stranger = party.world.actor(&party.world.login("other", PASSWORD).await.unwrap()).await;
    let Outcome::Linked(identity) = party.link(&actor, "google", "c1").await.unwrap() else { panic!() };
    assert_eq!((identity.user_id, identity.provider.as_str()), (wei.id, "google"));
    party.link(&actor, "google", "c1").await.unwrap();
    assert_eq!(party.login.list(wei.id).await.unwrap().len(), 1);
    let refused = party.link(&stranger, "google", "c1").await.unwrap_err();
    assert_eq!((refused.category(), refused.client_code()), (Category::Conflict, "identity_taken"));
    let noted = party.world.store.events().pop().unwrap();
    assert_eq!((noted.kind.as_str(), noted.actor), (events::IDENTITY_LINK_FAILED, Some(other.id)));
    assert_eq!(
        (&noted.payload["reason"], &noted.payload["provider"]),
        (&serde_json::json!("identity_taken"), &serde_json::json!("google"))
    );
    assert_eq!(party.login.list(other.id).await.unwrap(), []);
    assert_eq!(party.come_in("google", "c1").await.unwrap().id, wei.id);
    let linked = party.kinds().into_iter().filter(|kind| kind == events::IDENTITY_LINKED).count();
    assert_eq!(linked, 1);
}

#[tokio::test]
async fn a_link_dies_with_the_session_that_asked_for_it() {
    let party = Party::new();
    party.google.knows("c1", lin("1"));
    let wei = party.world.user("wei").await;
    let tokens = party.world.login("wei", PASSWORD).await.unwrap();
    let actor = party.world.actor(&tokens).await;
    let purpose = OAuthPurpose::Link { user: actor.user_id, session: actor.session_id().unwrap() };
    let begun = party.begin("google", purpose).await;
    let claims = party.world.checks.claims(access(&tokens)).unwrap();
    party.world.sessions.logout(&claims, None).await.unwrap();
    let refused = party.back("google", &begun, "c1").await.unwrap_err();
    assert!(matches!(refused, CompleteOAuthError::SessionEnded));
    assert_eq!(party.kinds().last().unwrap(), events::IDENTITY_LINK_FAILED);
    assert_eq!(party.login.list(wei.id).await.unwrap(), []);
}

#[tokio::test]
async fn the_last_way_in_is_never_unlinked() {
    let party = Party::new();
    party.google.knows("c1", lin("1"));
    party.github.knows("c2", lin("2"));
    let user = party.come_in("google", "c1").await.unwrap();
    let google = party.login.list(user.id).await.unwrap()[0].id;
    let refused = party.login.unlink(&own(user.id), google).await.unwrap_err();
    assert!(matches!(refused, UnlinkError::LastWayIn));
    assert_eq!(refused.category(), Category::Conflict);
    let begun = party.begin("google", OAuthPurpose::Login).await;
    let Outcome::SignedIn(done) = party.back("google", &begun, "c1").await.unwrap() else { panic!() };
    let actor = party.world.actor(&tokens(*done)).await;
    party.link(&actor, "github", "c2").await.unwrap();
    let all: Vec<_> = party.login.list(user.id).await.unwrap().into_iter().map(|one| one.id).collect();
    assert_eq!(all.len(), 2);
    let party = Arc::new(party);
    let tries = all.into_iter().map(|id| {
        let party = party.clone();
        async move { party.login.unlink(&own(user.id), id).await.is_ok() }
    });
    assert_eq!(join(tries.collect()).await.into_iter().filter(|done| *done).count(), 1);
    assert_eq!(party.login.list(user.id).await.unwrap().len(), 1);
    assert_eq!(party.kinds().last().unwrap(), events::IDENTITY_UNLINKED);
    let nobody = party.login.unlink(&own(user.id), IdentityId::new(Uuid::nil())).await.unwrap_err();
    assert_eq!(nobody.category(), Category::NotFound);
    let stranger = party.world.user("other").await;
    let left = party.login.list(user.id).await.unwrap()[0].id;
    assert!(matches!(party.login.unlink(&own(stranger.id), left).await, Err(UnlinkError::NoSuchIdentity(_))));
}
