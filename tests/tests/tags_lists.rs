//! Lists of tags: one group of them, and in every order.

use chrono::TimeDelta;
use sharestack_content::model::{Day, Label, TagGroup};
use sharestack_kernel::clock::{Clock, SystemClock};
use sharestack_tests::Database;
use sharestack_tests::gallery::label;

use crate::tags::{Room, names};

#[tokio::test]
async fn tags_are_listed_by_group_and_in_both_directions() {
    for database in Database::all() {
        let room = Room::open(database).await;
        let of = |id, name: &str, group| Label { group: Some(group), ..label(id, name, &format!("tag-{id}")) };
        let all = [of(1, "a", TagGroup::Style), of(2, "b", TagGroup::Subject), of(3, "c", TagGroup::Style)];
        room.gallery.coin(&all).await;
        // The one that has been used most was so long ago.
        let (now, once) = (SystemClock.now(), SystemClock.now() - TimeDelta::days(100));
        for (tag, uses, at) in [(1, 9, once), (2, 3, now), (3, 2, now)] {
            room.used(tag, uses, Day::of(at), at).await;
        }
        for (query, expected) in [
            ("sort_by=usage_count", ["a", "b", "c"].as_slice()),
            ("sort_by=usage_count&sort_order=asc", &["c", "b", "a"]),
            ("sort_by=trend_score", &["b", "c", "a"]),
            ("sort_by=trend_score&sort_order=asc", &["a", "c", "b"]),
            ("sort_by=name&sort_order=desc", &["c", "b", "a"]),
            ("group=style", &["a", "c"]),
            ("group=style&sort_by=trend_score", &["c", "a"]),
            ("group=subject", &["b"]),
            ("group=location", &[]),
        ] {
            let list = room.get(&format!("?{query}")).await.expect(200);
            assert_eq!(names(&list), expected, "{database:?} {query}");
            assert_eq!(list.body["pagination"]["total"], expected.len(), "{query}");
        }
        room.app.stop().await;
    }
}
