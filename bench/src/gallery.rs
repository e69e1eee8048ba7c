//! A large portfolio: photos with titles and descriptions in Chinese and English, in a tree of
//! categories and under tags, some of which have many photos and most of which have few. The
//! counts that the product keeps are what it would have counted.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;

use crate::bulk::{Bulk, Row};
use crate::words::{ADJECTIVES, CAMERAS, LENSES, PLACES, QUALITIES, SCENES, SUBJECTS};

pub const CATEGORIES: u32 = 500;
pub const TAGS: u32 = 5000;
/// The category that all photos are in or below.
pub const EVERYTHING: u32 = 1;
/// One that a quarter of them are below.
pub const QUARTER: u32 = 2;
/// The one with the most photos of its own.
pub const LARGEST: u32 = FIRST_LEAF;
/// The tag with the most photos.
pub const MOST_USED: u32 = 1;

/// Four roots, four below each, and 30 below each of those.
const ROOTS: u32 = 4;
const FIRST_LEAF: u32 = 21;
const LEAVES: u32 = CATEGORIES - FIRST_LEAF + 1;

/// A number that only depends on these two, as if it were drawn.
fn drawn(photo: u32, salt: u32) -> u64 {
    let mut x = (u64::from(photo) << 20) ^ u64::from(salt).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for _ in 0..2 {
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    }
    x ^ (x >> 31)
}

fn below(photo: u32, salt: u32, limit: u32) -> u32 {
    u32::try_from(drawn(photo, salt) % u64::from(limit)).unwrap_or_default()
}

/// Below a limit, small numbers far more often than large ones.
fn skewed(photo: u32, salt: u32, limit: u32) -> u32 {
    let one = u64::from(below(photo, salt, 65_536));
    u32::try_from(one * one * u64::from(limit) / (65_536 * 65_536)).unwrap_or_default()
}

fn pick<'a>(photo: u32, salt: u32, words: &[&'a str]) -> &'a str {
    let index = skewed(photo, salt, u32::try_from(words.len()).unwrap_or(1));
    words[index as usize]
}

fn parent(category: u32) -> Option<u32> {
    match category {
        0..=ROOTS => None,
        _ if category < FIRST_LEAF => Some((category - ROOTS - 1) % ROOTS + 1),
        _ => Some(ROOTS + 1 + (category - FIRST_LEAF) % (FIRST_LEAF - ROOTS - 1)),
    }
}

fn path(category: u32) -> Vec<u32> {
    let mut path: Vec<u32> = std::iter::successors(Some(category), |id| parent(*id)).collect();
    path.reverse();
    path
}

/// Where a photo is: first a category of any tree, then one of the first tree.
fn categories_of(photo: u32) -> Vec<u32> {
    let first = FIRST_LEAF + skewed(photo, 1, LEAVES);
    let second = FIRST_LEAF + below(photo, 2, LEAVES / ROOTS) * ROOTS;
    if first == second { vec![first] } else { vec![first, second] }
}

/// What lists it: where it is, and all above.
fn lists_of(photo: u32) -> Vec<u32> {
    let mut lists: Vec<u32> = categories_of(photo).into_iter().flat_map(path).collect();
    lists.sort_unstable();
    lists.dedup();
    lists
}

fn tags_of(photo: u32) -> Vec<u32> {
    let mut tags: Vec<u32> = (3..6).map(|salt| skewed(photo, salt, TAGS) + 1).collect();
    tags.sort_unstable();
    tags.dedup();
    tags
}

pub fn tag_name(tag: u32) -> String {
    format!("{}{tag}", SUBJECTS[tag as usize % SUBJECTS.len()])
}

/// When it was taken: year, month, day, minute of the day. Never so late that the day is
/// another one in China.
fn taken(photo: u32) -> (u32, u32, u32, u32) {
    (2010 + below(photo, 7, 16), 1 + below(photo, 8, 12), 1 + below(photo, 9, 28), below(photo, 10, 900))
}

fn time((year, month, day, minute): (u32, u32, u32, u32)) -> String {
    format!("{year}-{month:02}-{day:02}T{:02}:{:02}:00+00:00", minute / 60, minute % 60)
}

/// One minute after another, in months of 28 days.
fn created(photo: u32) -> String {
    let day = photo / 1440;
    time((2020 + day / 336, 1 + day / 28 % 12, 1 + day % 28, photo % 1440))
}

