//! The photos that S3 §3 prints, made from a fixture and answered field by field.

use chrono::TimeDelta;
use serde_json::{Value, json};
use sharestack_content::model::{
    Caption, Category, CategoryId, Colour, Confidence, Derivative, Exif, FileId, FormatName, Label, Metadata, Note,
    Photo, Picture, Place, Position, Shelves, Slug, Source, TagId, Tagging,
};
use sharestack_content::service::shelving;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;
use sharestack_tests::gallery::{category, label, lost};
use sharestack_tests::{Account, Database, Gallery, Harness, Options, assert_shows};

const CDN: &str = "https://cdn.example.com";
const SHORT: &str = "繁华都市的夜晚景色";
const LONG: &str = "繁华都市的夜晚景色,灯火通明的建筑群构成了美丽的天际线...";

fn cdn(file: &str) -> String {
    format!("{CDN}/photos/1/{file}")
}

fn printed_photo(gallery: &Gallery) -> Photo {
    let plain = gallery.taken(1, "城市夜景", "2024-01-15T18:30:00Z");
    let made = |format: FormatName| {
        let derivative = &plain.picture.formats[&FormatName::ThumbMedium];
        (format, Derivative { key: format!("photos/1/1/{}", format.file_name()), ..derivative.clone() })
    };
    let metadata = json!({ "weather": "clear", "temperature": "15°C", "processing_notes": "调整了曝光和对比度" });
    let text = |text: &str| Some(text.to_owned());
    Photo {
        file_id: Some(FileId::new(1)),
        slug: Slug::parse("city-night-view-001").unwrap(),
        description: Some(Caption::stored(SHORT.to_owned())),
        place: Place {
            name: text("上海外滩"),
            position: Some(Position::degrees(31.23037, 121.47370).unwrap()),
            country: text("China"),
            city: text("Shanghai"),
        },
        exif: Exif {
            camera: text("Canon EOS R5"),
            lens: text("RF 24-70mm f/2.8L IS USM"),
            iso: Some(800),
            aperture: text("f/2.8"),
            shutter_speed: text("1/125"),
            focal_length: text("50mm"),
        },
        picture: Picture { formats: FormatName::ALL.into_iter().map(made).collect(), ..plain.picture.clone() },
        metadata: Metadata::parse(metadata.as_object().unwrap().clone()).unwrap(),
        ..plain
    }
}

/// 150 photos, the printed one the latest.
async fn furnish(gallery: &Gallery) {
    let cityscape = Category {
        description: Some(Note::parse("城市景观摄影作品").unwrap()),
        colour: Some(Colour::parse("#3498db").unwrap()),
        ..category("1", "城市风光", "cityscape")
    };
    gallery.plant(&[cityscape]).await;
    let coloured = |colour: &str, label: Label| Label { colour: Some(Colour::parse(colour).unwrap()), ..label };
    let tags = [coloured("#2c3e50", label(1, "夜景", "night-view")), coloured("#e74c3c", label(2, "城市", "city"))];
    gallery.coin(&tags).await;
    let photo = printed_photo(gallery);
    let mut all = vec![photo.clone()];
    all.extend((2..=150).map(|id| {
        let older = gallery.photo(id, &format!("照片 {id}"));
        Photo { created_at: older.created_at - TimeDelta::minutes(id), ..older }
    }));
    gallery.hang(&all).await;
    let by_ai = Tagging { source: Source::Ai, confidence: Confidence::stored(950) };
    let shelves = Shelves {
        categories: [CategoryId::new(1)].into(),
        primary: Some(CategoryId::new(1)),
        tags: [(TagId::new(1), Tagging::default()), (TagId::new(2), by_ai)].into(),
        ..Shelves::empty(&photo)
    };
    let done: Result<(), StoreError> = transact!(gallery.store, |tx| {
        tx.photos().find_for_update(photo.id).await?;
        shelving::move_photo(tx, photo.id, &shelves, photo.created_at).await.map_err(lost)?;
        tx.photos().add_views(photo.id, 156).await?;
        tx.photos().add_downloads(photo.id, 5).await?;
        for user in 1000..1023 {
            tx.photos().like(photo.id, UserId::new(user), photo.created_at).await?;
        }
        Ok(())
    });
    done.unwrap();
}

/// What the list and the page both print.
fn both() -> Value {
    json!({
        "id": 1, "title": "城市夜景", "slug": "city-night-view-001", "status": "published", "visibility": "public",
        "taken_at": "2024-01-15T18:30:00Z", "created_at": "2024-01-15T20:00:00Z",
        "updated_at": "2024-01-15T20:00:00Z", "view_count": 156, "like_count": 23,
        "exif": {
            "camera": "Canon EOS R5", "lens": "RF 24-70mm f/2.8L IS USM", "iso": 800, "aperture": "f/2.8",
            "shutter_speed": "1/125", "focal_length": "50mm"
        },
        "location": {
            "name": "上海外滩", "latitude": 31.23037, "longitude": 121.47370, "country": "China", "city": "Shanghai"
        }
    })
}

