//! Logins that are under way: whose they are, how long, and what is noted when they come back wrong.

use serde_json::{Value, json};
use sharestack_kernel::error::Details;

use super::*;

#[tokio::test]
async fn a_state_is_good_once_in_time_for_its_provider_and_its_browser() {
    let party = Party::new();
    party.google.knows("c1", lin("1"));
    party.github.knows("c1", lin("1"));
    let mismatch = |result: Result<Outcome, CompleteOAuthError>| {
        let error = result.unwrap_err();
        assert!(matches!(error, CompleteOAuthError::StateMismatch), "{error}");
        assert!(matches!(error.details(), Details::Fields(_)));
    };
    let begun = party.begin("google", OAuthPurpose::Login).await;
    let thief = Begun { browser: party.begin("google", OAuthPurpose::Login).await.browser, ..clone(&begun) };
    mismatch(party.back("google", &thief, "c1").await);
    for browser in ["", "x", &"ab".repeat(32)] {
        mismatch(party.back("google", &Begun { browser: browser.to_owned(), ..clone(&begun) }, "c1").await);
    }
    let mut unmarked = callback("google", &begun, "c1");
    unmarked.browser = None;
    assert!(matches!(party.login.complete(unmarked).await, Err(CompleteOAuthError::StateMismatch)));
    let noted = party.world.store.events();
    assert_eq!(noted.len(), 5, "each of them is noted");
    assert!(
        noted.iter().all(|event| event.kind == events::LOGIN_FAILED && event.payload["reason"] == "state_mismatch")
    );
    // None of that has harmed the login that is under way.
    party.back("google", &begun, "c1").await.unwrap();
    mismatch(party.back("google", &begun, "c1").await);
    let begun = party.begin("google", OAuthPurpose::Login).await;
    mismatch(party.back("github", &begun, "c1").await);
    assert_eq!(last_failure(&party), (events::LOGIN_FAILED.to_owned(), json!("state_mismatch")));
    let begun = party.begin("google", OAuthPurpose::Login).await;
    party.world.clock.advance(chrono::Duration::minutes(FLOW_MINUTES));
    mismatch(party.back("google", &begun, "c1").await);
    assert_eq!(last_failure(&party), (events::LOGIN_FAILED.to_owned(), json!("state_expired")));
    let noted = party.world.store.events().len();
    mismatch(party.back("google", &begun, "c1").await);
    assert_eq!(party.world.store.events().len(), noted, "it is gone by now");
    for state in ["", "x", &"0".repeat(100_000)] {
        let forged = Begun { authorize_url: state.to_owned(), ..clone(&begun) };
        mismatch(party.back("google", &forged, "c1").await);
    }
}

/// What was noted last, and why.
fn last_failure(party: &Party) -> (String, Value) {
    let event = party.world.store.events().pop().unwrap();
    (event.kind, event.payload["reason"].clone())
}

/// Who wanted to link is known: it is noted of them.
#[tokio::test]
async fn a_link_that_comes_back_too_late_is_noted_of_who_asked_for_it() {
    let party = Party::new();
    party.google.knows("c1", lin("1"));
    let wei = party.world.user("wei").await;
    let actor = party.world.actor(&party.world.login("wei", PASSWORD).await.unwrap()).await;
    let purpose = OAuthPurpose::Link { user: actor.user_id, session: actor.session_id().unwrap() };
    let begun = party.begin("google", purpose).await;
    party.world.clock.advance(chrono::Duration::minutes(FLOW_MINUTES));
    assert!(matches!(party.back("google", &begun, "c1").await, Err(CompleteOAuthError::StateMismatch)));
    assert_eq!(last_failure(&party), (events::IDENTITY_LINK_FAILED.to_owned(), json!("state_expired")));
    assert_eq!(party.world.store.events().pop().unwrap().actor, Some(wei.id));
    assert!(party.login.list(wei.id).await.unwrap().is_empty());
}

/// Anybody can make up as many states as they like: the log must not be filled by them.
#[tokio::test]
async fn a_state_that_is_not_under_way_is_refused_and_not_noted() {
    let party = Party::new();
    party.google.knows("c1", lin("1"));
    let begun = party.begin("google", OAuthPurpose::Login).await;
    for state in ["", "x", &"ab".repeat(32)] {
        let made_up = Begun { authorize_url: state.to_owned(), ..clone(&begun) };
        for browser in [Some(begun.browser.clone()), None] {
            let callback = Callback { browser, ..callback("google", &made_up, "c1") };
            assert!(matches!(party.login.complete(callback).await, Err(CompleteOAuthError::StateMismatch)));
        }
    }
    party.done("google", &begun, "c1").await.unwrap();
    assert!(matches!(party.back("google", &begun, "c1").await, Err(CompleteOAuthError::StateMismatch)), "come back");
    assert!(!party.kinds().contains(&events::LOGIN_FAILED.to_owned()), "{:?}", party.kinds());
}

fn clone(begun: &Begun) -> Begun {
    Begun { authorize_url: begun.authorize_url.clone(), browser: begun.browser.clone() }
}
