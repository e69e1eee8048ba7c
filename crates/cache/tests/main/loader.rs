use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::future::join_all;
use sharestack_cache::{Caching, Loader, LocalConfig, NodeCache};
use sharestack_kernel::clock::FakeClock;
use tokio::sync::Notify;

use crate::support;

const MINUTE: Duration = Duration::from_mins(1);

/// A source that counts how often it was asked.
#[derive(Default)]
struct Source(AtomicU32);

impl Source {
    async fn load(&self) -> Result<u32, Infallible> {
        tokio::task::yield_now().await;
        Ok(self.0.fetch_add(1, Ordering::SeqCst) + 1)
    }

    async fn through(&self, loader: &Loader) -> u32 {
        loader.get_or_load("key", MINUTE, || self.load()).await.unwrap()
    }
}

/// Two layered loaders over one store, as on two nodes.
async fn nodes() -> Vec<(Loader, Loader)> {
    let config = LocalConfig { ttl: MINUTE, ..LocalConfig::default() };
    let (caching, _) = support::in_process();
    let mut pairs =
        vec![(Loader::layered(&caching, &config).await.unwrap(), Loader::layered(&caching, &config).await.unwrap())];
    if let Some([one, other]) = support::two_connected().await {
        pairs.push((Loader::layered(&one, &config).await.unwrap(), Loader::layered(&other, &config).await.unwrap()));
    }
    pairs
}

#[tokio::test]
async fn a_value_is_loaded_once_until_its_time_is_over() {
    let (caching, clock) = support::in_process();
    let source = Source::default();
    for loader in [Loader::new(&caching), Loader::layered(&caching, &LocalConfig::default()).await.unwrap()] {
        let first = source.through(&loader).await;
        assert_eq!(source.through(&loader).await, first);
        clock.advance(chrono::Duration::seconds(61));
        assert_eq!(source.through(&loader).await, first + 1);
        loader.invalidate("key").await;
    }
}

#[tokio::test]
async fn calls_at_the_same_time_share_one_load() {
    let (caching, _) = support::in_process();
    let (loader, source) = (Loader::new(&caching), Source::default());
    let found = join_all((0..100).map(|_| source.through(&loader))).await;
    assert!(found.iter().all(|value| *value == 1));
}

#[tokio::test]
async fn a_failed_load_is_not_kept() {
    let (caching, _) = support::in_process();
    let loader = Loader::new(&caching);
    let fail = || async { Err::<u32, _>("broken") };
    assert_eq!(loader.get_or_load("key", MINUTE, fail).await, Err("broken"));
    assert_eq!(loader.get_or_load("key", MINUTE, || async { Ok::<_, &str>(7) }).await, Ok(7));
}

#[tokio::test]
async fn those_who_wait_for_an_abandoned_load_load_themselves() {
    let (caching, _) = support::in_process();
    let loader = Loader::new(&caching);
    let pilot = tokio::spawn({
        let loader = loader.clone();
        async move { loader.get_or_load::<u32, Infallible, _>("key", MINUTE, std::future::pending).await }
    });
    tokio::task::yield_now().await;
    let passenger =
        tokio::spawn(
            async move { loader.get_or_load("key", MINUTE, || async { Ok::<_, Infallible>(7) }).await.unwrap() },
        );
    tokio::task::yield_now().await;
    pilot.abort();
    assert_eq!(passenger.await.unwrap(), 7);
}

#[tokio::test]
async fn invalidation_reaches_every_node() {
    for (one, other) in nodes().await {
        let source = Source::default();
        assert_eq!((source.through(&one).await, source.through(&other).await), (1, 1));
        one.invalidate("key").await;
        assert_eq!(source.through(&one).await, 2);
        support::until("the other node forgot", || async { source.through(&other).await == 2 }).await;
    }
}

#[tokio::test]
async fn a_load_that_began_before_an_invalidation_leaves_nothing_behind() {
    for (one, other) in nodes().await {
        let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let late = tokio::spawn({
            let (loader, begun, go_on) = (one.clone(), begun.clone(), go_on.clone());
            async move {
                let load = || async move {
                    begun.notify_one();
                    go_on.notified().await;
                    Ok::<_, Infallible>("old".to_owned())
                };
                loader.get_or_load("key", MINUTE, load).await.unwrap()
            }
        });
        begun.notified().await;
        other.invalidate("key").await;
        let new = || async { Ok::<_, Infallible>("new".to_owned()) };
        assert_eq!(one.get_or_load("key", MINUTE, new).await.unwrap(), "new", "it does not join the old load");
        go_on.notify_one();
        assert_eq!(late.await.unwrap(), "old");
        one.invalidate("another").await;
        assert_eq!(other.get_or_load("key", MINUTE, new).await.unwrap(), "new");
        support::until("the node that loaded serves the new one", || async {
            one.get_or_load("key", MINUTE, new).await.unwrap() == "new"
        })
        .await;
    }
}

impl Source {
    async fn beside(&self, cache: &NodeCache<u32>) -> u32 {
        *cache.get_or_load("key", |_| 4, || async { self.load().await.map(Some) }).await.unwrap().unwrap()
    }
}

/// Two nodes that keep for themselves, over one process and over Redis.
async fn neighbours(ttl: Duration) -> Vec<(NodeCache<u32>, NodeCache<u32>, FakeClock)> {
    let config = LocalConfig { ttl, ..LocalConfig::default() };
    let (caching, clock) = support::in_process();
    let listen = async |caching: &Caching| NodeCache::listening(caching, "numbers", &config).await.unwrap();
    let mut pairs = vec![(listen(&caching).await, listen(&caching).await, clock)];
    if let Some([one, other]) = support::two_connected().await {
        pairs.push((listen(&one).await, listen(&other).await, FakeClock::default()));
    }
    pairs
}

