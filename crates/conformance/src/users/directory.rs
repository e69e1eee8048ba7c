//! [`sharestack_users::ports::Directory`].

use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::transact;
use sharestack_users::model::{
    BuiltInRole, DisplayName, Privacy, RoleName, SearchText, UserFilter, UserRef, UserSettings,
};

use super::{Subject, account, insert, now, user};

async fn named(subject: &Subject, id: i64, username: &str, display_name: &str) -> UserId {
    let mut new = account(id, username, &format!("mail{id}@example.com"));
    new.profile.display_name = DisplayName::parse(display_name).ok();
    insert(subject, &new).await.unwrap();
    new.id
}

async fn save(subject: &Subject, user: UserId, privacy: Privacy) {
    let settings = UserSettings { privacy, ..UserSettings::default() };
    let done: Result<(), StoreError> =
        transact!(subject.store, |tx| { tx.settings().save(user, &settings, now()).await });
    done.unwrap();
}

async fn delete(subject: &Subject, id: UserId) {
    let done: Result<(), StoreError> = transact!(subject.store, |tx| { tx.edits().delete(id, now()).await });
    done.unwrap();
}

async fn list(subject: &Subject, filter: &UserFilter, page: PageRequest) -> (u64, Vec<i64>) {
    let page = subject.directory.list(filter, page).await.unwrap();
    (page.total, page.items.iter().map(|user| user.id.get()).collect())
}

async fn search(subject: &Subject, text: &str, page: PageRequest) -> (u64, Vec<String>) {
    let page = subject.directory.search(&SearchText::parse(text).unwrap(), page).await.unwrap();
    (page.total, page.items.into_iter().map(|profile| profile.username).collect())
}

/// The newest first; MUST return as `total` how many there are over all pages.
pub async fn the_list_is_filtered_and_counted(subject: Subject) {
    for id in 1..=5 {
        user(&subject, id, if id % 2 == 0 { &[BuiltInRole::Editor, BuiltInRole::User] } else { &[BuiltInRole::User] })
            .await;
    }
    (subject.disable)(UserId::new(4)).await;
    delete(&subject, UserId::new(5)).await;
    let all = UserFilter::default();
    assert_eq!(list(&subject, &all, PageRequest::default()).await, (4, vec![4, 3, 2, 1]));
    assert_eq!(list(&subject, &all, PageRequest::try_new(2, 3).unwrap()).await, (4, vec![1]));
    assert_eq!(list(&subject, &all, PageRequest::try_new(9, 3).unwrap()).await, (4, vec![]));
    let editors = UserFilter { role: Some(RoleName::parse("editor").unwrap()), ..all.clone() };
    assert_eq!(list(&subject, &editors, PageRequest::default()).await, (2, vec![4, 2]));
    let inactive = UserFilter { active: Some(false), ..editors.clone() };
    assert_eq!(list(&subject, &inactive, PageRequest::default()).await, (1, vec![4]));
    let active = UserFilter { active: Some(true), ..all.clone() };
    assert_eq!(list(&subject, &active, PageRequest::default()).await, (3, vec![3, 2, 1]));
    let roles = subject.directory.list(&editors, PageRequest::default()).await.unwrap().items;
    assert!(roles.iter().all(|user| user.roles == ["editor", "user"] && user.permissions.grants("photo.update")));
}

/// In username, address and name, as it stands: `%` and `_` are letters.
pub async fn the_list_is_searched_as_the_text_stands(subject: Subject) {
    named(&subject, 1, "lin_wei", "100% 林").await;
    named(&subject, 2, "linxwei", "林小红").await;
    let find = async |text: &str| {
        let filter = UserFilter { search: Some(SearchText::parse(text).unwrap()), ..UserFilter::default() };
        list(&subject, &filter, PageRequest::default()).await.1
    };
    assert_eq!(find("IN_W").await, [1]);
    assert_eq!(find("0%").await, [1]);
    assert_eq!(find("%").await, [1]);
    assert_eq!(find("小红").await, [2]);
    assert_eq!(find("mail2@").await, [2]);
    assert_eq!(find("林").await, [2, 1]);
    assert!(find("!").await.is_empty());
    assert!(find("' OR 1=1 --").await.is_empty());
}