fn title(photo: u32) -> String {
    let (place, city) = PLACES[below(photo, 11, u32::try_from(PLACES.len()).unwrap_or(1)) as usize];
    let (quality, subject) = (pick(photo, 12, &QUALITIES), pick(photo, 13, &SUBJECTS));
    let (adjective, scene) = (pick(photo, 14, &ADJECTIVES), pick(photo, 15, &SCENES));
    match photo % 4 {
        0 => format!("{place}{quality}{subject}"),
        1 => format!("{city}的{subject} {photo}"),
        2 => format!("{adjective} {scene} {photo}"),
        _ => format!("{place} {scene}：{quality}{subject}"),
    }
}

fn description(photo: u32) -> String {
    let (place, city) = PLACES[below(photo, 11, u32::try_from(PLACES.len()).unwrap_or(1)) as usize];
    let (quality, subject) = (pick(photo, 16, &QUALITIES), pick(photo, 17, &SUBJECTS));
    let (adjective, scene) = (pick(photo, 18, &ADJECTIVES), pick(photo, 19, &SCENES));
    let (other, light) = (pick(photo, 20, &SUBJECTS), pick(photo, 21, &QUALITIES));
    match photo % 3 {
        0 => format!(
            "清晨在{city}的{place}等了很久，终于拍到{quality}{subject}。远处是{light}{other}，用长曝光记录下这一刻，编号{photo}。"
        ),
        1 => format!(
            "A {} {} near {place}, taken while waiting for the light. The {} was gone a minute later; frame {photo}.",
            adjective.to_lowercase(),
            scene.to_lowercase(),
            pick(photo, 22, &SCENES).to_lowercase()
        ),
        _ => format!(
            "{city}，{place}：{quality}{subject}与{other}。Shot handheld, a {} {} in between, no filter.",
            adjective.to_lowercase(),
            scene.to_lowercase()
        ),
    }
}

fn formats(photo: u32) -> String {
    let mut text = String::from("{");
    for (name, file, kind, width, height) in [
        ("thumb_small", "thumb_small.jpg", "jpeg", 300, 200),
        ("thumb_medium", "thumb_medium.jpg", "jpeg", 600, 400),
        ("thumb_large", "thumb_large.jpg", "jpeg", 1200, 800),
        ("display", "display.jpg", "jpeg", 1620, 1080),
        ("webp", "display.webp", "webp", 1620, 1080),
    ] {
        let comma = if text.len() > 1 { "," } else { "" };
        let size = width * height / 6;
        let _ = write!(
            text,
            r#"{comma}"{name}":{{"key":"photos/{photo}/1/{file}","size":{size},"width":{width},"height":{height},"mime_type":"image/{kind}"}}"#
        );
    }
    text.push('}');
    text
}

const PHOTO: &str = "id,owner_id,slug,title,description,status,visibility,sort_order,listed,taken_at,taken_offset_minutes,\
                     taken_year,taken_month,shown_at,latitude,longitude,place_name,country,city,camera,lens,iso,aperture,\
                     shutter_speed,focal_length,original_filename,file_size,mime_type,width,height,placeholder,formats,\
                     revision,metadata,view_count,like_count,download_count,version,created_at,updated_at,published_at";

/// Where its owner has put it.
fn position(photo: u32) -> i64 {
    below(photo, 28, 1_000_000).into()
}

fn photo(row: &mut Row<'_>, photo: u32, users: u32) {
    let (place, city) = PLACES[below(photo, 11, u32::try_from(PLACES.len()).unwrap_or(1)) as usize];
    let when = taken(photo);
    let (at, created) = (time(when), created(photo));
    row.number(photo.into()).number((photo % users + 1).into()).text(&format!("photo-{photo}")).text(&title(photo));
    row.text(&description(photo))
        .text("published")
        .text("public")
        .number(position(photo))
        .flag(true)
        .text(&at)
        .number(480);
    row.number(when.0.into()).number(when.1.into()).text(&at);
    row.number(180_000_000 + i64::from(below(photo, 23, 300_000_000)));
    row.number(800_000_000 + i64::from(below(photo, 24, 500_000_000)));
    row.text(place).text("中国").text(city).text(pick(photo, 25, &CAMERAS)).text(pick(photo, 26, &LENSES));
    row.number(100 << below(photo, 27, 6)).text("f/2.8").text("1/250").text("35mm");
    row.text(&format!("IMG_{photo:07}.JPG")).number(8_000_000 + i64::from(photo)).text("image/jpeg");
    row.number(6000).number(4000).text("1QcSHQRnh493V4dIh4eXh1h4kJUI").text(&formats(photo)).number(1).text("{}");
    row.number(0).number(0).number(0).number(1).text(&created).text(&created).text(&created);
}

