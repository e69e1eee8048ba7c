//! A proof and its session are of one transaction: whoever ends all sessions of a user comes
//! before both, and the proof is looked at then, or after both.

use super::codes::{Codes, mail};
use super::passkeys::{add, answer, passkeys};
use super::third_party::{Party, lin};
use super::*;
use crate::model::Purpose;

#[tokio::test]
async fn a_code_and_its_session_are_one() {
    let codes = Codes::new();
    codes.world.user("lin").await;
    let contact = mail("lin@example.com");
    let code = codes.sent_code(&contact, Purpose::Login).await;
    let before = codes.world.store.commits();
    codes.recovery.login(contact, code, Client::default(), "en").await.unwrap();
    assert_eq!(codes.world.store.commits() - before, 1);
}

#[tokio::test]
async fn a_passkey_and_its_session_are_one() {
    let world = World::new();
    let passkeys = passkeys(&world);
    let lin = world.user("lin").await.id;
    add(&passkeys, lin, "laptop").await.unwrap();
    let asserted = answer(&passkeys, "laptop", 1).await;
    let before = world.store.commits();
    passkeys.login(&asserted, Client::default()).await.unwrap();
    assert_eq!(world.store.commits() - before, 1);
}

#[tokio::test]
async fn a_second_proof_and_its_session_are_one() {
    let world = World::new();
    let lin = own(world.user("lin").await.id);
    world.factors.enrol(&lin).await.unwrap();
    world.factors.confirm(&lin, &PlainTotp::code(world.clock.now())).await.unwrap();
    world.clock.advance(chrono::Duration::seconds(30));
    let login = Login { name: "lin".to_owned(), password: PASSWORD.into(), client: Client::default() };
    let SignIn::SecondFactor(needed) = world.sessions.login(login).await.unwrap() else { panic!("it asks for none") };
    let before = world.store.commits();
    let (token, code) = (needed.mfa_token.expose_secret(), PlainTotp::code(world.clock.now()));
    let asked = world.factors.reserve(token).await.unwrap();
    assert_eq!(asked.user(), lin.user_id);
    world.factors.verify(&asked, &code, Client::default()).await.unwrap();
    // One takes the try, before anything is compared; the other all the rest.
    assert_eq!(world.store.commits() - before, 2);
}

#[tokio::test]
async fn an_identity_and_its_session_are_one() {
    let party = Party::new();
    party.google.knows("c1", lin("1"));
    // It goes out and comes back; who is new is looked for first.
    for commits in [4, 3] {
        let before = party.world.store.commits();
        party.come_in("google", "c1").await.unwrap();
        assert_eq!(party.world.store.commits() - before, commits);
    }
}
