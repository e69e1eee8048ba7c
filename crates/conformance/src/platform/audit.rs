//! [`sharestack_platform::ports::AuditStore`].

use chrono::{DateTime, Duration, Utc};
use futures::future::join_all;
use serde_json::json;
use sharestack_kernel::id::UserId;
use sharestack_platform::model::{AuditEntry, AuditFilter, AuditId, AuditResult};
use uuid::Uuid;

use super::Subject;

fn now() -> DateTime<Utc> {
    crate::far_ahead()
}

/// The `n`-th entry, `n` seconds later than the 0th.
fn entry(n: u8) -> AuditEntry {
    AuditEntry {
        id: AuditId::new(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | (u128::from(n) << 64))),
        occurred_at: now() + Duration::seconds(i64::from(n)),
        actor: Some(UserId::new(7)),
        action: "user.login".to_owned(),
        target_type: "user".to_owned(),
        target_id: Some("42".to_owned()),
        result: AuditResult::Success,
        ip: Some("2001:db8::1".to_owned()),
        user_agent: Some("测试/1.0 '; --".to_owned()),
        request_id: Some("req_1".to_owned()),
        details: json!({ "before": ["user"], "after": ["editor", "😀"] }),
    }
}

async fn list<T: ?Sized>(subject: &Subject<T>, filter: &AuditFilter) -> Vec<AuditId> {
    let found = subject.audit.list(filter, None, 100).await.unwrap();
    found.into_iter().map(|entry| entry.id).collect()
}

/// With and without what may be missing.
pub async fn an_entry_is_found_as_it_was_kept<T: ?Sized>(subject: Subject<T>) {
    let bare = AuditEntry {
        actor: None,
        target_id: None,
        result: AuditResult::Failure,
        ip: None,
        user_agent: None,
        request_id: None,
        details: json!(null),
        ..entry(2)
    };
    for kept in [&entry(1), &bare] {
        subject.audit.append(kept).await.unwrap();
        assert_eq!(subject.audit.find(kept.id).await.unwrap().as_ref(), Some(kept));
    }
    assert_eq!(subject.audit.find(entry(3).id).await.unwrap(), None);
}

/// MUST keep one entry an id: the first, also when many come at once.
pub async fn an_entry_is_kept_once<T: ?Sized>(subject: Subject<T>) {
    let rivals = (0..20).map(|_| {
        let store = subject.audit.clone();
        tokio::spawn(async move { store.append(&entry(1)).await.unwrap() })
    });
    for rival in join_all(rivals).await {
        rival.unwrap();
    }
    subject.audit.append(&AuditEntry { action: "user.other".to_owned(), ..entry(1) }).await.unwrap();
    assert_eq!(subject.audit.list(&AuditFilter::default(), None, 100).await.unwrap(), [entry(1)]);
}

/// MUST begin right after `after`, whatever is added meanwhile.
pub async fn a_reader_who_goes_on_sees_every_entry_once<T: ?Sized>(subject: Subject<T>) {
    for n in [3, 1, 5, 2, 4] {
        subject.audit.append(&entry(n)).await.unwrap();
    }
    let (mut seen, mut after) = (Vec::new(), None);
    for round in 0..4 {
        let page = subject.audit.list(&AuditFilter::default(), after, 2).await.unwrap();
        after = page.last().map(|entry| entry.id).or(after);
        seen.extend(page);
        subject.audit.append(&entry(10 + round)).await.unwrap();
    }
    assert_eq!(seen, [5, 4, 3, 2, 1].map(entry));
}

/// All that fit every part, and no others.
pub async fn entries_are_filtered<T: ?Sized>(subject: Subject<T>) {
    let others = [
        AuditEntry { actor: Some(UserId::new(8)), ..entry(2) },
        AuditEntry { action: "user.login_failed".to_owned(), result: AuditResult::Failure, ..entry(3) },
        AuditEntry { target_type: "role".to_owned(), ..entry(4) },
        AuditEntry { target_id: Some("43".to_owned()), ..entry(5) },
        AuditEntry { ip: Some("192.0.2.1".to_owned()), actor: None, ..entry(6) },
    ];
    for kept in [&entry(1)].into_iter().chain(&others) {
        subject.audit.append(kept).await.unwrap();
    }
    let text = |text: &str| Some(text.to_owned());
    let any = AuditFilter::default;
    for (filter, found) in [
        (AuditFilter { actor: Some(UserId::new(8)), ..any() }, vec![2]),
        (AuditFilter { action: text("user.login_failed"), ..any() }, vec![3]),
        (AuditFilter { result: Some(AuditResult::Failure), ..any() }, vec![3]),
        (AuditFilter { target_type: text("role"), ..any() }, vec![4]),
        (AuditFilter { target_type: text("user"), target_id: text("43"), ..any() }, vec![5]),
        (AuditFilter { ip: text("192.0.2.1"), ..any() }, vec![6]),
        (AuditFilter { ip: text("192.0.2.1"), actor: Some(UserId::new(7)), ..any() }, vec![]),
        (AuditFilter { from: Some(entry(5).occurred_at), ..any() }, vec![6, 5]),
        (AuditFilter { to: Some(entry(3).occurred_at), ..any() }, vec![2, 1]),
        (AuditFilter { from: Some(entry(2).occurred_at), to: Some(entry(3).occurred_at), ..any() }, vec![2]),
        (AuditFilter { action: text("' OR 1=1 --"), ..any() }, vec![]),
    ] {
        let found: Vec<_> = found.into_iter().map(|n| entry(n).id).collect();
        assert_eq!(list(&subject, &filter).await, found, "{filter:?}");
    }
    assert_eq!(list(&subject, &any()).await.len(), 6);
}
