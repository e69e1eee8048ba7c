//! [`sharestack_users::ports::CodeRepository`] and its neighbours.

use std::sync::Arc;

use chrono::Duration;
use futures::future::join_all;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::patch::Patch;
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;
use sharestack_users::error::InsertAccountError;
use sharestack_users::model::{
    AccountChange, CodeHash, CodePolicy, CodeState, CodeSubject, Contact, EmailAddress, LiveCode, Phone, PhoneNumber,
    ProvenContact, Purpose, TokenHash,
};
use sharestack_users::ports::{Holder, UsersTx};

use super::{Subject, hash, now, user};

fn subject_of(number: u8) -> CodeSubject {
    CodeSubject::new([number; 32])
}

fn email(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

fn phone(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text, "86").unwrap()
}

fn state() -> CodeState {
    CodeState {
        code: Some(LiveCode { hash: CodeHash::new([7; 32]), expires_at: now() + Duration::minutes(10) }),
        sent: vec![now() - Duration::hours(1), now()],
        failed: vec![now() - Duration::microseconds(1)],
    }
}

/// Holds, then replaces what is there or remembers what is new.
async fn keep(tx: &mut dyn UsersTx, of: &CodeSubject, state: &CodeState, is_known: bool) -> Result<(), StoreError> {
    if is_known { tx.codes().update(of, state, now()).await } else { tx.codes().insert(of, state, now()).await }
}

async fn save(subject: &Subject, of: &CodeSubject, state: &CodeState) {
    let saved: Result<(), StoreError> = transact!(subject.store, |tx| {
        let is_known = tx.codes().hold(of).await?.is_some();
        keep(tx, of, state, is_known).await
    });
    saved.unwrap();
}

async fn held(subject: &Subject, of: &CodeSubject) -> Option<CodeState> {
    let held: Result<_, StoreError> = transact!(subject.store, |tx| { tx.codes().hold(of).await });
    held.unwrap()
}

/// To the microsecond, and each subject for itself.
pub async fn what_is_remembered_reads_back(subject: Subject) {
    let of = subject_of(1);
    assert_eq!(held(&subject, &of).await, None);
    save(&subject, &of, &state()).await;
    assert_eq!(held(&subject, &of).await, Some(state()));
    assert_eq!(held(&subject, &subject_of(2)).await, None);
    save(&subject, &of, &state()).await;
    let used = CodeState { code: None, failed: Vec::new(), ..state() };
    save(&subject, &of, &used).await;
    assert_eq!(held(&subject, &of).await, Some(used));
}

/// Of any number of rivals, each sees what the one before it has left; also when none was
/// there before.
pub async fn rivals_see_what_the_one_before_them_left(subject: Subject) {
    let of = subject_of(1);
    let tries = (0..8).map(|_| {
        let (subject, of) = (subject.clone(), of.clone());
        tokio::spawn(async move {
            // The runner tries eight times; eight rivals may need some more.
            loop {
                let done: Result<(), StoreError> = transact!(subject.store, |tx| {
                    let held = tx.codes().hold(&of).await?;
                    let is_known = held.is_some();
                    let mut state = held.unwrap_or_default();
                    state.failed.push(now());
                    keep(tx, &of, &state, is_known).await
                });
                match done {
                    Ok(()) => break,
                    Err(error) => assert!(error.is_transient(), "{error:?}"),
                }
            }
        })
    });
    for done in join_all(tries).await {
        done.unwrap();
    }
    assert_eq!(held(&subject, &of).await.unwrap().failed.len(), 8);
}

fn proven(number: u8, contact: Contact) -> ProvenContact {
    ProvenContact { hash: hash(number), purpose: Purpose::Reset, contact, expires_at: now() + Duration::minutes(10) }
}

async fn take(subject: &Subject, hash: TokenHash, at: chrono::DateTime<chrono::Utc>) -> Option<ProvenContact> {
    let taken: Result<_, StoreError> = transact!(subject.store, |tx| { tx.codes().take_proven(hash, at).await });
    taken.unwrap()
}

async fn insert_proven(subject: &Subject, proven: &ProvenContact) {
    let done: Result<(), StoreError> = transact!(subject.store, |tx| { tx.codes().insert_proven(proven).await });
    done.unwrap();
}

/// MUST give it to one of any number of rivals.
pub async fn a_proven_address_is_taken_once(subject: Subject) {
    let mail = proven(1, Contact::Email(email("lin@example.com")));
    let sms = proven(2, Contact::Phone(phone("13800138000")));
    for one in [&mail, &sms] {
        insert_proven(&subject, one).await;
    }
    assert_eq!(take(&subject, sms.hash, now()).await, Some(sms.clone()));
    let rivals = (0..8).map(|_| {
        let (subject, hash) = (subject.clone(), mail.hash);
        tokio::spawn(async move { take(&subject, hash, now()).await })
    });
    let taken: Vec<_> = join_all(rivals).await.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(taken, [mail]);
    assert_eq!(take(&subject, hash(9), now()).await, None);
}

