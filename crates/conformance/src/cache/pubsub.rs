//! [`sharestack_kernel::cache::PubSub`].

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;

use super::Subject;

async fn next(stream: &mut BoxStream<'static, String>) -> String {
    tokio::time::timeout(Duration::from_secs(5), stream.next()).await.expect("a message in time").expect("no end")
}

/// Sends to every subscriber of the channel, this process's included.
pub async fn reaches_every_subscriber(subject: Subject) {
    let mut streams = vec![
        subject.one.pubsub.subscribe("news").await.unwrap(),
        subject.one.pubsub.subscribe("news").await.unwrap(),
        subject.other.pubsub.subscribe("news").await.unwrap(),
    ];
    subject.one.pubsub.publish("news", "你好\n").await.unwrap();
    for stream in &mut streams {
        assert_eq!(next(stream).await, "你好\n");
    }
}

/// A subscriber hears its channel only.
pub async fn channels_are_apart(subject: Subject) {
    let mut news = subject.one.pubsub.subscribe("news").await.unwrap();
    let mut sport = subject.one.pubsub.subscribe("sport").await.unwrap();
    subject.other.pubsub.publish("sport", "1:0").await.unwrap();
    subject.other.pubsub.publish("news", "rain").await.unwrap();
    assert_eq!(next(&mut news).await, "rain");
    assert_eq!(next(&mut sport).await, "1:0");
}

/// Messages of one node come in the order they were sent.
pub async fn keeps_the_order(subject: Subject) {
    let mut stream = subject.other.pubsub.subscribe("news").await.unwrap();
    for n in 0..100 {
        subject.one.pubsub.publish("news", &n.to_string()).await.unwrap();
    }
    for n in 0..100 {
        assert_eq!(next(&mut stream).await, n.to_string());
    }
}

/// A late subscriber hears what comes after it.
pub async fn nothing_is_kept_for_those_who_come_later(subject: Subject) {
    subject.one.pubsub.publish("news", "early").await.unwrap();
    let mut stream = subject.one.pubsub.subscribe("news").await.unwrap();
    subject.one.pubsub.publish("news", "late").await.unwrap();
    assert_eq!(next(&mut stream).await, "late");
}

/// A subscriber that left disturbs nobody, and can come back.
pub async fn subscribers_come_and_go(subject: Subject) {
    let mut stays = subject.one.pubsub.subscribe("news").await.unwrap();
    for n in 0..3 {
        let mut goes = subject.one.pubsub.subscribe("news").await.unwrap();
        subject.other.pubsub.publish("news", &n.to_string()).await.unwrap();
        assert_eq!(next(&mut goes).await, n.to_string());
        assert_eq!(next(&mut stays).await, n.to_string());
    }
    drop(stays);
    subject.other.pubsub.publish("news", "nobody listens").await.unwrap();
    let mut back = subject.one.pubsub.subscribe("sport").await.unwrap();
    subject.other.pubsub.publish("sport", "1:0").await.unwrap();
    assert_eq!(next(&mut back).await, "1:0");
}
