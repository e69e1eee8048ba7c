//! Lists and searches of a small and of a large portfolio: what one client waits for them.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::bulk::Bulk;
use crate::gallery::{self, EVERYTHING, LARGEST, MOST_USED, QUARTER, tag_name};
use crate::latency::{self, Waits};
use crate::machine::Work;
use crate::prepared::{Kind, Prepared};
use crate::server::Server;
use crate::{Options, Section, http, say, seed};

/// Photos on a page: the small portfolio too has a page 1,000 of them.
const LIMIT: u32 = 10;
const DEEP: u32 = 1000;
const USERS: u32 = 100;

/// What was waited for on the small and on the large portfolio.
pub struct List {
    pub database: &'static str,
    pub name: String,
    /// The page, of the small one and of the large one; `None` for what has no pages.
    pub pages: Option<(u32, u32)>,
    pub small: Waits,
    pub large: Waits,
}

/// A kind of query on the large one.
pub struct Search {
    pub name: &'static str,
    /// How many photos the first of the queries finds.
    pub found: u64,
    pub waits: Waits,
}

/// An index, and what it took.
pub struct Index {
    pub photos: u32,
    pub seconds: f64,
    /// MiB on disk.
    pub size: f64,
}

/// What was measured.
#[derive(Default)]
pub struct Catalog {
    pub lists: Vec<List>,
    pub searches: Vec<Search>,
    pub index: Option<Index>,
    /// The share of the machine that others took at the most.
    pub others: f64,
}

/// A list and its pages.
struct Asked {
    name: &'static str,
    path: String,
    /// Whether the first page or a deep one is asked for; `None` for what has no pages.
    deep: Option<bool>,
}

fn asked(options: &Options) -> Vec<Asked> {
    let mut all = Vec::new();
    for (name, path) in [
        ("all photos", "/api/v1/photos?limit=10".to_owned()),
        ("all photos by the time of taking", "/api/v1/photos?limit=10&sort_by=taken_at".to_owned()),
        ("a category and those below it, with every photo", format!("/api/v1/photos?limit=10&category={EVERYTHING}")),
        ("a category and those below it, with a quarter", format!("/api/v1/photos?limit=10&category={QUARTER}")),
        ("the largest category by itself", format!("/api/v1/categories/{LARGEST}/photos?limit=10")),
        ("a category by title", format!("/api/v1/photos?limit=10&category={QUARTER}&sort_by=title")),
        ("a category in its own order", format!("/api/v1/photos?limit=10&category={QUARTER}&sort_by=sort_order")),
        ("the most used tag", format!("/api/v1/photos?limit=10&tag={}", encoded(&tag_name(MOST_USED)))),
        ("a year", "/api/v1/photos?limit=10&year=2020".to_owned()),
    ] {
        all.extend([false, true].map(|deep| Asked { name, path: path.clone(), deep: Some(deep) }));
    }
    let whole = [
        ("tree of categories", "/api/v1/categories"),
        ("cloud of tags", "/api/v1/tags/cloud"),
        ("tags, page 1", "/api/v1/tags?limit=20"),
        ("timeline", "/api/v1/timeline"),
        ("a month of the timeline", "/api/v1/timeline/2020/6"),
    ];
    all.extend(whole.map(|(name, path)| Asked { name, path: path.to_owned(), deep: None }));
    all.retain(|one| options.case.as_deref().is_none_or(|wanted| one.name.starts_with(wanted)));
    all
}

/// A text in an address.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        let _ = write!(encoded, "%{byte:02X}");
    }
    encoded
}