/// Whose username is the text comes first, then whose username or name begins with it.
pub async fn exact_names_come_first_then_beginnings(subject: Subject) {
    named(&subject, 1, "berlin", "x").await;
    named(&subject, 2, "linwei", "x").await;
    named(&subject, 3, "zoe", "Linda").await;
    named(&subject, 4, "lin", "x").await;
    named(&subject, 5, "abc", "林小红").await;
    let all = PageRequest::default();
    let expected = ["lin", "linwei", "zoe", "berlin"].map(String::from).to_vec();
    assert_eq!(search(&subject, "ＬＩＮ", all).await, (4, expected.clone()));
    let page = PageRequest::try_new(2, 3).unwrap();
    assert_eq!(search(&subject, "lin", page).await, (4, expected[3..].to_vec()));
    assert_eq!(search(&subject, "li", all).await.0, 3, "two letters are a beginning");
    assert_eq!(search(&subject, "红", all).await.1, ["abc"]);
    assert_eq!(search(&subject, "l%n", all).await.0, 0);
    assert_eq!(search(&subject, "li_", all).await.0, 0);
    assert_eq!(search(&subject, "nobody", all).await, (0, vec![]));
}

/// MUST leave out who is inactive, deleted, or does not want to be found.
pub async fn who_is_not_to_be_found_is_not(subject: Subject) {
    for (id, name) in [(1, "lin_a"), (2, "lin_b"), (3, "lin_c"), (4, "lin_d")] {
        named(&subject, id, name, "Lin").await;
    }
    (subject.disable)(UserId::new(1)).await;
    delete(&subject, UserId::new(2)).await;
    save(&subject, UserId::new(3), Privacy { searchable: false, ..Privacy::default() }).await;
    save(&subject, UserId::new(4), Privacy { show_email: true, ..Privacy::default() }).await;
    assert_eq!(search(&subject, "lin", PageRequest::default()).await, (1, vec!["lin_d".to_owned()]));
    let find = async |id| subject.directory.find_public(&UserRef::Id(UserId::new(id), None)).await.unwrap();
    assert!(find(1).await.is_none() && find(2).await.is_none() && find(999).await.is_none());
    assert!(find(3).await.is_some());
}

/// MUST hide the address of who does not show it.
pub async fn a_profile_shows_what_its_owner_shows(subject: Subject) {
    let id = named(&subject, 1, "lin", "林").await;
    let find = async || subject.directory.find_public(&UserRef::Id(id, None)).await.unwrap().unwrap();
    let profile = find().await;
    assert_eq!((profile.email, profile.show_followers, profile.show_following), (None, true, true));
    assert_eq!((profile.display_name.as_deref(), profile.created_at), (Some("林"), now()));
    let privacy = Privacy { show_email: true, show_followers: false, show_following: false, searchable: true };
    save(&subject, id, privacy).await;
    let profile = find().await;
    assert_eq!(profile.email.as_deref(), Some("mail1@example.com"));
    assert!(!profile.show_followers && !profile.show_following);
}

/// Of an id and a username that are both digits, MUST prefer the id.
pub async fn digits_are_an_id_first(subject: Subject) {
    named(&subject, 2026, "first", "x").await;
    named(&subject, 7, "2026", "x").await;
    named(&subject, 8, "2027", "x").await;
    let find = async |text: &str| {
        let found = subject.directory.find_public(&UserRef::parse(text).unwrap()).await.unwrap();
        found.map(|profile| profile.id.get())
    };
    assert_eq!(find("2026").await, Some(2026));
    assert_eq!(find("2027").await, Some(8));
    assert_eq!(find("FIRST").await, Some(2026));
    assert_eq!(find("nobody").await, None);
}

/// By id, behind `after`.
pub async fn holders_come_in_pages(subject: Subject) {
    for id in 1..=3 {
        user(&subject, id, &[BuiltInRole::Editor]).await;
    }
    let role = BuiltInRole::Editor.id();
    let first = subject.directory.holders(role, None, 2).await.unwrap();
    assert_eq!(first, [UserId::new(1), UserId::new(2)]);
    assert_eq!(subject.directory.holders(role, first.last().copied(), 2).await.unwrap(), [UserId::new(3)]);
    assert!(subject.directory.holders(BuiltInRole::Finance.id(), None, 2).await.unwrap().is_empty());
}
