//! What migrations do to rows that are there: each up, down, and up again, with values.

use sharestack_kernel::id::UserId;
use sharestack_store_seaorm::Store;

use crate::support::{Database, open};

/// Takes migrations back until this one is the last that the database has.
pub async fn down_to(store: &Store, name: &str) {
    let all = store.migrations().await.unwrap();
    let place = all.iter().position(|one| one.name == name).unwrap();
    let later = all[place + 1..].iter().filter(|one| one.applied).count();
    if later > 0 {
        store.migrate_down(u32::try_from(later).unwrap()).await.unwrap();
    }
    let now = store.migrations().await.unwrap();
    assert!(now.iter().enumerate().all(|(index, one)| one.applied == (index <= place)), "{now:?}");
}

/// Brings the database to this migration from one before it.
async fn up_to(store: &Store, name: &str) {
    store.migrate().await.unwrap();
    down_to(store, name).await;
}

pub async fn run(store: &Store, statements: &[&str]) {
    for sql in statements {
        store.execute_raw(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

/// How many rows of a table are so.
pub async fn rows(store: &Store, of: &str) -> i64 {
    store.number_raw(&format!("SELECT COUNT(*) FROM {of}")).await.unwrap_or_else(|error| panic!("{of}: {error}"))
}

const BEFORE: &str = "m0041_used_tags";
const AFTER: &str = "m0046_said_before";
const OWNER: i64 = 7;
/// The day that sums of uses were relative to.
const LANDMARK: i64 = 24_106;
const NOW: &str = "'2024-01-15 10:30:00'";

/// A photo that was processed and changed so many times.
async fn photo(store: &Store, id: i64, revision: i64, version: i64) {
    let sql = format!(
        "INSERT INTO photos (id, owner_id, slug, title, status, visibility, sort_order, listed, taken_at, shown_at, \
         latitude, longitude, original_filename, file_size, mime_type, formats, revision, metadata, view_count, \
         like_count, download_count, version, created_at, updated_at) VALUES ({id}, {OWNER}, 'photo-{id}', '夜', \
         'published', 'public', 0, TRUE, {NOW}, {NOW}, 312303700, 1214737000, 'a.jpg', 5000, 'image/jpeg', '{{}}', \
         {revision}, '{{}}', 0, 0, 0, {version}, {NOW}, {NOW})"
    );
    run(store, &[&sql]).await;
}

/// A tag of photos; the sums of its uses say something that its uses do not.
async fn tag(store: &Store, id: i64) {
    let sql = format!(
        "INSERT INTO tags (id, name, slug, kind, name_key, trend_7, trend_30, trend_90, trend_365) VALUES \
         ({id}, 'tag {id}', 'tag-{id}', 'photo', 'tag-{id}', 77, 77, 77, 77)"
    );
    run(store, &[&sql]).await;
}

/// A photo's tag, used on this day; on none while the photo was not listed.
async fn tagged(store: &Store, tag: i64, photo: i64, day: Option<i64>) {
    let day = day.map_or_else(|| "NULL".to_owned(), |day| day.to_string());
    let sql = format!(
        "INSERT INTO photo_tags (tag_id, photo_id, source, listed, used_on, created_at, shown_at) VALUES \
         ({tag}, {photo}, 'manual', {}, {day}, {NOW}, {NOW})",
        day != "NULL"
    );
    run(store, &[&sql]).await;
}

async fn days_are(store: &Store, days: &[(i64, i64, i64)]) {
    for (tag, day, uses) in days {
        let found = rows(store, &format!("tag_days WHERE tag_id = {tag} AND day = {day} AND uses = {uses}")).await;
        assert_eq!(found, 1, "tag {tag} on day {day}");
    }
    assert_eq!(rows(store, "tag_days").await, i64::try_from(days.len()).unwrap(), "and no other");
}

/// Which photos are noted as spoken of by their owners, in what was taken and where.
async fn said_are(store: &Store, photos: &[i64]) {
    let all = rows(store, "photos WHERE taken_said = TRUE OR position_said = TRUE").await;
    assert_eq!(all, i64::try_from(photos.len()).unwrap());
    for id in photos {
        let found =
            rows(store, &format!("photos WHERE id = {id} AND taken_said = TRUE AND position_said = TRUE")).await;
        assert_eq!(found, 1, "photo {id}");
    }
}

/// What there is none of before these migrations.
async fn nothing_is_left(store: &Store) {
    for gone in ["taken_said", "position_said"] {
        assert!(store.number_raw(&format!("SELECT COUNT({gone}) FROM photos")).await.is_err(), "{gone}");
    }
    assert!(store.number_raw("SELECT COUNT(uses) FROM tag_days").await.is_err());
}

pub async fn uses_and_sayings_are_kept(database: Database) {
    let Some(fixture) = database.fresh().await else { return };
    let store = open(&fixture.url, &fixture.clock).await;
    sharestack_conformance::users::register(&store, UserId::new(OWNER)).await;
    down_to(&store, BEFORE).await;

    // Three uses of the first tag: two on the day, one a week before; the second was used once, a
    // month before, the third a quarter, the fourth a year; the fifth is on photos that are not listed.
    for (id, revision, version) in [(1, 0, 1), (2, 1, 1), (3, 0, 2), (4, 3, 9)] {
        photo(&store, id, revision, version).await;
    }
    for id in 1..=5 {
        tag(&store, id).await;
    }
    for (tag, photo, day) in [
        (1, 1, Some(LANDMARK)),
        (1, 2, Some(LANDMARK)),
        (1, 3, Some(LANDMARK - 7)),
        (1, 4, None),
        (2, 1, Some(LANDMARK - 30)),
        (3, 1, Some(LANDMARK - 90)),
        (4, 1, Some(LANDMARK - 365)),
        (5, 2, None),
    ] {
        tagged(&store, tag, photo, day).await;
    }

    up_to(&store, AFTER).await;
    let mut days = vec![
        (1, LANDMARK, 2),
        (1, LANDMARK - 7, 1),
        (2, LANDMARK - 30, 1),
        (3, LANDMARK - 90, 1),
        (4, LANDMARK - 365, 1),
    ];
    days_are(&store, &days).await;
    assert!(store.number_raw("SELECT COUNT(trend_7) FROM tags").await.is_err(), "the sums are gone");
    assert_eq!(rows(&store, "tags WHERE kind = 'photo'").await, 5);
    // Of what was processed or changed nobody knows what was taken out.
    said_are(&store, &[2, 3, 4]).await;
    // What was taken and where stays as it was.
    assert_eq!(rows(&store, "photos WHERE taken_at IS NOT NULL AND latitude = 312303700").await, 4);

    // Meanwhile the first photo is spoken of, one is new, and it is tagged.
    run(&store, &["UPDATE photos SET position_said = TRUE, taken_said = TRUE, version = 2 WHERE id = 1"]).await;
    photo(&store, 5, 0, 1).await;
    tagged(&store, 5, 5, Some(LANDMARK + 7)).await;
    run(&store, &[&format!("INSERT INTO tag_days (tag_id, day, uses) VALUES (5, {}, 1)", LANDMARK + 7)]).await;
    said_are(&store, &[1, 2, 3, 4]).await;

    down_to(&store, BEFORE).await;
    nothing_is_left(&store).await;
    // The sums come back: what a half-life makes a half of is exact.
    for (tag, column, sum) in [
        (1, "trend_7", "2.5"),
        (2, "trend_30", "0.5"),
        (3, "trend_90", "0.5"),
        (4, "trend_365", "0.5"),
        (5, "trend_7", "2"),
    ] {
        assert_eq!(rows(&store, &format!("tags WHERE id = {tag} AND {column} = {sum}")).await, 1, "{column} of {tag}");
    }
    for (tag, column, least, most) in [
        (1, "trend_30", 2.850, 2.851),
        (1, "trend_90", 2.947, 2.948),
        (1, "trend_365", 2.986, 2.987),
        (2, "trend_7", 0.051, 0.052),
        (2, "trend_365", 0.944, 0.945),
        (4, "trend_7", 2.0e-16, 2.1e-16),
        (5, "trend_30", 1.175, 1.176),
    ] {
        let found =
            rows(&store, &format!("tags WHERE id = {tag} AND {column} BETWEEN {least:.20} AND {most:.20}")).await;
        assert_eq!(found, 1, "{column} of {tag}");
    }
    assert_eq!((rows(&store, "photos").await, rows(&store, "photo_tags").await), (5, 9));
    assert_eq!(rows(&store, "photos WHERE taken_at IS NOT NULL AND latitude = 312303700").await, 5);

    // Up again: nothing is counted twice, and what came since is counted.
    up_to(&store, AFTER).await;
    days.push((5, LANDMARK + 7, 1));
    days_are(&store, &days).await;
    said_are(&store, &[1, 2, 3, 4]).await;
    store.migrate().await.unwrap();
    assert!(store.migrations().await.unwrap().iter().all(|one| one.applied));
    store.close().await;
    fixture.remove().await;
}