/// S3 §3.1.1. The printed request asks for a tag and words that the printed photo has not:
/// they are left out.
async fn the_list_is_answered(app: &Harness) {
    let query = "page=1&limit=20&status=published&category=1&sort_by=created_at&sort_order=desc&year=2024&month=1";
    let one = app.get(&format!("/v1/photos?{query}")).await.expect(200);
    assert_eq!((one.data()[0]["id"].as_i64(), one.body["pagination"]["total"].as_i64()), (Some(1), Some(1)));
    let query = "page=1&limit=20&status=published&sort_by=created_at&sort_order=desc";
    let list = app.get(&format!("/v1/photos?{query}")).await.expect(200);
    assert_shows(&list.data()[0], &both());
    assert_shows(
        &list.body,
        &json!({
            "success": true, "code": 200,
            "data": [{
                "description": SHORT,
                "formats": {
                    "thumb_small": cdn("thumb_small.jpg"), "thumb_medium": cdn("thumb_medium.jpg"),
                    "thumb_large": cdn("thumb_large.jpg"), "display": cdn("display.jpg"), "webp": cdn("display.webp")
                },
                "categories": [{ "id": 1, "name": "城市风光", "slug": "cityscape", "color": "#3498db" }],
                "tags": [
                    { "id": 1, "name": "夜景", "slug": "night-view", "color": "#2c3e50" },
                    { "id": 2, "name": "城市", "slug": "city", "color": "#e74c3c" }
                ]
            }],
            "pagination": {
                "page": 1, "limit": 20, "total": 150, "total_pages": 8, "has_next": true, "has_prev": false
            }
        }),
    );
    assert_eq!(list.data().as_array().unwrap().len(), 20);
}

/// S3 §3.2.1, as the owner sees it. The original is not printed as it is answered: its
/// address is signed, because not everybody may have it.
async fn the_page_is_answered(app: &Harness, owner: &Account) {
    let changed = format!("UPDATE photos SET description = '{LONG}' WHERE id = 1");
    let store = app.store().await;
    assert_eq!(store.execute_raw(&changed).await.unwrap(), 1);
    store.close().await;
    let page = app.get_as(&owner.token, "/v1/photos/1").await.expect(200);
    assert_shows(page.data(), &both());
    assert_shows(
        &page.body,
        &json!({
            "success": true, "code": 200,
            "data": {
                "description": LONG, "sort_order": 0, "download_count": 5,
                "file_info": {
                    "original_filename": "DSC_0001.jpg", "file_size": 2_048_576, "mime_type": "image/jpeg"
                },
                "formats": {
                    "jpg": cdn("display.jpg"), "webp": cdn("display.webp"), "thumb_small": cdn("thumb_small.jpg"),
                    "thumb_medium": cdn("thumb_medium.jpg"), "thumb_large": cdn("thumb_large.jpg")
                },
                "categories": [{
                    "id": 1, "name": "城市风光", "slug": "cityscape", "description": "城市景观摄影作品",
                    "color": "#3498db", "is_primary": true
                }],
                "tags": [
                    { "id": 1, "name": "夜景", "slug": "night-view", "color": "#2c3e50", "confidence": 1.0,
                        "source": "manual" },
                    { "id": 2, "name": "城市", "slug": "city", "color": "#e74c3c", "confidence": 0.95,
                        "source": "ai" }
                ],
                "metadata": {
                    "weather": "clear", "temperature": "15°C", "processing_notes": "调整了曝光和对比度"
                }
            }
        }),
    );
    let original = page.data()["formats"]["original"].as_str().unwrap();
    assert!(original.starts_with(&format!("{}?expires=", cdn("original.jpg"))), "{original}");
    assert_eq!(app.get("/v1/photos/1").await.data()["formats"]["original"], Value::Null);
}

#[tokio::test]
async fn the_printed_documents_are_answered_field_by_field() {
    for database in Database::all() {
        let app = Harness::start(Options::on(database).with("SHARESTACK__PHOTOS__MEDIA_URL", CDN)).await;
        let admin = app.admin().await;
        let owner = app.with_role(&admin, "lin", "creator").await;
        furnish(&Gallery::of(&app, owner.id)).await;
        the_list_is_answered(&app).await;
        the_page_is_answered(&app, &owner).await;
        app.stop().await;
    }
}
