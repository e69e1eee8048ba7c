//! [`sharestack_users::ports::SettingsRepository`] and [`sharestack_users::ports::SettingsQueries`].

use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;
use sharestack_users::model::{
    Consent, ConsentEntry, ConsentKind, Language, NotificationPreferences, Privacy, TimeZone, UserSettings,
};
use uuid::Uuid;

use super::{Subject, now, user};

async fn save(subject: &Subject, user: UserId, settings: UserSettings) -> UserSettings {
    let done: Result<_, StoreError> = transact!(subject.store, |tx| {
        tx.settings().save(user, &settings, now()).await?;
        tx.settings().find(user).await
    });
    done.unwrap()
}

fn entry(user_id: UserId, number: u128, granted: bool) -> ConsentEntry {
    ConsentEntry {
        id: Uuid::from_u128(number),
        user_id,
        consent: Consent { kind: ConsentKind::PrivacyPolicy, version: "第 2 版".to_owned(), granted },
        at: now() + chrono::Duration::seconds(i64::try_from(number).unwrap()),
        address: number.is_multiple_of(2).then(|| "2001:db8::1".parse().unwrap()),
    }
}

/// Those of a new user when nothing was ever set; each field, also when it is set again.
pub async fn settings_are_kept_as_they_are(subject: Subject) {
    let (one, two) = (user(&subject, 1, &[]).await, user(&subject, 2, &[]).await);
    assert_eq!(subject.settings.find_settings(one).await.unwrap(), UserSettings::default());
    let all = UserSettings {
        language: Some(Language::ZhCn),
        time_zone: TimeZone::parse("Asia/Shanghai").unwrap(),
        privacy: Privacy { show_email: true, show_followers: false, show_following: false, searchable: false },
        notifications: NotificationPreferences { email: false, marketing: true },
    };
    assert_eq!(save(&subject, one, all).await, all);
    assert_eq!(subject.settings.find_settings(one).await.unwrap(), all);
    assert_eq!(save(&subject, one, UserSettings::default()).await, UserSettings::default());
    assert_eq!(subject.settings.find_settings(two).await.unwrap(), UserSettings::default());
}

/// MUST leave alone what it holds; the newest first.
pub async fn the_consent_log_only_grows(subject: Subject) {
    let (one, two) = (user(&subject, 1, &[]).await, user(&subject, 2, &[]).await);
    let entries = [entry(one, 1, true), entry(one, 2, false), entry(two, 3, true)];
    let kept: Result<(), StoreError> = transact!(subject.store, |tx| {
        for entry in &entries {
            tx.settings().append_consent(entry).await?;
        }
        Ok(())
    });
    kept.unwrap();
    let log = subject.settings.list_consents(one, 10).await.unwrap();
    assert_eq!(log, [entries[1].clone(), entries[0].clone()]);
    assert_eq!(subject.settings.list_consents(one, 1).await.unwrap(), entries[1..2]);
    let twice: Result<(), StoreError> =
        transact!(subject.store, |tx| { tx.settings().append_consent(&entry(one, 1, false)).await });
    assert!(twice.is_err());
    assert_eq!(subject.settings.list_consents(one, 10).await.unwrap(), log);
}