#[tokio::test]
async fn a_node_keeps_a_value_until_it_or_another_node_forgets_it() {
    for (one, other, _) in neighbours(MINUTE).await {
        let source = Source::default();
        assert_eq!((source.beside(&one).await, source.beside(&one).await), (1, 1));
        assert_eq!(source.beside(&other).await, 2);
        one.invalidate("key").await;
        assert_eq!(source.beside(&one).await, 3, "the node that was told forgets at once");
        support::until("the other node forgot", || async { source.beside(&other).await > 3 }).await;
        assert_eq!(source.beside(&one).await, source.beside(&one).await);
    }
}

#[tokio::test]
async fn a_node_keeps_no_value_longer_than_it_may() {
    let (one, _, clock) = neighbours(Duration::from_secs(5)).await.remove(0);
    let source = Source::default();
    assert_eq!(source.beside(&one).await, 1);
    clock.advance(chrono::Duration::milliseconds(4_999));
    assert_eq!(source.beside(&one).await, 1);
    clock.advance(chrono::Duration::milliseconds(1));
    assert_eq!(source.beside(&one).await, 2);
}

#[tokio::test]
async fn what_many_ask_for_is_renewed_by_one_while_the_others_go_on() {
    let (one, _, clock) = neighbours(Duration::from_secs(8)).await.remove(0);
    let source = Source::default();
    // Seldom asked for: it lives out its time.
    assert_eq!(source.beside(&one).await, 1);
    clock.advance(chrono::Duration::seconds(7));
    for _ in 0..90 {
        assert_eq!(source.beside(&one).await, 1);
    }
    clock.advance(chrono::Duration::seconds(1));
    assert_eq!(source.beside(&one).await, 2);
    // Asked for often, but young.
    for _ in 0..200 {
        assert_eq!(source.beside(&one).await, 2);
    }
    clock.advance(chrono::Duration::seconds(2));
    // One loads, and the others do not wait for it.
    let (begun, go_on) = (Notify::new(), Notify::new());
    let renew = one.get_or_load(
        "key",
        |_| 4,
        || async {
            begun.notify_one();
            go_on.notified().await;
            Ok::<_, Infallible>(Some(7))
        },
    );
    let meanwhile = async {
        begun.notified().await;
        assert_eq!(source.beside(&one).await, 2);
        go_on.notify_one();
    };
    assert_eq!(tokio::join!(renew, meanwhile).0.unwrap().as_deref(), Some(&7));
    assert_eq!(source.beside(&one).await, 7);
    // What cannot be renewed is served until its time is over; what is gone is not.
    for last in [None, Some("broken")] {
        for _ in 0..200 {
            source.beside(&one).await;
        }
        clock.advance(chrono::Duration::seconds(4));
        if let Some(error) = last {
            let fail = || async { Err::<Option<u32>, _>(error) };
            assert_eq!(one.get_or_load("key", |_| 4, fail).await.unwrap().as_deref(), Some(&3));
            let fail_late = || async {
                clock.advance(chrono::Duration::seconds(4));
                Err::<Option<u32>, _>(error)
            };
            assert_eq!(one.get_or_load("key", |_| 4, fail_late).await, Err(error), "its time ended meanwhile");
        } else {
            let gone = || async { Ok::<Option<u32>, Infallible>(None) };
            assert_eq!(one.get_or_load("key", |_| 4, gone).await.unwrap(), None);
            assert_eq!(source.beside(&one).await, 3);
        }
    }
}

#[tokio::test]
async fn a_node_loads_once_for_all_who_ask_at_once_and_keeps_no_absence() {
    let (one, _, _) = neighbours(MINUTE).await.remove(0);
    let source = Source::default();
    let found = join_all((0..100).map(|_| source.beside(&one))).await;
    assert!(found.iter().all(|value| *value == 1));
    let nothing = || async { Ok::<Option<u32>, Infallible>(None) };
    assert_eq!(one.get_or_load("other", |_| 4, nothing).await.unwrap(), None);
    let something = || async { Ok::<_, Infallible>(Some(7)) };
    assert_eq!(one.get_or_load("other", |_| 4, something).await.unwrap().as_deref(), Some(&7));
    let fail = || async { Err::<Option<u32>, _>("broken") };
    assert_eq!(one.get_or_load("third", |_| 4, fail).await, Err("broken"));
}

#[tokio::test]
async fn a_node_keeps_nothing_of_a_load_that_began_before_an_invalidation() {
    let (one, other, _) = neighbours(MINUTE).await.remove(0);
    let (begun, go_on) = (Notify::new(), Notify::new());
    let late = one.get_or_load(
        "key",
        |_| 4,
        || async {
            begun.notify_one();
            go_on.notified().await;
            Ok::<_, Infallible>(Some(1))
        },
    );
    let meanwhile = async {
        begun.notified().await;
        other.invalidate("key").await;
        let new = || async { Ok::<_, Infallible>(Some(2)) };
        support::until("the message came: nobody joins the old load", || async {
            let joined = one.get_or_load("key", |_| 4, new);
            tokio::time::timeout(Duration::from_millis(20), joined).await.is_ok()
        })
        .await;
        go_on.notify_one();
    };
    let (old, ()) = tokio::join!(late, meanwhile);
    assert_eq!(old.unwrap().as_deref(), Some(&1));
    let found = one.get_or_load("key", |_| 4, || async { Ok::<_, Infallible>(Some(3)) }).await.unwrap();
    assert_eq!(found.as_deref(), Some(&2));
}
