//! [`sharestack_kernel::cache::Cache`].

use std::time::Duration;

use super::Subject;

const MINUTE: Duration = Duration::from_mins(1);

/// A value comes back on every node.
pub async fn returns_what_was_set(subject: Subject) {
    subject.one.cache.set("key", b"value", MINUTE).await.unwrap();
    assert_eq!(subject.one.cache.get("key").await.unwrap().unwrap(), b"value");
    assert_eq!(subject.other.cache.get("key").await.unwrap().unwrap(), b"value");
}

/// In the order of the keys, whatever is there of them.
pub async fn returns_several_at_once(subject: Subject) {
    let cache = &subject.one.cache;
    cache.set("a", b"one", MINUTE).await.unwrap();
    cache.set("b:{x}", b"two", MINUTE).await.unwrap();
    cache.set("gone", b"gone", Duration::from_millis(100)).await.unwrap();
    (subject.pass)(Duration::from_millis(110)).await;
    let keys = ["b:{x}", "never", "a", "gone", "a"];
    let found = subject.other.cache.get_many(&keys).await.unwrap();
    let (one, two) = (Some(b"one".to_vec()), Some(b"two".to_vec()));
    assert_eq!(found, [two, None, one.clone(), None, one]);
    assert!(cache.get_many(&[]).await.unwrap().is_empty());
}

/// An unknown key is no error.
pub async fn returns_nothing_that_was_never_set(subject: Subject) {
    assert_eq!(subject.one.cache.get("key").await.unwrap(), None);
}

/// Setting again replaces both.
pub async fn replaces_the_value_and_its_time(subject: Subject) {
    let cache = &subject.one.cache;
    cache.set("key", b"old", Duration::from_millis(100)).await.unwrap();
    cache.set("key", b"new", MINUTE).await.unwrap();
    (subject.pass)(Duration::from_millis(150)).await;
    assert_eq!(cache.get("key").await.unwrap().unwrap(), b"new");
}

/// MUST not return it after `ttl`.
pub async fn never_returns_a_value_after_its_time(subject: Subject) {
    let cache = &subject.one.cache;
    cache.set("key", b"value", Duration::from_millis(100)).await.unwrap();
    (subject.pass)(Duration::from_millis(110)).await;
    assert_eq!(cache.get("key").await.unwrap(), None);
    assert!(!cache.remove("key").await.unwrap());
    cache.set("key", b"value", Duration::ZERO).await.unwrap();
    assert_eq!(cache.get("key").await.unwrap(), None);
}

/// A removed value is gone on every node.
pub async fn remove_says_whether_there_was_a_value(subject: Subject) {
    subject.one.cache.set("key", b"value", MINUTE).await.unwrap();
    assert!(subject.other.cache.remove("key").await.unwrap());
    assert!(!subject.other.cache.remove("key").await.unwrap());
    assert_eq!(subject.one.cache.get("key").await.unwrap(), None);
}

/// Values are bytes, keys are any text.
pub async fn keeps_every_byte(subject: Subject) {
    let value: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    for key in ["空 格:*?[x]\n", "", "a:b"] {
        subject.one.cache.set(key, &value, MINUTE).await.unwrap();
        assert_eq!(subject.one.cache.get(key).await.unwrap().unwrap(), value);
    }
}

/// A store that stands answers.
pub async fn ping_answers(subject: Subject) {
    subject.one.cache.ping().await.unwrap();
}