/// MUST leave it there when the transaction is undone; after its time there is none.
pub async fn a_proven_address_outlives_what_is_undone_but_not_its_time(subject: Subject) {
    let mail = proven(1, Contact::Email(email("lin@example.com")));
    insert_proven(&subject, &mail).await;
    let undone: Result<(), StoreError> = transact!(subject.store, |tx| {
        tx.codes().take_proven(mail.hash, now()).await?.unwrap();
        Err(StoreError::Internal("undone".into()))
    });
    assert!(undone.is_err());
    assert_eq!(take(&subject, mail.hash, mail.expires_at).await, None);
    insert_proven(&subject, &proven(2, mail.contact.clone())).await;
    assert!(take(&subject, hash(2), mail.expires_at - Duration::microseconds(1)).await.is_some());
}

/// What is touched or lasts stays.
pub async fn pruning_forgets_what_is_old_alone(subject: Subject) {
    save(&subject, &subject_of(1), &state()).await;
    let mail = proven(1, Contact::Email(email("lin@example.com")));
    insert_proven(&subject, &mail).await;
    assert_eq!(subject.codes.prune_codes(now(), 100).await.unwrap(), 0);
    assert_eq!(subject.codes.prune_codes(now() + Duration::microseconds(1), 100).await.unwrap(), 1);
    assert_eq!(held(&subject, &subject_of(1)).await, None);
    assert_eq!(subject.codes.prune_codes(mail.expires_at + Duration::microseconds(1), 100).await.unwrap(), 1);
}

async fn holder(subject: &Subject, contact: &Contact) -> Option<Holder> {
    let inside: Result<_, StoreError> = transact!(subject.store, |tx| { tx.contacts().find_holder(contact).await });
    let (inside, outside) = (inside.unwrap(), subject.contacts.find_by_contact(contact).await.unwrap());
    assert_eq!(inside, outside);
    inside
}

/// In any form; whether it was proven is told.
pub async fn an_address_is_found_with_its_holder(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    let contact = Contact::Email(email("USER1@example.com"));
    assert_eq!(holder(&subject, &contact).await, Some(Holder { user_id: id, is_verified: false }));
    let verify = async || -> bool {
        let done: Result<bool, StoreError> =
            transact!(subject.store, |tx| { tx.contacts().set_verified(id, now()).await });
        done.unwrap()
    };
    assert!(verify().await);
    assert!(!verify().await);
    assert_eq!(holder(&subject, &contact).await, Some(Holder { user_id: id, is_verified: true }));
    assert!(subject.accounts.find_by_id(id).await.unwrap().unwrap().is_verified);
    (subject.disable)(id).await;
    assert!(holder(&subject, &contact).await.is_some());
    assert_eq!(holder(&subject, &Contact::Email(email("nobody@example.com"))).await, None);
    assert_eq!(holder(&subject, &Contact::Phone(phone("13800138000"))).await, None);
}

async fn set_phone(subject: &Subject, user: UserId, number: &PhoneNumber) {
    let done: Result<(), StoreError> =
        transact!(subject.store, |tx| { tx.contacts().set_phone(user, number, now()).await });
    done.unwrap();
}

/// A number is one user's, and changes hands; a user has one.
pub async fn a_number_belongs_to_who_proved_it_last(subject: Subject) {
    let (lin, wei) = (user(&subject, 1, &[]).await, user(&subject, 2, &[]).await);
    let (first, second) = (phone("13800138000"), phone("13900139000"));
    set_phone(&subject, lin, &first).await;
    set_phone(&subject, lin, &first).await;
    let of = |number: &PhoneNumber| Contact::Phone(number.clone());
    assert_eq!(holder(&subject, &of(&first)).await, Some(Holder { user_id: lin, is_verified: true }));
    set_phone(&subject, wei, &first).await;
    assert_eq!(holder(&subject, &of(&first)).await.unwrap().user_id, wei);
    set_phone(&subject, wei, &second).await;
    assert_eq!(holder(&subject, &of(&first)).await, None);
    let shown = subject.accounts.find_by_id(wei).await.unwrap().unwrap().phone;
    assert_eq!(shown.as_deref(), Some("+8613900139000"));
}

/// Who shows another number, or none, has given up the one that they had proven.
pub async fn a_number_that_is_no_longer_shown_is_nobodys(subject: Subject) {
    let (lin, number) = (user(&subject, 1, &[]).await, phone("13800138000"));
    let show = async |shown: Patch<Phone>| {
        let change = AccountChange { phone: shown, ..AccountChange::default() };
        let done: Result<(), InsertAccountError> = transact!(subject.store, |tx| {
            tx.accounts().hold(lin).await?;
            tx.edits().change(lin, &change, now()).await
        });
        done.unwrap();
    };
    for shown in [Patch::Set(Phone::parse("+8613900139000").unwrap()), Patch::Clear] {
        set_phone(&subject, lin, &number).await;
        assert!(holder(&subject, &Contact::Phone(number.clone())).await.is_some());
        show(shown).await;
        assert_eq!(holder(&subject, &Contact::Phone(number.clone())).await, None);
    }
}