/// What stands with the links of a photo.
fn sort_keys(row: &mut Row<'_>, photo: u32) {
    row.text(&created(photo)).text(&time(taken(photo))).text(&title(photo)).number(position(photo));
}

const TABLES: [&str; 7] =
    ["photos", "photo_categories", "category_listings", "photo_tags", "tag_days", "categories", "tags"];

/// Fills the portfolio of a database that has these users.
pub async fn fill(db: &mut Bulk, photos: u32, users: u32) -> Result<()> {
    let indexes = db.without_indexes(&TABLES).await?;
    let (mut direct, mut subtree) = (vec![0_i64; CATEGORIES as usize + 1], vec![0_i64; CATEGORIES as usize + 1]);
    let mut used = vec![0_i64; TAGS as usize + 1];
    let mut counts = BTreeMap::from([("listed".to_owned(), i64::from(photos))]);
    for photo in 1..=photos {
        for category in categories_of(photo) {
            direct[category as usize] += 1;
        }
        for category in lists_of(photo) {
            subtree[category as usize] += 1;
        }
        for tag in tags_of(photo) {
            used[tag as usize] += 1;
        }
        let (year, month, ..) = taken(photo);
        *counts.entry(format!("year:{year:04}")).or_default() += 1;
        *counts.entry(format!("month:{year:04}-{month:02}")).or_default() += 1;
    }
    db.fill("photos", PHOTO, 1..=photos, |row, id| photo(row, id, users)).await?;
    let columns = "id,kind,parent_id,name,slug,sort_order,is_active,is_featured,path,direct_count,subtree_count,version,\
                   created_at,updated_at";
    db.fill("categories", columns, 1..=CATEGORIES, |row, id| {
        let path = path(id).iter().map(ToString::to_string).collect::<Vec<_>>().join("/");
        row.number(id.into()).text("photo");
        match parent(id) {
            Some(parent) => row.number(parent.into()),
            None => row.nothing(),
        };
        row.text(&format!("{}{id}", QUALITIES[id as usize % QUALITIES.len()])).text(&format!("category-{id}"));
        row.number(id.into()).flag(true).flag(false).text(&path).number(direct[id as usize]);
        row.number(subtree[id as usize]).number(1).text(&created(id)).text(&created(id));
    })
    .await?;
    let columns =
        "id,kind,name,name_key,slug,tag_group,usage_count,is_active,is_featured,version,created_at,updated_at";
    db.fill("tags", columns, 1..=TAGS, |row, id| {
        let name = tag_name(id);
        row.number(id.into()).text("photo").text(&name).text(&name).text(&format!("tag-{id}")).nothing();
        row.number(used[id as usize]).flag(true).flag(false).number(1).text(&created(id)).text(&created(id));
    })
    .await?;
    let placed = (1..=photos).flat_map(|photo| (0_u8..).zip(categories_of(photo)).map(move |place| (photo, place)));
    let columns = "category_id,photo_id,is_primary,listed,created_at,shown_at,title,sort_order";
    db.fill("photo_categories", columns, placed, |row, (photo, (place, category))| {
        row.number(category.into()).number(photo.into()).flag(place == 0).flag(true);
        sort_keys(row, photo);
    })
    .await?;
    let listed = (1..=photos).flat_map(|photo| lists_of(photo).into_iter().map(move |category| (photo, category)));
    let columns = "category_id,photo_id,created_at,shown_at,title,sort_order";
    db.fill("category_listings", columns, listed, |row, (photo, category)| {
        row.number(category.into()).number(photo.into());
        sort_keys(row, photo);
    })
    .await?;
    let tagged = (1..=photos).flat_map(|photo| tags_of(photo).into_iter().map(move |tag| (photo, tag)));
    let columns = "tag_id,photo_id,source,listed,used_on,created_at,shown_at,title,sort_order";
    db.fill("photo_tags", columns, tagged, |row, (photo, tag)| {
        row.number(tag.into()).number(photo.into()).text("manual").flag(true).number(20_000);
        sort_keys(row, photo);
    })
    .await?;
    db.fill("tag_days", "tag_id,day,uses", 1..=TAGS, |row, id| {
        row.number(id.into()).number(20_000).number(used[id as usize]);
    })
    .await?;
    db.fill("photo_counts", "count_key,n", counts, |row, (key, n)| {
        row.text(&key).number(n);
    })
    .await?;
    let next = [("photos", photos), ("categories", CATEGORIES), ("tags", TAGS)];
    db.fill("sequences", "name,next", next, |row, (name, last)| {
        row.text(name).number(i64::from(last) + 1);
    })
    .await?;
    db.with_indexes(indexes).await
}
