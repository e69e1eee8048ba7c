//! Categories of photos.

mod input;
mod photos;
mod waiting;

use std::ops::Deref;

use reqwest::Method;
use reqwest::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use serde_json::{Value, json};
use sharestack_content::model::{Category, Colour, Icon, MAX_LEVEL, Note, PhotoId};
use sharestack_tests::gallery::category;
use sharestack_tests::{Answer, Database, Gallery, Options, Shelves, assert_shows};

const CATEGORIES: &str = "/api/v1/categories";

struct Room {
    shelves: Shelves,
    gallery: Gallery,
}

impl Deref for Room {
    type Target = Shelves;

    fn deref(&self) -> &Shelves {
        &self.shelves
    }
}

impl Room {
    async fn open(database: Database) -> Self {
        let options = Options::on(database).with("SHARESTACK__PHOTOS__MEDIA_URL", "https://cdn.example.com");
        let (shelves, _) = Shelves::open(options, CATEGORIES).await;
        let gallery = Gallery::of(&shelves.app, shelves.keeper.id);
        Self { shelves, gallery }
    }

    async fn put_in(&self, id: i64, body: &Value) -> Answer {
        self.app.post_as(&self.keeper.token, &format!("{}/photos", path(id)), body).await
    }

    async fn take_out(&self, id: i64, body: &Value) -> Answer {
        let request = self.app.request(Method::DELETE, &format!("{}/photos", path(id)));
        self.app.send(request.bearer_auth(&self.keeper.token).json(body)).await
    }

    async fn cover(&self, id: i64, body: &Value) -> Answer {
        self.app.put_as(&self.keeper.token, &format!("{}/cover", path(id)), body).await
    }

    async fn read(&self, id: i64) -> Value {
        self.app.get(&path(id)).await.expect(200).data().clone()
    }

    /// What a category says that it has, and what it has.
    async fn counts(&self, id: i64) -> (i64, i64) {
        let shown = self.read(id).await;
        let kept = self.app.count(&format!("SELECT direct_count FROM categories WHERE id = {id}")).await;
        let links = format!("SELECT COUNT(*) FROM photo_categories WHERE category_id = {id}");
        assert_eq!(kept, self.app.count(&links).await);
        assert_eq!(shown["direct_photo_count"], kept);
        let listed = format!("SELECT COUNT(*) FROM category_listings WHERE category_id = {id}");
        assert_eq!(shown["photo_count"], self.app.count(&listed).await);
        (kept, shown["photo_count"].as_i64().unwrap())
    }
}

fn path(id: i64) -> String {
    format!("{CATEGORIES}/{id}")
}

/// Twelve categories on four levels, five of them featured; the first three with the
/// photos of the printed answer.
async fn furnish(room: &Room) {
    let featured = |category: Category| Category { is_featured: true, ..category };
    let cityscape = Category {
        description: Some(Note::parse("城市景观摄影作品").unwrap()),
        colour: Some(Colour::parse("#3498db").unwrap()),
        icon: Some(Icon::parse("building").unwrap()),
        sort_order: 1,
        ..featured(category("1", "城市风光", "cityscape"))
    };
    let mut all = vec![
        cityscape.clone(),
        Category { sort_order: 1, ..category("1/2", "夜景摄影", "night-photography") },
        Category { sort_order: 2, ..category("1/3", "建筑摄影", "architecture") },
    ];
    for (id, path) in (4..).zip(["4", "4/5", "4/5/6", "4/5/6/7", "8", "9", "10", "11", "12"]) {
        let one = Category { sort_order: id, ..category(path, "其他", &format!("other-{id}")) };
        all.push(if id > 8 { featured(one) } else { one });
    }
    room.gallery.plant(&all).await;
    let mut photos: Vec<_> = (1..=45).map(|id| room.gallery.photo(id, &format!("照片 {id}"))).collect();
    photos[14] = room.gallery.photo(15, "都市夜景");
    room.gallery.hang(&photos).await;
    for (id, photo) in (1..).zip(&photos) {
        let categories: &[i64] = match id {
            1..=15 => &[1],
            16..=30 => &[1, 3],
            _ => &[2, 3],
        };
        room.gallery.shelve(photo, categories, &[]).await;
    }
    let cover = PhotoId::new(15);
    room.gallery.dress(&Category { cover: Some(cover), ..cityscape }).await;
}