fn json(server: &Server, path: &str) -> Result<Value> {
    let answer = http::request(server.port, "GET", path, &[], "")?;
    if answer.status != 200 {
        bail!("{path}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
    }
    Ok(serde_json::from_slice(&answer.body)?)
}

/// The page of a list that is asked for: the deep one, or the last whole one where there are fewer.
fn page(server: &Server, asked: &Asked) -> Result<Option<u32>> {
    Ok(match asked.deep {
        None => None,
        Some(false) => Some(1),
        Some(true) => {
            let first = json(server, &asked.path)?;
            let total = first["pagination"]["total"].as_u64();
            let total = total.with_context(|| format!("{}: no total", asked.path))?;
            Some(u32::try_from(total / u64::from(LIMIT)).unwrap_or(DEEP).clamp(1, DEEP))
        }
    })
}

fn waits(server: &Server, asked: &Asked, page: Option<u32>, seconds: u32) -> Result<Waits> {
    let path = page.map_or_else(|| asked.path.clone(), |page| format!("{}&page={page}", asked.path));
    latency::measure(server.port, &[path], seconds)
}

async fn filled(kind: Kind, photos: u32) -> Result<Prepared> {
    let prepared = Prepared::new(kind).await?;
    let started = Instant::now();
    let fill = async {
        let people = prepared.open().await?;
        seed::people(&people, USERS).await?;
        people.close().await;
        let mut bulk = Bulk::open(&prepared.url).await?;
        gallery::fill(&mut bulk, photos, USERS).await?;
        bulk.close().await
    };
    if let Err(error) = fill.await {
        prepared.remove().await;
        return Err(error);
    }
    say(&format!("{}: {photos} photos in {:.0} s", kind.name(), started.elapsed().as_secs_f64()));
    Ok(prepared)
}

/// A size with its index: where that lies is kept, so that every database of the size has it.
struct Size {
    photos: u32,
    index: tempfile::TempDir,
    indexed: bool,
}

impl Size {
    fn of(photos: u32) -> Result<Self> {
        Ok(Self { photos, index: tempfile::tempdir()?, indexed: false })
    }

    /// Serves a portfolio of this size. The first one is indexed, the others, which have the
    /// same photos, take that index.
    fn serve(&mut self, prepared: &Prepared, into: &mut Catalog) -> Result<Server> {
        let directory = prepared.path().join("search");
        if self.indexed {
            copy(self.index.path(), &directory)?;
        } else {
            let seconds = prepared.run(&["search", "rebuild"])?.as_secs_f64();
            let size = size(&directory.join("photos"))? / 1_048_576.0;
            say(&format!("{}: {} photos indexed in {seconds:.0} s, {size:.0} MiB", prepared.database, self.photos));
            into.index = Some(Index { photos: self.photos, seconds, size });
            copy(&directory, self.index.path())?;
            self.indexed = true;
        }
        let server = prepared.serve()?;
        let found = json(&server, "/api/v1/photos/search?q=%E6%98%9F%E7%A9%BA&limit=1")?;
        if found["data"]["photos"].as_array().is_none_or(Vec::is_empty) {
            bail!("the search finds nothing: {found}");
        }
        Ok(server)
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Bytes of all files below a directory.
fn size(directory: &Path) -> Result<f64> {
    let mut sum = 0.0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let bytes = u32::try_from(entry.metadata()?.len() / 1024).unwrap_or(u32::MAX);
        sum += if entry.file_type()?.is_dir() { size(&entry.path())? } else { f64::from(bytes) * 1024.0 };
    }
    Ok(sum)
}

/// Measures lists on the databases that are asked for, and searches on the first of them.
pub async fn measure(options: &Options, into: &mut Catalog) -> Result<()> {
    let (mut few, mut many) = (Size::of(options.few_photos)?, Size::of(options.photos)?);
    let mut problems = Vec::new();
    for (number, kind) in options.databases().into_iter().enumerate() {
        let searched = number == 0 && options.wants(Section::Search);
        if !searched && !options.wants(Section::Photos) {
            continue;
        }
        if let Err(error) = one(kind, searched, options, (&mut few, &mut many), into).await {
            say(&format!("{}: photos were not measured: {error:#}", kind.name()));
            problems.push(format!("{}: {error:#}", kind.name()));
        }
    }
    if problems.is_empty() { Ok(()) } else { bail!("{}", problems.join("; ")) }
}

async fn one(
    kind: Kind,
    searched: bool,
    options: &Options,
    (few, many): (&mut Size, &mut Size),
    into: &mut Catalog,
) -> Result<()> {
    let all = if options.wants(Section::Photos) { asked(options) } else { Vec::new() };
    let mut small = Vec::new();
    if !all.is_empty() {
        let prepared = filled(kind, few.photos).await?;
        let result = lists(&prepared, few, &all, options, into);
        prepared.remove().await;
        small = result?;
    }
    let prepared = filled(kind, many.photos).await?;
    let result = large(&prepared, many, (&all, &small), searched, options, into);
    prepared.remove().await;
    result
}

fn lists(
    prepared: &Prepared,
    size: &mut Size,
    all: &[Asked],
    options: &Options,
    into: &mut Catalog,
) -> Result<Vec<(Option<u32>, Waits)>> {
    let server = size.serve(prepared, into)?;
    let measured = all.iter().map(|one| {
        let page = page(&server, one)?;
        Ok((page, waits(&server, one, page, options.brief())?))
    });
    let measured = measured.collect::<Result<_>>()?;
    server.stop()?;
    Ok(measured)
}

fn large(
    prepared: &Prepared,
    size: &mut Size,
    (all, small): (&[Asked], &[(Option<u32>, Waits)]),
    searched: bool,
    options: &Options,
    into: &mut Catalog,
) -> Result<()> {
    let database = prepared.database;
    let server = size.serve(prepared, into)?;
    let (pids, before) = ([server.pid()], Work::now(&[server.pid()]));
    for (asked, (small_page, small)) in all.iter().zip(small) {
        let page = page(&server, asked)?;
        // Where the small one ends before that page, also the page at which it ends.
        let same = (*small_page != page).then_some(*small_page);
        for page in same.into_iter().chain([page]) {
            let large = waits(&server, asked, page, options.brief())?;
            let pages = small_page.zip(page);
            let place = page.map_or_else(String::new, |page| format!(", page {page}"));
            say(&format!("{database}: {}{place}: P95 {:.1} ms, of few {:.1} ms", asked.name, large.p95, small.p95));
            into.lists.push(List { database, name: asked.name.to_owned(), pages, small: *small, large });
        }
    }
    if searched {
        searches(&server, options, into)?;
    }
    into.others = into.others.max(Work::others_since(before, &pids));
    server.stop()
}

/// Kinds of queries; each is many queries.
const QUERIES: [(&str, &[&str], &str); 8] = [
    ("a Chinese word", &["星空", "日出", "樱花", "灯塔", "老街", "峡谷", "航拍", "婚礼"], ""),
    ("two Chinese words", &["上海 城市夜景", "西湖 日落", "故宫 雪山", "外滩 倒影", "敦煌 沙漠", "漓江 云海"], ""),
    ("a Chinese sentence", &["清晨在西湖拍到的日出", "用长曝光拍摄外滩的夜景", "古城墙上的灯笼和烟花"], ""),
    ("an English word", &["lighthouse", "monsoon", "vineyard", "silhouette", "terrace", "fisherman"], ""),
    ("an English word with a slip", &["lighthuose", "cathedrall", "buterfly", "vineyrad", "staircaes"], ""),
    ("Chinese and English", &["外滩 skyline", "西湖 reflection", "成都 market", "雪山 panorama", "station 火车"], ""),
    (
        "a word, in a category and in years",
        &["星空", "倒影", "harbour", "festival"],
        "&category=2&date_from=2016-01-01&date_to=2019-12-31",
    ),
    ("a word, page 50", &["星空", "日出", "lighthouse", "skyline"], "&page=50"),
];

fn searches(server: &Server, options: &Options, into: &mut Catalog) -> Result<()> {
    for (name, queries, more) in QUERIES {
        let paths: Vec<String> =
            queries.iter().map(|query| format!("/api/v1/photos/search?q={}{more}", encoded(query))).collect();
        let first = json(server, &paths[0])?;
        let found = first["pagination"]["total"].as_u64();
        let waits = latency::measure(server.port, &paths, options.brief())?;
        say(&format!("search, {name}: P95 {:.1} ms", waits.p95));
        into.searches.push(Search { name, found: found.unwrap_or_default(), waits });
    }
    Ok(())
}
