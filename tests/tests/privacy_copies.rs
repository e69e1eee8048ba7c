//! What is in a copy of somebody's data, domain by domain.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};
use sharestack_tests::money::{monthly_plan, notify, subscribe, success};
use sharestack_tests::photos::Studio;
use sharestack_tests::{Account, Database, Harness};

use crate::privacy::{documents, export};

/// The documents of somebody's copy.
async fn copied(app: &Harness, account: &Account) -> BTreeMap<String, Value> {
    let ready = export(app, account).await;
    let archive = app.request(Method::GET, ready["download_url"].as_str().unwrap()).send().await.unwrap();
    documents(&archive.error_for_status().unwrap().bytes().await.unwrap())
}

async fn a_copy_holds_what_was_made_and_bought(database: Database) {
    let studio = Studio::open(database).await;
    let (app, lin, wei) = (&studio.app, &studio.lin, &studio.wei);
    studio.categories(&[("11", "城市", "city"), ("12", "夜", "night")]).await;
    let mut photos: Vec<_> = Vec::new();
    for n in 0..2 {
        let extra = json!({ "categories": [11, 12], "tags": ["夜景", "城市"], "sort_order": n });
        photos.push(studio.photo("外滩", extra).await);
    }
    let link = json!({ "photo_ids": photos, "allow_download": true });
    app.post_as(&lin.token, "/api/v1/photos/share-links", &link).await.expect(201);
    let category = json!({ "name": "理财", "slug": "money" });
    let category = app.post_as(&studio.admin.token, "/api/v1/articles/categories", &category).await.expect(201);
    let draft = json!({
        "title": "投资", "content": "正文", "access_level": "paid", "seo_title": "投资入门",
        "category_id": category.data()["id"], "tags": ["基金"],
    });
    app.post_as(&lin.token, "/api/v1/articles", &draft).await.expect(201);
    let plan = monthly_plan(app, &lin.token).await;
    let sold = subscribe(app, &wei.token, plan, "one").await.expect(201);
    notify(app, &success(&sold.data()["order"], "txn-1")).await.expect(200);
    app.post_as(&wei.token, &format!("/api/v1/users/{}/follow", lin.id), &json!({})).await.expect(200);
    app.post_as(&wei.token, &format!("/api/v1/photos/{}/like", photos[0]), &json!({})).await.expect(200);

    let theirs = copied(app, lin).await;
    let rows = |name: &str| theirs[name].as_array().unwrap().clone();
    let of = |name: &str, field: &str| rows(name).iter().map(|row| row[field].clone()).collect::<Vec<_>>();
    assert_eq!(of("photos.json", "id"), photos);
    assert_eq!(of("photos.json", "sort_order"), [0, 1]);
    assert_eq!((of("photos.json", "width"), rows("files.json").len()), (vec![json!(6000); 2], 2));
    assert_eq!(of("photo_tags.json", "photo_id"), [photos[0], photos[0], photos[1], photos[1]]);
    assert_eq!(of("files.json", "status"), ["completed", "completed"], "as answers call it");
    let named = |name: &str| {
        let words = rows(name).into_iter().map(|row| (row["name"].clone(), row["slug"].clone()));
        let mut words: Vec<_> = words.map(|(name, slug)| [name, slug].map(|word| word.to_string())).collect();
        words.sort();
        words
    };
    let tags = app.get("/api/v1/tags").await.expect(200);
    let tags = tags.data().as_array().unwrap().iter().flat_map(|tag| vec![[&tag["name"], &tag["slug"]]; 2]);
    let mut tags: Vec<_> = tags.map(|words| words.map(Value::to_string)).collect();
    tags.sort();
    assert_eq!((tags.len(), named("photo_tags.json")), (4, tags));
    assert_eq!(of("photo_categories.json", "category_id"), [11, 12, 11, 12]);
    assert_eq!(of("photo_categories.json", "name"), ["城市", "夜", "城市", "夜"]);
    assert_eq!(of("photo_categories.json", "slug"), ["city", "night", "city", "night"]);
    assert_eq!(of("photo_categories.json", "is_primary"), [true, false, true, false]);
    assert_eq!(of("share_link_photos.json", "photo_id"), photos);
    assert_eq!(of("share_link_photos.json", "link_id"), vec![rows("share_links.json")[0]["id"].clone(); 2]);
    let article = &rows("articles.json")[0];
    assert_eq!(article["seo_title"], "投资入门");
    assert_eq!((&article["category_name"], &article["category_slug"]), (&json!("理财"), &json!("money")));
    assert_eq!((&article["tag_list"][0]["name"], article["tag_list"][0]["slug"].is_string()), (&json!("基金"), true));
    let roles: BTreeSet<_> = rows("roles.json").iter().map(|role| role["name"].to_string()).collect();
    assert_eq!(roles, ["\"creator\"", "\"user\""].map(str::to_owned).into());
    assert_eq!((of("plans.json", "id"), of("plan_prices.json", "amount")), (vec![json!(plan)], vec![json!(1990)]));
    assert_eq!((of("sales.json", "amount"), of("followers.json", "from_id")), (vec![json!(1990)], vec![json!(wei.id)]));
    assert!(rows("sales.json")[0].get("buyer_id").is_none(), "who buys is not the seller's");

    let theirs = copied(app, wei).await;
    let order = &theirs["orders.json"][0];
    assert_eq!((&order["state"], &order["plan_id"], &order["period"]), (&json!("paid"), &json!(plan), &json!("month")));
    let subscription = &theirs["subscriptions.json"][0];
    assert_eq!((&subscription["state"], &subscription["periods"]), (&json!("active"), &json!(1)));
    assert_eq!(theirs["payments.json"][0]["channel_txn_id"], "txn-1");
    assert_eq!(
        (&theirs["following.json"][0]["to_id"], &theirs["photo_likes.json"][0]["photo_id"]),
        (&json!(lin.id), &json!(photos[0]))
    );
    studio.app.stop().await;
}

#[tokio::test]
async fn a_copy_holds_what_was_made_and_bought_on_every_database() {
    for database in Database::all() {
        a_copy_holds_what_was_made_and_bought(database).await;
    }
}