#[tokio::test]
async fn the_printed_list_is_answered() {
    for database in Database::all() {
        let room = Room::open(database).await;
        furnish(&room).await;
        let list = room.app.get(&format!("{CATEGORIES}?include_stats=true&include_tree=true")).await.expect(200);
        assert_shows(
            &list.body,
            &json!({ "success": true, "code": 200, "data": {
                "categories": [{
                    "id": 1, "name": "城市风光", "slug": "cityscape", "description": "城市景观摄影作品",
                    "parent_id": null, "level": 0, "path": "1",
                    "cover_photo": {
                        "id": 15, "title": "都市夜景",
                        "thumb_url": "https://cdn.example.com/photos/15/thumb_medium.jpg"
                    },
                    "color": "#3498db", "icon": "building", "sort_order": 1, "is_active": true, "is_featured": true,
                    "photo_count": 45, "direct_photo_count": 30,
                    "created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-15T10:30:00Z"
                }],
                "tree": [{ "id": 1, "name": "城市风光", "slug": "cityscape", "photo_count": 45, "children": [
                    { "id": 2, "name": "夜景摄影", "slug": "night-photography", "photo_count": 15, "children": [] },
                    { "id": 3, "name": "建筑摄影", "slug": "architecture", "photo_count": 30, "children": [] }
                ] }],
                "stats": { "total_categories": 12, "max_level": 3, "featured_count": 5 }
            } }),
        );
        assert_eq!(list.data()["categories"].as_array().unwrap().len(), 12);
        let plain = room.app.get(CATEGORIES).await.expect(200);
        assert!(plain.data()["tree"].is_null() && plain.data()["stats"].is_null());
        let etag = plain.header(ETAG.as_str()).to_owned();
        let again = room.app.request(Method::GET, CATEGORIES).header(IF_NONE_MATCH, etag);
        room.app.send(again).await.expect(304);
        let below = room.app.get(&format!("{CATEGORIES}/other-7")).await.expect(200);
        let way: Vec<_> = below.data()["ancestors"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
        assert_eq!((below.data()["path"].clone(), way), (json!("4/5/6/7"), vec![json!(4), json!(5), json!(6)]));
        room.shelves.app.stop().await;
    }
}

#[tokio::test]
async fn a_category_is_made_changed_and_removed() {
    for database in Database::all() {
        let room = Room::open(database).await;
        let body = json!({
            "name": "自然风景", "slug": "nature-landscape", "description": "自然风景摄影作品", "parent_id": null,
            "color": "#27ae60", "icon": "tree", "sort_order": 2, "is_featured": true,
            "seo_title": "自然风景摄影作品集", "seo_description": "欣赏美丽的自然风景摄影作品"
        });
        let made = room.create(&body).await.expect(201);
        assert_shows(made.data(), &body);
        let id = made.data()["id"].as_i64().unwrap();
        assert_eq!(made.header("location"), path(id));
        assert_shows(made.data(), &json!({ "level": 0, "path": id.to_string(), "photo_count": 0, "version": 1 }));
        let taken = room.create(&json!({ "name": "别的", "slug": "nature-landscape" })).await;
        assert_eq!(taken.refused(409, "RESOURCE_CONFLICT").body["error"]["details"]["field"], "slug");
        let pinyin = room.create(&json!({ "name": "自然风景" })).await.expect(201);
        assert_eq!(pinyin.data()["slug"], "zi-ran-feng-jing");
        let other = pinyin.data()["id"].as_i64().unwrap();
        let twin = room.create(&json!({ "name": "自然风景" })).await.expect(201);
        assert_eq!(twin.data()["slug"], format!("zi-ran-feng-jing-{}", twin.data()["id"]));

        let change = json!({ "name": "自然风光", "description": "更新后的描述", "color": "#2ecc71" });
        let changed = room.edit(id, &change).await.expect(200);
        assert_shows(changed.data(), &change);
        assert_shows(changed.data(), &json!({ "slug": "nature-landscape", "icon": "tree", "version": 2 }));
        room.edit(other, &json!({ "slug": "nature-landscape" })).await.refused(409, "RESOURCE_CONFLICT");
        let stale = room.app.request(Method::PUT, &path(id)).bearer_auth(&room.keeper.token);
        let stale = stale.header(IF_MATCH, made.header(ETAG.as_str())).json(&json!({ "name": "旧" }));
        room.app.send(stale).await.refused(412, "PRECONDITION_FAILED");
        let fresh = room.app.request(Method::PATCH, &path(id)).bearer_auth(&room.keeper.token);
        let fresh = fresh.header(IF_MATCH, changed.header(ETAG.as_str()));
        let cleared = room.app.send(fresh.json(&json!({ "color": null, "icon": null }))).await.expect(200);
        assert_shows(cleared.data(), &json!({ "color": null, "icon": null, "name": "自然风光", "version": 3 }));
        let by_slug = room.app.get(&format!("{CATEGORIES}/nature-landscape")).await.expect(200);
        assert_eq!(by_slug.data(), cleared.data());

        room.delete(id).await.expect(204);
        room.delete(id).await.refused(404, "RESOURCE_NOT_FOUND");
        room.app.get(&path(id)).await.refused(404, "RESOURCE_NOT_FOUND");
        for (kind, count) in [("created", 3), ("updated", 2), ("deleted", 1)] {
            let told = format!("SELECT COUNT(*) FROM events WHERE kind = 'category.{kind}'");
            assert_eq!(room.app.count(&told).await, count, "{kind}");
        }
        room.shelves.app.stop().await;
    }
}

#[tokio::test]
async fn a_subtree_moves_whole_and_never_below_itself() {
    for database in Database::all() {
        let room = Room::open(database).await;
        let top = room.made("根", None).await;
        let child = room.made("子", Some(top)).await;
        let grandchild = room.made("孙", Some(child)).await;
        let other = room.made("他", None).await;
        room.gallery.hang_many([1, 2]).await;
        room.put_in(grandchild, &json!({ "photo_ids": [1, 2] })).await.expect(200);
        assert_eq!((room.counts(top).await, room.counts(child).await), ((0, 2), (0, 2)));
        for below in [top, child, grandchild] {
            let refused = room.edit(top, &json!({ "parent_id": below })).await.refused(409, "RESOURCE_CONFLICT");
            assert_eq!(refused.body["error"]["details"]["reason"], "cycle");
        }
        assert_eq!(room.read(grandchild).await["path"], format!("{top}/{child}/{grandchild}"));

        let moved = room.edit(child, &json!({ "parent_id": other })).await.expect(200);
        assert_shows(moved.data(), &json!({ "parent_id": other, "level": 1, "path": format!("{other}/{child}") }));
        let leaf = room.read(grandchild).await;
        assert_shows(&leaf, &json!({ "level": 2, "path": format!("{other}/{child}/{grandchild}"), "version": 1 }));
        assert_eq!((room.counts(top).await, room.counts(other).await), ((0, 0), (0, 2)));
        room.edit(grandchild, &json!({ "parent_id": null })).await.expect(200);
        assert_shows(&room.read(grandchild).await, &json!({ "parent_id": null, "level": 0 }));
        assert_eq!((room.counts(other).await, room.counts(grandchild).await), ((0, 0), (2, 2)));

        let full = room.delete(other).await.refused(409, "RESOURCE_CONFLICT");
        assert_eq!(full.body["error"]["details"], json!({ "reason": "has_children", "children": 1 }));
        room.put_in(other, &json!({ "photo_ids": [2] })).await.expect(200);
        room.delete(format!("{grandchild}?move_to={grandchild}")).await.refused(400, "VALIDATION_ERROR");
        room.delete(format!("{grandchild}?move_to={other}")).await.expect(204);
        assert_eq!(room.counts(other).await, (2, 2));
        room.shelves.app.stop().await;
    }
}

#[tokio::test]
async fn what_is_hidden_hides_what_is_below_it() {
    let room = Room::open(Database::Sqlite).await;
    let top = room.made("根", None).await;
    let child = room.made("子", Some(top)).await;
    room.edit(top, &json!({ "is_active": false })).await.expect(200);
    for id in [top, child] {
        room.app.get(&path(id)).await.refused(404, "RESOURCE_NOT_FOUND");
        room.app.get_as(&room.keeper.token, &path(id)).await.expect(200);
    }
    let listed = |answer: Answer| answer.expect(200).data()["categories"].as_array().unwrap().len();
    assert_eq!(listed(room.app.get(CATEGORIES).await), 0);
    assert_eq!(listed(room.app.get_as(&room.keeper.token, CATEGORIES).await), 2);
    room.shelves.app.stop().await;
}

#[tokio::test]
async fn a_tree_is_as_deep_as_somebody_makes_it() {
    for database in Database::all() {
        let room = Room::open(database).await;
        let levels = MAX_LEVEL + 1;
        // From a number that is not drawn here.
        let path = |level: usize| (1000..=1000 + level).map(|id| id.to_string()).collect::<Vec<_>>().join("/");
        let all: Vec<_> = (0..levels).map(|level| category(&path(level), "深", &format!("level-{level}"))).collect();
        room.gallery.plant(&all).await;
        let list = room.app.get(&format!("{CATEGORIES}?include_tree=true&include_stats=true")).await.expect(200);
        // Parsers of this language stop at 128 levels of JSON by default.
        assert_eq!(list.text.matches(r#""children":["#).count(), levels);
        assert!(
            list.text.contains(&format!(r#""total_categories":{levels},"max_level":{MAX_LEVEL},"#)),
            "{database:?}"
        );
        let deepest = room.app.get(&format!("{CATEGORIES}/level-{MAX_LEVEL}")).await.expect(200);
        assert_shows(deepest.data(), &json!({ "id": 1000 + MAX_LEVEL, "level": MAX_LEVEL, "path": path(MAX_LEVEL) }));
        assert_eq!(deepest.data()["ancestors"].as_array().unwrap().len(), MAX_LEVEL);
        let id = deepest.data()["id"].as_i64().unwrap();

        let deeper = json!({ "name": "更深", "parent_id": id });
        let refused = room.create(&deeper).await.refused(422, "UNPROCESSABLE_ENTITY");
        let details = json!({
            "reason": "too_deep", "field": "parent_id", "level": levels, "max_level": MAX_LEVEL
        });
        assert_eq!(refused.body["error"]["details"], details);
        let refused = room.edit(1000, &json!({ "parent_id": id })).await.refused(409, "RESOURCE_CONFLICT");
        assert_eq!(refused.body["error"]["details"]["reason"], "cycle");
        let half = 1000 + i64::try_from(levels / 2).unwrap();
        let moved = room.edit(half, &json!({ "parent_id": null })).await.expect(200);
        assert_shows(moved.data(), &json!({ "level": 0, "path": half.to_string(), "parent_id": null }));
        assert_shows(&room.read(id).await, &json!({ "level": levels - levels / 2 - 1 }));
        assert_eq!(room.app.count("SELECT COUNT(*) FROM categories").await, i64::try_from(levels).unwrap());
        room.shelves.app.stop().await;
    }
}
