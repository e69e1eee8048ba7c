//! [`sharestack_users::ports::InvitationRepository`] and [`sharestack_users::ports::InvitationQueries`].

use chrono::Duration;
use futures::future::join_all;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::transact;
use sharestack_users::model::{EmailAddress, InvitationId, InvitationStatus, NewInvitation};
use uuid::Uuid;

use super::{Subject, hash, now, user};

fn email(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

fn invitation(number: u8, to: Option<&str>) -> NewInvitation {
    NewInvitation {
        id: InvitationId::new(Uuid::from_u128(number.into())),
        hash: hash(number),
        email: to.map(email),
        created_by: None,
        created_at: now(),
        expires_at: now() + Duration::days(7),
    }
}

async fn invite(subject: &Subject, invitation: &NewInvitation) {
    let done: Result<(), StoreError> = transact!(subject.store, |tx| { tx.invitations().insert(invitation).await });
    done.unwrap();
}

async fn redeem(subject: &Subject, number: u8, by: &str, user: UserId, after: Duration) -> bool {
    let (hash, email, at) = (hash(number), email(by), now() + after);
    let done: Result<Option<InvitationId>, StoreError> =
        transact!(subject.store, |tx| { tx.invitations().redeem(hash, &email, user, at).await });
    let taken = done.unwrap();
    assert!(taken.is_none_or(|taken| taken == invitation(number, None).id), "it says which one was used");
    taken.is_some()
}

/// MUST be used by one of any number of rivals.
pub async fn an_invitation_is_redeemed_once(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    invite(&subject, &invitation(1, None)).await;
    let rivals = (0..8).map(|n| {
        let subject = subject.clone();
        tokio::spawn(async move { redeem(&subject, 1, &format!("rival{n}@example.com"), id, Duration::zero()).await })
    });
    let won: usize = join_all(rivals).await.into_iter().map(|won| usize::from(won.unwrap())).sum();
    assert_eq!(won, 1);
    assert!(!redeem(&subject, 9, "lin@example.com", id, Duration::zero()).await);
}

/// One for an address is for no other, and none is good after its time.
pub async fn an_invitation_is_for_its_address_and_time(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    invite(&subject, &invitation(1, Some("Lin@Example.com"))).await;
    invite(&subject, &invitation(2, None)).await;
    assert!(!redeem(&subject, 1, "wei@example.com", id, Duration::zero()).await);
    assert!(!redeem(&subject, 2, "wei@example.com", id, Duration::days(7)).await);
    assert!(redeem(&subject, 1, "LIN@example.com", id, Duration::zero()).await);
    assert!(redeem(&subject, 2, "wei@example.com", id, Duration::days(7) - Duration::microseconds(1)).await);
}

async fn revoke(subject: &Subject, number: u8, after: Duration) -> bool {
    let (id, at) = (invitation(number, None).id, now() + after);
    let done: Result<bool, StoreError> = transact!(subject.store, |tx| { tx.invitations().revoke(id, at).await });
    done.unwrap()
}

/// MUST leave it so that `redeem` refuses it; what was used, is over or is none stays as it is.
pub async fn a_revoked_invitation_lets_nobody_in(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    for number in 1..=3 {
        invite(&subject, &invitation(number, None)).await;
    }
    assert!(revoke(&subject, 1, Duration::hours(1)).await);
    assert!(!revoke(&subject, 1, Duration::hours(2)).await);
    assert!(!redeem(&subject, 1, "lin@example.com", id, Duration::hours(3)).await);
    assert!(redeem(&subject, 2, "lin@example.com", id, Duration::zero()).await);
    assert!(!revoke(&subject, 2, Duration::zero()).await);
    assert!(!revoke(&subject, 3, Duration::days(7)).await);
    assert!(!revoke(&subject, 9, Duration::zero()).await);
    let view = subject.invitations.find_invitation(invitation(1, None).id).await.unwrap().unwrap();
    assert_eq!((view.revoked_at, view.used_at), (Some(now() + Duration::hours(1)), None));
    let used = subject.invitations.find_invitation(invitation(2, None).id).await.unwrap().unwrap();
    assert_eq!((used.used_at, used.used_by, used.revoked_at), (Some(now()), Some(id), None));
    assert_eq!(subject.invitations.find_invitation(InvitationId::new(Uuid::max())).await.unwrap(), None);
}

/// MUST let one of both succeed.
pub async fn of_who_redeems_and_who_revokes_one_succeeds(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    for number in 1..=8 {
        invite(&subject, &invitation(number, None)).await;
        let (one, other) = (subject.clone(), subject.clone());
        let redeemed = tokio::spawn(async move { redeem(&one, number, "lin@example.com", id, Duration::zero()).await });
        let revoked = tokio::spawn(async move { revoke(&other, number, Duration::zero()).await });
        let (redeemed, revoked) = (redeemed.await.unwrap(), revoked.await.unwrap());
        assert!(redeemed != revoked, "{number}: {redeemed} {revoked}");
        let view = subject.invitations.find_invitation(invitation(number, None).id).await.unwrap().unwrap();
        assert_eq!((view.used_at.is_some(), view.revoked_at.is_some()), (redeemed, revoked));
    }
}

/// Each with what it has become, the newest first.
pub async fn invitations_are_listed_by_what_became_of_them(subject: Subject) {
    let id = user(&subject, 1, &[]).await;
    for number in 1..=5 {
        let made = invitation(number, (number == 5).then_some("Wei@Example.com"));
        let created_at = made.created_at + Duration::seconds(number.into());
        let by = (number == 5).then_some(id);
        let ends = made.expires_at + Duration::days(if number == 3 { -6 } else { 0 });
        invite(&subject, &NewInvitation { created_at, created_by: by, expires_at: ends, ..made }).await;
    }
    assert!(redeem(&subject, 1, "lin@example.com", id, Duration::zero()).await);
    assert!(revoke(&subject, 2, Duration::zero()).await);
    let at = now() + Duration::days(1);
    let listed = async |status, page, limit| {
        let page = PageRequest::try_new(page, limit).unwrap();
        let found = subject.invitations.list_invitations(status, at, page).await.unwrap();
        for view in &found.items {
            assert!(status.is_none_or(|status| view.status(at) == status), "{view:?}");
        }
        (found.total, found.items.iter().map(|view| view.id.get().as_u128()).collect::<Vec<_>>())
    };
    assert_eq!(listed(None, 1, 20).await, (5, vec![5, 4, 3, 2, 1]));
    assert_eq!(listed(None, 2, 2).await, (5, vec![3, 2]));
    for (status, ids) in [
        (InvitationStatus::Pending, vec![5, 4]),
        (InvitationStatus::Used, vec![1]),
        (InvitationStatus::Revoked, vec![2]),
        (InvitationStatus::Expired, vec![3]),
    ] {
        assert_eq!(listed(Some(status), 1, 20).await, (ids.len() as u64, ids), "{status:?}");
    }
    let page = PageRequest::default();
    let all = subject.invitations.list_invitations(None, at, page).await.unwrap().items;
    assert_eq!((all[0].email.as_deref(), all[0].created_by), (Some("wei@example.com"), Some(id)));
    assert_eq!((all[0].created_at, all[1].email.as_deref()), (now() + Duration::seconds(5), None));
}
