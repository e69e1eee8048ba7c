use std::sync::Arc;
use std::time::Duration;

use sharestack_kernel::cache::Cache;
use sharestack_kernel::clock::Clock;
use sharestack_kernel::random::Randomness;

use crate::error::CacheAdminError;
use crate::model::{CacheKey, Entry, NewEntry};

/// The operators' own entries in the shared cache, in a key space of their own: nobody
/// reads a session, a code or a counter through it.
#[derive(Clone)]
pub struct CacheAdmin {
    cache: Arc<dyn Cache>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
}

impl CacheAdmin {
    /// Over a cache that says when it fails.
    pub fn new(cache: Arc<dyn Cache>, clock: Arc<dyn Clock>, randomness: Arc<dyn Randomness>) -> Self {
        Self { cache, clock, randomness }
    }

    /// Writes a value, reads it, and removes it.
    ///
    /// # Errors
    /// When any of that failed, or another value came back.
    pub async fn test(&self) -> Result<(), CacheAdminError> {
        let value = self.randomness.token();
        let key = format!("admin-test:{}", hex::encode(&value[..16]));
        self.cache.set(&key, &value, Duration::from_mins(1)).await?;
        let found = self.cache.get(&key).await?;
        let removed = self.cache.remove(&key).await?;
        if found.as_deref() != Some(value.as_slice()) || !removed {
            return Err(CacheAdminError::Corrupt);
        }
        Ok(())
    }

    /// The entry of a key.
    ///
    /// # Errors
    /// When there is none, or the cache failed.
    pub async fn find(&self, key: &CacheKey) -> Result<Entry, CacheAdminError> {
        let found = self.cache.get(&own(key)).await?;
        let bytes = found.ok_or_else(|| CacheAdminError::NotFound(key.as_str().to_owned()))?;
        serde_json::from_slice(&bytes).map_err(|_| CacheAdminError::Corrupt)
    }

    /// Keeps an entry, in place of one that is there.
    ///
    /// # Errors
    /// When the cache failed.
    pub async fn put(&self, key: &CacheKey, new: NewEntry) -> Result<Entry, CacheAdminError> {
        let ttl = chrono::Duration::from_std(new.ttl).unwrap_or_default();
        let entry = Entry { data: new.data, expires_at: self.clock.now() + ttl };
        let bytes = serde_json::to_vec(&entry).map_err(|_| CacheAdminError::Corrupt)?;
        self.cache.set(&own(key), &bytes, new.ttl).await?;
        Ok(entry)
    }

    /// Removes the entry of a key.
    ///
    /// # Errors
    /// When there is none, or the cache failed.
    pub async fn remove(&self, key: &CacheKey) -> Result<(), CacheAdminError> {
        if self.cache.remove(&own(key)).await? {
            return Ok(());
        }
        Err(CacheAdminError::NotFound(key.as_str().to_owned()))
    }
}

fn own(key: &CacheKey) -> String {
    format!("admin:{}", key.as_str())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Mutex;

    use async_trait::async_trait;
    use serde_json::json;
    use sharestack_kernel::cache::CacheError;
    use sharestack_kernel::clock::FakeClock;
    use sharestack_kernel::error::{Category, Classified};
    use sharestack_kernel::random::CountingRandomness;

    use super::*;
    use crate::model::EntryInput;

    /// A cache that keeps all, until it is broken.
    #[derive(Default)]
    struct Shelf {
        values: Mutex<HashMap<String, Vec<u8>>>,
        broken: bool,
    }

    impl Shelf {
        fn check(&self) -> Result<(), CacheError> {
            if self.broken { Err(CacheError("lost".into())) } else { Ok(()) }
        }
    }

    #[async_trait]
    impl Cache for Shelf {
        async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, CacheError> {
            self.check().map(|()| self.values.lock().unwrap().get(key).cloned())
        }

        async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, CacheError> {
            let values = self.check().map(|()| self.values.lock().unwrap())?;
            Ok(keys.iter().map(|key| values.get(*key).cloned()).collect())
        }

        async fn set(&self, key: &str, value: &[u8], _ttl: Duration) -> Result<(), CacheError> {
            self.check().map(|()| drop(self.values.lock().unwrap().insert(key.to_owned(), value.to_vec())))
        }

        async fn remove(&self, key: &str) -> Result<bool, CacheError> {
            self.check().map(|()| self.values.lock().unwrap().remove(key).is_some())
        }

        async fn ping(&self) -> Result<(), CacheError> {
            self.check()
        }
    }

    fn admin(shelf: &Arc<Shelf>) -> CacheAdmin {
        CacheAdmin::new(shelf.clone(), Arc::new(FakeClock::default()), Arc::new(CountingRandomness::default()))
    }

    fn key(text: &str) -> CacheKey {
        CacheKey::parse(text).unwrap()
    }

    #[tokio::test]
    async fn an_entry_is_kept_read_and_removed() {
        let admin = admin(&Arc::default());
        let input = EntryInput { data: json!({ "a": [1, null] }).as_object().cloned(), ttl: Some(60) };
        let entry = admin.put(&key("k"), input.parse().unwrap()).await.unwrap();
        assert_eq!(entry.expires_at, FakeClock::default().now() + chrono::Duration::seconds(60));
        assert_eq!(admin.find(&key("k")).await.unwrap(), entry);
        admin.remove(&key("k")).await.unwrap();
        assert_eq!(admin.find(&key("k")).await.unwrap_err().category(), Category::NotFound);
        assert_eq!(admin.remove(&key("k")).await.unwrap_err().category(), Category::NotFound);
    }

    #[tokio::test]
    async fn what_others_keep_is_out_of_reach() {
        let shelf = Arc::new(Shelf::default());
        shelf.set("session:1", b"secret", Duration::from_mins(1)).await.unwrap();
        assert!(admin(&shelf).find(&key("session:1")).await.is_err());
        assert!(admin(&shelf).remove(&key("session:1")).await.is_err());
    }

    #[tokio::test]
    async fn the_test_leaves_nothing_behind() {
        let shelf = Arc::new(Shelf::default());
        admin(&shelf).test().await.unwrap();
        assert!(shelf.values.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_cache_that_fails_is_an_internal_error() {
        let admin = admin(&Arc::new(Shelf { broken: true, ..Shelf::default() }));
        for error in [admin.test().await.unwrap_err(), admin.find(&key("k")).await.unwrap_err()] {
            assert_eq!(error.category(), Category::Internal);
        }
    }
}
