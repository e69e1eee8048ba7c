//! The demo's portfolio: painted landscapes with what a camera would have noted in them,
//! sorted into categories, tags and a timeline.

use futures::StreamExt as _;
use sha2::Digest as _;
use sharestack_content::error::{CategoryError, LabelError, PhotoCreateError};
use sharestack_content::model::{
    Caption, CategoryId, CategoryName, EventDate, EventKind, EventTitle, FileId, Kind, Metadata, PhotoId, PhotoStatus,
    Place, Sha256, Slug, TagGroup, TagName, Title, Visibility,
};
use sharestack_content::ports::{
    CategoryKey, CategoryQueries, PhotoFilter, PhotoQueries, PhotoScope, TimelineQueries, YearMonth,
};
use sharestack_content::service::{CreateCategory, CreateEvent, CreatePhoto, CreateTag};
use sharestack_kernel::actor::Actor;
use sharestack_kernel::page::PageRequest;
use sharestack_media::sample::Sample;

use super::Steps;
use crate::wiring::App;

/// The long and the short side: large enough for every derivative, quick enough to paint.
const SIZE: (u32, u32) = (1500, 1000);

/// A photo, and the light that it is painted in.
struct Shot {
    title: &'static str,
    caption: &'static str,
    category: &'static str,
    tags: &'static [&'static str],
    taken: &'static str,
    zone: &'static str,
    /// Place, city, country, latitude and longitude.
    place: (&'static str, &'static str, &'static str, f64, f64),
    /// Make, model, lens.
    camera: (&'static str, &'static str, &'static str),
    /// ISO, aperture, shutter, focal length.
    exposure: (u16, f64, (u32, u32), f64),
    /// The sky above, the sky at the horizon, the land.
    light: [[u8; 3]; 3],
}

const CANON: (&str, &str, &str) = ("Canon", "Canon EOS R5", "RF 24-70mm f/2.8L IS USM");
const SONY: (&str, &str, &str) = ("SONY", "ILCE-7M4", "FE 16-35mm F2.8 GM II");
const FUJI: (&str, &str, &str) = ("FUJIFILM", "X-T5", "XF35mmF1.4 R");

const SHOTS: &[Shot] = &[
    Shot {
        title: "外滩的日落",
        caption: "江面上的最后一缕光。",
        category: "cityscape",
        tags: &["日落", "上海", "城市"],
        taken: "2024:01:15 17:12:00",
        zone: "+08:00",
        place: ("外滩", "上海", "中国", 31.239_7, 121.490_0),
        camera: CANON,
        exposure: (100, 8.0, (1, 125), 35.0),
        light: [[62, 66, 120], [250, 150, 80], [38, 32, 48]],
    },
    Shot {
        title: "黄山云海",
        caption: "清晨五点，云从谷底升起来。",
        category: "mountains",
        tags: &["日出", "云海", "长曝光"],
        taken: "2024:04:20 05:41:00",
        zone: "+08:00",
        place: ("黄山", "黄山", "中国", 30.132_1, 118.168_9),
        camera: SONY,
        exposure: (64, 11.0, (2, 1), 24.0),
        light: [[120, 160, 210], [255, 222, 190], [70, 92, 96]],
    },
    Shot {
        title: "雪后的胡同",
        caption: "只有一个人的脚印。",
        category: "street",
        tags: &["北京", "雪", "黑白"],
        taken: "2024:02:05 08:20:00",
        zone: "+08:00",
        place: ("五道营胡同", "北京", "中国", 39.949_4, 116.410_6),
        camera: FUJI,
        exposure: (400, 2.8, (1, 250), 35.0),
        light: [[150, 152, 156], [226, 228, 230], [96, 98, 102]],
    },
    Shot {
        title: "Fjord before rain",
        caption: "Ten minutes later the far shore was gone.",
        category: "water",
        tags: &["Norway", "长曝光"],
        taken: "2023:09:12 14:05:00",
        zone: "+02:00",
        place: ("Geirangerfjord", "Geiranger", "Norway", 62.101_5, 7.094_1),
        camera: SONY,
        exposure: (100, 16.0, (4, 1), 16.0),
        light: [[84, 104, 124], [176, 192, 200], [30, 58, 60]],
    },
    Shot {
        title: "西湖晚照",
        caption: "雷峰塔下，等船回来。",
        category: "water",
        tags: &["日落", "杭州"],
        taken: "2023:10:28 17:02:00",
        zone: "+08:00",
        place: ("西湖", "杭州", "中国", 30.242_0, 120.148_0),
        camera: CANON,
        exposure: (200, 5.6, (1, 160), 50.0),
        light: [[92, 70, 128], [244, 176, 120], [44, 50, 58]],
    },
    Shot {
        title: "Night over the dunes",
        caption: "The Milky Way did the work.",
        category: "mountains",
        tags: &["夜景", "长曝光"],
        taken: "2022:08:13 23:30:00",
        zone: "+08:00",
        place: ("鸣沙山", "敦煌", "中国", 40.091_5, 94.671_7),
        camera: SONY,
        exposure: (3200, 2.8, (20, 1), 16.0),
        light: [[8, 12, 36], [46, 44, 84], [28, 22, 20]],
    },
];

/// Name, slug, parent.
const CATEGORIES: &[(&str, &str, Option<&str>)] = &[
    ("风景", "landscape", None),
    ("山", "mountains", Some("landscape")),
    ("水", "water", Some("landscape")),
    ("城市", "city", None),
    ("街头", "street", Some("city")),
    ("天际线", "cityscape", Some("city")),
];

const TAGS: &[(&str, TagGroup)] = &[
    ("黑白", TagGroup::Style),
    ("日落", TagGroup::Subject),
    ("长曝光", TagGroup::Technique),
    ("上海", TagGroup::Location),
    ("北京", TagGroup::Location),
];

/// Title, day, kind, the photos by their place in the list.
const EVENTS: &[(&str, &str, EventKind, &[usize])] = &[
    ("挪威之行", "2023-09-12", EventKind::Travel, &[3]),
    ("第一次影展：光与水", "2024-05-18", EventKind::Exhibition, &[0, 3, 4]),
];

/// Makes the categories that are left to be made.
///
/// # Errors
/// When something cannot be written.
pub async fn make_categories(steps: Steps<'_>, admin: &Actor) -> anyhow::Result<()> {
    let app = steps.app;
    for (place, (name, slug, parent)) in CATEGORIES.iter().enumerate() {
        if steps.is_done(place).await? {
            continue;
        }
        let parent = match parent {
            Some(parent) => find_category(app, parent).await?,
            None => None,
        };
        match app.taxonomy.categories.create(admin, Kind::Photo, category(name, slug, parent, place)?).await {
            Ok(_) | Err(CategoryError::SlugTaken) => {}
            Err(error) => return Err(error.into()),
        }
        steps.done(place).await?;
    }
    Ok(())
}

/// Makes the tags that are left to be made.
///
/// # Errors
/// When something cannot be written.
pub async fn make_tags(steps: Steps<'_>, admin: &Actor) -> anyhow::Result<()> {
    for (step, (name, group)) in TAGS.iter().enumerate() {
        if steps.is_done(step).await? {
            continue;
        }
        match steps.app.taxonomy.tags.create(admin, tag(name, *group)?).await {
            Ok(_) | Err(LabelError::NameTaken) => {}
            Err(error) => return Err(error.into()),
        }
        steps.done(step).await?;
    }
    Ok(())
}

/// Makes the photos that are left to be made, in the categories that are there.
///
/// # Errors
/// When something cannot be written.
pub async fn make_photos(steps: Steps<'_>, creator: &Actor) -> anyhow::Result<()> {
    let app = steps.app;
    for (step, shot) in SHOTS.iter().enumerate() {
        if steps.is_done(step).await? {
            continue;
        }
        if find_photo(app, creator, shot).await?.is_none() {
            let file = file(app, creator, shot).await?;
            let category = find_category(app, shot.category).await?;
            match app.photos.creating.create(creator, photo(shot, file, category)?).await {
                // It has another title by now.
                Ok(_) | Err(PhotoCreateError::FileTaken) => {}
                Err(error) => return Err(error.into()),
            }
        }
        steps.done(step).await?;
    }
    Ok(())
}

/// Makes the events that are left to be made, with those of their photos that are there.
///
/// # Errors
/// When something cannot be written.
pub async fn make_timeline(steps: Steps<'_>, admin: &Actor, creator: &Actor) -> anyhow::Result<()> {
    let app = steps.app;
    for (step, (title, date, kind, of)) in EVENTS.iter().enumerate() {
        if steps.is_done(step).await? {
            continue;
        }
        let mut photos = Vec::new();
        for place in *of {
            photos.extend(find_photo(app, creator, &SHOTS[*place]).await?);
        }
        let event = event(title, date, *kind, photos)?;
        let (year, month) = event.date.month();
        let month = YearMonth { year, month };
        let there = TimelineQueries::events(&app.store, month, month).await?;
        if !there.iter().any(|one| one.title == event.title && one.date == event.date) {
            app.taxonomy.timeline.create(admin, event).await?;
        }
        steps.done(step).await?;
    }
    Ok(())
}

async fn find_category(app: &App, slug: &str) -> anyhow::Result<Option<CategoryId>> {
    let found = CategoryQueries::find(&app.store, Kind::Photo, &CategoryKey::parse(slug)).await?;
    Ok(found.map(|category| category.id))
}

async fn find_photo(app: &App, creator: &Actor, shot: &Shot) -> anyhow::Result<Option<PhotoId>> {
    let filter = PhotoFilter {
        scope: PhotoScope::Kept { status: None, visibility: None, owner: Some(creator.user_id) },
        hidden_category: true,
        hidden_tag: true,
        search: Some(shot.title.to_owned()),
        ..PhotoFilter::default()
    };
    let found = PhotoQueries::list(&app.store, &filter, PageRequest::default()).await?;
    let mut photos = found.items.into_iter().map(|view| view.photo);
    Ok(photos.find(|photo| photo.title.as_str() == shot.title).map(|photo| photo.id))
}

/// The painted file, which may be there without its photo.
async fn file(app: &App, creator: &Actor, shot: &'static Shot) -> anyhow::Result<FileId> {
    let picture = tokio::task::spawn_blocking(|| paint(shot)).await?;
    let content = (Sha256::new(sha2::Sha256::digest(&picture).into()), picture.len() as u64);
    if let Some(known) = app.uploads.service.find_known(creator, &[content]).await?.first() {
        return Ok(known.id);
    }
    let name = format!("{}.jpg", shot.title);
    let content = futures::stream::once(async move { Ok(picture.into()) }).boxed();
    Ok(app.uploads.service.receive(creator, &name, content).await?.id)
}

/// Layers of hills before a sky with a low sun, with the grain of a sensor.
fn paint(shot: &Shot) -> Vec<u8> {
    let (width, height) = SIZE;
    let [above, horizon, land] = shot.light;
    let mut grain: u32 = 0x9e37_79b9 ^ u32::from(above[0]) << 8 ^ u32::from(land[2]);
    let sun = (f64::from(width) * 0.68, f64::from(height) * 0.46);
    let sample = Sample::painted(width, height, |x, y| {
        grain ^= grain << 13;
        grain ^= grain >> 17;
        grain ^= grain << 5;
        let noise = f64::from(grain & 7) - 3.5;
        let (across, down) = (f64::from(x), f64::from(y));
        let part = down / f64::from(height);
        let hill = (0..3_u32).rev().find(|layer| part > ridge(across / f64::from(width), *layer));
        let base = match hill {
            Some(layer) => mix(horizon, land, 0.45 + 0.27 * f64::from(layer)),
            None => mix(above, horizon, (part / 0.62).powf(1.3)),
        };
        let glow = if hill.is_some() { 0.0 } else { 90.0 * (-(across - sun.0).hypot(down - sun.1) / 130.0).exp() };
        base.map(|channel| shade(channel + noise + glow))
    });
    let (make, model, lens) = shot.camera;
    let (iso, aperture, shutter, focal_length) = shot.exposure;
    let (.., latitude, longitude) = shot.place;
    sample
        .camera(make, model)
        .lens(lens)
        .exposure(iso, aperture, shutter, focal_length)
        .taken(shot.taken, Some(shot.zone))
        .gps(latitude, longitude)
        .quality(88)
        .jpeg()
}

/// How far down a chain of hills begins; the later the nearer.
fn ridge(across: f64, layer: u32) -> f64 {
    let depth = f64::from(layer);
    let wave = |times: f64, shift: f64| (across * times + shift).sin();
    0.56 + 0.13 * depth + 0.05 * wave(7.0 + 2.0 * depth, 1.7 * depth) + 0.02 * wave(23.0 - 3.0 * depth, 0.6)
}

fn mix(from: [u8; 3], to: [u8; 3], part: f64) -> [f64; 3] {
    let part = part.clamp(0.0, 1.0);
    std::array::from_fn(|channel| f64::from(from[channel]).mul_add(1.0 - part, f64::from(to[channel]) * part))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what a byte holds")]
fn shade(channel: f64) -> u8 {
    channel.clamp(0.0, 255.0) as u8
}

fn category(name: &str, slug: &str, parent: Option<CategoryId>, place: usize) -> anyhow::Result<CreateCategory> {
    let rule = |issue| anyhow::anyhow!("demo category {name}: {issue:?}");
    Ok(CreateCategory {
        name: CategoryName::parse(name).map_err(rule)?,
        slug: Some(Slug::parse(slug).map_err(rule)?),
        description: None,
        parent,
        colour: None,
        icon: None,
        sort_order: i64::try_from(place)?,
        is_active: true,
        is_featured: parent.is_none(),
        seo_title: None,
        seo_description: None,
    })
}

fn tag(name: &str, group: TagGroup) -> anyhow::Result<CreateTag> {
    let name = TagName::parse(name).map_err(|issue| anyhow::anyhow!("demo tag {name}: {issue:?}"))?;
    Ok(CreateTag {
        name,
        slug: None,
        description: None,
        colour: None,
        icon: None,
        group: Some(group),
        is_active: true,
        is_featured: false,
    })
}

fn photo(shot: &Shot, file: FileId, category: Option<CategoryId>) -> anyhow::Result<CreatePhoto> {
    let rule = |issue| anyhow::anyhow!("demo photo {}: {issue:?}", shot.title);
    let (place, city, country, ..) = shot.place;
    Ok(CreatePhoto {
        title: Title::parse(shot.title.to_owned()).map_err(rule)?,
        slug: None,
        description: Some(Caption::parse(shot.caption).map_err(rule)?),
        file,
        status: PhotoStatus::Published,
        visibility: Visibility::Public,
        sort_order: 0,
        taken: None,
        place: Place {
            name: Some(place.to_owned()),
            position: None,
            country: Some(country.to_owned()),
            city: Some(city.to_owned()),
        },
        categories: category.into_iter().collect(),
        tags: shot.tags.iter().map(|tag| TagName::parse(tag)).collect::<Result<_, _>>().map_err(rule)?,
        metadata: Metadata::default(),
    })
}

fn event(title: &str, date: &str, kind: EventKind, photos: Vec<PhotoId>) -> anyhow::Result<CreateEvent> {
    let rule = |issue| anyhow::anyhow!("demo event {title}: {issue:?}");
    Ok(CreateEvent {
        title: EventTitle::parse(title).map_err(rule)?,
        description: None,
        date: EventDate::parse(date).map_err(rule)?,
        kind,
        photos,
    })
}
