//! The bare server: the product's bytes, with the product's SQL before them or without.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::{self, Bytes, Data, Path};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::database::{Database, Draft};
use crate::http::Answer;
use crate::seed;

/// Where to listen, and what to answer.
#[derive(Debug, clap::Args)]
pub struct FloorArgs {
    #[arg(long)]
    port: u16,
    /// The captured answers.
    #[arg(long)]
    answers: PathBuf,
    /// The database; none answers without one.
    #[arg(long)]
    url: Option<String>,
}

/// An answer as the product gave it.
struct Captured {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Captured {
    fn answer(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        for (name, value) in &self.headers {
            response.insert_header((name.clone(), value.clone()));
        }
        response.body(self.body.clone())
    }
}

struct Floor {
    answers: BTreeMap<String, Captured>,
    database: Option<Database>,
    next: AtomicI64,
    text: String,
    short: String,
    tags: String,
}

/// Ids of drafts that the floor writes start here.
const FIRST: i64 = 1_000_000_000;

/// What [`serve`] reads back.
pub fn captured(answers: &[(&str, Answer)]) -> Value {
    let one = |answer: &Answer| {
        let own = ["content-length", "date", "connection"];
        let headers: Vec<_> = answer.headers.iter().filter(|(name, _)| !own.contains(&name.as_str())).collect();
        json!({ "status": answer.status, "headers": headers, "body": String::from_utf8_lossy(&answer.body) })
    };
    answers.iter().map(|(name, answer)| ((*name).to_owned(), one(answer))).collect::<serde_json::Map<_, _>>().into()
}

fn read(value: &Value) -> Result<Captured> {
    let status = value["status"].as_u64().and_then(|code| u16::try_from(code).ok()).context("status")?;
    let mut headers = Vec::new();
    for pair in value["headers"].as_array().context("headers")? {
        let (name, text) = (pair[0].as_str().context("name")?, pair[1].as_str().context("value")?);
        headers.push((HeaderName::try_from(name)?, HeaderValue::from_str(text)?));
    }
    let body = value["body"].as_str().context("body")?.to_owned();
    Ok(Captured { status: StatusCode::from_u16(status)?, headers, body: body.into() })
}

/// Answers until it is ended.
pub async fn serve(args: FloorArgs) -> Result<()> {
    let stored: BTreeMap<String, Value> = serde_json::from_slice(&std::fs::read(&args.answers)?)?;
    let answers = stored.iter().map(|(name, value)| Ok((name.clone(), read(value)?))).collect::<Result<_>>()?;
    let database = match &args.url {
        Some(url) => Some(Database::open(url).await?),
        None => None,
    };
    let floor = Data::new(Floor {
        answers,
        database,
        next: AtomicI64::new(FIRST),
        text: seed::text(1),
        short: seed::text(1).chars().take(100).collect(),
        tags: seed::tag_list(&[1, 2]),
    });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(floor.clone())
            .route("/health/ready", web::get().to(HttpResponse::Ok))
            .route("/api/v1/articles/{id}", web::get().to(article))
            .route("/api/v1/articles", web::get().to(list))
            .route("/api/v1/articles", web::post().to(create))
            .route("/api/v1/users/me", web::get().to(me))
    });
    server.workers(2).bind(("127.0.0.1", args.port))?.run().await?;
    Ok(())
}

fn reply<T>(floor: &Floor, name: &str, found: &Result<T, sqlx::Error>) -> HttpResponse {
    match (found, floor.answers.get(name)) {
        (Ok(_), Some(answer)) => answer.answer(),
        _ => HttpResponse::InternalServerError().finish(),
    }
}

async fn article(floor: Data<Floor>, id: Path<i64>) -> HttpResponse {
    let found = match &floor.database {
        Some(database) => {
            database.read_article(*id).await.and_then(|found| found.then_some(()).ok_or(sqlx::Error::RowNotFound))
        }
        None => Ok(()),
    };
    reply(&floor, "article", &found)
}

/// `?page=…` alone, with pages of 20.
async fn list(floor: Data<Floor>, request: HttpRequest) -> HttpResponse {
    let page: i64 = request.query_string().trim_start_matches("page=").parse().unwrap_or(1);
    let found = match &floor.database {
        Some(database) => database.list_articles(20, (page - 1) * 20).await,
        None => Ok(20),
    };
    reply(&floor, if page == 1 { "first page" } else { "deep page" }, &found)
}

async fn create(floor: Data<Floor>, _body: Bytes) -> HttpResponse {
    let id = floor.next.fetch_add(1, Ordering::Relaxed);
    let slug = format!("floor-{id}");
    let draft =
        Draft {
            id, slug: &slug, title: "从第一笔定投开始", text: &floor.text, short: &floor.short, tags: &floor.tags
        };
    let written = match &floor.database {
        Some(database) => database.create_draft(&draft).await,
        None => Ok(()),
    };
    reply(&floor, "created", &written)
}

async fn me(floor: Data<Floor>) -> HttpResponse {
    reply(&floor, "me", &Ok(()))
}