/// Returns whether they had; MUST leave other users' alone.
pub async fn a_number_that_is_forgotten_is_nobodys(subject: Subject) {
    let (lin, wei) = (user(&subject, 1, &[]).await, user(&subject, 2, &[]).await);
    let (first, second) = (phone("13800138000"), phone("13900139000"));
    set_phone(&subject, lin, &first).await;
    set_phone(&subject, wei, &second).await;
    for forgotten in [true, false] {
        let done: Result<bool, StoreError> = transact!(subject.store, |tx| { tx.contacts().forget_phone(lin).await });
        assert_eq!(done.unwrap(), forgotten);
        assert_eq!(holder(&subject, &Contact::Phone(first.clone())).await, None);
    }
    assert_eq!(holder(&subject, &Contact::Phone(second)).await.unwrap().user_id, wei);
    let shown = subject.accounts.find_by_id(lin).await.unwrap().unwrap().phone;
    assert_eq!(shown.as_deref(), Some("+8613800138000"), "the profile is as it was");
}

#[derive(Debug, Clone)]
enum Step {
    Send,
    Try(bool),
    Wait(i64),
}

/// Whatever is sent, tried and waited for, in any order and from many at once: the store
/// holds what the rule says, and no more wrong codes are tried than the rule allows.
pub async fn any_sequence_of_sends_tries_and_waits_agrees_with_the_rule(subject: Subject) {
    codes_agree_with_the_rule(subject.store).await;
}

/// The same for a store that has no more than transactions.
pub async fn codes_agree_with_the_rule(store: Arc<dyn Begin<dyn UsersTx>>) {
    let wait = prop_oneof![Just(59), Just(60), Just(599), Just(600), Just(3600), Just(86_400), 0..90_000_i64];
    let step = prop_oneof![
        3 => Just(Step::Send),
        3 => any::<bool>().prop_map(Step::Try),
        2 => wait.prop_map(Step::Wait)
    ];
    let steps = prop::collection::vec(step, 30);
    let (mut runner, policy) = (TestRunner::default(), CodePolicy::default());
    for round in 0..12 {
        let steps = steps.new_tree(&mut runner).unwrap().current();
        let (of, mut rule, mut at) = (subject_of(round), CodeState::default(), now());
        for (place, step) in steps.iter().enumerate() {
            let number = u8::try_from(place).unwrap();
            match step {
                Step::Wait(seconds) => at += Duration::seconds(*seconds),
                Step::Send => {
                    let expected = rule.send(CodeHash::new([number; 32]), at, &policy);
                    let done: Result<_, StoreError> = transact!(store, |tx| {
                        let held = tx.codes().hold(&of).await?;
                        let is_known = held.is_some();
                        let mut state = held.unwrap_or_default();
                        let done = state.send(CodeHash::new([number; 32]), at, &policy);
                        if done.is_ok() {
                            keep(tx, &of, &state, is_known).await?;
                        }
                        Ok(done)
                    });
                    assert_eq!(done.unwrap(), expected, "step {place} of {steps:?}");
                }
                Step::Try(right) => {
                    let live = rule.code.as_ref().map(|code| code.hash);
                    let claimed = live.filter(|_| *right).unwrap_or(CodeHash::new([255; 32]));
                    let expected = rule.verify(claimed, at, &policy);
                    let done: Result<_, StoreError> = transact!(store, |tx| {
                        let held = tx.codes().hold(&of).await?;
                        let is_known = held.is_some();
                        let mut state = held.unwrap_or_default();
                        let verdict = state.verify(claimed, at, &policy);
                        keep(tx, &of, &state, is_known).await?;
                        Ok(verdict)
                    });
                    assert_eq!(done.unwrap(), expected, "step {place} of {steps:?}");
                }
            }
        }
    }
    guesses_at_once(store, &policy).await;
}

/// Twenty who guess at once are three.
async fn guesses_at_once(store: Arc<dyn Begin<dyn UsersTx>>, policy: &CodePolicy) {
    let (of, policy) = (subject_of(200), Arc::new(*policy));
    let mut state = CodeState::default();
    state.send(CodeHash::new([1; 32]), now(), &policy).unwrap();
    let saved: Result<(), StoreError> = transact!(store, |tx| {
        tx.codes().hold(&of).await?;
        keep(tx, &of, &state, false).await
    });
    saved.unwrap();
    let guesses = (0..20).map(|_| {
        let (store, of, policy) = (store.clone(), of.clone(), policy.clone());
        tokio::spawn(async move {
            loop {
                let done: Result<_, StoreError> = transact!(store, |tx| {
                    let mut state = tx.codes().hold(&of).await?.unwrap();
                    let verdict = state.verify(CodeHash::new([2; 32]), now(), &policy);
                    keep(tx, &of, &state, true).await?;
                    Ok(verdict)
                });
                match done {
                    Ok(verdict) => break verdict,
                    Err(error) => assert!(error.is_transient(), "{error:?}"),
                }
            }
        })
    });
    let verdicts: Vec<_> = join_all(guesses).await.into_iter().map(Result::unwrap).collect();
    let counted = verdicts.iter().filter(|one| matches!(one, sharestack_users::model::Verdict::Wrong { .. }));
    assert_eq!(counted.count(), 3, "{verdicts:?}");
}
